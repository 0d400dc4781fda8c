//! Supervises the program around which a safe is served: a child of the serving process.
//!
//! To its own parent, this process behaves like the program. Both are in one process group, so
//! the keys of the terminal (Ctrl-C, Ctrl-\, Ctrl-Z) reach the program without help. A signal
//! that is sent to this process alone is forwarded to the program. When the program stops, this
//! process stops, so that the shell notices; when it ends, this process ends in the same way.
//!
//! Nothing is shown meanwhile: the terminal is the program's.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::process::ExitCode;

use nix::sys::signal::{SigSet, Signal as Masked};
use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitIdStatus, getpgid, getpgrp, getpid, kill_process,
    waitid,
};
use rustix::termios::{tcgetpgrp, tcsetpgrp};
use tokio::sync::oneshot;

use super::launcher;
use crate::os::signals::{self, Signals};

/// Signals that this process takes note of, the most urgent first: a process that continues
/// must know so before it looks whether the program is stopped.
const NOTED: [Signal; 8] = [
    Signal::CONT,
    Signal::CHILD,
    Signal::HUP,
    Signal::TERM,
    Signal::INT,
    Signal::QUIT,
    Signal::USR1,
    Signal::USR2,
];

/// What stops a process from the terminal. Held back: the program decides whether it stops.
const STOPPING: [Masked; 3] = [Masked::SIGTSTP, Masked::SIGTTIN, Masked::SIGTTOU];

/// A program whose launcher waits for its release.
pub(crate) struct Program {
    process: Pid,
    launcher: OwnedFd,
}

/// How a program ended.
#[derive(Clone, Copy)]
pub(crate) enum Ended {
    Exited(u8),
    Killed(u8),
}

/// What a program does at the moment.
enum ProgramState {
    Runs,
    /// By this signal.
    Stopped(i32),
    Over(Ended),
}

impl Program {
    /// Takes over the child with this number. Before this process has other threads, because
    /// each has its own signals that it holds back.
    pub(crate) fn adopt(process: i32, launcher: OwnedFd) -> io::Result<Self> {
        let process = Pid::from_raw(process).ok_or(io::ErrorKind::InvalidInput)?;
        // Fails if it is not a child of this process.
        look(process, WaitIdOptions::NOWAIT)?;
        set_of(&STOPPING).thread_block()?;
        Ok(Self { process, launcher })
    }

    /// Serves until the program ends, and says how both ended. `serve` is given what completes
    /// when the safe has to be closed; it may also end before the program does.
    pub(crate) async fn run<T, S: Future<Output = io::Result<T>>>(
        self,
        serve: impl FnOnce(oneshot::Receiver<()>) -> S,
    ) -> io::Result<(T, Ended)> {
        let (close, closing) = oneshot::channel();
        let mut signals = Signals::listen(&NOTED)?;
        let mut served = pin!(serve(closing));
        let mut ended = pin!(async {
            // If the launcher was killed, `until_end` sees it.
            let _gone = launcher::release(self.launcher);
            until_end(self.process, &mut signals).await
        });
        tokio::select! {
            // In this order: the program is released once the safe is served.
            biased;
            served = &mut served => Ok((served?, ended.await?)),
            ended = &mut ended => {
                // Fails if the safe is over already.
                let _over = close.send(());
                Ok((served.await?, ended?))
            }
        }
    }
}

impl Ended {
    /// Ends this process in the same way, as far as that can be.
    pub(crate) fn repeat(self) -> ExitCode {
        match self {
            Self::Exited(exit) => ExitCode::from(exit),
            Self::Killed(signal) => ExitCode::from(signals::die_of(signal.into())),
        }
    }
}

async fn until_end(process: Pid, signals: &mut Signals) -> io::Result<Ended> {
    let mut had_terminal = None;
    loop {
        match state_of(process)? {
            ProgramState::Over(ended) => {
                look(process, WaitIdOptions::empty())?;
                return Ok(ended);
            }
            ProgramState::Stopped(by) if concerns_the_shell(process, by) => {
                had_terminal = group_of(process).filter(|group| in_foreground(*group));
                stop(by);
            }
            ProgramState::Stopped(_) | ProgramState::Runs => {}
        }
        match signals.next().await {
            Signal::CHILD => {}
            Signal::CONT => {
                // Only this process was continued, or the program has made a group of its own:
                // then the shell knows nothing of it, and gives the terminal to this one.
                if let Some(group) = had_terminal.take().filter(|_| in_foreground(getpgrp())) {
                    give_terminal_to(group);
                }
                if let ProgramState::Stopped(_) = state_of(process)? {
                    send(process, Signal::CONT);
                }
            }
            // The keys have reached the program too.
            Signal::INT | Signal::QUIT if in_foreground(getpgrp()) => {}
            other => send(process, other),
        }
    }
}

/// Leaves the status to be read again (`WNOWAIT`): a stop for as long as it lasts.
fn state_of(process: Pid) -> io::Result<ProgramState> {
    let Some(status) = look(process, WaitIdOptions::NOWAIT)? else { return Ok(ProgramState::Runs) };
    if let Some(by) = status.stopping_signal() {
        return Ok(ProgramState::Stopped(by));
    }
    let small = |number: Option<i32>| number.and_then(|it| u8::try_from(it).ok());
    Ok(ProgramState::Over(match small(status.exit_status()) {
        Some(code) => Ended::Exited(code),
        None => Ended::Killed(small(status.terminating_signal()).unwrap_or_default()),
    }))
}

fn look(process: Pid, how: WaitIdOptions) -> io::Result<Option<WaitIdStatus>> {
    let how = how | WaitIdOptions::EXITED | WaitIdOptions::STOPPED | WaitIdOptions::NOHANG;
    loop {
        match waitid(WaitId::Pid(process), how) {
            Err(Errno::INTR) => {}
            result => return Ok(result?),
        }
    }
}

/// `process` still exists as a zombie at least, until it is waited for.
fn send(process: Pid, signal: Signal) {
    let _never_refused = kill_process(process, signal);
}

/// Whether a shell has to know that the program stopped. Programs that restore the terminal
/// before they stop use SIGSTOP too, and shells do so in a group of their own. In the background
/// no shell waits, and the sender of SIGSTOP is the one to continue the program.
fn concerns_the_shell(process: Pid, stopped_by: i32) -> bool {
    stopped_by != Signal::STOP.as_raw()
        || in_foreground(getpgrp())
        || group_of(process).is_some_and(in_foreground)
}

fn group_of(process: Pid) -> Option<Pid> {
    getpgid(Some(process)).ok()
}

/// Stops this process until it is continued. The system ignores that in an orphaned process
/// group, which no shell could continue.
fn stop(by: i32) {
    let signal = [Signal::TTIN, Signal::TTOU].into_iter().find(|it| it.as_raw() == by);
    send(getpid(), signal.unwrap_or(Signal::TSTP));
    let held_back = set_of(&STOPPING);
    // Valid sets, which no call refuses. Between the two lies the time for which it is stopped.
    let _valid = held_back.thread_unblock();
    let _valid = held_back.thread_block();
}

/// Whether the keys of the terminal reach this group.
fn in_foreground(group: Pid) -> bool {
    terminal().is_some_and(|terminal| tcgetpgrp(terminal).is_ok_and(|it| it == group))
}

fn give_terminal_to(group: Pid) {
    if let Some(terminal) = terminal() {
        // Refused only if the group does not exist any more.
        let _over = tcsetpgrp(terminal, group);
    }
}

fn terminal() -> Option<File> {
    File::open("/dev/tty").ok()
}

fn set_of(signals: &[Masked]) -> SigSet {
    signals.iter().copied().collect()
}
