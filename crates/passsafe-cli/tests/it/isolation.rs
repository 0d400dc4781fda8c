//! The serving process never held password, passphrase or key: its arguments, environment
//! and memory are read from outside.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use data_encoding::BASE64URL_NOPAD;
use passsafe_core::{Passphrase, SealedRecord, User, WorkMemory};

use crate::scan::{Memory, needles};
use crate::support::{Safe, passsafe};

const PASSWORD: &str = "Zw0lf-Boxkaempfer/jagen_Viktor";
const FETCHES: usize = 10_000;

/// A kept connection to a safe.
struct Kept {
    stream: BufReader<TcpStream>,
    port: u16,
}

impl Kept {
    fn open(safe: &Safe) -> Self {
        let port = safe.credentials.url.rsplit(':').next().unwrap().parse().unwrap();
        Self { stream: BufReader::new(TcpStream::connect(("127.0.0.1", port)).unwrap()), port }
    }

    /// Status and body of the answer to a fetch.
    fn fetch(&mut self, token: &str) -> (u16, String) {
        let port = self.port;
        let request = format!(
            "POST /v1/secret HTTP/1.1\r\nHost: localhost:{port}\r\nPasssafe-Token: {token}\r\n\r\n"
        );
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(self.stream.read_line(&mut head).unwrap(), 0, "{head}");
        }
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok())
            .unwrap();
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
        (head[9..12].parse().unwrap(), String::from_utf8(body).unwrap())
    }
}

fn wrong(safe: &Safe) -> String {
    let right: u32 = safe.credentials.token.parse().unwrap();
    format!("{:06}", (right + 1) % 1_000_000)
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
    let mut kept = Kept::open(&safe);
    let (status, record) = kept.fetch(&safe.credentials.token);
    assert_eq!(status, 200);
    for _ in 1..FETCHES {
        assert!(kept.fetch(&safe.credentials.token) == (200, record.clone()));
    }
    for _ in 0..2 {
        assert_eq!(kept.fetch(&wrong(&safe)).0, 401);
    }

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

    let memory = Memory::of(pid);
    // What it must hold shows that the scan sees: the record's ciphertext and the token.
    let canary = record.rsplit('"').nth(1).unwrap();
    assert!(canary.len() > 300 && memory.contains(canary.as_bytes()), "the scan is blind");
    let token = memory.find(&[safe.credentials.token.clone().into_bytes()]);
    assert!(!token.is_empty(), "the scan is blind");
    // They lie where neither swap nor a dump reaches.
    for hit in token.iter().chain(&memory.find(&[canary.into()])) {
        assert!(hit.is_locked && hit.is_left_out_of_dumps, "{hit:?}");
    }

    let key = key(&safe, &record);
    let needles = needles(PASSWORD.as_bytes(), &safe.credentials.passphrase, &key);
    let hits = memory.find(&needles);
    eprintln!("needles {}, bytes {}, hits {}", needles.len(), memory.len(), hits.len());
    assert!(hits.is_empty(), "{hits:#?}");

    // The third wrong token is the end of the record and the token. Copies of the latter on
    // the stack, from when it was moved about, open nothing any more.
    assert_eq!(kept.fetch(&wrong(&safe)).0, 401);
    drop(kept);
    assert_eq!(safe.attempts_left(), 0);
    let memory = Memory::of(pid);
    let token = safe.credentials.token.clone().into_bytes();
    let left: Vec<_> = memory
        .find(&[canary.into(), token])
        .into_iter()
        .filter(|hit| hit.needle == 0 || !hit.region.ends_with("[stack]"))
        .collect();
    assert!(left.is_empty(), "{left:#?}");
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
