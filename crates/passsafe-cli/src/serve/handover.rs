//! From the sealing process to the serving one.
//!
//! The record, the seed and the deadline cross over in an inherited descriptor, the sockets
//! as descriptors of their own; nothing in arguments, environment or on disk. On Linux the
//! descriptor is a sealed memfd: a pipe to oneself would block at 64 KiB.

use std::ffi::{CString, NulError};
use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use data_encoding::BASE64URL_NOPAD;
use nix::unistd::execve;
use passsafe_core::{Deadline, Lifetime, Moment, SealedRecord, Seed};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::stdio::{dup2_stdin, dup2_stdout};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::launcher::Launcher;
use crate::cli::hidden::SERVER_VERB;
use crate::display::DisplayOptions;
use crate::os::environment;
use crate::os::exec::own_executable;
use crate::os::inherited;
use crate::text::failure::Failure;

/// All that the serving process learns.
#[derive(Serialize, Deserialize)]
pub(crate) struct Handover {
    record: Zeroizing<String>,
    seed: Zeroizing<String>,
    minutes: u16,
    deadline: Deadline,
    access: Access,
    options: DisplayOptions,
}

/// Who may ask for the record, and what has to be tidied up in the end.
#[derive(Serialize, Deserialize)]
pub(crate) struct Access {
    pub(crate) hosts: Vec<String>,
    pub(crate) users: Vec<u32>,
    pub(crate) any_user: bool,
    /// Path, device and inode of the Unix socket.
    pub(crate) socket: Option<(PathBuf, u64, u64)>,
}

/// What a [`Handover`] turns into on the other side.
pub(crate) struct Received {
    pub(crate) record: SealedRecord,
    pub(crate) seed: Seed,
    pub(crate) lifetime: Lifetime,
    pub(crate) deadline: Deadline,
    pub(crate) access: Access,
    pub(crate) options: DisplayOptions,
}

impl Handover {
    pub(crate) fn new(
        record: &SealedRecord,
        seed: &Seed,
        lifetime: Lifetime,
        creation: Moment,
        access: Access,
        options: DisplayOptions,
    ) -> Self {
        Self {
            record: Zeroizing::new(record.to_json()),
            seed: Zeroizing::new(BASE64URL_NOPAD.encode(seed.expose())),
            minutes: lifetime.minutes(),
            deadline: Deadline::new(creation, lifetime),
            access,
            options,
        }
    }

    /// The wall-clock time of the deadline.
    pub(crate) fn expires_at(&self) -> SystemTime {
        UNIX_EPOCH + self.deadline.wall()
    }

    /// Gets everything ready, so that what can fail fails before anything is shown.
    pub(crate) fn prepare(
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
        // The record's quotes are escaped: a little room, so that nothing moves.
        let mut bytes = Zeroizing::new(Vec::with_capacity(2 * SealedRecord::MAX_JSON_LEN));
        serde_json::to_writer(&mut *bytes, self)?;
        let handover = carrier(&bytes)?;
        let listeners: Vec<OwnedFd> = listeners.into_iter().map(OwnedFd::from).collect();
        let socket = socket.map(OwnedFd::from);
        for descriptor in listeners.iter().chain(&socket).chain([&handover]) {
            fcntl_setfd(descriptor, FdFlags::empty())?;
        }
        Ok(Prepared { handover, listeners, socket, program: None })
    }

    /// Reads a handover to its end.
    pub(crate) fn receive(mut from: impl io::Read) -> io::Result<Received> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(2 * SealedRecord::MAX_JSON_LEN));
        from.read_to_end(&mut bytes)?;
        let handover: Self = serde_json::from_slice(&bytes)?;
        let seed = Zeroizing::new(
            BASE64URL_NOPAD.decode(handover.seed.as_bytes()).map_err(io::Error::other)?,
        );
        let seed = <[u8; Seed::LEN]>::try_from(seed.as_slice()).map_err(io::Error::other)?;
        Ok(Received {
            record: SealedRecord::from_json(handover.record.as_bytes())
                .map_err(io::Error::other)?,
            seed: Seed::from_bytes(seed),
            lifetime: Lifetime::from_minutes(handover.minutes).map_err(io::Error::other)?,
            deadline: handover.deadline,
            access: handover.access,
            options: handover.options,
        })
    }
}

/// Descriptors that outlive exec.
pub(crate) struct Prepared {
    handover: OwnedFd,
    listeners: Vec<OwnedFd>,
    socket: Option<OwnedFd>,
    /// What opens its gate, and its number.
    program: Option<(OwnedFd, u32)>,
}

impl Prepared {
    /// Has the serving process start this program.
    pub(crate) fn with_program(mut self, gate: Launcher) -> Result<Self, Failure> {
        let (pipe, process) = gate.into_parts();
        fcntl_setfd(&pipe, FdFlags::empty())
            .map_err(|error| Failure::os("the program cannot be handed over", error))?;
        self.program = Some((pipe, process));
        Ok(self)
    }

    /// Becomes the serving process; returns only if the system refuses.
    ///
    /// Not by `std::process::Command`, which would let the signals through that are held
    /// back until the serving process can take them.
    pub(crate) fn exec(self, quiet_stdout: bool) -> Failure {
        let error = self.try_exec(quiet_stdout);
        Failure::os("the serving process cannot be started", error)
    }

    fn try_exec(self, quiet_stdout: bool) -> io::Error {
        let (arguments, environment) = match (self.arguments(), environment()) {
            (Ok(arguments), Ok(environment)) => (arguments, environment),
            (Err(error), _) | (_, Err(error)) => return error.into(),
        };
        let null = match File::options().read(true).write(true).open("/dev/null") {
            Ok(null) => null,
            Err(error) => return error,
        };
        let redirected = dup2_stdin(&null).and_then(|()| {
            // Whoever reads the line of JSON through a pipe gets its end.
            if quiet_stdout { dup2_stdout(&null) } else { Ok(()) }
        });
        if let Err(error) = redirected {
            return error.into();
        }
        // Where they cannot be listed they stay, as they would with any other program.
        let _as_it_was = inherited::keep_only(&self.descriptors());
        match execve(&own_executable(), &arguments, &environment) {
            Ok(never) => match never {},
            Err(error) => error.into(),
        }
    }

    /// What the serving process takes over.
    fn descriptors(&self) -> Vec<RawFd> {
        let program = self.program.iter().map(|(gate, _)| gate);
        let all = [&self.handover].into_iter().chain(&self.listeners).chain(&self.socket);
        all.chain(program).map(AsRawFd::as_raw_fd).collect()
    }

    fn arguments(&self) -> Result<Vec<CString>, NulError> {
        let listeners = self.listeners.iter().map(|it| format!("--listener={}", it.as_raw_fd()));
        let program = self.program.as_ref().map(|(gate, process)| {
            [format!("--launcher={}", gate.as_raw_fd()), format!("--program={process}")]
        });
        ["passsafe".to_owned(), SERVER_VERB.to_owned()]
            .into_iter()
            .chain([format!("--handover={}", self.handover.as_raw_fd())])
            .chain(listeners)
            .chain(self.socket.iter().map(|it| format!("--socket-listener={}", it.as_raw_fd())))
            .chain(program.into_iter().flatten())
            .map(CString::new)
            .collect()
    }
}

fn environment() -> Result<Vec<CString>, NulError> {
    environment::for_the_terminal()
        .map(|(name, value)| [name.as_bytes(), b"=", value.as_bytes()].concat())
        .map(CString::new)
        .collect()
}

#[cfg(any(target_os = "linux", target_os = "android"))]
use crate::os::memfd::sealed as carrier;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
use crate::os::socketpair::carrier;
