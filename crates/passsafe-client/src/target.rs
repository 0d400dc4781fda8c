//! What the requests to one safe have in common, whoever drives them: its address, whose it has
//! to be, how long an exchange may take, and what a failure means.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use passsafe_core::wire::{CLOSE_PATH, Code, SECRET_PATH, STATUS_PATH, State, Status};
use passsafe_core::{Proof, SealedRecord, Token};

use crate::answer::{self, Fetching};
use crate::clock;
use crate::error::{Error, Kind};
use crate::exchange::{Answer, Fault, Request};
use crate::trust::TrustedServer;
use crate::url::BaseUrl;

/// Longest time from connecting to the last byte of an answer, unless set otherwise.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
/// No clock's limit: a moment so far from now is one that every clock can name.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(10 * 365 * 24 * 3_600);
/// How long the owner's consent is waited for, from the answer that tells of it.
const CONSENT_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a connection may rest and be used again: the server hangs up after 30 s.
const MAX_IDLE: Duration = Duration::from_secs(20);

/// Why an exchange on a connection came to nothing.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Not a byte of the request was written.
    Unsent(io::Error),
    /// The request was written, at least in part, and may have been acted upon; the connection
    /// was lost before any answer.
    Lost(io::Error),
    /// What was read is not an answer.
    Fault(Fault),
    #[cfg(feature = "blocking")]
    TimedOut,
    #[cfg(feature = "blocking")]
    Interrupted(Error),
}

/// What comes after an answer to a request for the record.
pub(crate) enum Step {
    Done(SealedRecord),
    /// The same request is to be made at this time.
    AskAgain(Instant),
    /// The owner did not answer. Dropping the connection withdraws the question.
    GiveUp,
}

pub(crate) struct Target {
    url: BaseUrl,
    /// What belongs into a `Host` header.
    host: String,
    pub(crate) timeout: Duration,
    pub(crate) trusted: TrustedServer,
    waiting: Option<Arc<dyn Fn() + Send + Sync>>,
    end: Mutex<Option<End>>,
}

/// What the safe that gave a record last said about its end.
#[derive(Clone, Copy)]
struct End {
    /// By [`clock::now`].
    told: Duration,
    left: Duration,
    /// Nothing where uses are not limited.
    uses_left: Option<u32>,
}

impl Target {
    pub(crate) fn new(url: BaseUrl) -> Self {
        Self {
            host: url.authority(),
            url,
            timeout: DEFAULT_TIMEOUT,
            trusted: TrustedServer::SameUser,
            waiting: None,
            end: Mutex::new(None),
        }
    }

    pub(crate) fn url(&self) -> &BaseUrl {
        &self.url
    }

    /// The same for another address, of whose end nothing is known.
    pub(crate) fn with_url(self, url: BaseUrl) -> Self {
        let Self { timeout, trusted, waiting, .. } = self;
        Self { timeout, trusted, waiting, ..Self::new(url) }
    }

    pub(crate) fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout: timeout.min(LONGEST_TIMEOUT), ..self }
    }

    pub(crate) fn with_trusted_server(self, trusted: TrustedServer) -> Self {
        Self { trusted, ..self }
    }

    pub(crate) fn with_waiting(self, tell: impl Fn() + Send + Sync + 'static) -> Self {
        Self { waiting: Some(Arc::new(tell)), ..self }
    }

    /// A copy, for a forked child: waits for no lock.
    #[cfg(feature = "blocking")]
    pub(crate) fn inherited(&self) -> Self {
        self.copy(self.end.try_lock().ok().and_then(|end| *end))
    }

    fn copy(&self, end: Option<End>) -> Self {
        Self {
            url: self.url.clone(),
            host: self.host.clone(),
            timeout: self.timeout,
            trusted: self.trusted,
            waiting: self.waiting.clone(),
            end: Mutex::new(end),
        }
    }

    pub(crate) fn status_request(&self) -> Request {
        self.request("GET", STATUS_PATH, None, None)
    }

    pub(crate) fn secret_request(&self, token: &Token, proof: Option<&Proof>) -> Request {
        self.request("POST", SECRET_PATH, Some(token), proof)
    }

    pub(crate) fn close_request(&self, token: &Token) -> Request {
        self.request("POST", CLOSE_PATH, Some(token), None)
    }

    fn request(
        &self,
        method: &str,
        path: &str,
        token: Option<&Token>,
        proof: Option<&Proof>,
    ) -> Request {
        Request::new(method, [self.url.prefix(), path], &self.host, token, proof)
    }

    /// Judges the answer to a request for the record. `until` is how long the owner is waited
    /// for, once a first answer told so.
    pub(crate) fn step(
        &self,
        answer: &Answer,
        until: &mut Option<Instant>,
        now: Instant,
    ) -> Result<Step, Error> {
        match answer::fetched(answer)? {
            Fetching::Done(fetched) => {
                self.note_end(fetched.expires_in, fetched.uses_left);
                Ok(Step::Done(fetched.record))
            }
            Fetching::Later(after) => {
                let until = *until.get_or_insert_with(|| {
                    if let Some(tell) = &self.waiting {
                        tell();
                    }
                    now + CONSENT_TIMEOUT
                });
                Ok(if now < until { Step::AskAgain(until.min(now + after)) } else { Step::GiveUp })
            }
        }
    }

    /// Takes note of an end that has changed: its owner may have given the safe more time.
    pub(crate) fn asked(&self, status: &Status) {
        if status.state == State::Open
            && let Some(End { uses_left, .. }) = { *lock(&self.end) }
        {
            self.note_end(Duration::from_secs(status.expires_in_seconds), uses_left);
        }
    }

    fn note_end(&self, left: Duration, uses_left: Option<u32>) {
        *lock(&self.end) = Some(End { told: clock::now(), left, uses_left });
    }

    /// How often the record may still be fetched, as the safe said last; nothing where that is
    /// not limited.
    pub(crate) fn uses_left(&self) -> Option<u32> {
        lock(&self.end).as_ref()?.uses_left
    }

    /// Whether the safe that gave a record must be over by now.
    fn is_over(&self) -> bool {
        let end = lock(&self.end);
        end.as_ref().is_some_and(|end| clock::now().saturating_sub(end.told) >= end.left)
    }

    /// What it means that nobody is there any more.
    pub(crate) fn judge(&self, kind: Kind) -> Error {
        if kind.is_unreachable() && self.is_over() { Kind::Refused(Code::Expired) } else { kind }
            .into()
    }

    /// Names a failure.
    pub(crate) fn failed(&self, failure: Failure) -> Kind {
        let at = || self.url.to_string();
        match failure {
            Failure::Unsent(source) | Failure::Lost(source) => {
                Kind::HungUp { at: at(), source: source.into() }
            }
            Failure::Fault(Fault::HungUp) => {
                let source = io::Error::from(io::ErrorKind::UnexpectedEof).into();
                Kind::HungUp { at: at(), source }
            }
            Failure::Fault(Fault::BrokeOff) => Kind::BrokeOff { at: at() },
            Failure::Fault(Fault::NotHttp) => Kind::NotASafe("it does not speak HTTP"),
            Failure::Fault(Fault::TooLong) => Kind::NotASafe("its answer is too long"),
            #[cfg(feature = "blocking")]
            Failure::TimedOut => Kind::Timeout(self.timeout),
            #[cfg(feature = "blocking")]
            Failure::Interrupted(error) => error.into_kind(),
        }
    }
}

/// A copy, which goes on by itself.
impl Clone for Target {
    fn clone(&self) -> Self {
        self.copy(*lock(&self.end))
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}

/// Whether a connection that was last used then, by [`clock::now`], may be used again now.
pub(crate) fn is_fresh(used: Duration, now: Duration) -> bool {
    now.saturating_sub(used) <= MAX_IDLE
}

/// What these mutexes guard is replaced in one step, so a panic elsewhere leaves it whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_a_socket_the_host_is_localhost() {
        let target = Target::new("unix:///run/user/1000/safe.sock".parse().unwrap());
        assert_eq!(
            target.status_request().bytes(),
            b"GET /v1/status HTTP/1.1\r\nhost: localhost\r\n\r\n"
        );
    }

    #[test]
    fn a_connection_is_used_again_for_twenty_seconds() {
        let used = Duration::from_secs(100);
        assert!(is_fresh(used, used) && is_fresh(used, used + Duration::from_secs(20)));
        assert!(!is_fresh(used, used + Duration::from_secs(21)));
    }
}
