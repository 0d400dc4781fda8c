//! The vectors of record version 1 and of the token, which an implementation of its own
//! wrote (`cargo xtask vectors`): core opens every good record, seals the same ones, and
//! refuses every bad one for the reason it was made with.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use passsafe_core::{
    Cost, Entries, EntryName, Lifetime, OpenError, Passphrase, PayloadError, Proof, RecordError,
    SealedRecord, Secret, Seed, Token, User, WorkMemory,
};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Good {
    name: String,
    #[serde(rename = "comment")]
    _comment: String,
    typed_passphrase: String,
    passphrase: String,
    user: Option<String>,
    user_hex: String,
    argon2_salt_hex: String,
    key_hex: String,
    commitment_hex: String,
    proof: String,
    proof_hash_hex: String,
    aad: String,
    plaintext: Bytes,
    entries: BTreeMap<String, Bytes>,
    record: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Bytes {
    Short(String),
    Long { length: usize, sha256_hex: String },
}

impl Bytes {
    fn are(&self, bytes: &[u8]) -> bool {
        match self {
            Self::Short(base64url) => BASE64URL_NOPAD.encode(bytes) == *base64url,
            Self::Long { length, sha256_hex } => {
                let hash = ring::digest::digest(&ring::digest::SHA256, bytes);
                bytes.len() == *length && HEXLOWER.encode(hash.as_ref()) == *sha256_hex
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bad {
    name: String,
    class: String,
    field: Option<String>,
    #[serde(rename = "comment")]
    _comment: String,
    passphrase: String,
    user: String,
    record: Text,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Plain(String),
    Hex { hex: String },
    Repeated { before: String, repeat: String, times: usize, after: String },
}

impl Text {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Plain(text) => text.clone().into_bytes(),
            Self::Hex { hex } => HEXLOWER.decode(hex.as_bytes()).unwrap(),
            Self::Repeated { before, repeat, times, after } => {
                [before, repeat.repeat(*times).as_str(), after].concat().into_bytes()
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tokens {
    seeds: Vec<SeedToken>,
    typed: Vec<Typed>,
    wire: Vec<Wire>,
    integers: Vec<Integer>,
}

#[derive(Deserialize)]
struct SeedToken {
    seed_hex: String,
    lifetimes_minutes: Vec<u16>,
    token: String,
    grouped: String,
}

#[derive(Deserialize)]
struct Typed {
    typed: String,
    token: Option<String>,
}

#[derive(Deserialize)]
struct Wire {
    hex: String,
    token: Option<String>,
}

#[derive(Deserialize)]
struct Integer {
    integer: u32,
    token: Option<String>,
}

fn good() -> Vec<Good> {
    serde_json::from_str(include_str!("vectors/sealed-v1.json")).unwrap()
}

fn bad() -> Vec<Bad> {
    serde_json::from_str(include_str!("vectors/sealed-v1-bad.json")).unwrap()
}

fn tokens() -> Tokens {
    serde_json::from_str(include_str!("vectors/token-v1.json")).unwrap()
}

/// Enough for every vector, so that none of them allocates its own.
fn memory() -> WorkMemory {
    WorkMemory::for_cost(Cost::DEFAULT).unwrap()
}

fn user(hex: &str) -> User {
    User::new(HEXLOWER.decode(hex.as_bytes()).unwrap()).unwrap()
}

#[test]
fn every_good_record_opens_to_its_entries() {
    let mut memory = memory();
    let vectors = good();
    assert_eq!(vectors.len(), 20);
    for vector in vectors {
        let name = &vector.name;
        let passphrase = Passphrase::new(&vector.typed_passphrase).unwrap();
        assert_eq!(passphrase.expose(), vector.passphrase, "{name}");
        let user = user(&vector.user_hex);
        assert_eq!(user.as_str(), vector.user.as_deref(), "{name}");

        let record = SealedRecord::from_json(vector.record.as_bytes()).unwrap();
        let key = record.derive_key(&passphrase, &user, &mut memory).unwrap();
        let mut proof = [0; Proof::WIRE_LEN];
        key.proof().write_wire(&mut proof);
        assert_eq!(str::from_utf8(&proof).unwrap(), vector.proof, "{name}");
        let entries = record.open(&key).unwrap();
        let names: Vec<&str> = entries.names().map(EntryName::as_str).collect();
        assert_eq!(names, vector.entries.keys().collect::<Vec<_>>(), "{name}");
        for (entry, value) in &vector.entries {
            let opened = entries.get(&EntryName::new(entry).unwrap()).unwrap();
            assert!(value.are(opened.expose()), "{name}: {entry}");
        }
    }
}

/// Salt and nonce are all the randomness that sealing takes, in this order.
#[test]
fn sealing_with_the_same_salt_and_nonce_gives_the_same_record() {
    let mut memory = memory();
    for vector in good() {
        let fields: Value = serde_json::from_str(&vector.record).unwrap();
        let bytes = |field: &str| {
            BASE64URL_NOPAD.decode(fields.get(field).unwrap().as_str().unwrap().as_bytes()).unwrap()
        };
        let cost = SealedRecord::from_json(vector.record.as_bytes()).unwrap().parameters().cost();
        let mut draws = vec![bytes("nonce"), bytes("salt")];
        let mut random = |out: &mut [u8]| {
            out.copy_from_slice(&draws.pop().unwrap());
            Ok(())
        };
        let passphrase = Passphrase::new(&vector.passphrase).unwrap();
        let user = user(&vector.user_hex);
        let entries = opened(&vector, &passphrase, &user, &mut memory);
        let sealed =
            SealedRecord::seal(&entries, &passphrase, &user, cost, &mut random, &mut memory)
                .unwrap();
        let hash = HEXLOWER.encode(sealed.proof_hash.as_bytes());
        assert_eq!(hash, vector.proof_hash_hex, "{}", vector.name);
        let sealed = sealed.record.to_json();
        assert_eq!(serde_json::from_str::<Value>(&sealed).unwrap(), fields, "{}", vector.name);
        if vector.name != "relaxed_json" {
            assert_eq!(sealed, vector.record, "{}", vector.name);
        }
    }
}

fn opened(vector: &Good, passphrase: &Passphrase, user: &User, memory: &mut WorkMemory) -> Entries {
    let record = SealedRecord::from_json(vector.record.as_bytes()).unwrap();
    let key = record.derive_key(passphrase, user, memory).unwrap();
    record.open(&key).unwrap()
}

/// What implementers are told on the way agrees with the record it leads to.
#[test]
fn intermediate_values_agree_with_the_record() {
    for vector in good() {
        let fields: Value = serde_json::from_str(&vector.record).unwrap();
        let text = |field: &str| fields.get(field).unwrap().as_str().unwrap().to_owned();
        let kdf = |field: &str| fields.get("kdf").unwrap().get(field).unwrap().to_string();
        let commitment = HEXLOWER.decode(vector.commitment_hex.as_bytes()).unwrap();
        assert_eq!(text("commitment"), BASE64URL_NOPAD.encode(&commitment), "{}", vector.name);
        let aad = [
            "passsafe-sealed-v1:argon2id",
            &kdf("version"),
            &kdf("memory_kib"),
            &kdf("iterations"),
            &kdf("parallelism"),
            &text("salt"),
            &text("nonce"),
            &text("commitment"),
        ]
        .join(":");
        assert_eq!(vector.aad, aad, "{}", vector.name);

        let decoded = |field: &str| BASE64URL_NOPAD.decode(text(field).as_bytes()).unwrap();
        let user = HEXLOWER.decode(vector.user_hex.as_bytes()).unwrap();
        let bound = [b"passsafe-user-v1".as_slice(), &decoded("salt"), &user].concat();
        let bound = ring::digest::digest(&ring::digest::SHA256, &bound);
        let argon2_salt = HEXLOWER.encode(&bound.as_ref()[..16]);
        assert_eq!(vector.argon2_salt_hex, argon2_salt, "{}", vector.name);

        let key = HEXLOWER.decode(vector.key_hex.as_bytes()).unwrap();
        let nonce: [u8; 24] = decoded("nonce").try_into().unwrap();
        let plaintext = XChaCha20Poly1305::new_from_slice(&key)
            .unwrap()
            .decrypt(&nonce.into(), Payload { msg: &decoded("ciphertext"), aad: aad.as_bytes() })
            .unwrap();
        assert!(vector.plaintext.are(&plaintext), "{}", vector.name);
    }
}

#[test]
fn every_bad_record_is_refused_for_its_fault() {
    let mut memory = memory();
    let vectors = bad();
    assert_eq!(vectors.len(), 153);
    for vector in vectors {
        let (class, field) = refusal(&vector, &mut memory);
        // The commitment differs for either, and does not tell which of them it was.
        let expected =
            if vector.class == "wrong_user" { "wrong_passphrase" } else { &vector.class };
        assert_eq!((class, field), (expected, vector.field.as_deref()), "{}", vector.name);
    }
}

/// The class that core's answer belongs to, and the field that it names.
fn refusal(vector: &Bad, memory: &mut WorkMemory) -> (&'static str, Option<&'static str>) {
    let record = match SealedRecord::from_json(&vector.record.bytes()) {
        Ok(record) => record,
        Err(RecordError::Json(_)) => return ("json", None),
        Err(RecordError::Version(_)) => return ("version", None),
        Err(RecordError::Algorithm) => return ("algorithm", None),
        Err(RecordError::Cost(_)) => return ("cost", None),
        Err(RecordError::Base64(field)) => return ("base64", Some(field)),
        Err(RecordError::Length(field)) => return ("length", Some(field)),
        Err(error) => panic!("{}: {error}", vector.name),
    };
    let passphrase = Passphrase::new(&vector.passphrase).unwrap();
    let user = User::new(&vector.user).unwrap();
    let opened = record.derive_key(&passphrase, &user, memory).and_then(|key| record.open(&key));
    let class = match opened {
        Err(OpenError::WrongPassphrase) => "wrong_passphrase",
        Err(OpenError::Damaged) => "damaged",
        Err(OpenError::Payload(PayloadError::Truncated)) => "payload_truncated",
        Err(OpenError::Payload(PayloadError::Padding)) => "payload_padding",
        Err(OpenError::Payload(PayloadError::Name)) => "payload_name",
        Err(OpenError::Payload(PayloadError::Order)) => "payload_order",
        Err(OpenError::Payload(PayloadError::Limits)) => "payload_limits",
        other => panic!("{}: {other:?}", vector.name),
    };
    (class, None)
}

#[test]
fn every_class_of_bad_record_occurs() {
    let vectors = bad();
    let classes: BTreeSet<&str> = vectors.iter().map(|vector| vector.class.as_str()).collect();
    let expected = [
        "algorithm",
        "base64",
        "cost",
        "damaged",
        "json",
        "length",
        "payload_limits",
        "payload_name",
        "payload_order",
        "payload_padding",
        "payload_truncated",
        "version",
        "wrong_passphrase",
        "wrong_user",
    ];
    assert_eq!(classes, BTreeSet::from(expected));
}

/// Otherwise a record that is bad for another reason too would pass for a wrong user.
#[test]
fn a_record_refused_to_a_wrong_user_opens_to_the_right_one() {
    let mut memory = memory();
    let ana = User::new("ana").unwrap();
    let vectors = bad().into_iter().filter(|vector| vector.class == "wrong_user");
    for vector in vectors {
        let record = SealedRecord::from_json(&vector.record.bytes()).unwrap();
        let passphrase = Passphrase::new(&vector.passphrase).unwrap();
        let key = record.derive_key(&passphrase, &ana, &mut memory).unwrap();
        let value = record.open(&key).unwrap().take(&EntryName::password()).unwrap();
        assert_eq!(Secret::expose(&value), b"S3kr!t", "{}", vector.name);
    }
}

#[test]
fn seeds_give_their_tokens_whatever_the_lifetime() {
    let vectors = tokens().seeds;
    assert_eq!(vectors.len(), 4);
    assert!(vectors.iter().any(|vector| vector.token.starts_with("000")));
    for vector in vectors {
        let bytes = HEXLOWER.decode(vector.seed_hex.as_bytes()).unwrap();
        let seed = Seed::from_bytes(bytes.try_into().unwrap());
        for minutes in vector.lifetimes_minutes {
            let token = seed.token(Lifetime::from_minutes(minutes).unwrap());
            assert_eq!(token.expose(), vector.token);
            assert_eq!(*token.grouped(), vector.grouped);
        }
    }
}

#[test]
fn tokens_are_read_or_refused_as_written() {
    let Tokens { typed, wire, integers, .. } = tokens();
    assert_eq!((typed.len(), wire.len(), integers.len()), (18, 11, 6));
    let digits = |token: Token| token.expose().to_owned();
    for Typed { typed, token } in typed {
        assert_eq!(Token::parse(&typed).ok().map(digits), token, "{typed:?}");
    }
    for Wire { hex, token } in wire {
        let bytes = HEXLOWER.decode(hex.as_bytes()).unwrap();
        assert_eq!(Token::from_wire(&bytes).ok().map(digits), token, "{hex}");
    }
    for Integer { integer, token } in integers {
        assert_eq!(Token::from_integer(integer).ok().map(digits), token, "{integer}");
    }
}
