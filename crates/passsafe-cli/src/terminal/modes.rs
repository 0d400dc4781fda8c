//! Terminal modes during a prompt, and what brings them back.
//!
//! While a hidden line is read, echo is off, and a process that dies then leaves it off. So
//! from the first prompt on a thread waits for the signals that would kill the process; it
//! restores the modes, says in two lines what happened, and exits.
//!
//! Two keys are changed for the time of a prompt. Ctrl-D sends a signal in place of the end
//! of input, because dialoguer cannot tell the latter from an empty line and would ask for
//! ever. Ctrl-Z does nothing, because a shell that resumes a stopped program may turn the
//! echo on again.

#[cfg(unix)]
pub(super) use unix::PromptModes;

#[cfg(not(unix))]
pub(super) struct PromptModes;

#[cfg(not(unix))]
impl PromptModes {
    pub(super) fn set() -> Result<Self, crate::failure::Failure> {
        Ok(Self)
    }
}

#[cfg(unix)]
mod unix {
    use std::io::stdin;
    use std::sync::{Mutex, MutexGuard, Once, PoisonError};
    use std::thread;

    use rustix::termios::{
        OptionalActions, SpecialCodeIndex, SpecialCodes, Termios, tcgetattr, tcsetattr,
    };
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    use signal_hook::iterator::Signals;

    use crate::failure::{Failure, code};

    /// The modes to go back to; present while a prompt is open.
    static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

    const CTRL_D: u8 = 0x04;
    /// `_POSIX_VDISABLE`.
    const DISABLED: u8 =
        if cfg!(any(target_os = "linux", target_os = "android")) { 0 } else { 0xff };

    /// The modes of a prompt, until it is dropped.
    pub(in crate::terminal) struct PromptModes(());

    impl PromptModes {
        pub(in crate::terminal) fn set() -> Result<Self, Failure> {
            watch_signals();
            let before =
                tcgetattr(stdin()).map_err(|error| Failure::os("terminal modes", error))?;
            let mut prompt = before.clone();
            let codes: &mut SpecialCodes = &mut prompt.special_codes;
            codes[SpecialCodeIndex::VQUIT] = CTRL_D;
            codes[SpecialCodeIndex::VSUSP] = DISABLED;
            // Before the modes change, so that no signal can fall between.
            *lock() = Some(before);
            let modes = Self(());
            tcsetattr(stdin(), OptionalActions::Now, &prompt)
                .map_err(|error| Failure::os("terminal modes", error))?;
            Ok(modes)
        }
    }

    impl Drop for PromptModes {
        fn drop(&mut self) {
            restore(&mut lock());
        }
    }

    fn restore(before: &mut Option<Termios>) {
        if let Some(modes) = before.take() {
            // Fails only if the terminal is gone, and its modes with it.
            let _gone = tcsetattr(stdin(), OptionalActions::Now, &modes);
        }
    }

    fn lock() -> MutexGuard<'static, Option<Termios>> {
        BEFORE.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Once for the process: a handler that is taken back would leave its signal ignored.
    fn watch_signals() {
        static STARTED: Once = Once::new();
        STARTED.call_once(|| {
            // Without the thread the prompts still work, and Ctrl-C still ends them.
            if let Ok(mut signals) = Signals::new([SIGINT, SIGQUIT, SIGTERM, SIGHUP]) {
                thread::spawn(move || signals.forever().for_each(end));
            }
        });
    }

    #[expect(clippy::exit, reason = "the main thread waits in a read that nothing interrupts")]
    fn end(signal: i32) {
        let mut before = lock();
        let at_prompt = before.is_some();
        restore(&mut before);
        let failure = match signal {
            SIGQUIT if at_prompt => super::super::hung_up(),
            signal => Failure::new(
                u8::try_from(signal).map_or(code::SIGNAL, |number| code::SIGNAL + number),
                if at_prompt { "interrupted at a prompt" } else { "interrupted" },
                "nothing was kept; start again when you like",
            ),
        };
        if at_prompt {
            // The cursor stands behind the prompt.
            crate::output::note("\n");
        }
        failure.report();
        std::process::exit(i32::from(failure.code()));
    }
}
