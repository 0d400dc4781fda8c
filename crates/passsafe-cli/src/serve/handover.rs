//! What the sealing process hands over to the serving one: token, settings, record.
//!
//! Three lines of bytes: the token's digits, the settings as JSON, the record as it is served.
//! They are read from an inherited descriptor; nothing of it is in arguments, environment or on
//! disk. On Linux the descriptor is a sealed memfd: a pipe to oneself would block at 64 KiB.

use std::io::{self, Read, Write as _};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use passsafe_core::{Deadline, SealedRecord, Token};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::display::DisplayOptions;
#[cfg(any(target_os = "linux", target_os = "android"))]
use crate::os::memfd::sealed as carrier;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
use crate::os::socketpair::carrier;

/// Bytes that token and settings fit into, unless very many hosts are allowed.
const ROOM: usize = 16 * 1024;

/// What the serving process knows of its safe.
pub(crate) struct Handover {
    pub(crate) token: Token,
    pub(crate) settings: Settings,
    pub(crate) record: SealedRecord,
}

/// How the safe is served: nothing of it is secret.
#[derive(Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) lifetime: Duration,
    pub(crate) deadline: Deadline,
    pub(crate) hosts: Vec<String>,
    /// Accounts that may connect as well as this one.
    pub(crate) users: Vec<u32>,
    pub(crate) any_user: bool,
    /// Path, device and inode of the Unix socket, which is removed in the end.
    pub(crate) socket: Option<(PathBuf, u64, u64)>,
    pub(crate) display: DisplayOptions,
}

impl Handover {
    /// A descriptor from which [`Handover::receive`] reads the same.
    pub(crate) fn send(&self) -> io::Result<OwnedFd> {
        carrier(&self.to_bytes()?)
    }

    fn to_bytes(&self) -> io::Result<Zeroizing<Vec<u8>>> {
        let record = Zeroizing::new(self.record.to_json());
        // Room for all of it, so that nothing moves and leaves a copy behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(ROOM + record.len()));
        bytes.write_all(self.token.expose().as_bytes())?;
        bytes.push(b'\n');
        serde_json::to_writer(&mut *bytes, &self.settings)?;
        bytes.push(b'\n');
        bytes.write_all(record.as_bytes())?;
        Ok(bytes)
    }

    /// Reads it to its end.
    pub(crate) fn receive(mut from: impl Read) -> io::Result<Self> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(ROOM + SealedRecord::MAX_JSON_LEN));
        from.read_to_end(&mut bytes)?;
        let mut lines = bytes.splitn(3, |byte| *byte == b'\n');
        let mut line = || lines.next().ok_or(io::ErrorKind::UnexpectedEof);
        Ok(Self {
            token: Token::from_wire(line()?).map_err(io::Error::other)?,
            settings: serde_json::from_slice(line()?)?,
            record: SealedRecord::from_json(line()?).map_err(io::Error::other)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_handover_is_refused() {
        for sent in ["", "936265", "936265\n", "936265\n{}\n{}", "93626\n{}\n{}"] {
            assert!(Handover::receive(sent.as_bytes()).is_err(), "{sent}");
        }
    }
}
