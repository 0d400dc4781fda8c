//! Clocks of the real binary that a test can move: `clock_shim.c` tells how.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::NamedTempFile;

use crate::preload::library;
use crate::support::{Safe, passsafe};

/// Seconds that a safe of [`Clocks`] lives.
pub(crate) const LIFETIME: i64 = 300;

/// Where `struct shared` of the shim has its fields.
const WALL_FAILS_IN: u64 = 16;
const WALL_READINGS: u64 = 24;
const SHARED_LEN: u64 = 32;

/// The shim, compiled once.
fn shim() -> &'static Path {
    static SHIM: OnceLock<PathBuf> = OnceLock::new();
    SHIM.get_or_init(|| library("clock_shim.c"))
}

/// The clocks of one safe.
pub(crate) struct Clocks(File);

impl Clocks {
    /// A safe of five minutes, served by a process whose clocks can be moved.
    pub(crate) fn with_safe() -> (Self, Safe) {
        Self::with_safe_of(b"S3kr!t")
    }

    pub(crate) fn with_safe_of(password: &[u8]) -> (Self, Safe) {
        let (clocks, shared) = Self::new();
        let mut serve = passsafe(["serve", "--minutes", "5"]);
        Self::govern(&mut serve, &shared);
        let safe = Safe::start_with(password, serve);
        // Served means that both processes have opened the file.
        assert!((LIFETIME - 30..=LIFETIME).contains(&seconds_left(&safe)));
        (clocks, safe)
    }

    /// Clocks, and the file through which they are moved, as long as it is there.
    pub(crate) fn new() -> (Self, NamedTempFile) {
        let shared = NamedTempFile::new().unwrap();
        let clocks = Self(shared.as_file().try_clone().unwrap());
        clocks.0.set_len(SHARED_LEN).unwrap();
        (clocks, shared)
    }

    /// Has a command go by these clocks.
    pub(crate) fn govern(command: &mut Command, shared: &NamedTempFile) {
        command.env("LD_PRELOAD", shim()).env("CLOCK_SHIM", shared.path());
    }

    /// The same for a line of shell, in front of the command.
    pub(crate) fn variables(shared: &NamedTempFile) -> String {
        format!("LD_PRELOAD={} CLOCK_SHIM={}", shim().display(), shared.path().display())
    }

    /// Seconds that each clock is ahead of the true one.
    pub(crate) fn move_to(&self, boot: i64, wall: i64) {
        let bytes = [boot.to_ne_bytes(), wall.to_ne_bytes()].concat();
        self.0.write_all_at(&bytes, 0).unwrap();
    }

    /// Makes the next reading of the wall clock by the safe fail for once, which no system
    /// does: the standard library panics then. Returns when a regular reading is just over, so
    /// that the next one is half a second away and the caller can bring about another.
    pub(crate) fn break_next_reading_of_the_safe(&self) {
        // For each request, hyper reads the wall clock before the safe does: for `Date`.
        const READINGS: i64 = 2;
        let before = self.wall_readings();
        while self.wall_readings() == before {
            std::thread::yield_now();
        }
        self.0.write_all_at(&READINGS.to_ne_bytes(), WALL_FAILS_IN).unwrap();
    }

    fn wall_readings(&self) -> i64 {
        let mut bytes = [0; 8];
        self.0.read_exact_at(&mut bytes, WALL_READINGS).unwrap();
        i64::from_ne_bytes(bytes)
    }
}

pub(crate) fn seconds_left(safe: &Safe) -> i64 {
    let output = passsafe(["status", "--json", "--url", &safe.credentials.url]).output().unwrap();
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    status["expires_in_seconds"].as_i64().unwrap()
}
