//! The terminal of the serving process: written without ever waiting, read key by key.
//!
//! It is opened anew, so that its descriptor can be non-blocking: that belongs to the open file,
//! and standard error shares its own with the shell. A terminal held by Ctrl-S then says so, and
//! what is to be shown waits.
//!
//! Modes are changed and keys read only while this process group has the terminal. Elsewhere
//! they belong to another program; and the system's stop signals for those who touch it all the
//! same are blocked in this process (see `os/signals`), because they would stop the safe.

use std::io::{self, stderr};
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags, open};
use rustix::io::{Errno, read, write};
use rustix::process::{Signal, getpgrp, kill_current_process_group};
use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, tcflush, tcgetattr,
    tcgetpgrp, tcgetwinsize, tcsetattr,
};
use tokio::io::unix::AsyncFd;

/// `_POSIX_VDISABLE`.
const DISABLED: u8 = if cfg!(any(target_os = "linux", target_os = "android")) { 0 } else { 0xff };
/// What Ctrl-Z sends while it does not cause a signal.
pub(super) const CTRL_Z: u8 = 0x1a;

/// Whether a person can be asked at the terminal that controls this process.
pub(crate) fn can_ask() -> bool {
    open_anew().is_ok_and(|tty| in_foreground(&tty))
}

/// The controlling terminal.
pub(super) struct Tty {
    file: AsyncFd<OwnedFd>,
    /// Modes as they were before, while they are ours.
    before: Option<Termios>,
    /// What could not be written yet.
    pending: Vec<u8>,
    gone: bool,
}

impl Tty {
    pub(super) fn open() -> io::Result<Self> {
        #[expect(
            deprecated,
            reason = "sound for an owned descriptor, which names one open file as long as it \
                      lives; what replaces it is unsafe"
        )]
        let file = AsyncFd::new(open_anew()?)?;
        Ok(Self { file, before: None, pending: Vec::new(), gone: false })
    }

    /// Whether standard error leads here too.
    pub(super) fn is_stderr() -> bool {
        // Fails for anything but the controlling terminal.
        tcgetpgrp(stderr()).is_ok()
    }

    pub(super) fn is_gone(&self) -> bool {
        self.gone
    }

    pub(super) fn in_foreground(&self) -> bool {
        !self.gone && in_foreground(self.file.get_ref())
    }

    /// Whether output is wanted here now: nothing is pending, and this is not a background job at
    /// a terminal that stops those for writing (`stty tostop`).
    pub(super) fn takes_output(&self) -> bool {
        self.pending.is_empty() && !self.gone && (self.in_foreground() || !self.stops_background())
    }

    pub(super) fn columns(&self) -> usize {
        match tcgetwinsize(self.file.get_ref()) {
            Ok(size) if size.ws_col > 0 => size.ws_col.into(),
            _ => 80,
        }
    }

    /// Has keys come one by one and unseen, or gives the modes back.
    pub(super) fn read_keys(&mut self, wanted: bool) {
        if !self.in_foreground() {
            // The program in the foreground has set its own modes.
            self.before = None;
        } else if wanted {
            self.take_modes();
        } else {
            self.give_back();
        }
    }

    pub(super) fn reads_keys(&self) -> bool {
        self.before.is_some()
    }

    /// Throws away what was typed and not read yet.
    pub(super) fn discard_input(&self) {
        let _gone = tcflush(self.file.get_ref(), QueueSelector::IFlush);
    }

    /// Completes when there may be keys.
    pub(super) async fn readable(&self) {
        if let Ok(mut guard) = self.file.readable().await {
            guard.retain_ready();
        }
    }

    /// The keys that have come. Empty when there are none, or the terminal is gone.
    pub(super) async fn keys(&mut self) -> Vec<u8> {
        let mut bytes = [0; 256];
        let Ok(mut guard) = self.file.readable().await else { return Vec::new() };
        let read = guard.try_io(|file| Ok(read(file.get_ref(), &mut bytes)?));
        match read {
            Err(_nothing_yet) => Vec::new(),
            Ok(Ok(count)) if count > 0 => bytes.get(..count).unwrap_or_default().to_vec(),
            Ok(_) => {
                // In the background a read fails, although the terminal is still there.
                self.gone = self.in_foreground();
                Vec::new()
            }
        }
    }

    /// Writes as much as the terminal takes; the rest waits.
    pub(super) fn write(&mut self, text: &str) {
        self.pending.extend_from_slice(text.as_bytes());
        self.write_pending();
    }

    pub(super) fn is_held(&self) -> bool {
        !self.pending.is_empty() && !self.gone
    }

    /// Completes when the terminal may take more output.
    pub(super) async fn writable(&self) {
        if let Ok(mut guard) = self.file.writable().await {
            guard.clear_ready();
        }
    }

    pub(super) fn write_pending(&mut self) {
        while !self.pending.is_empty() {
            match write(self.file.get_ref(), &self.pending) {
                Ok(count) => drop(self.pending.drain(..count)),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                Err(_) => {
                    self.gone = true;
                    self.pending.clear();
                }
            }
        }
    }

    /// Stops this process group as Ctrl-Z does, and returns when it is continued. The system
    /// ignores that in an orphaned process group, which no shell could continue.
    pub(super) fn suspend(&mut self) {
        self.give_back();
        let _permitted = kill_current_process_group(Signal::TSTP);
    }

    fn take_modes(&mut self) {
        let Ok(current) = tcgetattr(self.file.get_ref()) else { return };
        let ours = ours(&current);
        if is_same(&current, &ours) && self.before.is_some() {
            return;
        }
        if tcsetattr(self.file.get_ref(), OptionalActions::Now, &ours).is_ok() {
            self.before = Some(current);
        }
    }

    fn give_back(&mut self) {
        if let Some(before) = self.before.take()
            && self.in_foreground()
        {
            let _gone = tcsetattr(self.file.get_ref(), OptionalActions::Now, &before);
        }
    }

    fn stops_background(&self) -> bool {
        tcgetattr(self.file.get_ref())
            .is_ok_and(|modes| modes.local_modes.contains(LocalModes::TOSTOP))
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        self.give_back();
    }
}

fn open_anew() -> io::Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(open("/dev/tty", flags, Mode::empty())?)
}

fn in_foreground(tty: &OwnedFd) -> bool {
    tcgetpgrp(tty).is_ok_and(|group| group == getpgrp())
}

/// Keys at once, without echo. Signals stay, but for Ctrl-Z: the modes have to be given back
/// before the process stops.
fn ours(before: &Termios) -> Termios {
    let mut modes = before.clone();
    modes.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ECHONL);
    modes.special_codes[SpecialCodeIndex::VSUSP] = DISABLED;
    modes.special_codes[SpecialCodeIndex::VMIN] = 1;
    modes.special_codes[SpecialCodeIndex::VTIME] = 0;
    modes
}

fn is_same(one: &Termios, other: &Termios) -> bool {
    one.local_modes == other.local_modes
        && one.special_codes[SpecialCodeIndex::VSUSP]
            == other.special_codes[SpecialCodeIndex::VSUSP]
}
