//! What a key is derived with besides passphrase and user: the cost and the salt.
//!
//! They stand in each record, and in the answer of a safe that wants a proof first.

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

use super::json::{Object, RecordError, fixed};
use super::{Header, RecordKey};
use crate::kdf::{
    self, ARGON2_VERSION, Cost, Derived, KdfError, PARALLELISM, SALT_LEN, WorkMemory,
};
use crate::passphrase::Passphrase;
use crate::stack;
use crate::user::User;

const ALGORITHM: &str = "argon2id";

/// Cost and salt of a safe's key. The cost is within the bounds of [`Cost`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KdfParameters {
    pub(super) cost: Cost,
    pub(super) salt: [u8; SALT_LEN],
}

impl KdfParameters {
    /// What a derivation costs.
    #[must_use]
    pub fn cost(&self) -> Cost {
        self.cost
    }

    /// Derives the key that passphrase and user give with these parameters; the slow half of
    /// opening a record. Whether it is the right one, a record or a safe says.
    ///
    /// # Errors
    ///
    /// [`KdfError`] if there is too little memory.
    pub fn derive(
        &self,
        passphrase: &Passphrase,
        user: &User,
        memory: &mut WorkMemory,
    ) -> Result<RecordKey, KdfError> {
        let Derived { key, commitment, proof } =
            stack::wiped_after::<{ stack::DERIVATION }, _>(|| {
                kdf::derive(passphrase, user, &self.salt, self.cost, memory)
            })?;
        Ok(RecordKey { header: Header { parameters: self.clone(), commitment }, key, proof })
    }

    pub(super) fn from_fields(kdf: &KdfFields, salt: &str) -> Result<Self, RecordError> {
        if kdf.algorithm != ALGORITHM
            || kdf.version != ARGON2_VERSION
            || kdf.parallelism != PARALLELISM
        {
            return Err(RecordError::Algorithm);
        }
        let cost = Cost::new(kdf.memory_kib, kdf.iterations)?;
        Ok(Self { cost, salt: fixed("salt", salt)? })
    }

    pub(super) fn kdf_fields(&self) -> KdfFields {
        KdfFields {
            algorithm: ALGORITHM.to_owned(),
            version: ARGON2_VERSION,
            memory_kib: self.cost.memory_kib(),
            iterations: self.cost.iterations(),
            parallelism: PARALLELISM,
        }
    }

    pub(super) fn salt_field(&self) -> String {
        BASE64URL_NOPAD.encode(&self.salt)
    }
}

/// As they stand in JSON, in a record and elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KdfFields {
    algorithm: String,
    version: u32,
    memory_kib: u32,
    iterations: u32,
    parallelism: u32,
}

/// The two fields of an object that may have others, or lack both.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct ParameterFields {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kdf: Option<Object<KdfFields>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    salt: Option<String>,
}

impl ParameterFields {
    pub(crate) fn new(parameters: &KdfParameters) -> Self {
        Self { kdf: Some(Object(parameters.kdf_fields())), salt: Some(parameters.salt_field()) }
    }

    /// Nothing unless both are there.
    pub(crate) fn parameters(&self) -> Option<Result<KdfParameters, RecordError>> {
        let (Some(Object(kdf)), Some(salt)) = (&self.kdf, &self.salt) else { return None };
        Some(KdfParameters::from_fields(kdf, salt))
    }
}
