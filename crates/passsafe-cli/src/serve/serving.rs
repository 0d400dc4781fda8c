//! The serving process: started by `exec` from the sealing one, and knows ciphertext only.

use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::time::SystemTime;

use passsafe_server::{Admission, AllowedHosts, Listener, Safe, SocketFile, SystemClock};
use tokio::signal::unix::{SignalKind, signal};

use super::handoff::{Access, Handoff, Received};
use super::screen::{Heard, LocalTime, Screen, Style};
use super::{inherited, signals};
use crate::args::ServingArgs;
use crate::environment;
use crate::failure::{Failure, code};
use crate::hardened;

pub(crate) fn serving(args: &ServingArgs) -> Result<(), Failure> {
    // exec undid what the sealing process had done to itself; what failed there was said there.
    hardened::harden();
    // Started as /proc/self/exe, the process would be listed as `exe`.
    #[cfg(target_os = "linux")]
    let _cosmetic = rustix::thread::set_name(c"passsafe");
    let (received, listeners) = take_over(args).map_err(|error| {
        Failure::new(
            code::USAGE,
            format!("the handoff to the serving process is broken: {error}"),
            "start a safe with 'passsafe serve'",
        )
    })?;
    // Before there is a second thread.
    let local = LocalTime::of_system(SystemTime::now());
    signals::hold_back_stops();
    serve(received, listeners, local)
        .map_err(|error| Failure::os("the safe cannot be served", error))
}

fn take_over(args: &ServingArgs) -> io::Result<(Received, Vec<Listener>)> {
    let ports = args.listener.len();
    let numbers: Vec<_> =
        [args.handoff].iter().chain(&args.listener).chain(&args.socket_listener).copied().collect();
    let mut descriptors = inherited::take(&numbers)?.into_iter();
    let handoff = descriptors.next().ok_or(io::ErrorKind::InvalidInput)?;
    let mut listeners: Vec<Listener> =
        descriptors.by_ref().take(ports).map(|it| TcpListener::from(it).into()).collect();
    listeners.extend(descriptors.map(|it| Listener::from(UnixListener::from(it))));
    Ok((Handoff::receive(File::from(handoff))?, listeners))
}

fn serve(received: Received, listeners: Vec<Listener>, local: LocalTime) -> io::Result<()> {
    let Received { record, seed, lifetime, deadline, access, manner } = received;
    let Access { hosts, users, any_user, socket } = access;
    let token = seed.token(lifetime);
    drop(seed);
    let safe = Safe::new(&record, token, deadline, Arc::new(SystemClock));
    drop(record);
    let safe = match manner.max_uses {
        Some(uses) => safe.with_max_uses(uses),
        None => safe,
    };
    let (safe, questions) = if manner.confirm {
        let (safe, questions) = safe.with_consent();
        (safe, Some(questions))
    } else {
        (safe, None)
    };
    let (safe, events) = safe.with_events();
    let safe = Arc::new(safe);
    let hosts = hosts.into_iter().fold(AllowedHosts::default(), AllowedHosts::with);
    let mut admission = users.into_iter().fold(Admission::default(), Admission::with_user);
    if any_user {
        admission = admission.with_any_user();
    }
    let end = tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let shutdown = shutdown_signal()?;
        let heard = Heard { safe: safe.clone(), events, questions };
        let mut screen = Screen::open(manner, style(), local, lifetime.duration(), heard)?;
        let server = passsafe_server::run(listeners, safe, hosts, admission, shutdown);
        let state = tokio::select! {
            state = server => state?,
            never = screen.watch() => match never {},
        };
        screen.end(state).await;
        Ok(())
    });
    if let Some((path, device, inode)) = socket {
        // Whoever removed it before has saved us the trouble.
        let _already_gone = SocketFile::from_parts(path, device, inode).remove();
    }
    end
}

/// What the terminal is capable of, as far as variables say.
fn style() -> Style {
    Style {
        colour: !environment::refuses_colour(),
        unicode: environment::is_utf8(),
        moves: !environment::is_dumb_terminal(),
    }
}

/// Completes at SIGINT, SIGTERM, SIGHUP or SIGQUIT: whatever a keyboard or a supervisor ends
/// programs with has to leave the terminal sane.
fn shutdown_signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut quit = signal(SignalKind::quit())?;
    signals::let_through();
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
            _ = quit.recv() => {}
        }
    })
}
