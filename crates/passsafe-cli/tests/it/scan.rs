//! Reading the memory of another process, and looking for secrets in it.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use passsafe_core::{Passphrase, SealedRecord, User, WorkMemory};

use crate::support::Credentials;

/// All readable memory of a process.
pub(crate) struct Memory(Vec<Region>);

struct Region {
    /// As the kernel lists it.
    name: String,
    start: u64,
    bytes: Vec<u8>,
    /// `VmFlags` of proc(5): `lo` is locked, `dd` left out of dumps.
    flags: Vec<String>,
}

/// The environment that a process was started with. Takes root.
pub(crate) fn environment(pid: i32) -> Vec<u8> {
    as_root(fs::read(format!("/proc/{pid}/environ")))
}

#[track_caller]
fn as_root<T>(read: io::Result<T>) -> T {
    read.unwrap_or_else(|error| {
        panic!(
            "{error}: the processes of passsafe hide what they hold from everybody but root, so \
             run the tests as root"
        )
    })
}

/// A place where a needle lies.
pub(crate) struct Hit {
    pub(crate) needle: usize,
    pub(crate) region: String,
    pub(crate) address: u64,
    pub(crate) is_locked: bool,
    pub(crate) is_left_out_of_dumps: bool,
    /// What stands around it.
    pub(crate) context: String,
}

impl Memory {
    /// Reads it. Takes root.
    pub(crate) fn of(pid: i32) -> Self {
        let memory = as_root(File::open(format!("/proc/{pid}/mem")));
        let smaps = fs::read_to_string(format!("/proc/{pid}/smaps")).unwrap();
        let mut regions = Vec::new();
        let mut mapping = None;
        for line in smaps.lines() {
            if let Some(flags) = line.strip_prefix("VmFlags: ") {
                let (name, start, length) = mapping.take().unwrap();
                let flags: Vec<String> = flags.split_whitespace().map(str::to_owned).collect();
                let is_readable = flags.iter().any(|flag| flag == "rd");
                if !is_readable || ["[vvar]", "[vvar_vclock]", "[vsyscall]"].contains(&last(name)) {
                    continue;
                }
                let mut bytes = vec![0; length];
                if let Err(error) = memory.read_exact_at(&mut bytes, start) {
                    // Right only if it was unmapped since, as the stack of a thread that has ended.
                    assert!(!is_mapped(pid, start, length), "{name}: {error}");
                    continue;
                }
                regions.push(Region { name: name.to_owned(), start, bytes, flags });
            } else if let Some((start, length)) = range(line) {
                mapping = Some((line, start, length));
            }
        }
        Self(regions)
    }

    /// Where the needles lie, all of them in one pass.
    pub(crate) fn find(&self, needles: &[Vec<u8>]) -> Vec<Hit> {
        let mut by_start: Vec<Vec<usize>> = vec![Vec::new(); 1 << 16];
        for (number, needle) in needles.iter().enumerate() {
            by_start[usize::from(u16::from_be_bytes([needle[0], needle[1]]))].push(number);
        }
        let mut hits = Vec::new();
        for region in &self.0 {
            for (offset, pair) in region.bytes.windows(2).enumerate() {
                for &needle in &by_start[usize::from(u16::from_be_bytes([pair[0], pair[1]]))] {
                    if region.bytes[offset..].starts_with(&needles[needle]) {
                        hits.push(region.hit(needle, offset));
                    }
                }
            }
        }
        hits
    }

    /// Tells how much was looked for where, and fails if any of it was found.
    #[track_caller]
    #[expect(clippy::print_stdout, reason = "the figures, for whoever asks for them")]
    pub(crate) fn assert_free_of(&self, needles: &[Vec<u8>], whose: &str) {
        let hits = self.find(needles);
        let bytes: usize = self.0.iter().map(|region| region.bytes.len()).sum();
        println!("{whose}: needles {}, bytes {bytes}, hits {}", needles.len(), hits.len());
        assert!(hits.is_empty(), "{whose}: {hits:#?}");
    }

    pub(crate) fn contains(&self, needle: &[u8]) -> bool {
        !self.find(&[needle.to_vec()]).is_empty()
    }
}

impl Region {
    fn hit(&self, needle: usize, offset: usize) -> Hit {
        let has = |flag: &str| self.flags.iter().any(|it| it == flag);
        let around = offset.saturating_sub(24)..self.bytes.len().min(offset + 72);
        Hit {
            needle,
            region: self.name.clone(),
            address: self.start + u64::try_from(offset).unwrap(),
            is_locked: has("lo"),
            is_left_out_of_dumps: has("dd"),
            context: self.bytes[around].escape_ascii().to_string(),
        }
    }
}

impl fmt::Debug for Hit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { needle, region, address, context, .. } = self;
        write!(f, "needle {needle} at {address:x} in {region}: {context}")
    }
}

fn last(line: &str) -> &str {
    line.rsplit(' ').next().unwrap()
}

/// Whether any part of that range is mapped by now.
fn is_mapped(pid: i32, start: u64, length: usize) -> bool {
    let end = |start: u64, length: usize| start + u64::try_from(length).unwrap();
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let mut mappings = maps.lines().filter_map(range);
    mappings.any(|(from, bytes)| from < end(start, length) && start < end(from, bytes))
}

/// `55d0c0000000-55d0c0021000 rw-p …`
fn range(line: &str) -> Option<(u64, usize)> {
    let (start, end) = line.split(' ').next()?.split_once('-')?;
    let start = u64::from_str_radix(start, 16).ok()?;
    let end = u64::from_str_radix(end, 16).ok()?;
    Some((start, usize::try_from(end - start).ok()?))
}

/// Every way in which `secret` might lie in memory.
pub(crate) fn encodings(secret: &[u8]) -> Vec<Vec<u8>> {
    let utf16_le: Vec<u8> = secret.iter().flat_map(|&byte| [byte, 0]).collect();
    let utf16_be: Vec<u8> = secret.iter().flat_map(|&byte| [0, byte]).collect();
    let swapped = secret.chunks_exact(4).flat_map(|word| [word[3], word[2], word[1], word[0]]);
    // Base64 depends on the position within three bytes; whole groups in the middle do not.
    let base64 = (0..3).flat_map(|skip| {
        let whole = &secret[skip..];
        let whole = &whole[..whole.len() / 3 * 3];
        [BASE64.encode(whole), BASE64URL_NOPAD.encode(whole)]
    });
    let mut all: Vec<Vec<u8>> = [HEXLOWER.encode(secret), HEXUPPER.encode(secret)]
        .into_iter()
        .chain(base64)
        .map(String::into_bytes)
        .chain([secret.to_vec(), utf16_le, utf16_be])
        .chain([secret.iter().rev().copied().collect(), swapped.collect()])
        .collect();
    all.sort();
    all.dedup();
    all
}

/// Password and passphrase in every encoding, and parts that would be too much as well: any
/// two neighbouring words, any 16 bytes of what a freed and half overwritten block may have.
pub(crate) fn needles(password: &str, passphrase: &str) -> Vec<Vec<u8>> {
    let words: Vec<&str> = passphrase.split(' ').collect();
    [password, passphrase]
        .into_iter()
        .flat_map(|secret| encodings(secret.as_bytes()))
        .chain(words.windows(2).map(|pair| pair.join(" ").into_bytes()))
        .chain(password.as_bytes().chunks_exact(16).map(<[u8]>::to_vec))
        .collect()
}

/// What Argon2 makes of a passphrase.
pub(crate) struct Derived {
    pub(crate) key: Vec<u8>,
    /// Of its working memory, the block that the key is the hash of.
    proof: Vec<u8>,
    last_block: Vec<u8>,
}

impl Derived {
    /// The key and the proof in every encoding and either half of them, and pieces of the block.
    pub(crate) fn needles(&self) -> Vec<Vec<u8>> {
        let halves = self.key.chunks(16).chain(self.proof.chunks(16));
        let pieces = halves.chain(self.last_block.chunks(128)).map(<[u8]>::to_vec);
        let encoded = encodings(&self.key).into_iter().chain(encodings(&self.proof));
        encoded.chain(pieces).collect()
    }
}

/// The record's key, computed as `docs/protocol.md` describes it: core does not show it.
pub(crate) fn derive(credentials: &Credentials, record: &str) -> Derived {
    let parsed = SealedRecord::from_json(record.as_bytes()).unwrap();
    let passphrase = Passphrase::new(&credentials.passphrase).unwrap();
    let user = User::new(&credentials.user).unwrap();
    let mut memory = WorkMemory::for_cost(parsed.parameters().cost()).unwrap();
    assert!(parsed.derive_key(&passphrase, &user, &mut memory).is_ok(), "these are what opens it");

    let fields: serde_json::Value = serde_json::from_str(record).unwrap();
    let salt = BASE64URL_NOPAD.decode(fields["salt"].as_str().unwrap().as_bytes()).unwrap();
    let bound = [b"passsafe-user-v1", &salt[..], user.as_bytes()].concat();
    let digest = ring::digest::digest(&ring::digest::SHA256, &bound);
    let params = argon2::Params::new(65_536, 3, 1, Some(96)).unwrap();
    let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let mut blocks = vec![argon2::Block::default(); 65_536];
    let mut output = [0; 96];
    argon2
        .hash_password_into_with_memory(
            passphrase.expose().as_bytes(),
            &digest.as_ref()[..16],
            &mut output,
            &mut blocks,
        )
        .unwrap();
    let commitment = fields["commitment"].as_str().unwrap();
    assert_eq!(BASE64URL_NOPAD.encode(&output[32..64]), commitment);
    let words = blocks.last().unwrap().as_ref();
    Derived {
        key: output[..32].to_vec(),
        proof: output[64..].to_vec(),
        last_block: words.iter().flat_map(|word| word.to_le_bytes()).collect(),
    }
}
