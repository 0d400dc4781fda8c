//! A safe's address, and the requests that can be made there.
//!
//! Knows no passphrase and no key. Promises that a request is sent twice only if nothing of
//! the first was written, because a second token could be the third wrong one, and that
//! every exchange ends within its time limit, and so does the wait for the owner's consent.

use std::fmt;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::header::{HOST, HeaderName, HeaderValue};
use hyper::{Method, Response, Uri};
use passsafe_core::Token;
use passsafe_core::wire::{
    CLOSE_PATH, Code, SECRET_PATH, STATUS_PATH, State, Status, TOKEN_HEADER,
};
use tokio::time::Instant;

use crate::answer::{self, Fetched, Fetching};
use crate::clock;
use crate::connection::{Connection, Failure, Request};
use crate::drive::Drive;
use crate::error::{Error, Kind};
use crate::reactor::Reactor;
use crate::trust::TrustedServer;
use crate::url::BaseUrl;

/// A safe's address, for what needs no passphrase: its status, and closing it.
///
/// Keeps one connection between calls. Calls at the same time have one each. Needs a Tokio
/// runtime with I/O and time enabled, any one at each call.
pub struct Endpoint {
    url: BaseUrl,
    timeout: Duration,
    trusted: TrustedServer,
    drive: Drive,
    /// Boxed, because it is moved from future to future and has a kilobyte and more.
    kept: Mutex<Option<Box<Connection>>>,
    end: Mutex<Option<End>>,
    waiting: Option<Arc<dyn Fn() + Send + Sync>>,
    /// Where the record is, and what its safe is called there: read from the address once.
    secret: OnceLock<Uri>,
    host: OnceLock<HeaderValue>,
}

// Made once: to insert a header under a text is to parse the text each time.
static TOKEN: HeaderName = HeaderName::from_static(TOKEN_HEADER);
/// Headers of a request, hyper's own apart.
const HEADERS: usize = 2;

/// How long the owner's consent is waited for, from the answer that tells of it.
pub(crate) const CONSENT_TIMEOUT: Duration = Duration::from_secs(60);

/// What the safe that gave a record last said about its end.
#[derive(Clone, Copy)]
struct End {
    /// By [`clock::now`].
    told: Duration,
    left: Duration,
}

impl Endpoint {
    /// Longest time from connecting to the last byte of an answer, unless set otherwise.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

    /// An endpoint at `url`. Nothing is sent yet.
    #[must_use]
    pub fn new(url: BaseUrl) -> Self {
        Self {
            url,
            timeout: Self::DEFAULT_TIMEOUT,
            trusted: TrustedServer::SameUser,
            drive: Drive::Runtime,
            kept: Mutex::new(None),
            end: Mutex::new(None),
            waiting: None,
            secret: OnceLock::new(),
            host: OnceLock::new(),
        }
    }

    /// Sets the longest time from connecting to the last byte of an answer.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Sets which account may serve the safe. To a listener of any other account nothing is
    /// sent.
    #[must_use]
    pub fn with_trusted_server(self, trusted: TrustedServer) -> Self {
        Self { trusted, ..self }
    }

    /// The same at another address.
    pub(crate) fn with_url(self, url: BaseUrl) -> Self {
        let Self { timeout, trusted, drive, waiting, .. } = self;
        Self { timeout, trusted, drive, waiting, ..Self::new(url) }
    }

    /// As [`Client::with_waiting`](crate::Client::with_waiting).
    pub(crate) fn with_waiting(self, tell: impl Fn() + Send + Sync + 'static) -> Self {
        Self { waiting: Some(Arc::new(tell)), ..self }
    }

    /// The same, whose calls wait in place.
    pub(crate) fn in_place(self) -> Self {
        Self { drive: Drive::InPlace(Reactor::default()), ..self }
    }

    /// The same for a forked child: without the connection, and waiting for no lock.
    pub(crate) fn inherited(&self) -> Self {
        self.without_connection(self.end.try_lock().ok().and_then(|end| *end))
    }

    fn without_connection(&self, end: Option<End>) -> Self {
        let fresh = Self::new(self.url.clone());
        Self {
            timeout: self.timeout,
            trusted: self.trusted,
            drive: self.drive.inherited(),
            end: Mutex::new(end),
            waiting: self.waiting.clone(),
            ..fresh
        }
    }

    /// Asks where the safe is in its life; costs no attempt.
    pub async fn status(&self) -> Result<Status, Error> {
        let status = answer::status(&self.ask(Method::GET, STATUS_PATH, None).await?)?;
        // Its owner may have given it more time since.
        if status.state == State::Open && lock(&self.end).is_some() {
            self.note_end(Duration::from_secs(status.expires_in_seconds));
        }
        Ok(status)
    }

    /// Closes the safe for good, for everyone. A wrong token is an attempt used up.
    pub async fn close_safe(&self, token: &Token) -> Result<(), Error> {
        let answer = self.ask(Method::POST, CLOSE_PATH, Some(token)).await?;
        Ok(answer::closed(&answer)?)
    }

    /// Fetches the sealed record. A wrong token is an attempt used up. Where the owner is asked
    /// first, the same request is made again until there is an answer: on one connection,
    /// which may be all that the safe knows this client by. When this future is dropped, the
    /// connection is, and the question is withdrawn.
    pub(crate) async fn fetch(&self, token: &Token) -> Result<Fetched, Error> {
        let mut kept = self.take_kept();
        let mut until = None;
        loop {
            let request = self.request(Method::POST, SECRET_PATH, Some(token))?;
            let exchange = pin!(self.exchange(request, kept));
            let (answer, connection) = self.in_time(exchange).await?;
            match answer::fetched(&answer) {
                Ok(Fetching::Later(after)) => {
                    let now = Instant::now();
                    let until = *until.get_or_insert_with(|| {
                        if let Some(tell) = &self.waiting {
                            tell();
                        }
                        now + CONSENT_TIMEOUT
                    });
                    if now >= until {
                        return Err(Kind::NoConsent.into());
                    }
                    kept = Some(connection);
                    self.drive.sleep_until(until.min(now + after)).await;
                }
                Ok(Fetching::Done(fetched)) => {
                    self.keep(connection);
                    self.note_end(fetched.expires_in);
                    return Ok(fetched);
                }
                Err(kind) => {
                    self.keep(connection);
                    return Err(kind.into());
                }
            }
        }
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        token: Option<&Token>,
    ) -> Result<Response<Bytes>, Error> {
        let request = self.request(method, path, token)?;
        let exchange = pin!(self.exchange(request, self.take_kept()));
        let (answer, connection) = self.in_time(exchange).await?;
        self.keep(connection);
        Ok(answer)
    }

    /// Bounds one exchange, and knows what it means when nobody is there any more.
    async fn in_time<T>(
        &self,
        exchange: Pin<&mut impl Future<Output = Result<T, Kind>>>,
    ) -> Result<T, Error> {
        let answered = self.drive.within(self.timeout, exchange).await;
        match answered.unwrap_or(Err(Kind::Timeout(self.timeout))) {
            Err(kind) if kind.is_unreachable() && self.is_over() => {
                Err(Kind::Refused(Code::Expired).into())
            }
            answered => Ok(answered?),
        }
    }

    #[expect(
        clippy::expect_used,
        reason = "a host that was parsed from a URI, `localhost`, a port and six digits are visible ASCII"
    )]
    fn request(&self, method: Method, path: &str, token: Option<&Token>) -> Result<Request, Kind> {
        let visible = "visible ASCII is a header value";
        let mut request = Request::new(Empty::new());
        *request.method_mut() = method;
        *request.uri_mut() = self.target(path)?;
        let host = self.host.get_or_init(|| self.url.authority().try_into().expect(visible));
        request.headers_mut().reserve(HEADERS);
        request.headers_mut().insert(HOST, host.clone());
        if let Some(token) = token {
            let mut value = HeaderValue::from_str(token.expose()).expect(visible);
            value.set_sensitive(true);
            request.headers_mut().insert(&TOKEN, value);
        }
        Ok(request)
    }

    fn target(&self, path: &str) -> Result<Uri, Kind> {
        if path != SECRET_PATH {
            return self.url.target(path).map_err(Kind::Url);
        }
        if let Some(secret) = self.secret.get() {
            return Ok(secret.clone());
        }
        let secret = self.url.target(path).map_err(Kind::Url)?;
        Ok(self.secret.get_or_init(|| secret).clone())
    }

    /// Asks on the connection that was kept, or else on a new one.
    async fn exchange(
        &self,
        request: Request,
        kept: Option<Box<Connection>>,
    ) -> Result<(Response<Bytes>, Box<Connection>), Kind> {
        let request = match kept.filter(|kept| kept.is_reusable(clock::now(), &self.drive)) {
            None => request,
            Some(mut kept) => match kept.exchange(request).await {
                // The other side hung up in the meantime.
                Err(Failure::Unsent(request, _)) => *request,
                answered => return self.settle(kept, answered),
            },
        };
        let fresh = Connection::open(&self.url, self.trusted, &self.drive, self.timeout);
        let mut fresh = Box::new(fresh.await?);
        let answered = fresh.exchange(request).await;
        self.settle(fresh, answered)
    }

    /// Names a failure.
    fn settle(
        &self,
        connection: Box<Connection>,
        answered: Result<Response<Bytes>, Failure>,
    ) -> Result<(Response<Bytes>, Box<Connection>), Kind> {
        match answered {
            Ok(answer) => Ok((answer, connection)),
            Err(Failure::Unsent(..)) if connection.is_quiet() => {
                Err(Kind::NotASafe("it speaks before it is asked"))
            }
            Err(Failure::Unsent(_, source) | Failure::HungUp(source)) => {
                Err(Kind::HungUp { at: self.url.to_string(), source })
            }
            Err(Failure::NotHttp) => Err(Kind::NotASafe("it does not speak HTTP")),
            Err(Failure::TooLong) => Err(Kind::NotASafe("its answer is too long")),
        }
    }

    fn take_kept(&self) -> Option<Box<Connection>> {
        lock(&self.kept).take()
    }

    fn keep(&self, connection: Box<Connection>) {
        *lock(&self.kept) = Some(connection);
    }

    fn note_end(&self, left: Duration) {
        *lock(&self.end) = Some(End { told: clock::now(), left });
    }

    /// Whether the safe that gave a record must be over by now.
    fn is_over(&self) -> bool {
        let end = lock(&self.end);
        end.as_ref().is_some_and(|end| clock::now().saturating_sub(end.told) >= end.left)
    }
}

/// The same endpoint, with a connection of its own.
impl Clone for Endpoint {
    fn clone(&self) -> Self {
        self.without_connection(*lock(&self.end))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("url", &self.url).finish_non_exhaustive()
    }
}

/// What these mutexes guard is replaced in one step, so a panic elsewhere leaves it whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_a_socket_the_host_is_localhost() {
        let url = BaseUrl::parse("unix:///run/user/1000/safe.sock").unwrap();
        let request = Endpoint::new(url).request(Method::GET, STATUS_PATH, None).unwrap();
        assert_eq!(request.uri(), "/v1/status");
        assert_eq!(request.headers()["host"], "localhost");
    }

    #[test]
    fn a_request_names_its_host_and_hides_its_token() {
        let url = BaseUrl::parse("http://[::1]:8051/hub/").unwrap();
        let token = Token::from_integer(42_265).unwrap();
        let request = Endpoint::new(url).request(Method::POST, SECRET_PATH, Some(&token)).unwrap();
        assert_eq!(request.uri(), "/hub/v1/secret");
        assert_eq!(request.headers()["host"], "[::1]:8051");
        assert_eq!(request.headers()["passsafe-token"], "042265");
        assert!(!format!("{request:?}").contains("042265"));
    }
}
