//! From the sealing process to the serving one.
//!
//! The record, the seed and the deadline cross over in an inherited descriptor, the sockets
//! as descriptors of their own; nothing in arguments, environment or on disk. On Linux the
//! descriptor is a sealed memfd: a pipe to oneself would block at 64 KiB.

#[cfg(any(target_os = "linux", target_os = "android"))]
mod memfd;
#[cfg(any(test, not(any(target_os = "linux", target_os = "android"))))]
mod socketpair;

use std::io;
use std::net::TcpListener;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use data_encoding::BASE64URL_NOPAD;
use passsafe_core::{Deadline, Lifetime, Moment, SealedRecord, Seed};
use rustix::io::{FdFlags, fcntl_setfd};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::SERVING_VERB;
use crate::environment;
use crate::failure::Failure;

/// All that the serving process learns.
#[derive(Serialize, Deserialize)]
pub(super) struct Handoff {
    record: String,
    seed: Zeroizing<String>,
    minutes: u16,
    deadline: Deadline,
    access: Access,
}

/// Who may ask for the record, and what has to be tidied up in the end.
#[derive(Serialize, Deserialize)]
pub(super) struct Access {
    pub(super) hosts: Vec<String>,
    pub(super) users: Vec<u32>,
    pub(super) any_user: bool,
    /// Path, device and inode of the Unix socket.
    pub(super) socket: Option<(PathBuf, u64, u64)>,
}

/// What a [`Handoff`] turns into on the other side.
pub(super) struct Received {
    pub(super) record: SealedRecord,
    pub(super) seed: Seed,
    pub(super) lifetime: Lifetime,
    pub(super) deadline: Deadline,
    pub(super) access: Access,
}

impl Handoff {
    pub(super) fn new(
        record: &SealedRecord,
        seed: &Seed,
        lifetime: Lifetime,
        creation: Moment,
        access: Access,
    ) -> Self {
        Self {
            record: record.to_json(),
            seed: Zeroizing::new(BASE64URL_NOPAD.encode(seed.expose())),
            minutes: lifetime.minutes(),
            deadline: Deadline::new(creation, lifetime),
            access,
        }
    }

    /// The wall-clock time of the deadline.
    pub(super) fn expires_at(&self) -> SystemTime {
        UNIX_EPOCH + self.deadline.wall()
    }

    /// Gets everything ready, so that what can fail fails before anything is shown.
    pub(super) fn prepare(
        &self,
        listeners: Vec<TcpListener>,
        socket: Option<UnixListener>,
    ) -> Result<Prepared, Failure> {
        self.try_prepare(listeners, socket)
            .map_err(|error| Failure::os("the serving process cannot be prepared", error))
    }

    fn try_prepare(
        &self,
        listeners: Vec<TcpListener>,
        socket: Option<UnixListener>,
    ) -> io::Result<Prepared> {
        let bytes = Zeroizing::new(serde_json::to_vec(self)?);
        let handoff = carrier(&bytes)?;
        let listeners: Vec<OwnedFd> = listeners.into_iter().map(OwnedFd::from).collect();
        let socket = socket.map(OwnedFd::from);
        for descriptor in listeners.iter().chain(&socket).chain([&handoff]) {
            fcntl_setfd(descriptor, FdFlags::empty())?;
        }
        Ok(Prepared { handoff, listeners, socket })
    }

    /// Reads a handoff to its end.
    pub(super) fn receive(mut from: impl io::Read) -> io::Result<Received> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(2 * SealedRecord::MAX_JSON_LEN));
        from.read_to_end(&mut bytes)?;
        let handoff: Self = serde_json::from_slice(&bytes)?;
        let seed = Zeroizing::new(
            BASE64URL_NOPAD.decode(handoff.seed.as_bytes()).map_err(io::Error::other)?,
        );
        let seed = <[u8; Seed::LEN]>::try_from(seed.as_slice()).map_err(io::Error::other)?;
        Ok(Received {
            record: SealedRecord::from_json(handoff.record.as_bytes()).map_err(io::Error::other)?,
            seed: Seed::from_bytes(seed),
            lifetime: Lifetime::from_minutes(handoff.minutes).map_err(io::Error::other)?,
            deadline: handoff.deadline,
            access: handoff.access,
        })
    }
}

/// Descriptors that outlive exec.
pub(super) struct Prepared {
    handoff: OwnedFd,
    listeners: Vec<OwnedFd>,
    socket: Option<OwnedFd>,
}

impl Prepared {
    /// Becomes the serving process; returns only if the system refuses.
    pub(super) fn exec(self, quiet_stdout: bool) -> Failure {
        let mut command = Command::new(own_executable());
        command
            .arg0("passsafe")
            .arg(SERVING_VERB)
            .arg(format!("--handoff={}", self.handoff.as_raw_fd()))
            .args(self.listeners.iter().map(|it| format!("--listener={}", it.as_raw_fd())))
            .args(self.socket.iter().map(|it| format!("--socket-listener={}", it.as_raw_fd())))
            .env_clear()
            .envs(environment::for_the_terminal())
            .stdin(Stdio::null());
        if quiet_stdout {
            // Whoever reads the line of JSON through a pipe gets its end.
            command.stdout(Stdio::null());
        }
        Failure::os("the serving process cannot be started", command.exec())
    }
}

/// The running file itself, even if another was put in its place since.
fn own_executable() -> PathBuf {
    if cfg!(any(target_os = "linux", target_os = "android")) {
        "/proc/self/exe".into()
    } else {
        std::env::current_exe().unwrap_or_else(|_| "passsafe".into())
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
use memfd::carrier;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
use socketpair::carrier;
