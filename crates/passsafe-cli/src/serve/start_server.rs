//! Starts the serving process: this one replaces itself by it (exec).

use std::ffi::{CString, NulError};
use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixListener;

use nix::unistd::execve;
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::stdio::{dup2_stdin, dup2_stdout};

use super::handover::Handover;
use super::launcher::Launcher;
use super::socket;
use crate::cli::hidden::SERVER_VERB;
use crate::os::exec::own_executable;
use crate::os::{environment, inherited, limits};
use crate::text::failure::Failure;

/// All that the serving process takes over, ready for exec.
pub(crate) struct PreparedServer {
    handover: OwnedFd,
    listeners: Vec<OwnedFd>,
    socket: Option<OwnedFd>,
    /// The pipe to the launcher, and the number of its process.
    launcher: Option<(OwnedFd, u32)>,
    /// Removes the socket's file unless exec succeeds.
    _socket_file: Option<socket::Made>,
}

impl PreparedServer {
    /// Gets everything ready, so that what can fail fails before anything is shown.
    pub(crate) fn new(
        handover: &Handover,
        listeners: Vec<TcpListener>,
        socket: Option<(UnixListener, socket::Made)>,
    ) -> Result<Self, Failure> {
        let (socket, socket_file) = socket.unzip();
        let prepared = || {
            let prepared = Self {
                handover: handover.send()?,
                listeners: listeners.into_iter().map(OwnedFd::from).collect(),
                socket: socket.map(OwnedFd::from),
                launcher: None,
                _socket_file: socket_file,
            };
            prepared.descriptors().try_for_each(keep_across_exec)?;
            Ok(prepared)
        };
        prepared().map_err(|error: io::Error| {
            limits::refused("the serving process cannot be prepared", error)
        })
    }

    /// Has the serving process release this launcher, and supervise what it becomes.
    pub(crate) fn with_launcher(mut self, launcher: Launcher) -> Result<Self, Failure> {
        let (pipe, process) = launcher.into_parts();
        keep_across_exec(&pipe)
            .map_err(|error| limits::refused("the program cannot be handed over", error))?;
        self.launcher = Some((pipe, process));
        Ok(self)
    }

    /// Becomes the serving process; returns only if the system refuses.
    ///
    /// Not by `std::process::Command`, which would let the signals through that are held
    /// back until the serving process can take them.
    pub(crate) fn exec(self, close_stdout: bool) -> Failure {
        let error = match self.try_exec(close_stdout) {
            Ok(never) => match never {},
            Err(error) => error,
        };
        limits::refused("the serving process cannot be started", error)
    }

    fn try_exec(self, close_stdout: bool) -> io::Result<std::convert::Infallible> {
        let (arguments, environment) = (self.arguments()?, environment()?);
        let null = File::options().read(true).write(true).open("/dev/null")?;
        dup2_stdin(&null)?;
        if close_stdout {
            // A reader of the line of JSON gets its end.
            dup2_stdout(&null)?;
        }
        // Where they cannot be listed they stay, as they would with any other program.
        let kept: Vec<RawFd> = self.descriptors().map(AsRawFd::as_raw_fd).collect();
        let _as_it_was = inherited::keep_only(&kept);
        Ok(execve(&own_executable(), &arguments, &environment)?)
    }

    fn descriptors(&self) -> impl Iterator<Item = &OwnedFd> {
        let launcher = self.launcher.iter().map(|(pipe, _)| pipe);
        [&self.handover].into_iter().chain(&self.listeners).chain(&self.socket).chain(launcher)
    }

    fn arguments(&self) -> Result<Vec<CString>, NulError> {
        let flag =
            |name: &str, descriptor: &OwnedFd| format!("--{name}={}", descriptor.as_raw_fd());
        let mut arguments = vec!["passsafe".to_owned(), SERVER_VERB.to_owned()];
        arguments.push(flag("handover", &self.handover));
        arguments.extend(self.listeners.iter().map(|it| flag("listener", it)));
        arguments.extend(self.socket.iter().map(|it| flag("socket-listener", it)));
        if let Some((pipe, process)) = &self.launcher {
            arguments.extend([flag("launcher", pipe), format!("--program={process}")]);
        }
        arguments.into_iter().map(CString::new).collect()
    }
}

fn keep_across_exec(descriptor: &OwnedFd) -> io::Result<()> {
    Ok(fcntl_setfd(descriptor, FdFlags::empty())?)
}

fn environment() -> Result<Vec<CString>, NulError> {
    environment::for_the_terminal()
        .map(|(name, value)| [name.as_bytes(), b"=", value.as_bytes()].concat())
        .map(CString::new)
        .collect()
}
