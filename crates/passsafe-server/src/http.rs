//! From a request's head to its answer, in the order that the protocol fixes.
//!
//! The guards against web pages and malformed requests come first and never touch the
//! count of wrong tokens, so neither can lock the safe. Nothing of a request is kept or
//! logged, and no answer repeats any of it.

pub(crate) mod context;
mod guards;
pub(crate) mod hosts;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Body;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER,
    WWW_AUTHENTICATE,
};
use hyper::{Request, Response, StatusCode, Uri};
use passsafe_core::wire::{
    CLOSE_PATH, Code, EXPIRES_IN_HEADER, JSON_MEDIA_TYPE, PROBLEM_MEDIA_TYPE, Problem, SECRET_PATH,
    STATUS_PATH, USES_LEFT_HEADER,
};
use serde::Serialize;

use self::context::Context;
use self::guards::Headers;
use crate::safe::Refusal;

static EXPIRES_IN: HeaderName = HeaderName::from_static(EXPIRES_IN_HEADER);
static USES_LEFT: HeaderName = HeaderName::from_static(USES_LEFT_HEADER);

/// Most headers of an answer, hyper's own apart.
const HEADERS: usize = 5;

/// Answers one request.
pub(crate) async fn answer<B: Body>(
    request: &Request<B>,
    context: &Context,
) -> Response<Full<Bytes>> {
    let mut response = judge(request, context).await.unwrap_or_else(|refused| match refused {
        Refused::Guard(problem) => refusal(request, &problem),
        Refused::Safe(refused) => {
            let retry_after = retry_after(&refused);
            let is_locked = refused == Refusal::Locked;
            let mut problem = Problem::from(refused);
            if is_locked {
                // Which of them is none tells what locked it.
                let status = context.service.safe.status();
                problem = problem
                    .with_attempts_left(status.attempts_left)
                    .with_proofs_left(status.proofs_left);
            }
            let mut answer = refusal(request, &problem);
            if let Some(seconds) = retry_after {
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

/// Why a request is refused: by a guard, or by the safe.
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
    context: &Context,
) -> Result<Response<Full<Bytes>>, Refused> {
    let safe = &context.service.safe;
    let headers = Headers::of(request.headers());
    let foreign = headers
        .refuse_wrong_host(request, &context.service.hosts, context.transport)
        .and_then(|()| headers.refuse_web_pages());
    if let Err(problem) = foreign {
        context.report_foreign(&problem).await;
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
            let token = headers.token()?;
            let (asker, proof) = (context.asker().await, headers.proof());
            if proof.is_err() {
                // A wrong token counts all the same, and a right one learns nothing of the proof.
                safe.judge_token(asker, &token)?;
            }
            let release = safe.fetch_as(asker, &token, proof?.as_ref())?;
            let seconds = HeaderValue::from(release.remaining.as_secs());
            let mut answer = response(StatusCode::OK, release.record, Some(JSON_MEDIA_TYPE));
            answer.headers_mut().insert(&EXPIRES_IN, seconds);
            if let Some(uses_left) = release.uses_left {
                answer.headers_mut().insert(&USES_LEFT, HeaderValue::from(uses_left));
            }
            Ok(answer)
        }
        Operation::Close => {
            let token = headers.token()?;
            safe.close_as(context.asker().await, &token)?;
            Ok(response(StatusCode::NO_CONTENT, Bytes::new(), None))
        }
    }
}

/// The operation at a path. Each has one method.
#[derive(Clone, Copy)]
enum Operation {
    Fetch,
    Status,
    Close,
}

impl Operation {
    /// No operation takes a query, and a token in one would end up in a log: a path with a
    /// query is not found.
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
fn retry_after(refusal: &Refusal) -> Option<u64> {
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
            Refusal::ProofRequired { parameters } => {
                Self::new(Code::ProofRequired).with_parameters(&parameters)
            }
            Refusal::WrongPassphrase { proofs_left } => {
                Self::new(Code::WrongPassphrase).with_proofs_left(proofs_left)
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
