//! Records that no client opens: each has one fault, and one class that names it.

use anyhow::{Context as _, ensure};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use serde::Serialize;

use super::sealing::{Derived, LEAST_COST, Record, derive, derive_with, entry, nonce, pad};
use super::{json_faults, labelled, payload_faults};

pub(super) const PASSPHRASE: &str = "crudely explode untimely yo-yo proxy zoom";
pub(super) const USER: &str = "ana";

#[derive(Serialize)]
pub(super) struct Vector {
    name: String,
    class: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'static str>,
    comment: String,
    passphrase: String,
    user: String,
    record: Text,
}

/// A record's text; in another form where it is long, or no text at all.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Text {
    Plain(String),
    Hex { hex: String },
    Repeated { before: String, repeat: String, times: usize, after: String },
}

impl Vector {
    pub(super) fn new(class: &'static str, name: &str, comment: &str, record: String) -> Self {
        Self {
            name: format!("{class}_{name}"),
            class,
            field: None,
            comment: comment.to_owned(),
            passphrase: PASSPHRASE.to_owned(),
            user: USER.to_owned(),
            record: Text::Plain(record),
        }
    }

    pub(super) fn hex(class: &'static str, name: &str, comment: &str, record: &[u8]) -> Self {
        let record = Text::Hex { hex: HEXLOWER.encode(record) };
        Self { record, ..Self::new(class, name, comment, String::new()) }
    }

    fn in_field(self, field: &'static str) -> Self {
        Self { field: Some(field), ..self }
    }
}

/// What most bad vectors are a change of: a good record at the least cost.
pub(super) struct Base {
    pub(super) derived: Derived,
    pub(super) plaintext: Vec<u8>,
    pub(super) record: Record,
    pub(super) json: String,
}

impl Base {
    fn new() -> anyhow::Result<Self> {
        let derived = derive("bad", PASSPHRASE, USER.as_bytes(), LEAST_COST)?;
        let plaintext = pad(&entry(b"password", b"S3kr!t")?)?;
        let record = derived.seal("bad", &plaintext)?;
        let json = record.json();
        Ok(Self { derived, plaintext, record, json })
    }

    /// The JSON text with one thing replaced, which must be there exactly once.
    pub(super) fn replaced(&self, from: &str, to: &str) -> anyhow::Result<String> {
        ensure!(self.json.matches(from).count() == 1, "{from} is not in the record exactly once");
        Ok(self.json.replace(from, to))
    }

    /// The JSON text of a record that was changed.
    fn changed(&self, change: impl FnOnce(&mut Record)) -> String {
        let mut record = self.record.clone();
        change(&mut record);
        record.json()
    }
}

pub(super) fn all() -> anyhow::Result<Vec<Vector>> {
    let base = Base::new()?;
    let mut vectors = json_faults::all(&base)?;
    vectors.extend(versions(&base)?);
    vectors.extend(algorithms(&base)?);
    vectors.extend(costs(&base)?);
    vectors.extend(encodings(&base)?);
    vectors.extend(lengths(&base));
    vectors.extend(strangers(&base)?);
    vectors.extend(damages(&base)?);
    vectors.extend(payload_faults::all(&base)?);
    Ok(vectors)
}

fn versions(base: &Base) -> anyhow::Result<Vec<Vector>> {
    let with = |version: &str| base.replaced(r#""version":1,"kdf""#, &format!("{version},\"kdf\""));
    let vector = |name, comment, record| Vector::new("version", name, comment, record);
    Ok(vec![
        vector("0", "there is no version 0", with(r#""version":0"#)?),
        vector("2", "not known yet", with(r#""version":2"#)?),
        vector("largest", "2^64 - 1", with(r#""version":18446744073709551615"#)?),
        vector(
            "2_with_unknown_fields",
            "the version is judged before the fields, which may be others in version 2",
            r#"{"version":2,"kdf":["argon3"],"recipients":[]}"#.to_owned(),
        ),
    ])
}

fn algorithms(base: &Base) -> anyhow::Result<Vec<Vector>> {
    let vector = |name, from: &str, to: &str| {
        let comment = format!("version 1 has only {from}");
        Ok(Vector::new("algorithm", name, &comment, base.replaced(from, to)?))
    };
    let algorithm = r#""algorithm":"argon2id""#;
    let parallelism = r#""parallelism":1"#;
    [
        vector("argon2i", algorithm, r#""algorithm":"argon2i""#),
        vector("argon2d", algorithm, r#""algorithm":"argon2d""#),
        vector("upper_case", algorithm, r#""algorithm":"Argon2id""#),
        vector("empty", algorithm, r#""algorithm":"""#),
        vector("version_16", r#""version":19"#, r#""version":16"#),
        vector("version_0", r#""version":19"#, r#""version":0"#),
        vector("parallelism_0", parallelism, r#""parallelism":0"#),
        vector("parallelism_2", parallelism, r#""parallelism":2"#),
    ]
    .into_iter()
    .collect()
}

fn costs(base: &Base) -> anyhow::Result<Vec<Vector>> {
    let comment = "refused before any memory is allocated";
    let memory = [19_455, 0, 262_145, u32::MAX].map(|kib| {
        let record = base.replaced(r#""memory_kib":19456"#, &format!("\"memory_kib\":{kib}"))?;
        Ok(Vector::new("cost", &format!("memory_{kib}"), comment, record))
    });
    let iterations = [0, 11, u32::MAX].map(|passes| {
        let record = base.replaced(r#""iterations":1"#, &format!("\"iterations\":{passes}"))?;
        Ok(Vector::new("cost", &format!("iterations_{passes}"), comment, record))
    });
    memory.into_iter().chain(iterations).collect()
}

fn encodings(base: &Base) -> anyhow::Result<Vec<Vector>> {
    let Record { salt, nonce, commitment, ciphertext, .. } = &base.record;
    let [salt, nonce, commitment, ciphertext] =
        [salt, nonce, commitment, ciphertext].map(|bytes| BASE64URL_NOPAD.encode(bytes));
    let without_last = |text: &str| text.chars().take(text.len() - 1).collect::<String>();
    let vector = |field, fault: &str, comment, from: &str, to: &str| {
        let name = format!("{field}_{fault}");
        Ok(Vector::new("base64", &name, comment, base.replaced(from, to)?).in_field(field))
    };
    let padding = "base64url without padding is the only form";
    let alphabet = "'-' and '_' take the place of '+' and '/'";
    let trailing = "the bits beyond the last byte are not zero";
    let alien = "a character outside the alphabet";
    let single = "one character beyond a multiple of four encodes no byte";
    [
        vector("salt", "padded", padding, &salt, &format!("{salt}==")),
        vector("commitment", "padded", padding, &commitment, &format!("{commitment}=")),
        vector("ciphertext", "padded", padding, &ciphertext, &format!("{ciphertext}=")),
        vector("ciphertext", "plus", alphabet, &ciphertext, &ciphertext.replacen('-', "+", 1)),
        vector("ciphertext", "slash", alphabet, &ciphertext, &ciphertext.replacen('_', "/", 1)),
        vector("salt", "trailing_bits", trailing, &salt, &next_letter(&salt)?),
        vector("commitment", "trailing_bits", trailing, &commitment, &next_letter(&commitment)?),
        vector("ciphertext", "trailing_bits", trailing, &ciphertext, &next_letter(&ciphertext)?),
        vector("nonce", "line_feed", alien, &nonce, &format!(r"{nonce}\n")),
        vector("ciphertext", "line_feed", alien, &ciphertext, &format!(r"\n{ciphertext}")),
        vector("salt", "space", alien, &salt, &format!("{salt} ")),
        vector("salt", "non_ascii", alien, &salt, &format!("{}\u{e9}", without_last(&salt))),
        vector("nonce", "nul", alien, &nonce, &format!(r"{}\u0000", without_last(&nonce))),
        vector("nonce", "one_more_character", single, &nonce, &format!("{nonce}A")),
    ]
    .into_iter()
    .collect()
}

/// The text with its last letter made the next of the alphabet: another spare bit is set.
fn next_letter(text: &str) -> anyhow::Result<String> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = text.chars().last().context("an empty text")?;
    let (_, behind) = ALPHABET.split_once(last).context("not base64url")?;
    let next = behind.chars().next().context("the last letter has no next one")?;
    Ok(text.chars().take(text.len() - 1).chain([next]).collect())
}

fn lengths(base: &Base) -> Vec<Vector> {
    let mut vectors = Vec::new();
    let mut push = |field, length: usize, change: fn(&mut Record) -> &mut Vec<u8>| {
        let comment = format!("{length} bytes");
        let record = base.changed(|record| change(record).resize(length, 0));
        let vector = Vector::new("length", &format!("{field}_{length}"), &comment, record);
        vectors.push(vector.in_field(field));
    };
    for length in [0, 15, 17] {
        push("salt", length, |record| &mut record.salt);
    }
    for length in [0, 12, 23, 25] {
        push("nonce", length, |record| &mut record.nonce);
    }
    for length in [0, 31, 33] {
        push("commitment", length, |record| &mut record.commitment);
    }
    // A tag of 16 bytes behind a multiple of 256, and never behind nothing.
    for length in [0, 15, 16, 144, 256, 271, 273] {
        push("ciphertext", length, |record| &mut record.ciphertext);
    }
    vectors.push(too_long(base).in_field("ciphertext"));
    vectors
}

/// One block more than 1,024 entries with names of 64 bytes and full values come to.
fn too_long(base: &Base) -> Vector {
    let content: usize = 4 + 65_536 + 1_024 * (1 + 64 + 4);
    let length = content.next_multiple_of(256) + 256 + 16;
    let empty = base.changed(|record| record.ciphertext.clear());
    let record = Text::Repeated {
        before: empty.trim_end_matches(r#""}"#).to_owned(),
        repeat: "A".to_owned(),
        times: BASE64URL_NOPAD.encode_len(length),
        after: r#""}"#.to_owned(),
    };
    let comment = "one block longer than the longest plaintext";
    Vector { record, ..Vector::new("length", "ciphertext_too_long", comment, String::new()) }
}

fn strangers(base: &Base) -> anyhow::Result<Vec<Vector>> {
    let mut vectors = Vec::new();
    let good = || base.json.clone();
    for (name, passphrase) in [
        ("other_word", "crudely explode untimely yo-yo proxy zoo"),
        ("word_less", "crudely explode untimely yo-yo proxy"),
        ("word_more", "crudely explode untimely yo-yo proxy zoom zoom"),
        ("hyphen_as_space", "crudely explode untimely yo yo proxy zoom"),
        ("hyphens_for_spaces", "crudely-explode-untimely-yo-yo-proxy-zoom"),
        ("no_break_space", "crudely\u{a0}explode untimely yo-yo proxy zoom"),
    ] {
        let vector = Vector::new("wrong_passphrase", name, "the commitment differs", good());
        vectors.push(Vector { passphrase: passphrase.to_owned(), ..vector });
    }
    for (name, user) in [("other", "bob"), ("upper_case", "Ana"), ("trailing_space", "ana ")] {
        let comment = "the commitment differs; nothing of the user is normalised";
        let vector = Vector::new("wrong_user", name, comment, good());
        vectors.push(Vector { user: user.to_owned(), ..vector });
    }
    let comment = "a change to what the key depends on looks like a wrong passphrase";
    let mut push = |name, record| {
        vectors.push(Vector::new("wrong_passphrase", name, comment, record));
    };
    push("salt_changed", base.changed(|record| flip_first(&mut record.salt)));
    push("commitment_changed", base.changed(|record| flip_first(&mut record.commitment)));
    push("cost_changed", base.changed(|record| record.cost.1 += 1));
    let salt = labelled("bad: salt")?;
    let unbound = derive_with(PASSPHRASE, salt, salt, LEAST_COST)?;
    push("user_not_bound", unbound.seal("bad", &base.plaintext)?.json());
    Ok(vectors)
}

fn damages(base: &Base) -> anyhow::Result<Vec<Vector>> {
    let Base { derived, plaintext, .. } = base;
    let again = derived.seal("bad, sealed again", plaintext)?;
    let nonce = nonce("bad")?;
    let aad = derived.aad(&nonce);
    let vector = |name, comment, record| Vector::new("damaged", name, comment, record);
    Ok(vec![
        vector(
            "ciphertext_bit",
            "the first bit of the ciphertext",
            base.changed(|record| flip_first(&mut record.ciphertext)),
        ),
        vector(
            "tag_bit",
            "the last bit of the tag",
            base.changed(|record| flip_last(&mut record.ciphertext)),
        ),
        vector(
            "nonce_bit",
            "the first bit of the nonce",
            base.changed(|record| flip_first(&mut record.nonce)),
        ),
        vector(
            "other_ciphertext",
            "the ciphertext of another record with the same key",
            base.changed(|record| record.ciphertext.clone_from(&again.ciphertext)),
        ),
        vector(
            "zeros",
            "ciphertext and tag are all zeros",
            base.changed(|record| record.ciphertext.fill(0)),
        ),
        vector(
            "block_more",
            "256 zero bytes behind the tag",
            base.changed(|record| record.ciphertext.resize(528, 0)),
        ),
        vector(
            "no_associated_data",
            "sealed with the right key and no associated data",
            derived.seal_with(&derived.key, nonce, "", plaintext)?.json(),
        ),
        vector(
            "other_associated_data",
            "sealed with the right key and associated data of another version",
            derived.seal_with(&derived.key, nonce, &aad.replace("-v1:", "-v2:"), plaintext)?.json(),
        ),
        vector(
            "commitment_as_key",
            "sealed with the second half of Argon2id's output",
            derived.seal_with(&derived.commitment, nonce, &aad, plaintext)?.json(),
        ),
    ])
}

fn flip_first(bytes: &mut [u8]) {
    if let Some(byte) = bytes.first_mut() {
        *byte ^= 0x80;
    }
}

fn flip_last(bytes: &mut [u8]) {
    if let Some(byte) = bytes.last_mut() {
        *byte ^= 0x01;
    }
}
