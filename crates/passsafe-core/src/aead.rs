//! XChaCha20-Poly1305, the only place where plaintext and ciphertext meet.

use chacha20poly1305::aead::AeadInOut as _;
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};
use zeroize::Zeroizing;

use crate::kdf::Key;

/// Bytes of a nonce: long enough to be drawn at random.
pub(crate) const NONCE_LEN: usize = 24;
/// Bytes that the authentication tag adds to a ciphertext.
pub(crate) const TAG_LEN: usize = 16;

/// Encrypts and authenticates; the result is [`TAG_LEN`] bytes longer than `plaintext`.
pub(crate) fn encrypt(
    key: &Key,
    nonce: &[u8; NONCE_LEN],
    associated_data: &[u8],
    plaintext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, AeadError> {
    // Holds the plaintext until it is encrypted in place, so it must not move.
    let mut buffer = Zeroizing::new(Vec::with_capacity(plaintext.len() + TAG_LEN));
    buffer.extend_from_slice(plaintext);
    XChaCha20Poly1305::new(key.expose().into())
        .encrypt_in_place(nonce.into(), associated_data, &mut *buffer)
        .map_err(|_| AeadError)?;
    Ok(buffer)
}

/// Decrypts if, and only if, ciphertext, tag, nonce and associated data are all genuine.
pub(crate) fn decrypt(
    key: &Key,
    nonce: &[u8; NONCE_LEN],
    associated_data: &[u8],
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, AeadError> {
    let mut buffer = Zeroizing::new(ciphertext.to_vec());
    XChaCha20Poly1305::new(key.expose().into())
        .decrypt_in_place(nonce.into(), associated_data, &mut *buffer)
        .map_err(|_| AeadError)?;
    Ok(buffer)
}

/// Not genuine, or too long for the cipher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AeadError;

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Vector {
        plaintext: String,
        aad: String,
        key: String,
        nonce: String,
        ciphertext_and_tag: String,
    }

    #[test]
    fn the_published_vector_of_the_xchacha_draft_holds() {
        let vector: Vector =
            serde_json::from_str(include_str!("../tests/vectors/xchacha20poly1305.json")).unwrap();
        let hex = |text: &str| HEXLOWER.decode(text.as_bytes()).unwrap();
        let key = Key::copied(&hex(&vector.key).try_into().unwrap());
        let nonce: [u8; NONCE_LEN] = hex(&vector.nonce).try_into().unwrap();
        let (aad, plaintext) = (hex(&vector.aad), hex(&vector.plaintext));

        let sealed = encrypt(&key, &nonce, &aad, &plaintext).unwrap();
        assert_eq!(HEXLOWER.encode(&sealed), vector.ciphertext_and_tag);
        assert_eq!(*decrypt(&key, &nonce, &aad, &sealed).unwrap(), plaintext);
    }

    #[test]
    fn nothing_comes_back_when_anything_differs() {
        let (key, nonce) = (Key::copied(&[1; 32]), [2; NONCE_LEN]);
        let sealed = encrypt(&key, &nonce, b"aad", b"plaintext").unwrap();
        assert!(decrypt(&Key::copied(&[3; 32]), &nonce, b"aad", &sealed).is_err());
        assert!(decrypt(&key, &[3; NONCE_LEN], b"aad", &sealed).is_err());
        assert!(decrypt(&key, &nonce, b"AAD", &sealed).is_err());
        assert!(decrypt(&key, &nonce, b"aad", &sealed[1..]).is_err());
        assert!(decrypt(&key, &nonce, b"aad", b"").is_err());
    }
}
