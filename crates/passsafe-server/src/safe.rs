//! The safe's state machine: Open → Locked | Spent | Expired | Closed, all final.
//!
//! One short mutex stands over everything that a decision needs, clocks included, and
//! nothing awaits inside it. A wrong token is counted in the critical section that judges
//! it, so a million tokens in parallel are judged exactly three times. Every end drops the
//! record and the token, which wipes them; a clock that is set back revives nothing.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use passsafe_core::wire::{MAX_ATTEMPTS, State, Status};
use passsafe_core::{Deadline, SealedRecord, Token};
use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::clock::Clock;

/// One sealed record, its token and its deadline.
pub struct Safe {
    inner: Mutex<Inner>,
    deadline: Deadline,
    clock: Arc<dyn Clock>,
    state: watch::Sender<State>,
}

struct Inner {
    state: State,
    attempts_left: u8,
    /// Present while the safe is open.
    contents: Option<Contents>,
}

struct Contents {
    token: Token,
    /// The record's JSON, written once; clones share it, and the last one wipes it.
    record: Bytes,
    uses_left: Option<NonZeroU32>,
}

/// What a right token gets.
pub struct Release {
    /// The record's JSON.
    pub record: Bytes,
    /// Time that the safe has left.
    pub remaining: Duration,
}

impl fmt::Debug for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Release").field("remaining", &self.remaining).finish_non_exhaustive()
    }
}

/// Why a well-formed request for the record or for closing was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The token is wrong, and this was counted.
    #[error("the token is wrong, {attempts_left} attempts left")]
    InvalidToken {
        /// Wrong tokens that may still come.
        attempts_left: u8,
    },
    /// Three wrong tokens came.
    #[error("the safe is locked")]
    Locked,
    /// The last allowed use was made.
    #[error("the safe is spent")]
    Spent,
    /// The deadline has passed.
    #[error("the safe has expired")]
    Expired,
    /// The safe was closed.
    #[error("the safe is closed")]
    Closed,
}

impl Safe {
    /// An open safe. It lets go of the record when it ends.
    #[must_use]
    pub fn new(
        record: &SealedRecord,
        token: Token,
        deadline: Deadline,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let record = Bytes::from_owner(Zeroizing::new(record.to_json().into_bytes()));
        let contents = Contents { token, record, uses_left: None };
        Self {
            inner: Mutex::new(Inner {
                state: State::Open,
                attempts_left: MAX_ATTEMPTS,
                contents: Some(contents),
            }),
            deadline,
            clock,
            state: watch::Sender::new(State::Open),
        }
    }

    /// Limits how often the record is handed out; after the last time the safe is spent.
    #[must_use]
    pub fn with_max_uses(self, uses: NonZeroU32) -> Self {
        if let Some(contents) = &mut self.lock().contents {
            contents.uses_left = Some(uses);
        }
        self
    }

    /// Hands out the record for the right token.
    ///
    /// # Errors
    ///
    /// [`Refusal`]; [`Refusal::InvalidToken`] has been counted, and at the third one the
    /// safe is locked.
    pub fn fetch(&self, token: &Token) -> Result<Release, Refusal> {
        let mut inner = self.lock();
        let (contents, remaining) = self.judge(&mut inner, token)?;
        let record = contents.record.clone();
        if let Some(uses) = contents.uses_left {
            contents.uses_left = NonZeroU32::new(uses.get() - 1);
            if contents.uses_left.is_none() {
                self.end(&mut inner, State::Spent);
            }
        }
        Ok(Release { record, remaining })
    }

    /// Closes the safe for the right token.
    ///
    /// # Errors
    ///
    /// As for [`Safe::fetch`], with which it shares the count of wrong tokens.
    pub fn close(&self, token: &Token) -> Result<(), Refusal> {
        let mut inner = self.lock();
        self.judge(&mut inner, token)?;
        self.end(&mut inner, State::Closed);
        Ok(())
    }

    /// Closes the safe for its owner, who needs no token. A safe that is over stays as it is.
    pub fn close_by_owner(&self) {
        self.end(&mut self.lock(), State::Closed);
    }

    /// Where the safe is in its life.
    #[must_use]
    pub fn status(&self) -> Status {
        let mut inner = self.lock();
        let left = self.remaining_or_expire(&mut inner);
        let seconds = left.filter(|_| inner.state == State::Open).map_or(0, |left| left.as_secs());
        Status::new(inner.state, seconds, inner.attempts_left)
    }

    /// Time until the deadline, whatever the state; `None` when it has passed, and then an
    /// open safe is expired.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        self.remaining_or_expire(&mut self.lock())
    }

    /// Follows the state from here on.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// Passes the right token of an open safe; counts a wrong one.
    fn judge<'a>(
        &self,
        inner: &'a mut Inner,
        token: &Token,
    ) -> Result<(&'a mut Contents, Duration), Refusal> {
        let remaining = self.remaining_or_expire(inner);
        let is_right = inner.contents.as_ref().map(|contents| contents.token.matches(token));
        if is_right == Some(false) {
            inner.attempts_left = inner.attempts_left.saturating_sub(1);
            if inner.attempts_left == 0 {
                self.end(inner, State::Locked);
            }
            return Err(Refusal::InvalidToken { attempts_left: inner.attempts_left });
        }
        match (&mut inner.contents, remaining) {
            (Some(contents), Some(remaining)) => Ok((contents, remaining)),
            _ => Err(match inner.state {
                State::Locked => Refusal::Locked,
                State::Spent => Refusal::Spent,
                State::Expired => Refusal::Expired,
                _ => Refusal::Closed,
            }),
        }
    }

    fn remaining_or_expire(&self, inner: &mut Inner) -> Option<Duration> {
        let remaining = self.deadline.remaining(self.clock.now());
        if remaining.is_none() {
            self.end(inner, State::Expired);
        }
        remaining
    }

    /// Ends an open safe; does nothing to one that is over.
    fn end(&self, inner: &mut Inner, state: State) {
        if inner.contents.take().is_some() {
            inner.state = state;
            self.state.send_replace(state);
        }
    }

    /// A thread that panicked in the critical section leaves a safe that nobody can vouch
    /// for: it is locked.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(|poisoned| {
            let mut inner = poisoned.into_inner();
            inner.attempts_left = 0;
            self.end(&mut inner, State::Locked);
            inner
        })
    }
}

impl fmt::Debug for Safe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Safe").field("state", &*self.state.borrow()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
