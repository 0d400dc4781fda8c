//! The proof that a client knows the passphrase, and what a safe keeps to judge it.
//!
//! It is the third part of Argon2id's output, so that it says nothing about the key, and a guess
//! at the passphrase costs the same whether a record, a proof or its hash is at hand. A safe
//! keeps the hash alone: what it holds is no proof to another copy of the same safe.

use std::fmt;

use ctutils::CtEq as _;
use data_encoding::BASE64URL_NOPAD;
use ring::digest::{Context, SHA256};
use zeroize::Zeroizing;

/// Separates this use of SHA-256 from every other.
const HASH_CONTEXT: &[u8] = b"passsafe-proof-v1";

/// 256 bits that only the passphrase and the user give. Wiped on drop, and boxed so that moving
/// it leaves no copy.
pub struct Proof(Box<Zeroizing<[u8; Self::LEN]>>);

impl Proof {
    /// Length in bytes.
    pub const LEN: usize = 32;
    /// Length as it travels, in characters of base64url.
    pub const WIRE_LEN: usize = 43;

    /// Copies the bytes; wiping the original is the caller's.
    #[must_use]
    pub fn copied(bytes: &[u8; Self::LEN]) -> Self {
        let mut proof = Self(Box::new(Zeroizing::new([0; Self::LEN])));
        proof.0.copy_from_slice(bytes);
        proof
    }

    /// Reads a proof as it travels: 43 characters of canonical, unpadded base64url (RFC 4648,
    /// section 5).
    ///
    /// # Errors
    ///
    /// [`ProofError`] for anything else.
    pub fn from_wire(text: &[u8]) -> Result<Self, ProofError> {
        if text.len() != Self::WIRE_LEN {
            return Err(ProofError);
        }
        let mut proof = Self(Box::new(Zeroizing::new([0; Self::LEN])));
        BASE64URL_NOPAD.decode_mut(text, proof.0.as_mut_slice()).map_err(|_| ProofError)?;
        Ok(proof)
    }

    /// Writes the proof as it travels.
    pub fn write_wire(&self, text: &mut [u8; Self::WIRE_LEN]) {
        BASE64URL_NOPAD.encode_mut(self.0.as_slice(), text);
    }

    /// The bytes themselves.
    #[must_use]
    pub fn expose(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// What a safe keeps of it: SHA-256(`passsafe-proof-v1` ‖ proof).
    #[must_use]
    pub fn hash(&self) -> ProofHash {
        let mut context = Context::new(&SHA256);
        context.update(HASH_CONTEXT);
        context.update(self.0.as_slice());
        let mut hash = [0; Proof::LEN];
        for (to, from) in hash.iter_mut().zip(context.finish().as_ref()) {
            *to = *from;
        }
        ProofHash(hash)
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proof(redacted)")
    }
}

/// A proof is 43 characters of base64url, and this is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProofError;

error_text!(ProofError, "a proof is 43 characters of base64url");

/// What a proof is judged by. Opens nothing, and is no proof itself.
#[derive(Clone)]
pub struct ProofHash([u8; Self::LEN]);

impl ProofHash {
    /// Length in bytes.
    pub const LEN: usize = 32;

    /// Takes the bytes that [`ProofHash::as_bytes`] gave.
    #[must_use]
    pub fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// The hash itself.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// Whether this is the proof's hash, in a time that does not depend on the answer.
    #[must_use]
    pub fn matches(&self, proof: &Proof) -> bool {
        self.0.ct_eq(&proof.hash().0).to_bool()
    }
}

impl fmt::Debug for ProofHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProofHash(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(proof: &Proof) -> [u8; Proof::WIRE_LEN] {
        let mut text = [0; Proof::WIRE_LEN];
        proof.write_wire(&mut text);
        text
    }

    #[test]
    fn only_canonical_base64url_of_32_bytes_is_a_proof() {
        let text = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        assert!(Proof::from_wire(text.as_bytes()).is_ok());
        for wrong in [
            String::new(),
            text[1..].to_owned(),
            format!("{text}A"),
            format!("{text}="),
            format!("{}B", &text[1..]),
            format!("{}+", &text[1..]),
            format!("{}/", &text[1..]),
            format!(" {}", &text[1..]),
            format!("{}é", &text[2..]),
        ] {
            assert!(Proof::from_wire(wrong.as_bytes()).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn debug_shows_nothing() {
        let proof = Proof::copied(&[7; Proof::LEN]);
        assert_eq!(format!("{proof:?} {:?}", proof.hash()), "Proof(redacted) ProofHash(redacted)");
    }

    proptest! {
        #[test]
        fn a_proof_survives_the_wire_and_matches_its_hash_alone(
            bytes in any::<[u8; Proof::LEN]>(),
            bit in 0_usize..256,
        ) {
            let proof = Proof::copied(&bytes);
            let again = Proof::from_wire(&written(&proof)).unwrap();
            prop_assert_eq!(again.expose(), &bytes);
            let hash = ProofHash::from_bytes(*proof.hash().as_bytes());
            prop_assert!(hash.matches(&again));
            let mut other = bytes;
            other[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!hash.matches(&Proof::copied(&other)));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in prop::collection::vec(any::<u8>(), 0..50)) {
            if let Ok(proof) = Proof::from_wire(&text) {
                prop_assert_eq!(&written(&proof)[..], &text[..]);
            }
        }
    }
}
