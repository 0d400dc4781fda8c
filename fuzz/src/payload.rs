//! The plaintext of a record, sealed here, so that it can be anything.

use std::sync::OnceLock;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};
use data_encoding::BASE64URL_NOPAD;
use passsafe_core::{
    Cost, Entries, OpenError, Passphrase, RecordError, RecordKey, SealedRecord, User, WorkMemory,
};
use ring::digest::{SHA256, digest};

const PASSPHRASE: &str = "zoom";
const USER: &str = "ana";
const SALT: [u8; 16] = [7; 16];
const NONCE: [u8; 24] = [9; 24];
const PADDING: usize = 256;

/// `input` is the plaintext up to its padding.
pub fn payload(input: &[u8]) {
    let (sealer, key) = sealer_and_key();
    let mut plaintext = input.to_vec();
    plaintext.resize(input.len().max(1).next_multiple_of(PADDING), 0);
    let record = match SealedRecord::from_json(sealer.seal(&plaintext).as_bytes()) {
        Ok(record) => record,
        Err(RecordError::Length("ciphertext")) => return,
        Err(error) => panic!("the sealer is wrong: {error}"),
    };
    match record.open(key) {
        Ok(entries) => assert_eq!(encode(&entries), plaintext),
        Err(OpenError::Payload(_)) => {}
        Err(error) => panic!("the sealer is wrong: {error}"),
    }
}

/// The one encoding, by the description of the format.
fn encode(entries: &Entries) -> Vec<u8> {
    let mut content = Vec::new();
    for name in entries.names() {
        let value = entries.get(name).expect("a name has a value").expose();
        content.push(u8::try_from(name.as_str().len()).expect("names are short"));
        content.extend(name.as_str().as_bytes());
        content.extend(u32::try_from(value.len()).expect("values are short").to_be_bytes());
        content.extend(value);
    }
    let mut plaintext = u32::try_from(content.len()).expect("short").to_be_bytes().to_vec();
    plaintext.extend(content);
    plaintext.resize(plaintext.len().next_multiple_of(PADDING), 0);
    plaintext
}

struct Sealer {
    cipher: XChaCha20Poly1305,
    commitment: String,
}

impl Sealer {
    fn new() -> Self {
        let salted = [&b"passsafe-user-v1"[..], &SALT, USER.as_bytes()].concat();
        let salt = digest(&SHA256, &salted);
        let (m, t) = (Cost::MIN_MEMORY_KIB, Cost::MIN_ITERATIONS);
        let mut output = [0; 96];
        let params = Params::new(m, t, 1, Some(output.len())).expect("within bounds");
        let mut memory = vec![Block::default(); m as usize];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(
                PASSPHRASE.as_bytes(),
                &salt.as_ref()[..16],
                &mut output,
                &mut memory,
            )
            .expect("Argon2 runs");
        Self {
            cipher: XChaCha20Poly1305::new_from_slice(&output[..32]).expect("32 bytes"),
            commitment: BASE64URL_NOPAD.encode(&output[32..64]),
        }
    }

    fn seal(&self, plaintext: &[u8]) -> String {
        let (m, t) = (Cost::MIN_MEMORY_KIB, Cost::MIN_ITERATIONS);
        let salt = BASE64URL_NOPAD.encode(&SALT);
        let nonce = BASE64URL_NOPAD.encode(&NONCE);
        let commitment = &self.commitment;
        let aad = format!("passsafe-sealed-v1:argon2id:19:{m}:{t}:1:{salt}:{nonce}:{commitment}");
        let payload = Payload { msg: plaintext, aad: aad.as_bytes() };
        let ciphertext = self.cipher.encrypt(&NONCE.into(), payload).expect("short enough");
        let ciphertext = BASE64URL_NOPAD.encode(&ciphertext);
        format!(
            r#"{{"version":1,"kdf":{{"algorithm":"argon2id","version":19,"memory_kib":{m},"iterations":{t},"parallelism":1}},"salt":"{salt}","nonce":"{nonce}","commitment":"{commitment}","ciphertext":"{ciphertext}"}}"#
        )
    }
}

fn sealer_and_key() -> &'static (Sealer, RecordKey) {
    static BOTH: OnceLock<(Sealer, RecordKey)> = OnceLock::new();
    BOTH.get_or_init(|| {
        let sealer = Sealer::new();
        let record = SealedRecord::from_json(sealer.seal(&[0; PADDING]).as_bytes());
        let record = record.expect("the sealer keeps to the format");
        let mut memory = WorkMemory::for_cost(record.parameters().cost()).expect("20 MiB");
        let passphrase = Passphrase::new(PASSPHRASE).expect("not empty");
        let user = User::new(USER).expect("a name");
        let key = record.derive_key(&passphrase, &user, &mut memory).expect("the passphrase");
        (sealer, key)
    })
}
