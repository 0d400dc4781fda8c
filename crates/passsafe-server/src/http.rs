//! From a request's head to its answer, in the order that the protocol fixes.
//!
//! The guards against web pages and malformed requests come first and never touch the
//! count of wrong tokens, so neither can lock the safe. Nothing of a request is kept or
//! logged, and no answer repeats any of it.

pub(crate) mod hosts;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Body;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, ORIGIN,
    RETRY_AFTER, WWW_AUTHENTICATE,
};
use hyper::{HeaderMap, Request, Response, StatusCode, Uri};
use passsafe_core::Token;
use passsafe_core::wire::{
    CLOSE_PATH, Code, EXPIRES_IN_HEADER, JSON_MEDIA_TYPE, PROBLEM_MEDIA_TYPE, Problem, SECRET_PATH,
    STATUS_PATH, TOKEN_HEADER,
};
use serde::Serialize;

use crate::connection::Guest;
use crate::http::hosts::AllowedHosts;
use crate::listen::Transport;
use crate::safe::Refusal;

// Made once: to look a header up by a text is to parse the text each time.
static TOKEN: HeaderName = HeaderName::from_static(TOKEN_HEADER);
static EXPIRES_IN: HeaderName = HeaderName::from_static(EXPIRES_IN_HEADER);
static SEC_PURPOSE: HeaderName = HeaderName::from_static("sec-purpose");
static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Most headers of an answer, hyper's own apart.
const HEADERS: usize = 4;

/// Answers one request.
pub(crate) async fn answer<B: Body>(
    request: &Request<B>,
    guest: &Guest<'_>,
) -> Response<Full<Bytes>> {
    let mut response = judge(request, guest).await.unwrap_or_else(|refused| match refused {
        Refused::Guard(problem) => refusal(request, &problem),
        Refused::Safe(refused) => {
            let mut answer = refusal(request, &refused.into());
            if let Some(seconds) = retry_after(refused) {
                answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            }
            answer
        }
    });
    if !request.body().is_end_stream() {
        // The body is not read, so nothing behind it can be.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Why a request gets nothing.
enum Refused {
    Guard(Problem),
    Safe(Refusal),
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::Guard(problem)
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::Safe(refusal)
    }
}

async fn judge<B: Body>(
    request: &Request<B>,
    guest: &Guest<'_>,
) -> Result<Response<Full<Bytes>>, Refused> {
    let safe = &guest.shared.safe;
    let asked = Asked::of(request.headers());
    let foreign = refuse_wrong_host(request, &asked, &guest.shared.hosts, guest.transport)
        .and_then(|()| asked.refuse_web_pages());
    if let Err(problem) = foreign {
        guest.report_foreign(&problem).await;
        return Err(problem.into());
    }
    let operation = Operation::of(request)?;
    if !request.body().is_end_stream() {
        return Err(Problem::new(Code::BodyNotAllowed).into());
    }
    match operation {
        Operation::Status => {
            Ok(response(StatusCode::OK, json(&safe.status()), Some(JSON_MEDIA_TYPE)))
        }
        Operation::Fetch => {
            let token = asked.token()?;
            let release = safe.fetch_as(guest.asker().await, &token)?;
            let seconds = HeaderValue::from(release.remaining.as_secs());
            let mut answer = response(StatusCode::OK, release.record, Some(JSON_MEDIA_TYPE));
            answer.headers_mut().insert(&EXPIRES_IN, seconds);
            Ok(answer)
        }
        Operation::Close => {
            let token = asked.token()?;
            safe.close_as(guest.asker().await, &token)?;
            Ok(response(StatusCode::NO_CONTENT, Bytes::new(), None))
        }
    }
}

/// What a path stands for. Each has one method.
#[derive(Clone, Copy)]
enum Operation {
    Fetch,
    Status,
    Close,
}

impl Operation {
    /// Nothing here takes a query, and a token in one would end up in somebody's log: a
    /// path with a query is no path of ours.
    fn at(uri: &Uri) -> Option<Self> {
        match uri.path() {
            _ if uri.query().is_some() => None,
            SECRET_PATH => Some(Self::Fetch),
            STATUS_PATH => Some(Self::Status),
            CLOSE_PATH => Some(Self::Close),
            _ => None,
        }
    }

    fn method(self) -> &'static str {
        match self {
            Self::Fetch | Self::Close => "POST",
            Self::Status => "GET",
        }
    }

    fn of<B>(request: &Request<B>) -> Result<Self, Problem> {
        let operation = Self::at(request.uri()).ok_or_else(|| Problem::new(Code::NotFound))?;
        if request.method() == operation.method() {
            Ok(operation)
        } else {
            Err(Problem::new(Code::MethodNotAllowed))
        }
    }
}

/// The headers that matter, of all there are.
#[derive(Default)]
struct Asked<'a> {
    host: Values<'a>,
    token: Values<'a>,
    is_from_page: bool,
}

/// What stands under one name.
#[derive(Default, Clone, Copy)]
enum Values<'a> {
    #[default]
    None,
    One(&'a HeaderValue),
    Several,
}

impl<'a> Values<'a> {
    fn add(&mut self, value: &'a HeaderValue) {
        *self = if matches!(self, Self::None) { Self::One(value) } else { Self::Several };
    }
}

impl<'a> Asked<'a> {
    /// Browsers put `Origin` on every cross-origin request that could matter and
    /// `Sec-Fetch-Site` on all of them; pages can suppress neither. What a page has Chromium
    /// fetch ahead (speculation rules) says `none` there, as if the user had typed the address,
    /// but always has `Sec-Purpose`. Programs send none of them.
    fn of(headers: &'a HeaderMap) -> Self {
        let mut asked = Self::default();
        for (name, value) in headers {
            if *name == HOST {
                asked.host.add(value);
            } else if *name == TOKEN {
                asked.token.add(value);
            } else {
                asked.is_from_page |= *name == ORIGIN
                    || *name == SEC_PURPOSE
                    || (*name == SEC_FETCH_SITE && value != "none");
            }
        }
        asked
    }

    fn refuse_web_pages(&self) -> Result<(), Problem> {
        if self.is_from_page { Err(Problem::new(Code::ForbiddenOrigin)) } else { Ok(()) }
    }

    fn token(&self) -> Result<Token, Problem> {
        let value = match self.token {
            Values::None => return Err(Problem::new(Code::MissingToken)),
            Values::One(value) => Some(value),
            Values::Several => None,
        };
        value
            .and_then(|value| Token::from_wire(value.as_bytes()).ok())
            .ok_or_else(|| Problem::new(Code::MalformedToken))
    }
}

/// hyper accepts a missing or double `Host`, so both are refused here.
fn refuse_wrong_host<B>(
    request: &Request<B>,
    asked: &Asked<'_>,
    hosts: &AllowedHosts,
    transport: Transport,
) -> Result<(), Problem> {
    let header_is_ours =
        matches!(asked.host, Values::One(value) if hosts.allows(value.as_bytes(), transport));
    let target_is_ours = request
        .uri()
        .authority()
        .is_none_or(|authority| hosts.allows(authority.as_str().as_bytes(), transport));
    if header_is_ours && target_is_ours { Ok(()) } else { Err(Problem::new(Code::WrongHost)) }
}

fn refusal<B>(request: &Request<B>, problem: &Problem) -> Response<Full<Bytes>> {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_REQUEST);
    let mut answer = response(status, json(problem), Some(PROBLEM_MEDIA_TYPE));
    // Both headers are owed by RFC 9110, sections 15.5.2 and 15.5.6.
    match (problem.code, Operation::at(request.uri())) {
        (Code::InvalidToken, _) => {
            let challenge = HeaderValue::from_static("Passsafe-Token");
            answer.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        (Code::MethodNotAllowed, Some(operation)) => {
            let method = HeaderValue::from_static(operation.method());
            answer.headers_mut().insert(ALLOW, method);
        }
        _ => {}
    }
    answer
}

fn response(
    status: StatusCode,
    body: Bytes,
    media_type: Option<&'static str>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.reserve(HEADERS);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(media_type) = media_type {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    }
    response
}

#[expect(clippy::expect_used, reason = "wire types are structs of numbers and text")]
fn json(value: &impl Serialize) -> Bytes {
    Bytes::from(serde_json::to_vec(value).expect("a wire type serialises"))
}

/// Whole seconds, at least one.
fn retry_after(refusal: Refusal) -> Option<u64> {
    match refusal {
        Refusal::AwaitingConsent => Some(1),
        Refusal::Busy { retry_after } => {
            Some(retry_after.as_millis().div_ceil(1_000).try_into().unwrap_or(1).max(1))
        }
        _ => None,
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::InvalidToken { attempts_left } => {
                Self::new(Code::InvalidToken).with_attempts_left(attempts_left)
            }
            Refusal::Locked => Self::new(Code::Locked),
            Refusal::Spent => Self::new(Code::Spent),
            Refusal::Expired => Self::new(Code::Expired),
            Refusal::Closed => Self::new(Code::Closed),
            Refusal::AwaitingConsent => Self::new(Code::AwaitingConsent),
            Refusal::Denied => Self::new(Code::Denied),
            Refusal::Busy { .. } => Self::new(Code::Busy),
        }
    }
}
