//! Version 1 of the sealed record, after its description and without looking at core.

use anyhow::anyhow;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};
use data_encoding::BASE64URL_NOPAD;
use ring::digest::{SHA256, digest};

use super::labelled;

/// Memory in KiB and passes.
pub(super) type Cost = (u32, u32);
pub(super) const LEAST_COST: Cost = (19_456, 1);
pub(super) const DEFAULT_COST: Cost = (65_536, 3);

/// Argon2id's output, and what it was made of.
pub(super) struct Derived {
    pub(super) cost: Cost,
    pub(super) salt: [u8; 16],
    pub(super) argon2_salt: [u8; 16],
    pub(super) key: [u8; 32],
    pub(super) commitment: [u8; 32],
}

/// The fields of a record. Lengths are free, so that wrong ones can be written.
#[derive(Clone)]
pub(super) struct Record {
    pub(super) cost: Cost,
    pub(super) salt: Vec<u8>,
    pub(super) nonce: Vec<u8>,
    pub(super) commitment: Vec<u8>,
    pub(super) ciphertext: Vec<u8>,
}

/// Trims, lower-cases A–Z and makes one space of each run of 09–0D and 20.
pub(super) fn normalise(typed: &str) -> String {
    let spaced: String =
        typed.chars().map(|c| if ('\t'..='\r').contains(&c) { ' ' } else { c }).collect();
    let words: Vec<&str> = spaced.split(' ').filter(|word| !word.is_empty()).collect();
    words.join(" ").to_ascii_lowercase()
}

/// Key and commitment for a salt that comes from the label.
pub(super) fn derive(label: &str, typed: &str, user: &[u8], cost: Cost) -> anyhow::Result<Derived> {
    let salt = labelled(&format!("{label}: salt"))?;
    let bound = digest(&SHA256, &[b"passsafe-user-v1".as_slice(), &salt, user].concat());
    let argon2_salt = *bound.as_ref().first_chunk().ok_or_else(|| anyhow!("SHA-256 is short"))?;
    derive_with(&normalise(typed), salt, argon2_salt, cost)
}

/// The same, with the salt that Argon2 gets given by hand.
pub(super) fn derive_with(
    passphrase: &str,
    salt: [u8; 16],
    argon2_salt: [u8; 16],
    cost: Cost,
) -> anyhow::Result<Derived> {
    let refused = |error| anyhow!("argon2: {error}");
    let (memory_kib, iterations) = cost;
    let params = Params::new(memory_kib, iterations, 1, Some(64)).map_err(refused)?;
    let mut memory = vec![Block::default(); params.block_count()];
    let mut output = [0; 64];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(
            passphrase.as_bytes(),
            &argon2_salt,
            &mut output,
            &mut memory,
        )
        .map_err(refused)?;
    let (key, commitment) = output.split_at(32);
    Ok(Derived {
        cost,
        salt,
        argon2_salt,
        key: key.try_into()?,
        commitment: commitment.try_into()?,
    })
}

impl Derived {
    /// The associated data of a record with this nonce.
    pub(super) fn aad(&self, nonce: &[u8]) -> String {
        let (memory_kib, iterations) = self.cost;
        let [salt, nonce, commitment] =
            [&self.salt, nonce, &self.commitment].map(|bytes| BASE64URL_NOPAD.encode(bytes));
        format!(
            "passsafe-sealed-v1:argon2id:19:{memory_kib}:{iterations}:1:{salt}:{nonce}:{commitment}"
        )
    }

    /// A genuine record around any plaintext, its nonce from the label.
    pub(super) fn seal(&self, label: &str, plaintext: &[u8]) -> anyhow::Result<Record> {
        let nonce = nonce(label)?;
        self.seal_with(&self.key, nonce, &self.aad(&nonce), plaintext)
    }

    /// The same, with key and associated data given by hand.
    pub(super) fn seal_with(
        &self,
        key: &[u8; 32],
        nonce: [u8; 24],
        aad: &str,
        plaintext: &[u8],
    ) -> anyhow::Result<Record> {
        let ciphertext = XChaCha20Poly1305::new(key.into())
            .encrypt(&nonce.into(), Payload { msg: plaintext, aad: aad.as_bytes() })
            .map_err(|error| anyhow!("xchacha20poly1305: {error}"))?;
        Ok(Record {
            cost: self.cost,
            salt: self.salt.to_vec(),
            nonce: nonce.to_vec(),
            commitment: self.commitment.to_vec(),
            ciphertext,
        })
    }
}

impl Record {
    /// The JSON text, without white space and in the order of the description.
    pub(super) fn json(&self) -> String {
        let (memory_kib, iterations) = self.cost;
        let [salt, nonce, commitment, ciphertext] =
            [&self.salt, &self.nonce, &self.commitment, &self.ciphertext]
                .map(|bytes| BASE64URL_NOPAD.encode(bytes));
        format!(
            r#"{{"version":1,"kdf":{{"algorithm":"argon2id","version":19,"memory_kib":{memory_kib},"iterations":{iterations},"parallelism":1}},"salt":"{salt}","nonce":"{nonce}","commitment":"{commitment}","ciphertext":"{ciphertext}"}}"#
        )
    }
}

pub(super) fn nonce(label: &str) -> anyhow::Result<[u8; 24]> {
    labelled(&format!("{label}: nonce"))
}

/// One entry: u8 name length ‖ name ‖ u32be value length ‖ value.
pub(super) fn entry(name: &[u8], value: &[u8]) -> anyhow::Result<Vec<u8>> {
    let name_length = [u8::try_from(name.len())?];
    Ok([name_length.as_slice(), name, &length(value)?, value].concat())
}

/// u32be length ‖ entries ‖ the fewest zeros that make a multiple of 256.
pub(super) fn pad(entries: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut plaintext = [length(entries)?.as_slice(), entries].concat();
    while !plaintext.len().is_multiple_of(256) {
        plaintext.push(0);
    }
    Ok(plaintext)
}

fn length(bytes: &[u8]) -> anyhow::Result<[u8; 4]> {
    Ok(u32::try_from(bytes.len())?.to_be_bytes())
}
