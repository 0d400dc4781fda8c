//! Hides what is typed at a prompt: terminal modes, and what restores them.
//!
//! While a hidden line is read, echo is off, and a process that dies then leaves it off. So
//! from the first prompt on a thread waits for the signals that would kill the process; it
//! restores the modes, says in two lines what happened, and dies of it. It does all of that
//! under the lock under which modes change, so that no prompt can set them again behind it.
//!
//! Ctrl-Z does nothing at a prompt, because a shell that resumes a stopped program may turn
//! the echo on again.

#[cfg(not(unix))]
pub(super) use elsewhere::{PromptModes, in_foreground};
#[cfg(unix)]
pub(super) use unix::{PromptModes, in_foreground};

/// Whether what is typed is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Echo {
    On,
    Off,
}

#[cfg(not(unix))]
mod elsewhere {
    pub(in crate::prompt) struct PromptModes<'a>(&'a console::Term);

    impl<'a> PromptModes<'a> {
        pub(in crate::prompt) fn set(
            term: &'a console::Term,
            echo: super::Echo,
        ) -> Result<Self, crate::text::failure::Failure> {
            use crate::text::failure::{Failure, code};
            // There is no way to hide a line here yet, and it must not be shown.
            if echo == super::Echo::Off {
                return Err(Failure::new(
                    code::NO_INPUT,
                    "this system's terminal cannot hide what is typed",
                    "set PASSSAFE_PASSPHRASE and PASSSAFE_TOKEN",
                ));
            }
            Ok(Self(term))
        }
    }

    pub(in crate::prompt) fn in_foreground() -> bool {
        true
    }
}

#[cfg(unix)]
mod unix {
    use std::io::stdin;
    use std::sync::{Mutex, MutexGuard, Once, PoisonError};

    use console::Term;
    use rustix::process::{Signal, getpgrp};
    use rustix::termios::{
        LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcsetattr,
    };

    use super::Echo;
    use crate::os::streams::note;
    use crate::os::{limits, signals};
    use crate::text::failure::{Failure, code};

    /// What an open prompt has changed.
    struct Changed {
        before: Termios,
        term: Term,
    }

    static CHANGED: Mutex<Option<Changed>> = Mutex::new(None);

    /// `_POSIX_VDISABLE`.
    const DISABLED: u8 =
        if cfg!(any(target_os = "linux", target_os = "android")) { 0 } else { 0xff };

    /// The modes of a prompt, until it is dropped.
    pub(in crate::prompt) struct PromptModes<'a>(
        #[expect(dead_code, reason = "ties it to its terminal")] &'a Term,
    );

    impl<'a> PromptModes<'a> {
        pub(in crate::prompt) fn set(term: &'a Term, echo: Echo) -> Result<Self, Failure> {
            watch_signals();
            let mut changed = lock();
            let before =
                tcgetattr(stdin()).map_err(|error| limits::refused("terminal modes", error))?;
            let mut prompt = before.clone();
            prompt.special_codes[SpecialCodeIndex::VSUSP] = DISABLED;
            if echo == Echo::Off {
                prompt.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL);
            }
            // Nothing that was typed ahead is thrown away.
            tcsetattr(stdin(), OptionalActions::Now, &prompt)
                .map_err(|error| limits::refused("terminal modes", error))?;
            *changed = Some(Changed { before, term: term.clone() });
            Ok(Self(term))
        }
    }

    impl Drop for PromptModes<'_> {
        fn drop(&mut self) {
            restore(&mut lock());
        }
    }

    /// Whether this process may read the terminal: a background job that tries is stopped.
    pub(in crate::prompt) fn in_foreground() -> bool {
        tcgetpgrp(stdin()).is_ok_and(|group| group == getpgrp())
    }

    fn restore(changed: &mut Option<Changed>) -> Option<Term> {
        let Changed { before, term } = changed.take()?;
        // Fails only if the terminal is gone, and its modes with it.
        let _gone = tcsetattr(stdin(), OptionalActions::Now, &before);
        Some(term)
    }

    fn lock() -> MutexGuard<'static, Option<Changed>> {
        CHANGED.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Once for the process: removing a handler would leave its signal ignored.
    fn watch_signals() {
        static STARTED: Once = Once::new();
        STARTED.call_once(|| {
            // Without the thread the prompts still work, and Ctrl-C still ends them.
            let _without =
                signals::watch(&[Signal::INT, Signal::QUIT, Signal::TERM, Signal::HUP], end);
        });
    }

    #[expect(clippy::exit, reason = "the main thread waits in a read that nothing interrupts")]
    fn end(signal: i32) {
        // Held until the process is gone.
        let mut changed = lock();
        if signals::pass_on(signal) {
            return;
        }
        let at_prompt = restore(&mut changed);
        let failure = Failure::new(
            code::SIGNAL,
            if at_prompt.is_some() { "interrupted at a prompt" } else { "interrupted" },
            "nothing was kept; start again when you like",
        );
        if let Some(term) = at_prompt {
            // The cursor stands behind the question.
            let _gone = term.write_str("\n");
        }
        note(&failure.to_string());
        std::process::exit(signals::die_of(signal).into());
    }
}
