//! The serving process: started by `exec` from the sealing one, and knows ciphertext only.

use std::cell::Cell;
use std::convert::Infallible;
use std::fs::File;
use std::io::{self, IsTerminal as _, stderr};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::process::ExitCode;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use passsafe_core::wire::State;
use passsafe_server::{Admission, AllowedHosts, Listener, Safe, SocketFile, SystemClock};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::around::Program;
use super::handoff::{Access, Handoff, Received};
use super::{inherited, refusals, signals};
use crate::args::ServingArgs;
use crate::failure::{Failure, code};
use crate::output::note_aside;
use crate::{hardened, run};

/// For saying how it ended; then the process is gone, heard or not.
const LAST_WORDS: Duration = Duration::from_millis(250);

/// What crosses over as descriptors.
struct Taken {
    received: Received,
    listeners: Vec<Listener>,
    program: Option<Program>,
}

/// A safe, and all that it takes to serve it.
struct Serving {
    safe: Arc<Safe>,
    listeners: Vec<Listener>,
    hosts: AllowedHosts,
    admission: Admission,
    socket: Option<SocketFile>,
    /// Whether events are told while it is served.
    aloud: bool,
}

pub(crate) fn serving(args: &ServingArgs) -> Result<ExitCode, Failure> {
    // exec undid what the sealing process had done to itself; what failed there was said there.
    hardened::harden();
    // Started as /proc/self/exe, the process would be listed as `exe`.
    #[cfg(target_os = "linux")]
    let _cosmetic = rustix::thread::set_name(c"passsafe");
    let outcome = take_over(args)
        .map_err(|error| {
            Failure::new(
                code::USAGE,
                format!("the handoff to the serving process is broken: {error}"),
                "start a safe with 'passsafe serve'",
            )
        })
        .and_then(|taken| {
            serve(taken).map_err(|error| Failure::os("the safe cannot be served", error))
        });
    // Nothing of this fails once a program has started.
    if args.program.is_some() { outcome.map_err(run::before_child) } else { outcome }
}

fn take_over(args: &ServingArgs) -> io::Result<Taken> {
    let ports = args.listener.len();
    let numbers: Vec<_> = [args.handoff]
        .iter()
        .chain(&args.gate)
        .chain(&args.listener)
        .chain(&args.socket_listener)
        .copied()
        .collect();
    let mut descriptors = inherited::take(&numbers)?.into_iter();
    let handoff = descriptors.next().ok_or(io::ErrorKind::InvalidInput)?;
    let gate = args.gate.and_then(|_| descriptors.next());
    let program = match args.program.zip(gate) {
        Some((process, gate)) => Some(Program::adopt(process, gate)?),
        None => None,
    };
    let mut listeners: Vec<Listener> =
        descriptors.by_ref().take(ports).map(|it| TcpListener::from(it).into()).collect();
    listeners.extend(descriptors.map(|it| Listener::from(UnixListener::from(it))));
    Ok(Taken { received: Handoff::receive(File::from(handoff))?, listeners, program })
}

fn serve(Taken { received, listeners, program }: Taken) -> io::Result<ExitCode> {
    // A terminal is the program's for as long as it runs; into a file or a pipe goes what its
    // owner should know.
    let aloud = program.is_none() || !stderr().is_terminal();
    let serving = Serving::new(received, listeners, aloud);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let Some(program) = program else {
        let end = runtime.block_on(async { serving.until(shutdown_signal()?).await })?;
        hear_out(&say_last(end));
        return Ok(ExitCode::SUCCESS);
    };
    let (said, by_program) = (Cell::new(None), Cell::new(false));
    let until = |program_is_over: oneshot::Receiver<()>| {
        serving.until(async {
            drop(program_is_over.await);
            by_program.set(true);
        })
    };
    let over_before = |end| said.set(aloud.then(|| say_last(end)));
    let (end, ended) = runtime.block_on(program.run(until, over_before))?;
    match said.take() {
        Some(said) => hear_out(&said),
        // A program's end is its own affair, where nobody watches.
        None if aloud && by_program.get() => {}
        None => hear_out(&say_last(end)),
    }
    Ok(ended.repeat())
}

fn say_last(end: State) -> mpsc::Receiver<()> {
    note_aside(last_words(end))
}

fn hear_out(said: &mpsc::Receiver<()>) {
    let _or_nobody_reads = said.recv_timeout(LAST_WORDS);
}

fn last_words(end: State) -> &'static str {
    match end {
        State::Expired => "expired: the time is up, and the safe is gone\n",
        State::Closed => "closed: the safe is gone\n",
        State::Locked => "ended: the locked safe is gone\n",
        _ => "ended: the safe is gone\n",
    }
}

impl Serving {
    fn new(received: Received, listeners: Vec<Listener>, aloud: bool) -> Self {
        let Received { record, seed, lifetime, deadline, access } = received;
        let Access { hosts, users, any_user, socket } = access;
        let token = seed.token(lifetime);
        drop(seed);
        let safe = Arc::new(Safe::new(&record, token, deadline, Arc::new(SystemClock)));
        drop(record);
        let hosts = hosts.into_iter().fold(AllowedHosts::default(), AllowedHosts::with);
        let mut admission = users.into_iter().fold(Admission::default(), Admission::with_user);
        if any_user {
            admission = admission.with_any_user();
        }
        if aloud {
            admission = admission.with_report(refusals::announcer());
        }
        let socket =
            socket.map(|(path, device, inode)| SocketFile::from_parts(path, device, inode));
        Self { safe, listeners, hosts, admission, socket, aloud }
    }

    /// Serves until the safe is over, at `shutdown` at the latest, and says how it ended.
    async fn until(self, shutdown: impl Future<Output = ()>) -> io::Result<State> {
        let Self { safe, listeners, hosts, admission, socket, aloud } = self;
        let server = passsafe_server::run(listeners, safe.clone(), hosts, admission, shutdown);
        let end = tokio::select! {
            end = server => end,
            never = announce_lockout(&safe), if aloud => match never {},
        };
        if let Some(socket) = socket {
            // Whoever removed it before has saved us the trouble.
            let _already_gone = socket.remove();
        }
        end
    }
}

/// Says so when the safe is locked, and then waits for ever.
async fn announce_lockout(safe: &Safe) -> Infallible {
    let mut state = safe.subscribe();
    if state.wait_for(|state| *state == State::Locked).await.is_ok() {
        note_aside(
            "locked: three wrong tokens were tried, so nobody gets in any more; Ctrl-C ends the safe\n",
        );
    }
    std::future::pending().await
}

/// Completes at SIGINT, SIGTERM or SIGHUP.
fn shutdown_signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    signals::let_through();
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    })
}
