//! What the sealing process hands over to the serving one: token, proof hash, settings, record.
//!
//! Four lines of bytes: the token's digits, the hash of the proof as base64url, the settings as
//! JSON, the record as it is served. The proof itself stays behind.
//! They are read from an inherited descriptor; nothing of it is in arguments, environment or on
//! disk. On Linux the descriptor is a sealed memfd: a pipe to oneself would block at 64 KiB.

use std::io::{self, Read, Write as _};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use passsafe_core::{Deadline, ProofHash, Sealed, SealedRecord, Token};
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
    pub(crate) sealed: Sealed,
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
        let Sealed { record, proof_hash } = &self.sealed;
        let record = Zeroizing::new(record.to_json());
        // Room for all of it, so that nothing moves and leaves a copy behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(ROOM + record.len()));
        bytes.write_all(self.token.expose().as_bytes())?;
        bytes.push(b'\n');
        bytes.write_all(BASE64URL_NOPAD.encode(proof_hash.as_bytes()).as_bytes())?;
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
        let mut lines = bytes.splitn(4, |byte| *byte == b'\n');
        let mut line = || lines.next().ok_or(io::ErrorKind::UnexpectedEof);
        let token = Token::from_wire(line()?).map_err(io::Error::other)?;
        let proof_hash = BASE64URL_NOPAD.decode(line()?).map_err(io::Error::other)?;
        let proof_hash = proof_hash.try_into().map_err(|_| io::ErrorKind::InvalidData)?;
        let settings = serde_json::from_slice(line()?)?;
        let record = SealedRecord::from_json(line()?).map_err(io::Error::other)?;
        let sealed = Sealed { record, proof_hash: ProofHash::from_bytes(proof_hash) };
        Ok(Self { token, settings, sealed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_handover_is_refused() {
        for sent in ["", "936265", "936265\n", "936265\nAAAA\n{}\n{}", "93626\n{}\n{}\n{}"] {
            assert!(Handover::receive(sent.as_bytes()).is_err(), "{sent}");
        }
    }
}
