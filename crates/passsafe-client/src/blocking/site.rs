//! The requests that can be made to a safe, for a thread that waits.
//!
//! The same promises as `endpoint.rs`, by the same state machine.

use std::fmt;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use passsafe_core::wire::Status;
use passsafe_core::{KdfParameters, Proof, SealedRecord, Token};

use super::process::Inherit;
use crate::answer;
use crate::error::{Error, Kind};
use crate::exchange::{Answer, Request};
use crate::interrupt::{BEAT, Interrupt, ask};
use crate::target::{Failure, Step, Target, lock};
use crate::transport::std_io::{Connection, Wait};
use crate::url::BaseUrl;

/// A safe's address, with one connection that is kept between calls.
pub(super) struct Site {
    target: Target,
    kept: Mutex<Option<Connection>>,
}

impl Site {
    pub(super) fn new(url: BaseUrl) -> Self {
        Self::of(Target::new(url))
    }

    fn of(target: Target) -> Self {
        Self { target, kept: Mutex::new(None) }
    }

    pub(super) fn map(self, change: impl FnOnce(Target) -> Target) -> Self {
        Self::of(change(self.target))
    }

    pub(super) fn status(&self, interrupt: Option<&Interrupt>) -> Result<Status, Error> {
        let status = answer::status(&self.ask(&self.target.status_request(), interrupt)?)?;
        self.target.asked(&status);
        Ok(status)
    }

    pub(super) fn close_safe(
        &self,
        token: &Token,
        interrupt: Option<&Interrupt>,
    ) -> Result<(), Error> {
        Ok(answer::closed(&self.ask(&self.target.close_request(token), interrupt)?)?)
    }

    /// Asks what a proof is derived with. A wrong token is an attempt used up.
    pub(super) fn parameters(
        &self,
        token: &Token,
        interrupt: Option<&Interrupt>,
    ) -> Result<KdfParameters, Error> {
        let request = self.target.secret_request(token, None);
        Ok(answer::parameters(&self.ask(&request, interrupt)?)?)
    }

    /// Fetches the sealed record, as `Endpoint::fetch` does.
    pub(super) fn fetch(
        &self,
        token: &Token,
        proof: &Proof,
        interrupt: Option<&Interrupt>,
        mut judged: impl FnMut(),
    ) -> Result<SealedRecord, Error> {
        let request = self.target.secret_request(token, Some(proof));
        let mut kept = self.take_kept();
        let mut until = None;
        loop {
            let (answer, connection) = self.in_time(&request, kept, interrupt)?;
            match self.target.step(&answer, &mut until, Instant::now()) {
                Ok(Step::AskAgain(due)) => {
                    judged();
                    kept = connection;
                    sleep_until(due, interrupt)?;
                }
                Ok(Step::GiveUp) => return Err(Kind::NoConsent.into()),
                Ok(Step::Done(record)) => {
                    self.keep(connection);
                    return Ok(record);
                }
                Err(error) => {
                    self.keep(connection);
                    return Err(error);
                }
            }
        }
    }

    fn ask(&self, request: &Request, interrupt: Option<&Interrupt>) -> Result<Answer, Error> {
        let (answer, connection) = self.in_time(request, self.take_kept(), interrupt)?;
        self.keep(connection);
        Ok(answer)
    }

    /// Makes one exchange, within its time. Returns the connection too if it may be used again.
    fn in_time(
        &self,
        request: &Request,
        kept: Option<Connection>,
        interrupt: Option<&Interrupt>,
    ) -> Result<(Answer, Option<Connection>), Error> {
        let wait = Wait { interrupt, until: Instant::now() + self.target.timeout };
        let answered = self.exchange(request, kept, wait);
        let (answer, connection) = answered.map_err(|kind| self.target.judge(kind))?;
        let connection = Some(connection).filter(|_| !answer.is_last);
        Ok((answer, connection))
    }

    /// Asks on the connection that was kept, or else on a new one.
    fn exchange(
        &self,
        request: &Request,
        kept: Option<Connection>,
        wait: Wait<'_>,
    ) -> Result<(Answer, Connection), Kind> {
        if let Some(mut kept) = kept.filter(Connection::is_reusable) {
            match kept.exchange(request, wait) {
                // The other side hung up in the meantime.
                Err(Failure::Unsent(_)) => {}
                answered => {
                    let answer = answered.map_err(|failure| self.target.failed(failure))?;
                    return Ok((answer, kept));
                }
            }
        }
        let mut fresh = Connection::open(&self.target, wait)?;
        let answered = fresh.exchange(request, wait);
        Ok((answered.map_err(|failure| self.target.failed(failure))?, fresh))
    }

    pub(super) fn uses_left(&self) -> Option<u32> {
        self.target.uses_left()
    }

    fn take_kept(&self) -> Option<Connection> {
        lock(&self.kept).take()
    }

    fn keep(&self, connection: Option<Connection>) {
        *lock(&self.kept) = connection;
    }
}

impl Inherit for Site {
    fn inherit(&self) -> Self {
        Self::of(self.target.inherited())
    }
}

/// The same site, with a connection of its own.
impl Clone for Site {
    fn clone(&self) -> Self {
        Self::of(self.target.clone())
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site").field("url", &self.target).finish_non_exhaustive()
    }
}

/// Lets time pass, and asks meanwhile whether to go on.
fn sleep_until(due: Instant, interrupt: Option<&Interrupt>) -> Result<(), Error> {
    loop {
        let left = due.saturating_duration_since(Instant::now());
        if left == Duration::ZERO {
            return Ok(());
        }
        thread::sleep(left.min(BEAT));
        ask(interrupt)?;
    }
}
