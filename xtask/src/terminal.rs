//! A program at a terminal: keys go in, and what the screen shows can be waited for.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::num::NonZeroU16;
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rexpect::process::PtyProcess;

/// For what must come; reached only if it never does.
const PATIENCE: Duration = Duration::from_secs(20);

/// Rows and columns.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    rows: NonZeroU16,
    columns: NonZeroU16,
}

impl Size {
    pub(crate) const fn new(rows: u16, columns: u16) -> Option<Self> {
        match (NonZeroU16::new(rows), NonZeroU16::new(columns)) {
            (Some(rows), Some(columns)) => Some(Self { rows, columns }),
            _ => None,
        }
    }

    fn screen(self) -> vt100::Parser {
        vt100::Parser::new(self.rows, self.columns, 0)
    }
}

/// A program at a terminal of its own. It ends when dropped.
pub(crate) struct Terminal {
    keyboard: File,
    shown: Arc<Shown>,
    // Ended last, when nobody needs it any more.
    _process: PtyProcess,
}

struct Shown {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    screen: vt100::Parser,
}

impl Terminal {
    /// Starts `command`, which finds the terminal at its size and with its echo on.
    pub(crate) fn start(command: &Command, size: Size) -> anyhow::Result<Self> {
        let Size { rows, columns } = size;
        let mut shell = Command::new("/bin/sh");
        let line = format!("stty rows {rows} cols {columns} echo && exec \"$0\" \"$@\"");
        shell.args(["-c", &line]).arg(command.get_program()).args(command.get_args());
        shell.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let mut process = PtyProcess::new(shell).context("cannot start a pseudo-terminal")?;
        process.set_kill_timeout(Some(1_000));
        let keyboard = process.get_file_handle()?;
        let state = Mutex::new(State { screen: size.screen() });
        let shown = Arc::new(Shown { state, changed: Condvar::new() });
        let (mut output, showing) = (process.get_file_handle()?, shown.clone());
        thread::spawn(move || {
            let mut buffer = vec![0; 4_096];
            // On Linux the end of the program is an error.
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                let bytes = buffer.get(..count).unwrap_or_default();
                let mut state = showing.lock();
                state.screen.process(bytes);
                showing.changed.notify_all();
            }
        });
        Ok(Self { keyboard, shown, _process: process })
    }

    pub(crate) fn type_line(&mut self, line: &str) -> anyhow::Result<()> {
        self.press(&format!("{line}\r"))
    }

    pub(crate) fn press(&mut self, keys: &str) -> anyhow::Result<()> {
        self.keyboard.write_all(keys.as_bytes()).context("the terminal takes no keys")
    }

    /// Waits until the text of the screen is as wanted, and returns it.
    pub(crate) fn wait_until(
        &self,
        what: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> anyhow::Result<String> {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.shown.lock();
        loop {
            let text = state.screen.screen().contents();
            if wanted(&text) {
                return Ok(text);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                bail!("waited for {what}, and the screen is:\n{text}");
            }
            let waited = self.shown.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub(crate) fn wait_for(&self, text: &str) -> anyhow::Result<String> {
        self.wait_until(text, |screen| screen.contains(text))
    }
}

impl Shown {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
