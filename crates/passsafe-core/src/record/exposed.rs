//! A record's key as bytes, for a client that is handed to another process.
//!
//! The bytes are the key itself: whoever has them, and the record, has its secrets. They are
//! no format to store: only the same version of this crate promises to read them.

use super::{Header, KdfParameters, RecordKey};
use crate::kdf::{COMMITMENT_LEN, Commitment, Cost, KEY_LEN, Key, SALT_LEN};
use crate::proof::Proof;
use crate::secret::Secret;

const NUMBER_LEN: usize = size_of::<u32>();

impl RecordKey {
    /// Length of what [`RecordKey::expose`] gives, in bytes.
    pub const EXPOSED_LEN: usize =
        2 * NUMBER_LEN + SALT_LEN + COMMITMENT_LEN + KEY_LEN + Proof::LEN;

    /// The key, and what tells which safe it belongs to.
    #[must_use]
    pub fn expose(&self) -> Secret {
        let Header { parameters: KdfParameters { cost, salt }, commitment } = &self.header;
        let mut bytes = Vec::with_capacity(Self::EXPOSED_LEN);
        bytes.extend_from_slice(&cost.memory_kib().to_be_bytes());
        bytes.extend_from_slice(&cost.iterations().to_be_bytes());
        bytes.extend_from_slice(salt);
        bytes.extend_from_slice(&commitment.0);
        bytes.extend_from_slice(self.key.expose());
        bytes.extend_from_slice(self.proof.expose());
        Secret::from(bytes)
    }

    /// Takes back what [`RecordKey::expose`] gave; nothing if the bytes cannot be that.
    #[must_use]
    pub fn from_exposed(bytes: &[u8]) -> Option<Self> {
        let (memory_kib, rest) = bytes.split_first_chunk()?;
        let (iterations, rest) = rest.split_first_chunk()?;
        let (salt, rest) = rest.split_first_chunk()?;
        let (commitment, rest) = rest.split_first_chunk()?;
        let (key, rest) = rest.split_first_chunk()?;
        let proof = rest.try_into().ok()?;
        let cost =
            Cost::new(u32::from_be_bytes(*memory_kib), u32::from_be_bytes(*iterations)).ok()?;
        let parameters = KdfParameters { cost, salt: *salt };
        let header = Header { parameters, commitment: Commitment(*commitment) };
        Some(Self { header, key: Key::copied(key), proof: Proof::copied(proof) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> RecordKey {
        let header = Header {
            parameters: KdfParameters {
                cost: Cost::new(Cost::MIN_MEMORY_KIB, 2).unwrap(),
                salt: [1; SALT_LEN],
            },
            commitment: Commitment([2; COMMITMENT_LEN]),
        };
        RecordKey {
            header,
            key: Key::copied(&[3; KEY_LEN]),
            proof: Proof::copied(&[4; Proof::LEN]),
        }
    }

    #[test]
    fn a_key_survives_its_exposure() {
        let exposed = key().expose();
        assert_eq!(exposed.len(), RecordKey::EXPOSED_LEN);
        let again = RecordKey::from_exposed(exposed.expose()).unwrap();
        assert_eq!(again.header.parameters, key().header.parameters);
        assert!(again.header.commitment.matches(&key().header.commitment));
        assert_eq!(again.proof.expose(), &[4; Proof::LEN]);
        assert_eq!(again.key.expose(), &[3; KEY_LEN]);
    }

    #[test]
    fn bytes_of_another_length_or_cost_are_no_key() {
        let exposed = key().expose();
        let good = exposed.expose();
        for length in 0..good.len() {
            assert!(RecordKey::from_exposed(&good[..length]).is_none(), "{length}");
        }
        assert!(RecordKey::from_exposed(&[good, &[0]].concat()).is_none());
        assert!(RecordKey::from_exposed(&[&[0xff; 4], &good[4..]].concat()).is_none());
    }
}
