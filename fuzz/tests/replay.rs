//! Every target over its corpus, and over as many mutations of it as take seconds.
//!
//! Deterministic, and by the stable compiler alone: the short form of `cargo xtask prove fuzz`.

use std::fs;
use std::path::{Path, PathBuf};

use passsafe_fuzz::{TARGETS, Target};

const MUTATIONS: usize = 30_000;

#[test]
fn every_target_has_a_binary_and_a_corpus() {
    for Target { name, .. } in TARGETS {
        assert!(folder("fuzz_targets").join(format!("{name}.rs")).exists(), "{name}");
        assert!(!corpus(name).is_empty(), "{name}");
    }
    let count = |folder: PathBuf| fs::read_dir(folder).unwrap().count();
    assert_eq!(count(folder("fuzz_targets")), TARGETS.len());
    assert_eq!(count(folder("corpus")), TARGETS.len());
}

macro_rules! replay {
    ($($target:ident)*) => {
        const REPLAYED: &[&str] = &[$(stringify!($target)),*];

        $(#[test]
        fn $target() {
            let target = TARGETS.iter().find(|it| it.name == stringify!($target)).unwrap();
            replay(target);
        })*
    };
}

replay!(record payload token proof passphrase name minutes url request answer);

#[test]
fn every_target_is_replayed() {
    assert_eq!(REPLAYED, TARGETS.map(|it| it.name));
}

fn replay(target: &Target) {
    let corpus = corpus(target.name);
    for input in &corpus {
        (target.run)(input);
    }
    let mut draws = Draws::new(target.name);
    for _ in 0..MUTATIONS {
        (target.run)(&mutation(&corpus, &mut draws));
    }
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// In the order of their names, which are hashes.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = folder("corpus").join(name);
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| fs::read(path).unwrap()).collect()
}

/// A member of the corpus after one to four changes.
fn mutation(corpus: &[Vec<u8>], draws: &mut Draws) -> Vec<u8> {
    let mut input = draws.of(corpus).clone();
    for _ in 0..=draws.below(4) {
        let at = draws.below(input.len() + 1);
        let end = at + draws.below(input.len() + 1 - at);
        match draws.below(8) {
            0 => input.insert(at, draws.byte()),
            1 => drop(input.drain(at..end)),
            2 => input.extend_from_within(at..end),
            3 => {
                let other = draws.of(corpus);
                let from = draws.below(other.len() + 1);
                input.splice(at..end, other[from..].iter().copied());
            }
            4 => input.truncate(at),
            5 => drop(input.splice(at..end, draws.of(&WORDS).bytes())),
            _ if at == input.len() => input.push(draws.byte()),
            6 => input[at] ^= 1 << draws.below(8),
            _ => input[at] = draws.byte(),
        }
    }
    input
}

/// What a parser here may look for.
const WORDS: [&str; 16] = [
    "\r\n",
    "\r\n\r\n",
    " ",
    ":",
    ",",
    "0",
    "-1",
    "4294967296",
    "\"",
    "{",
    "}",
    "[",
    "@",
    "\0",
    "\u{fe0f}",
    "Passsafe-Token: 000000\r\n",
];

/// xorshift64*, seeded by a name.
struct Draws(u64);

impl Draws {
    fn new(name: &str) -> Self {
        Self(name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        }))
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit.max(1) as u64).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}
