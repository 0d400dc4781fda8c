//! The safe's state machine: Open → Locked | Spent | Expired | Closed, all final.
//!
//! One short mutex stands over everything that a decision needs, clocks included, and
//! nothing awaits inside it. A wrong token is counted in the critical section that judges
//! it, so a million tokens in parallel are judged exactly three times; a wrong proof likewise,
//! ten times. Without the proof that its passphrase is known nothing of the record leaves, no use
//! is made and the user is not asked. Every end drops the record and the token, which wipes them; a clock that is set back revives nothing. Events
//! are reported where they are judged, so that their order is that of the judgements.

pub(crate) mod caller;
pub(crate) mod consent;
pub(crate) mod events;
mod wrong_tokens;

use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use passsafe_core::wire::{MAX_ATTEMPTS, MAX_PROOFS, State, Status};
use passsafe_core::{Deadline, KdfParameters, Moment, Proof, ProofHash, Sealed, Token};
use tokio::sync::watch;
use zeroize::Zeroizing;

use self::wrong_tokens::Tries;
use crate::clock::Clock;
use crate::safe::caller::Caller;
use crate::safe::consent::{Asker, Consent, Questions, Ruling};
use crate::safe::events::{Event, Events, Reporter};

/// One sealed record, its token and its deadline.
pub struct Safe {
    inner: Mutex<Inner>,
    clock: Arc<dyn Clock>,
    state: watch::Sender<State>,
    reporter: Reporter,
}

struct Inner {
    state: State,
    deadline: Deadline,
    attempts: Tries,
    proofs: Tries,
    /// Present while the safe is open.
    contents: Option<Contents>,
}

impl Inner {
    fn consent(&mut self) -> Option<&mut Consent> {
        self.contents.as_mut()?.consent.as_mut()
    }
}

struct Contents {
    token: Token,
    proof_hash: ProofHash,
    /// What a proof is derived with.
    parameters: KdfParameters,
    /// The record's JSON, written once; clones share it, and the last one wipes it.
    record: Bytes,
    uses_left: Option<NonZeroU32>,
    /// Where the user is asked before each release.
    consent: Option<Consent>,
}

/// What a right token and the proof get.
pub struct Release {
    /// The record's JSON.
    pub record: Bytes,
    /// Time that the safe has left.
    pub remaining: Duration,
    /// How often the record may still be handed out, where that is limited.
    pub uses_left: Option<u32>,
}

impl fmt::Debug for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Release").field("remaining", &self.remaining).finish_non_exhaustive()
    }
}

/// Why a well-formed request for the record or for closing was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The token is wrong, and this was counted.
    #[error("the token is wrong, {attempts_left} attempts left")]
    InvalidToken {
        /// Wrong tokens that may still come.
        attempts_left: u8,
    },
    /// The token is right, and a proof that the passphrase is known is missing. Nothing was
    /// counted.
    #[error("the safe wants a proof that the passphrase is known")]
    ProofRequired {
        /// What the proof is derived with.
        parameters: KdfParameters,
    },
    /// The proof is not that of the passphrase and the user, and this was counted.
    #[error("the passphrase or the user is wrong, {proofs_left} tries left")]
    WrongPassphrase {
        /// Wrong proofs that may still come.
        proofs_left: u8,
    },
    /// Three wrong tokens came, or ten wrong proofs.
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
    /// The user is being asked; the same request collects the answer.
    #[error("the owner is being asked")]
    AwaitingConsent,
    /// The user said no, or nothing in time.
    #[error("the owner did not allow it")]
    Denied,
    /// The user cannot be asked at the moment, or every use that is left is waited for.
    #[error("the owner cannot be asked for another {retry_after:?}")]
    Busy {
        /// When to come again.
        retry_after: Duration,
    },
}

/// Why a safe got no more time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExtendError {
    /// It is over.
    #[error("the safe is over")]
    Over,
    /// It ends [`Lifetime::MAX`](passsafe_core::Lifetime::MAX) after its start already.
    #[error("no safe lives longer than 480 minutes")]
    Longest,
}

impl Safe {
    /// An open safe. It lets go of the record when it ends.
    #[must_use]
    pub fn new(sealed: &Sealed, token: Token, deadline: Deadline, clock: Arc<dyn Clock>) -> Self {
        let contents = Contents {
            token,
            proof_hash: sealed.proof_hash.clone(),
            parameters: sealed.record.parameters().clone(),
            record: Bytes::from_owner(Zeroizing::new(sealed.record.to_json().into_bytes())),
            uses_left: None,
            consent: None,
        };
        Self {
            inner: Mutex::new(Inner {
                state: State::Open,
                deadline,
                attempts: Tries::new(MAX_ATTEMPTS),
                proofs: Tries::new(MAX_PROOFS),
                contents: Some(contents),
            }),
            clock,
            state: watch::Sender::new(State::Open),
            reporter: Reporter::default(),
        }
    }

    /// Reports what happens to the safe, and which process and account did it.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use passsafe_core::{Deadline, Lifetime, Sealed, Token};
    /// # use passsafe_server::{Caller, Clock, Event, Safe, SystemClock};
    /// # fn example(sealed: &Sealed, token: Token, wrong: &Token) {
    /// # let clock = Arc::new(SystemClock);
    /// # let deadline = Deadline::new(clock.now(), Lifetime::DEFAULT);
    /// let (safe, mut events) = Safe::new(sealed, token, deadline, clock).with_events();
    /// assert!(safe.fetch(wrong, None).is_err());
    /// // The embedding program itself asked, not a connection.
    /// let expected = Event::InvalidToken { caller: Caller::default(), attempts_left: 2 };
    /// assert_eq!(events.try_next(), Some(expected));
    /// # }
    /// ```
    #[must_use]
    pub fn with_events(self) -> (Self, Events) {
        let (reporter, events) = Reporter::with_listener();
        (Self { reporter, ..self }, events)
    }

    /// Asks the user before each release. A client with the right token and proof waits for the answer,
    /// for a minute at most; a use is set aside for that long.
    #[must_use]
    pub fn with_consent(self) -> (Self, Questions) {
        let (consent, questions) = Consent::new();
        if let Some(contents) = &mut self.lock().contents {
            contents.consent = Some(consent);
        }
        (self, questions)
    }

    /// Limits how often the record is handed out; after the last time the safe is spent. A
    /// use counts when the safe decides to answer, whether or not the answer arrives.
    #[must_use]
    pub fn with_max_uses(self, uses: NonZeroU32) -> Self {
        if let Some(contents) = &mut self.lock().contents {
            contents.uses_left = Some(uses);
        }
        self
    }

    /// Hands out the record for the right token and proof, to the embedding program itself.
    ///
    /// # Errors
    ///
    /// [`Refusal`]; [`Refusal::InvalidToken`] has been counted, and at the third one the
    /// safe is locked; so has [`Refusal::WrongPassphrase`], up to the tenth. After
    /// [`Refusal::AwaitingConsent`] the same call collects the user's answer.
    pub fn fetch(&self, token: &Token, proof: Option<&Proof>) -> Result<Release, Refusal> {
        self.fetch_as(&Asker::default(), token, proof)
    }

    /// Hands out the record for the right token and proof, if need be after the user's consent.
    pub(crate) fn fetch_as(
        &self,
        asker: &Asker,
        token: &Token,
        proof: Option<&Proof>,
    ) -> Result<Release, Refusal> {
        let mut inner = self.lock();
        let now = self.clock.now();
        let (contents, remaining) =
            self.judge_proof(&mut inner, token, proof, now, &asker.caller)?;
        if let Some(consent) = &mut contents.consent {
            match consent.judge(asker, now.boot, contents.uses_left, &self.reporter) {
                Ruling::Allowed => {}
                Ruling::Awaiting => return Err(Refusal::AwaitingConsent),
                Ruling::Denied => return Err(Refusal::Denied),
                Ruling::Busy { retry_after } => return Err(Refusal::Busy { retry_after }),
            }
        }
        let record = contents.record.clone();
        let uses = contents.uses_left.map(|uses| uses.get() - 1);
        let caller = || asker.caller.clone();
        self.reporter.report(|| Event::Fetched { caller: caller(), uses_left: uses, times: 1 });
        if let Some(uses) = uses {
            contents.uses_left = NonZeroU32::new(uses);
            if contents.uses_left.is_none() {
                self.end(&mut inner, State::Spent, None);
            }
        }
        Ok(Release { record, remaining, uses_left: uses })
    }

    /// Judges the token of a request that comes to nothing whatever the token is.
    pub(crate) fn judge_token(&self, asker: &Asker, token: &Token) -> Result<(), Refusal> {
        self.judge(&mut self.lock(), token, self.clock.now(), &asker.caller).map(drop)
    }

    /// Closes the safe for the right token.
    ///
    /// # Errors
    ///
    /// As for [`Safe::fetch`], with which it shares the count of wrong tokens. It takes no
    /// proof: who has the token may close the safe.
    pub fn close(&self, token: &Token) -> Result<(), Refusal> {
        self.close_as(&Asker::default(), token)
    }

    pub(crate) fn close_as(&self, asker: &Asker, token: &Token) -> Result<(), Refusal> {
        let mut inner = self.lock();
        self.judge(&mut inner, token, self.clock.now(), &asker.caller)?;
        self.end(&mut inner, State::Closed, Some(&asker.caller));
        Ok(())
    }

    /// Closes the safe for its user, who needs no token. A safe that is over stays as it is.
    pub fn close_by_user(&self) {
        self.end(&mut self.lock(), State::Closed, None);
    }

    /// Gives the safe more time, for its user: at most `by`, and never beyond 480 minutes
    /// from its start. Passphrase and token stay. Returns all the time that is left now.
    pub fn extend(&self, by: Duration) -> Result<Duration, ExtendError> {
        let mut inner = self.lock();
        let now = self.clock.now();
        self.remaining_or_expire(&mut inner, now);
        if inner.contents.is_none() {
            return Err(ExtendError::Over);
        }
        if inner.deadline.extend(by).is_zero() {
            return Err(ExtendError::Longest);
        }
        let remaining = inner.deadline.remaining(now).ok_or(ExtendError::Over)?;
        self.reporter.report(|| Event::Extended { remaining });
        Ok(remaining)
    }

    /// Where the safe is in its life.
    #[must_use]
    pub fn status(&self) -> Status {
        let mut inner = self.lock();
        let left = self.remaining_or_expire(&mut inner, self.clock.now());
        let seconds = left.filter(|_| inner.state == State::Open).map_or(0, |left| left.as_secs());
        Status::new(inner.state, seconds, inner.attempts.left(), inner.proofs.left())
    }

    /// Time until the deadline, whatever the state; `None` when it has passed, and then an
    /// open safe is expired.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        self.remaining_or_expire(&mut self.lock(), self.clock.now())
    }

    /// Follows the state from here on.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// Whether to look askers up: they are reported or asked about, and the safe is open.
    pub(crate) fn wants_askers(&self) -> bool {
        (self.reporter.has_listener() || self.lock().consent().is_some())
            && *self.state.borrow() == State::Open
    }

    /// Reports what happens to the safe.
    pub(crate) fn reporter(&self) -> &Reporter {
        &self.reporter
    }

    /// Withdraws the questions whose time is up.
    pub(crate) fn sweep(&self) {
        let mut inner = self.lock();
        if let Some(consent) = inner.consent() {
            consent.sweep(self.clock.now().boot, &self.reporter);
        }
    }

    /// Withdraws the question that was tied to a connection.
    pub(crate) fn connection_ended(&self, connection: u64) {
        let mut inner = self.lock();
        if let Some(consent) = inner.consent() {
            consent.connection_ended(connection, self.clock.now().boot, &self.reporter);
        }
    }

    /// Passes the right token of an open safe; counts a wrong one.
    fn judge<'a>(
        &self,
        inner: &'a mut Inner,
        token: &Token,
        now: Moment,
        caller: &Caller,
    ) -> Result<(&'a mut Contents, Duration), Refusal> {
        let remaining = self.remaining_or_expire(inner, now);
        let Inner { contents, attempts, .. } = inner;
        if let Some(contents) = contents
            && let Err(attempts_left) = attempts.judge(contents.token.matches(token))
        {
            self.reporter.report(|| Event::InvalidToken { caller: caller.clone(), attempts_left });
            if attempts_left == 0 {
                self.end(inner, State::Locked, None);
            }
            return Err(Refusal::InvalidToken { attempts_left });
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

    /// Passes the right token and the right proof of an open safe; counts a wrong one.
    fn judge_proof<'a>(
        &self,
        inner: &'a mut Inner,
        token: &Token,
        proof: Option<&Proof>,
        now: Moment,
        caller: &Caller,
    ) -> Result<(&'a mut Contents, Duration), Refusal> {
        let (contents, _) = self.judge(inner, token, now, caller)?;
        let Some(proof) = proof else {
            return Err(Refusal::ProofRequired { parameters: contents.parameters.clone() });
        };
        let is_right = contents.proof_hash.matches(proof);
        if let Err(proofs_left) = inner.proofs.judge(is_right) {
            self.reporter.report(|| Event::WrongPassphrase { caller: caller.clone(), proofs_left });
            if proofs_left == 0 {
                self.end(inner, State::Locked, None);
            }
            return Err(Refusal::WrongPassphrase { proofs_left });
        }
        self.judge(inner, token, now, caller)
    }

    fn remaining_or_expire(&self, inner: &mut Inner, now: Moment) -> Option<Duration> {
        let remaining = inner.deadline.remaining(now);
        if remaining.is_none() {
            self.end(inner, State::Expired, None);
        }
        remaining
    }

    /// Ends an open safe; does nothing to one that is over.
    fn end(&self, inner: &mut Inner, state: State, caller: Option<&Caller>) {
        if inner.contents.take().is_some() {
            inner.state = state;
            self.reporter.report(|| match state {
                State::Locked => Event::Locked,
                State::Spent => Event::Spent,
                State::Expired => Event::Expired,
                _ => Event::Closed { caller: caller.cloned() },
            });
            self.state.send_replace(state);
        }
    }

    /// A panic in the critical section may leave a state that is wrong: the safe is locked.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(|poisoned| {
            let mut inner = poisoned.into_inner();
            inner.attempts.use_up();
            inner.proofs.use_up();
            self.end(&mut inner, State::Locked, None);
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
