//! The test vectors of the sealed record and the token, written by an implementation that
//! shares no code with passsafe-core.
//!
//! Core's tests read the files, so the two implementations check each other. Salts, nonces
//! and seeds are hashes of labels: every run writes the same bytes, and nobody has to
//! believe that a number was drawn without intent.

mod bad;
mod good;
mod json_faults;
mod payload_faults;
mod sealing;
mod token;

use std::fs;

use anyhow::{Context as _, bail};
use ring::digest::{SHA256, digest};
use serde::Serialize;

use crate::repository::Repository;

const FOLDER: &str = "crates/passsafe-core/tests/vectors";

struct File {
    name: &'static str,
    text: String,
}

/// Writes the files.
pub(crate) fn write(repository: &Repository) -> anyhow::Result<()> {
    for File { name, text } in all()? {
        let path = format!("{FOLDER}/{name}");
        fs::write(repository.path(&path), &text).with_context(|| format!("cannot write {path}"))?;
        println!("{path}: {} bytes", text.len());
    }
    Ok(())
}

/// Fails if the files are not what [`write()`] would write.
pub(crate) fn check(repository: &Repository) -> anyhow::Result<()> {
    for file in all()? {
        let path = format!("{FOLDER}/{}", file.name);
        let committed = fs::read_to_string(repository.path(&path)).unwrap_or_default();
        compare(&path, &committed, &file.text)?;
    }
    Ok(())
}

fn compare(path: &str, committed: &str, written: &str) -> anyhow::Result<()> {
    if committed != written {
        bail!("{path} is not what its generator writes: run `cargo xtask vectors`, read the diff");
    }
    Ok(())
}

fn all() -> anyhow::Result<Vec<File>> {
    Ok(vec![
        File { name: "sealed-v1.json", text: pretty(&good::all()?)? },
        File { name: "sealed-v1-bad.json", text: pretty(&bad::all()?)? },
        File { name: "token-v1.json", text: pretty(&token::all()?)? },
    ])
}

fn pretty(value: &impl Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}

/// The first `LEN` bytes of SHA-256(`passsafe vector ` ‖ label); `LEN` is 32 at most.
fn labelled<const LEN: usize>(label: &str) -> anyhow::Result<[u8; LEN]> {
    let hash = digest(&SHA256, format!("passsafe vector {label}").as_bytes());
    hash.as_ref().first_chunk().copied().context("a label gives 32 bytes at most")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_differs_is_named_with_a_hint() {
        assert!(compare("a.json", "[]\n", "[]\n").is_ok());
        let error = compare("a.json", "", "[]\n").unwrap_err().to_string();
        assert!(error.starts_with("a.json ") && error.contains("`cargo xtask vectors`"), "{error}");
    }

    #[test]
    fn every_run_writes_the_same_and_less_than_a_megabyte() {
        let (first, second) = (all().unwrap(), all().unwrap());
        assert!(first.iter().zip(&second).all(|(one, two)| one.text == two.text));
        assert!(first.iter().map(|file| file.text.len()).sum::<usize>() < 1_000_000);
    }

    #[test]
    fn labels_give_what_any_sha256_gives() {
        // printf %s 'passsafe vector a' | sha256sum
        let hex = data_encoding::HEXLOWER.encode(&labelled::<8>("a").unwrap());
        assert_eq!(hex, "6152ef95701d7a83");
    }
}
