//! Records that every client opens.

use std::collections::BTreeMap;

use anyhow::Context as _;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use ring::digest::{SHA256, digest};
use serde::Serialize;

use super::sealing::{Cost, DEFAULT_COST, LEAST_COST, derive, entry, nonce, normalise, pad};

/// Beyond, a value or a plaintext is told by its length and hash.
const LONG: usize = 1_024;

#[derive(Serialize)]
pub(super) struct Vector {
    name: &'static str,
    comment: &'static str,
    typed_passphrase: &'static str,
    passphrase: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    user_hex: String,
    argon2_salt_hex: String,
    key_hex: String,
    commitment_hex: String,
    aad: String,
    plaintext: Bytes,
    entries: BTreeMap<String, Bytes>,
    record: String,
}

/// Bytes in base64url where they are few, else what proves them.
#[derive(Serialize)]
#[serde(untagged)]
enum Bytes {
    Short(String),
    Long { length: usize, sha256_hex: String },
}

impl Bytes {
    fn new(bytes: &[u8]) -> Self {
        if bytes.len() > LONG {
            let sha256_hex = HEXLOWER.encode(digest(&SHA256, bytes).as_ref());
            Self::Long { length: bytes.len(), sha256_hex }
        } else {
            Self::Short(BASE64URL_NOPAD.encode(bytes))
        }
    }
}

/// What a vector is made of; the defaults are those of most.
struct Recipe {
    name: &'static str,
    comment: &'static str,
    typed: &'static str,
    user: Vec<u8>,
    cost: Cost,
    entries: Vec<(String, Vec<u8>)>,
}

impl Recipe {
    fn new(name: &'static str, comment: &'static str) -> Self {
        Self {
            name,
            comment,
            typed: "crudely explode untimely hatchery proxy zoom",
            user: b"ana".to_vec(),
            cost: LEAST_COST,
            entries: vec![("password".to_owned(), b"S3kr!t".to_vec())],
        }
    }

    fn typed(self, typed: &'static str) -> Self {
        Self { typed, ..self }
    }

    fn user(self, user: impl Into<Vec<u8>>) -> Self {
        Self { user: user.into(), ..self }
    }

    fn cost(self, cost: Cost) -> Self {
        Self { cost, ..self }
    }

    fn value(self, value: impl Into<Vec<u8>>) -> Self {
        self.entries(vec![("password".to_owned(), value.into())])
    }

    /// In ascending order of their names.
    fn entries(self, entries: Vec<(String, Vec<u8>)>) -> Self {
        Self { entries, ..self }
    }

    fn seal(self) -> anyhow::Result<Vector> {
        let derived = derive(self.name, self.typed, &self.user, self.cost)?;
        let mut content = Vec::new();
        for (name, value) in &self.entries {
            content.extend(entry(name.as_bytes(), value)?);
        }
        let plaintext = pad(&content)?;
        Ok(Vector {
            name: self.name,
            comment: self.comment,
            typed_passphrase: self.typed,
            passphrase: normalise(self.typed),
            user_hex: HEXLOWER.encode(&self.user),
            user: String::from_utf8(self.user).ok(),
            argon2_salt_hex: HEXLOWER.encode(&derived.argon2_salt),
            key_hex: HEXLOWER.encode(&derived.key),
            commitment_hex: HEXLOWER.encode(&derived.commitment),
            aad: derived.aad(&nonce(self.name)?),
            plaintext: Bytes::new(&plaintext),
            entries: self
                .entries
                .iter()
                .map(|(name, value)| (name.clone(), Bytes::new(value)))
                .collect(),
            record: derived.seal(self.name, &plaintext)?.json(),
        })
    }
}

pub(super) fn all() -> anyhow::Result<Vec<Vector>> {
    let mut vectors = recipes().into_iter().map(Recipe::seal).collect::<Result<Vec<_>, _>>()?;
    vectors.push(relaxed_json()?);
    Ok(vectors)
}

fn recipes() -> Vec<Recipe> {
    let named = |entries: &[(&str, &[u8])]| {
        entries.iter().map(|&(name, value)| (name.to_owned(), value.to_vec())).collect()
    };
    vec![
        Recipe::new("default_cost", "the cost that passsafe uses").cost(DEFAULT_COST),
        Recipe::new("least_cost", "the lowest cost that is allowed"),
        Recipe::new("odd_cost", "memory that is no multiple of four KiB").cost((19_459, 2)),
        Recipe::new("most_iterations", "the most passes that are allowed").cost((19_456, 10)),
        Recipe::new("typed_oddly", "upper case, and every kind of white space that is normalised")
            .typed("\t Crudely\u{b}EXPLODE \r\n untimely\u{c}hatcherY  proxy\tzoom\n"),
        Recipe::new("hyphened_words", "a hyphen is part of a word, never a separator")
            .typed("drop-down felt-tip T-shirt yo-yo zoom abacus"),
        Recipe::new("non_ascii_passphrase", "only A to Z and ASCII white space are normalised")
            .typed(" \u{c4}RGER\u{a0}Gr\u{dc}sse  \u{2003}NAI\u{308}VE "),
        Recipe::new("one_letter_passphrase", "any passphrase but an empty one will do").typed("X"),
        Recipe::new("non_ascii_user", "user names are UTF-8 where they are text").user("zo\u{eb}"),
        Recipe::new("user_is_not_utf8", "user names are bytes").user(*b"ana\xff\xfe"),
        Recipe::new("longest_user", "255 bytes").user([b'u'; 255]),
        Recipe::new("several_entries", "names ascend by byte, so upper case comes first").entries(
            named(&[
                ("DB_PASSWORD", b"S3kr!t"),
                ("DB_USER", b"reader"),
                ("_", b"underscore"),
                ("a.b-c", b"dots and hyphens"),
                ("password", "Gr\u{fc}\u{df}e".as_bytes()),
                ("password2", b"\n"),
            ]),
        ),
        Recipe::new("value_is_not_utf8", "all 256 bytes, descending")
            .value((0..=u8::MAX).rev().collect::<Vec<_>>()),
        Recipe::new("empty_value", "a value may be empty").value(""),
        Recipe::new("full_block", "239 bytes fill the block: no padding").value([b'p'; 239]),
        Recipe::new("one_over_a_block", "240 bytes take a second block").value([b'p'; 240]),
        Recipe::new("longest_name", "a name of 64 characters")
            .entries(vec![("N".repeat(64), b"S3kr!t".to_vec())]),
        Recipe::new("most_entries", "1,024 entries, all values empty")
            .entries((0..1_024).map(|number| (format!("n{number:04}"), Vec::new())).collect()),
        Recipe::new("longest_value", "65,536 bytes: the bytes 0 to 250 over and over")
            .value((0..251).cycle().take(65_536).collect::<Vec<u8>>()),
    ]
}

/// What a reader of JSON accepts besides the form that passsafe writes.
fn relaxed_json() -> anyhow::Result<Vector> {
    let comment = "white space, another order of the fields and escapes in strings";
    let vector = Recipe::new("relaxed_json", comment).seal()?;
    let (head, tail) = vector.record.split_once(r#","salt":"#).context("no salt in the record")?;
    let head = head.trim_start_matches('{').replace("argon2id", r"\u0061rgon2id");
    let record = format!("\r\n{{ \"salt\":\t{},\n{head} }}\n ", tail.trim_end_matches('}'));
    Ok(Vector { record, ..vector })
}
