//! The serving process: started by `exec` from the sealing one, and knows ciphertext only.

use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use passsafe_core::wire::State;
use passsafe_server::{Admission, AllowedHosts, Listener, Safe, SocketFile, SystemClock};
use rustix::process::Signal;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use super::handover::{Handover, Settings};
use super::supervise::Program;
use crate::cli::hidden::ServerArgs;
use crate::display::{DisplayOptions, LocalTime, Screen, Show, Style, Subscriptions};
use crate::os::signals::{self, Signals};
use crate::os::{environment, hardening, inherited, limits};
use crate::text::failure::{Failure, code};

/// What was received as descriptors.
struct Taken {
    handover: Handover,
    listeners: Vec<Listener>,
    program: Option<Program>,
}

/// A safe, and what is needed to serve it.
struct Serving {
    subscriptions: Subscriptions,
    listeners: Vec<Listener>,
    hosts: AllowedHosts,
    admission: Admission,
    socket: Option<SocketFile>,
    display: DisplayOptions,
    local: LocalTime,
    lifetime: Duration,
}

pub(crate) fn run(args: &ServerArgs) -> Result<ExitCode, Failure> {
    // exec undid what the sealing process had done to itself; what failed there was said there.
    hardening::harden();
    // Started as /proc/self/exe, the process would be listed as `exe`.
    #[cfg(target_os = "linux")]
    let _cosmetic = rustix::thread::set_name(c"passsafe");
    let outcome = take_over(args)
        .map_err(|error| {
            Failure::new(
                code::USAGE,
                format!("the handover to the serving process is broken: {error}"),
                "start a safe with 'passsafe serve'",
            )
        })
        .and_then(|taken| {
            serve(taken).map_err(|error| limits::refused("the safe cannot be served", error))
        });
    // All of these errors come before the program starts.
    if args.program.is_some() { outcome.map_err(Failure::before_program) } else { outcome }
}

fn take_over(args: &ServerArgs) -> io::Result<Taken> {
    let ports = args.listener.len();
    let numbers: Vec<_> = [args.handover]
        .iter()
        .chain(&args.launcher)
        .chain(&args.listener)
        .chain(&args.socket_listener)
        .copied()
        .collect();
    let mut descriptors = inherited::take(&numbers)?.into_iter();
    let handover = descriptors.next().ok_or(io::ErrorKind::InvalidInput)?;
    let launcher = args.launcher.and_then(|_| descriptors.next());
    let program = match args.program.zip(launcher) {
        Some((process, launcher)) => Some(Program::adopt(process, launcher)?),
        None => None,
    };
    let mut listeners: Vec<Listener> =
        descriptors.by_ref().take(ports).map(|it| TcpListener::from(it).into()).collect();
    listeners.extend(descriptors.map(|it| Listener::from(UnixListener::from(it))));
    Ok(Taken { handover: Handover::receive(File::from(handover))?, listeners, program })
}

fn serve(Taken { handover, listeners, program }: Taken) -> io::Result<ExitCode> {
    // Before there is a second thread.
    let local = LocalTime::of_system(SystemTime::now());
    signals::hold_back_stops();
    let serving = Serving::new(handover, listeners, local);
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let Some(program) = program else {
            let (state, screen) = serving.until(shutdown_signal()?).await?;
            screen.end(state).await;
            return Ok(ExitCode::SUCCESS);
        };
        let (screen, ended) =
            program.run(|program_is_over| serving.around(program_is_over)).await?;
        if let Some((state, screen)) = screen {
            screen.end(state).await;
        }
        Ok(ended.repeat())
    })
}

impl Serving {
    fn new(handover: Handover, listeners: Vec<Listener>, local: LocalTime) -> Self {
        let Handover { token, settings, sealed } = handover;
        let Settings { lifetime, deadline, hosts, users, any_user, socket, display } = settings;
        let safe = Safe::new(&sealed, token, deadline, Arc::new(SystemClock));
        drop(sealed);
        let safe = match display.max_uses {
            Some(uses) => safe.with_max_uses(uses),
            None => safe,
        };
        let (safe, questions) = if display.confirm {
            let (safe, questions) = safe.with_consent();
            (safe, Some(questions))
        } else {
            (safe, None)
        };
        let (safe, events) = safe.with_events();
        let subscriptions = Subscriptions { safe: Arc::new(safe), events, questions };
        let hosts = hosts.into_iter().fold(AllowedHosts::default(), AllowedHosts::with);
        let mut admission = users.into_iter().fold(Admission::default(), Admission::with_user);
        if any_user {
            admission = admission.with_any_user();
        }
        let socket =
            socket.map(|(path, device, inode)| SocketFile::from_parts(path, device, inode));
        Self { subscriptions, listeners, hosts, admission, socket, display, local, lifetime }
    }

    /// Serves until the safe is over, at `shutdown` at the latest. The caller then says how it
    /// ended.
    async fn until(self, shutdown: impl Future<Output = ()>) -> io::Result<(State, Screen)> {
        let Self { subscriptions, listeners, hosts, admission, socket, display, local, lifetime } =
            self;
        let safe = subscriptions.safe.clone();
        let mut screen = Screen::open(display, style(), local, lifetime, subscriptions)?;
        let server = passsafe_server::run(listeners, safe, hosts, admission, shutdown);
        let state = tokio::select! {
            state = server => state,
            never = screen.watch() => match never {},
        };
        if let Some(socket) = socket {
            // Fails if the file is gone already.
            let _already_gone = socket.remove();
        }
        Ok((state?, screen))
    }

    /// Serves around a program. Returns what the caller still has to say after its end.
    async fn around(
        self,
        program_is_over: oneshot::Receiver<()>,
    ) -> io::Result<Option<(State, Screen)>> {
        let waits_for_the_end = self.display.show == Show::Summary;
        let mut by_program = false;
        let closing = async {
            drop(program_is_over.await);
            by_program = true;
        };
        let (state, screen) = self.until(closing).await?;
        if waits_for_the_end {
            return Ok(Some((state, screen)));
        }
        // Without a person at the terminal, the end of the program needs no message.
        if !by_program {
            screen.end(state).await;
        }
        Ok(None)
    }
}

/// What the terminal is capable of, as far as variables say.
fn style() -> Style {
    Style {
        colour: !environment::refuses_colour(),
        unicode: environment::is_utf8(),
        moves: !environment::is_dumb_terminal(),
    }
}

/// Completes at a signal that ends processes: each of them has to leave the terminal sane.
fn shutdown_signal() -> io::Result<impl Future<Output = ()>> {
    let mut signals = Signals::listen(&[Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT])?;
    Ok(async move {
        let _whichever = signals.next().await;
    })
}
