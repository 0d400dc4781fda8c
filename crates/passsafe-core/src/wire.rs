//! What travels between a safe and its clients besides the record: paths, header names,
//! the status and the problems.
//!
//! Status and problem objects may grow: readers ignore fields that they do not know.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::record::{KdfParameters, ParameterFields, RecordError};

/// Version of the HTTP protocol, as the status reports it.
pub const PROTOCOL: u32 = 1;
/// Port that a safe serves on unless told otherwise.
pub const DEFAULT_PORT: u16 = 8_051;
/// `POST`, with a token: the sealed record.
pub const SECRET_PATH: &str = "/v1/secret";
/// `GET`: the [`Status`].
pub const STATUS_PATH: &str = "/v1/status";
/// `POST`, with a token: closes the safe for good.
pub const CLOSE_PATH: &str = "/v1/close";
/// Request header that carries the token, lower-case as HTTP libraries want it.
pub const TOKEN_HEADER: &str = "passsafe-token";
/// Request header that carries the proof that the passphrase is known, lower-case too.
pub const PROOF_HEADER: &str = "passsafe-proof";
/// Response header with the whole seconds that the safe has left.
pub const EXPIRES_IN_HEADER: &str = "passsafe-expires-in";
/// Response header with the uses that are left, where they are limited.
pub const USES_LEFT_HEADER: &str = "passsafe-uses-left";
/// Media type of problems (RFC 9457).
pub const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";
/// Media type of the record and the status.
pub const JSON_MEDIA_TYPE: &str = "application/json";
/// Wrong tokens that lock a safe.
pub const MAX_ATTEMPTS: u8 = 3;
/// Wrong passphrases, by their proofs, that lock a safe.
pub const MAX_PROOFS: u8 = 10;

/// Where a safe is in its life. All states but [`State::Open`] are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum State {
    /// Hands out its record to who has the token and knows the passphrase.
    Open,
    /// Three wrong tokens came, or ten wrong passphrases.
    Locked,
    /// The last allowed use was made.
    Spent,
    /// The deadline has passed.
    Expired,
    /// It was closed before its time.
    Closed,
    /// A state that a newer server has and this crate does not.
    #[serde(other)]
    Unknown,
}

/// Answer to `GET /v1/status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Status {
    /// [`PROTOCOL`] of the server.
    pub protocol: u32,
    /// Where the safe is in its life.
    pub state: State,
    /// Whole seconds left; 0 when the safe is over.
    pub expires_in_seconds: u64,
    /// Wrong tokens that may still come before the safe locks.
    pub attempts_left: u8,
    /// Wrong passphrases that may still come before the safe locks.
    pub proofs_left: u8,
}

impl Status {
    /// A status of this protocol version.
    #[must_use]
    pub fn new(state: State, expires_in_seconds: u64, attempts_left: u8, proofs_left: u8) -> Self {
        Self { protocol: PROTOCOL, state, expires_in_seconds, attempts_left, proofs_left }
    }

    /// Reads a status; `None` for anything else. Fields that are not known are ignored.
    #[must_use]
    pub fn from_json(body: &[u8]) -> Option<Self> {
        object(body)
    }
}

/// Why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Code {
    /// `Host` is missing, double or not one of the safe's names.
    WrongHost,
    /// The request comes from a web page.
    ForbiddenOrigin,
    /// No such path.
    NotFound,
    /// The path has another method.
    MethodNotAllowed,
    /// The request has a body.
    BodyNotAllowed,
    /// No token header.
    MissingToken,
    /// Two token headers, or one that is not six digits.
    MalformedToken,
    /// Six digits, and wrong: this one counted.
    InvalidToken,
    /// The token is right; the answer says what to derive the proof with. Nothing was counted.
    ProofRequired,
    /// Two proof headers, or one that is not 43 characters of base64url.
    MalformedProof,
    /// The proof is not that of the safe's passphrase and user: this one counted.
    WrongPassphrase,
    /// Three wrong tokens came, or ten wrong passphrases.
    Locked,
    /// The last allowed use was made.
    Spent,
    /// The deadline has passed.
    Expired,
    /// The safe was closed.
    Closed,
    /// The owner is being asked; the same request collects the answer.
    AwaitingConsent,
    /// The owner said no, or nothing in time. Nothing was counted.
    Denied,
    /// The owner cannot be asked at the moment; the same request may be made again later.
    Busy,
    /// A code that a newer server has and this crate does not.
    #[serde(other)]
    Unknown,
}

impl Code {
    /// The HTTP status that goes with the code.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::AwaitingConsent => 202,
            Self::MissingToken | Self::MalformedToken | Self::MalformedProof | Self::Unknown => 400,
            Self::InvalidToken => 401,
            Self::ForbiddenOrigin | Self::ProofRequired | Self::WrongPassphrase | Self::Denied => {
                403
            }
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Spent | Self::Expired | Self::Closed => 410,
            Self::BodyNotAllowed => 413,
            Self::WrongHost => 421,
            Self::Locked => 423,
            Self::Busy => 503,
        }
    }

    /// One line for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::WrongHost => "the Host header does not name this safe",
            Self::ForbiddenOrigin => "web pages may not ask a safe",
            Self::NotFound => "no such path",
            Self::MethodNotAllowed => "the path has another method",
            Self::BodyNotAllowed => "requests to a safe have no body",
            Self::MissingToken => "the Passsafe-Token header is missing",
            Self::MalformedToken => "a token is one header of six digits",
            Self::InvalidToken => "the token is wrong",
            Self::ProofRequired => "the safe wants a proof that the passphrase is known",
            Self::MalformedProof => "a proof is one header of 43 characters of base64url",
            Self::WrongPassphrase => "the passphrase or the user is wrong",
            Self::Locked => "too many wrong tokens or passphrases locked the safe",
            Self::Spent => "the last allowed use was made",
            Self::Expired => "the safe has expired",
            Self::Closed => "the safe was closed",
            Self::AwaitingConsent => "the owner of the safe is being asked",
            Self::Denied => "the owner of the safe did not allow it",
            Self::Busy => "the owner of the safe cannot be asked at the moment",
            Self::Unknown => "the request was refused",
        }
    }
}

/// A refusal, in the shape of RFC 9457.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Problem {
    /// What programs decide on.
    pub code: Code,
    /// What people read.
    pub title: String,
    /// The HTTP status again.
    pub status: u16,
    /// With [`Code::InvalidToken`]: wrong tokens that may still come. With [`Code::Locked`] none,
    /// if that is what locked the safe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts_left: Option<u8>,
    /// The same of wrong passphrases, with [`Code::WrongPassphrase`] and [`Code::Locked`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proofs_left: Option<u8>,
    #[serde(flatten)]
    parameters: ParameterFields,
}

impl Problem {
    /// A problem with its code's title and status.
    #[must_use]
    pub fn new(code: Code) -> Self {
        Self {
            code,
            title: code.title().to_owned(),
            status: code.status(),
            attempts_left: None,
            proofs_left: None,
            parameters: ParameterFields::default(),
        }
    }

    /// Reads a problem; `None` for anything else. Fields that are not known are ignored.
    #[must_use]
    pub fn from_json(body: &[u8]) -> Option<Self> {
        object(body)
    }

    /// Adds how many wrong tokens may still come.
    #[must_use]
    pub fn with_attempts_left(self, attempts_left: u8) -> Self {
        Self { attempts_left: Some(attempts_left), ..self }
    }

    /// Adds how many wrong passphrases may still come.
    #[must_use]
    pub fn with_proofs_left(self, proofs_left: u8) -> Self {
        Self { proofs_left: Some(proofs_left), ..self }
    }

    /// Adds what the key and the proof are derived with.
    #[must_use]
    pub fn with_parameters(self, parameters: &KdfParameters) -> Self {
        Self { parameters: ParameterFields::new(parameters), ..self }
    }

    /// With [`Code::ProofRequired`]: what the key and the proof are derived with, within the
    /// bounds of [`Cost`](crate::Cost). `None` if they are missing.
    ///
    /// # Errors
    ///
    /// [`RecordError`] if they are not those of a record of version 1.
    #[must_use]
    pub fn parameters(&self) -> Option<Result<KdfParameters, RecordError>> {
        self.parameters.parameters()
    }
}

/// Reads a JSON object: serde would take an array of the fields as well.
fn object<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    body.trim_ascii_start().starts_with(b"{").then(|| serde_json::from_slice(body).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_the_documented_one() {
        let json = r#"{"protocol":1,"state":"open","expires_in_seconds":1450,"attempts_left":3,"proofs_left":10}"#;
        let status = Status::new(State::Open, 1_450, 3, 10);
        assert_eq!(serde_json::to_string(&status).unwrap(), json);
        assert_eq!(serde_json::from_str::<Status>(json).unwrap(), status);
    }

    #[test]
    fn problems_are_the_documented_ones() {
        let json = r#"{"code":"invalid_token","title":"the token is wrong","status":401,"attempts_left":2}"#;
        let problem = Problem::new(Code::InvalidToken).with_attempts_left(2);
        assert_eq!(serde_json::to_string(&problem).unwrap(), json);
        assert_eq!(serde_json::from_str::<Problem>(json).unwrap(), problem);
        let json = r#"{"code":"wrong_host","title":"the Host header does not name this safe","status":421}"#;
        assert_eq!(serde_json::to_string(&Problem::new(Code::WrongHost)).unwrap(), json);
    }

    #[test]
    fn what_a_newer_server_adds_is_ignored() {
        let status: Status = serde_json::from_str(
            r#"{"protocol":2,"state":"dozing","expires_in_seconds":1,"attempts_left":3,"proofs_left":10,"mood":"calm"}"#,
        )
        .unwrap();
        assert_eq!((status.protocol, status.state), (2, State::Unknown));
        let problem: Problem =
            serde_json::from_str(r#"{"code":"too_early","title":"x","status":425,"retry":1}"#)
                .unwrap();
        assert_eq!(problem.code, Code::Unknown);
    }
}
