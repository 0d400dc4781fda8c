//! The serving process never held password, passphrase or key: its arguments, environment
//! and memory are read from outside.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use passsafe_core::{Passphrase, SealedRecord, User, WorkMemory};

use crate::rogue::raw;
use crate::support::{Safe, passsafe};

const PASSWORD: &str = "Zw0lf-Boxkaempfer/jagen_Viktor";

/// Every way in which `secret` might lie in memory.
fn encodings(secret: &[u8]) -> Vec<Vec<u8>> {
    let utf16: Vec<u8> = secret.iter().flat_map(|&byte| [byte, 0]).collect();
    // Base64 depends on the position within three bytes; whole groups in the middle do not.
    let base64 = (0..3).flat_map(|skip| {
        let whole = &secret[skip..];
        let whole = &whole[..whole.len() / 3 * 3];
        [BASE64.encode(whole), BASE64URL_NOPAD.encode(whole)]
    });
    [HEXLOWER.encode(secret), HEXUPPER.encode(secret)]
        .into_iter()
        .chain(base64)
        .map(String::into_bytes)
        .chain([secret.to_vec(), utf16, secret.iter().rev().copied().collect()])
        .collect()
}

/// All readable memory of a process, region by region.
fn memory(pid: i32) -> Vec<Vec<u8>> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
    let regions = maps.lines().filter_map(|line| {
        let (range, rest) = line.split_once(' ')?;
        let (start, end) = range.split_once('-')?;
        let start = u64::from_str_radix(start, 16).ok()?;
        let end = u64::from_str_radix(end, 16).ok()?;
        if !rest.starts_with('r')
            || rest.ends_with("[vvar]")
            || rest.contains("[vvar_vclock]")
            || rest.ends_with("[vsyscall]")
        {
            return None;
        }
        let mut bytes = vec![0; usize::try_from(end - start).ok()?];
        memory.read_exact_at(&mut bytes, start).unwrap_or_else(|error| panic!("{line}: {error}"));
        Some(bytes)
    });
    regions.collect()
}

fn contains(memory: &[Vec<u8>], needle: &[u8]) -> bool {
    memory.iter().any(|region| region.windows(needle.len()).any(|window| window == needle))
}

fn record(safe: &Safe) -> String {
    let port: u16 = safe.credentials.url.rsplit(':').next().unwrap().parse().unwrap();
    let token = &safe.credentials.token;
    let answer = raw(
        port,
        &format!(
            "POST /v1/secret HTTP/1.1\r\nHost: localhost:{port}\r\nPasssafe-Token: {token}\r\nConnection: close\r\n\r\n"
        ),
    );
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[test]
fn the_serving_process_shares_neither_memory_nor_environment_with_the_sealer() {
    let mut serve = passsafe(["serve", "--minutes", "5"]);
    serve
        .env("DB_PASSWORD", PASSWORD)
        .env("LANG", "C.UTF-8")
        .env("TERM", "xterm")
        .env("LC_TIME", "C");
    let safe = Safe::start_with(PASSWORD.as_bytes(), serve);
    let pid = safe.pid().as_raw_nonzero().get();
    assert_eq!(safe.attempts_left(), 3);
    let record = record(&safe);

    let environ = fs::read(format!("/proc/{pid}/environ")).unwrap();
    let mut names: Vec<String> = environ
        .split(|&byte| byte == 0)
        .filter(|entry| !entry.is_empty())
        .map(|entry| String::from_utf8_lossy(entry).split('=').next().unwrap().to_owned())
        .collect();
    names.sort();
    names.retain(|name| {
        !["COLORTERM", "NO_COLOR", "TZ"].contains(&name.as_str())
            && (name == "LC_TIME" || !name.starts_with("LC_"))
    });
    assert_eq!(names, ["LANG", "LC_TIME", "TERM"]);

    let command_line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
    assert!(command_line.starts_with("passsafe\0__serving\0--handoff="), "{command_line:?}");
    assert_eq!(fs::read_to_string(format!("/proc/{pid}/comm")).unwrap(), "passsafe\n");

    let memory = memory(pid);
    // What it must hold shows that the scan sees: the record's ciphertext and the seed's token.
    let canary = record.rsplit('"').nth(1).unwrap();
    assert!(canary.len() > 300 && contains(&memory, canary.as_bytes()), "the scan is blind");
    assert!(contains(&memory, safe.credentials.token.as_bytes()), "the scan is blind");

    for secret in [PASSWORD, &safe.credentials.passphrase] {
        for needle in encodings(secret.as_bytes()) {
            assert!(!contains(&memory, &needle), "{:?}", String::from_utf8_lossy(&needle));
        }
    }
    // Any two neighbouring words of the passphrase would be too much as well.
    let words: Vec<&str> = safe.credentials.passphrase.split(' ').collect();
    for pair in words.windows(2) {
        assert!(!contains(&memory, pair.join(" ").as_bytes()));
    }
    let key = key(&safe, &record);
    for needle in encodings(&key) {
        assert!(!contains(&memory, &needle), "the key");
    }
}

/// Every end wipes the record: a locked safe holds nothing to guess at.
#[test]
fn a_locked_safe_holds_no_record() {
    let safe = Safe::start(PASSWORD.as_bytes());
    let pid = safe.pid().as_raw_nonzero().get();
    let record = record(&safe);
    let ciphertext = record.rsplit('"').nth(1).unwrap();
    let raw = BASE64URL_NOPAD.decode(ciphertext.as_bytes()).unwrap();
    let needles = [&ciphertext.as_bytes()[100..200], &raw[100..200]];
    assert!(contains(&memory(pid), needles[0]), "the scan is blind");
    let wrong = if safe.credentials.token == "000000" { "000001" } else { "000000" };
    for _ in 0..3 {
        let output = safe.command(["get"]).env("PASSSAFE_TOKEN", wrong).output().unwrap();
        assert_eq!(output.status.code(), Some(77));
    }
    let memory = memory(pid);
    for needle in needles {
        assert!(!contains(&memory, needle));
    }
}

/// The record's key, computed as `docs/protocol.md` describes it: core does not show it.
fn key(safe: &Safe, record: &str) -> Vec<u8> {
    let parsed = SealedRecord::from_json(record.as_bytes()).unwrap();
    let passphrase = Passphrase::new(&safe.credentials.passphrase).unwrap();
    let user = User::new(&safe.credentials.user).unwrap();
    let mut memory = WorkMemory::for_cost(parsed.cost()).unwrap();
    assert!(parsed.derive_key(&passphrase, &user, &mut memory).is_ok(), "these are what opens it");

    let fields: serde_json::Value = serde_json::from_str(record).unwrap();
    let salt = BASE64URL_NOPAD.decode(fields["salt"].as_str().unwrap().as_bytes()).unwrap();
    let bound = [b"passsafe-user-v1", &salt[..], user.as_bytes()].concat();
    let digest = ring::digest::digest(&ring::digest::SHA256, &bound);
    let params = argon2::Params::new(65_536, 3, 1, Some(64)).unwrap();
    let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let mut blocks = vec![argon2::Block::default(); 65_536];
    let mut output = [0; 64];
    argon2
        .hash_password_into_with_memory(
            passphrase.expose().as_bytes(),
            &digest.as_ref()[..16],
            &mut output,
            &mut blocks,
        )
        .unwrap();
    let commitment = fields["commitment"].as_str().unwrap();
    assert_eq!(BASE64URL_NOPAD.encode(&output[32..]), commitment);
    output[..32].to_vec()
}
