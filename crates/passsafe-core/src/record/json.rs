//! The record as JSON, strict in both directions.
//!
//! There may be white space and any order of fields; there may not be unknown, double or
//! missing fields, arrays in place of objects, non-canonical base64 or anything behind the
//! closing brace. A record of another version is named so, whatever else is in it.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use data_encoding::BASE64URL_NOPAD;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use zeroize::Zeroizing;

use super::parameters::{KdfFields, KdfParameters};
use super::{Header, SealedRecord, is_ciphertext_len};
use crate::kdf::{Commitment, CostError};

const VERSION: u64 = 1;
/// Most bytes of a record's JSON without its ciphertext.
const MAX_FRAME_LEN: usize = 320;

/// Why a text is not a record.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordError {
    /// Not JSON, not an object, or a field is missing, double, unknown or of the wrong type.
    Json(String),
    /// A version that this crate does not know.
    Version(u64),
    /// A key derivation that version 1 does not have.
    Algorithm,
    /// A cost outside the bounds of [`Cost`](crate::Cost).
    Cost(CostError),
    /// Not canonical unpadded base64url.
    Base64(&'static str),
    /// A length that no sealer gives.
    Length(&'static str),
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(it) => write!(f, "the record is malformed: {it}"),
            Self::Version(it) => {
                write!(f, "the record has version {it}, and only version 1 is known")
            }
            Self::Algorithm => f.write_str("the record names an unknown key derivation"),
            Self::Cost(error) => error.fmt(f),
            Self::Base64(it) => write!(f, "the field {it} is not canonical base64url"),
            Self::Length(it) => write!(f, "the field {it} has a wrong length"),
        }
    }
}

impl std::error::Error for RecordError {}

impl From<CostError> for RecordError {
    fn from(error: CostError) -> Self {
        Self::Cost(error)
    }
}

impl SealedRecord {
    /// Reads the JSON text of a record.
    ///
    /// # Errors
    ///
    /// [`RecordError`] for anything that is not exactly a record of version 1 within the
    /// bounds of [`Cost`](crate::Cost).
    pub fn from_json(json: &[u8]) -> Result<Self, RecordError> {
        let parsed = parse(json);
        // What does not fit may be of another version, which says more than how it does not.
        if !matches!(&parsed, Ok(Object(RecordFields { version: VERSION, .. }))) {
            let Object(Versioned { version }) = parse(json)?;
            if version != VERSION {
                return Err(RecordError::Version(version));
            }
        }
        let Object(fields) = parsed?;
        let header = Header {
            parameters: KdfParameters::from_fields(&fields.kdf.0, &fields.salt)?,
            commitment: Commitment(fixed("commitment", &fields.commitment)?),
        };
        let nonce = fixed("nonce", &fields.nonce)?;
        let ciphertext = Zeroizing::new(decode("ciphertext", &fields.ciphertext)?);
        if !is_ciphertext_len(ciphertext.len()) {
            return Err(RecordError::Length("ciphertext"));
        }
        Ok(Self { header, nonce, ciphertext })
    }

    /// The record as JSON: no white space, fields in the order of the documentation.
    #[must_use]
    #[expect(clippy::expect_used, reason = "structs of numbers and strings always serialise")]
    pub fn to_json(&self) -> String {
        let ciphertext = Zeroizing::new(BASE64URL_NOPAD.encode(&self.ciphertext));
        let fields = RecordFields {
            version: VERSION,
            kdf: Object(self.header.parameters.kdf_fields()),
            salt: self.header.parameters.salt_field().into(),
            nonce: BASE64URL_NOPAD.encode(&self.nonce).into(),
            commitment: BASE64URL_NOPAD.encode(&self.header.commitment.0).into(),
            ciphertext: ciphertext.as_str().into(),
        };
        // Allocated at its final size, so that it leaves no part behind while it grows.
        let mut json = Vec::with_capacity(ciphertext.len() + MAX_FRAME_LEN);
        serde_json::to_writer(&mut json, &fields).expect("a record serialises");
        String::from_utf8(json).expect("JSON is UTF-8")
    }
}

/// The one field that every version has.
#[derive(Deserialize)]
struct Versioned {
    version: u64,
}

/// Texts are borrowed from the JSON, so that no copy of the ciphertext is left behind.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordFields<'a> {
    version: u64,
    kdf: Object<KdfFields>,
    #[serde(borrow)]
    salt: Cow<'a, str>,
    #[serde(borrow)]
    nonce: Cow<'a, str>,
    #[serde(borrow)]
    commitment: Cow<'a, str>,
    #[serde(borrow)]
    ciphertext: Cow<'a, str>,
}

/// A struct that is a JSON object: serde would take an array of its fields as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

fn parse<'de, T: Deserialize<'de>>(json: &'de [u8]) -> Result<T, RecordError> {
    serde_json::from_slice(json).map_err(|error| RecordError::Json(error.to_string()))
}

fn decode(field: &'static str, text: &str) -> Result<Vec<u8>, RecordError> {
    BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| RecordError::Base64(field))
}

pub(super) fn fixed<const LEN: usize>(
    field: &'static str,
    text: &str,
) -> Result<[u8; LEN], RecordError> {
    let mut bytes = [0; LEN];
    if BASE64URL_NOPAD.decode_len(text.len()) == Ok(LEN) {
        let decoded = BASE64URL_NOPAD.decode_mut(text.as_bytes(), &mut bytes);
        decoded.map_err(|_| RecordError::Base64(field))?;
        return Ok(bytes);
    }
    decode(field, text)?;
    Err(RecordError::Length(field))
}
