//! A safe's address, and the requests that can be made there, for Tokio.
//!
//! Knows no passphrase and no key. Promises that a request is sent twice only if nothing of
//! the first was written, because a second token could be the third wrong one, and that
//! every exchange ends within its time limit, and so does the wait for the owner's consent.

use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use passsafe_core::wire::Status;
use passsafe_core::{KdfParameters, Proof, SealedRecord, Token};
use tokio::time::{Instant, sleep_until, timeout};

use crate::answer;
use crate::error::{Error, Kind};
use crate::exchange::{Answer, Request};
use crate::target::{DEFAULT_TIMEOUT, Failure, Step, Target, lock};
use crate::transport::tokio_io::Connection;
use crate::trust::TrustedServer;
use crate::url::BaseUrl;

/// A safe's address, for what needs no passphrase: its status, and closing it.
///
/// Keeps one connection between calls. Calls at the same time have one each. Needs a Tokio
/// runtime with I/O and time enabled, any one at each call.
pub struct Endpoint {
    target: Target,
    kept: Mutex<Option<Connection>>,
}

impl Endpoint {
    /// Longest time from connecting to the last byte of an answer, unless set otherwise.
    pub const DEFAULT_TIMEOUT: Duration = DEFAULT_TIMEOUT;

    /// An endpoint at `url`. Nothing is sent yet.
    #[must_use]
    pub fn new(url: BaseUrl) -> Self {
        Self::of(Target::new(url))
    }

    fn of(target: Target) -> Self {
        Self { target, kept: Mutex::new(None) }
    }

    /// Sets the longest time from connecting to the last byte of an answer.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { target: self.target.with_timeout(timeout), ..self }
    }

    /// Sets which account may serve the safe. To a listener of any other account nothing is
    /// sent.
    #[must_use]
    pub fn with_trusted_server(self, trusted: TrustedServer) -> Self {
        Self { target: self.target.with_trusted_server(trusted), ..self }
    }

    /// The same at another address.
    pub(crate) fn with_url(self, url: BaseUrl) -> Self {
        Self::of(self.target.with_url(url))
    }

    /// As [`Client::with_waiting`](crate::Client::with_waiting).
    pub(crate) fn with_waiting(self, tell: impl Fn() + Send + Sync + 'static) -> Self {
        Self { target: self.target.with_waiting(tell), ..self }
    }

    /// Asks where the safe is in its life; costs no attempt.
    pub async fn status(&self) -> Result<Status, Error> {
        let status = answer::status(&self.ask(&self.target.status_request()).await?)?;
        self.target.asked(&status);
        Ok(status)
    }

    /// Closes the safe for good, for everyone. A wrong token is an attempt used up.
    pub async fn close_safe(&self, token: &Token) -> Result<(), Error> {
        Ok(answer::closed(&self.ask(&self.target.close_request(token)).await?)?)
    }

    /// Asks what a proof is derived with. A wrong token is an attempt used up.
    pub(crate) async fn parameters(&self, token: &Token) -> Result<KdfParameters, Error> {
        let request = self.target.secret_request(token, None);
        Ok(answer::parameters(&self.ask(&request).await?)?)
    }

    /// Fetches the sealed record. A wrong token is an attempt used up, and so is a wrong proof.
    /// Where the owner is asked first, the same request is made again until there is an answer:
    /// on one connection, which may be all that the safe knows this client by. When this future
    /// is dropped, the connection is, and the question is withdrawn. `judged` is called once the
    /// proof was found right, and the owner is being asked.
    pub(crate) async fn fetch(
        &self,
        token: &Token,
        proof: &Proof,
        mut judged: impl FnMut(),
    ) -> Result<SealedRecord, Error> {
        let request = self.target.secret_request(token, Some(proof));
        let mut kept = self.take_kept();
        let mut until = None;
        loop {
            let (answer, connection) = self.in_time(&request, kept).await?;
            match self.target.step(&answer, &mut until, Instant::now().into_std()) {
                Ok(Step::AskAgain(due)) => {
                    judged();
                    kept = connection;
                    sleep_until(due.into()).await;
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

    async fn ask(&self, request: &Request) -> Result<Answer, Error> {
        let (answer, connection) = self.in_time(request, self.take_kept()).await?;
        self.keep(connection);
        Ok(answer)
    }

    /// Makes one exchange, within its time. Returns the connection too if it may be used again.
    async fn in_time(
        &self,
        request: &Request,
        kept: Option<Connection>,
    ) -> Result<(Answer, Option<Connection>), Error> {
        let answered = timeout(self.target.timeout, self.exchange(request, kept)).await;
        let (answer, connection) = answered
            .unwrap_or(Err(Kind::Timeout(self.target.timeout)))
            .map_err(|kind| self.target.judge(kind))?;
        let connection = Some(connection).filter(|_| !answer.is_last);
        Ok((answer, connection))
    }

    /// Asks on the connection that was kept, or else on a new one.
    async fn exchange(
        &self,
        request: &Request,
        kept: Option<Connection>,
    ) -> Result<(Answer, Connection), Kind> {
        if let Some(mut kept) = kept.filter(Connection::is_reusable) {
            match kept.exchange(request).await {
                // The other side hung up in the meantime.
                Err(Failure::Unsent(_)) => {}
                answered => {
                    let answer = answered.map_err(|failure| self.target.failed(failure))?;
                    return Ok((answer, kept));
                }
            }
        }
        let mut fresh = Connection::open(&self.target).await?;
        let answered = fresh.exchange(request).await;
        Ok((answered.map_err(|failure| self.target.failed(failure))?, fresh))
    }

    pub(crate) fn uses_left(&self) -> Option<u32> {
        self.target.uses_left()
    }

    fn take_kept(&self) -> Option<Connection> {
        lock(&self.kept).take()
    }

    fn keep(&self, connection: Option<Connection>) {
        *lock(&self.kept) = connection;
    }
}

/// The same endpoint, with a connection of its own.
impl Clone for Endpoint {
    fn clone(&self) -> Self {
        Self::of(self.target.clone())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("url", &self.target).finish_non_exhaustive()
    }
}
