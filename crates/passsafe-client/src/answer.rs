//! From an HTTP answer to what it means. No I/O, and no trust in the content.
//!
//! Only what has the shape that the protocol gives it counts as a safe's answer; anything
//! else is "not a safe", and none of its text reaches a message.

use std::str::FromStr;
use std::time::Duration;

use passsafe_core::wire::{
    Code, EXPIRES_IN_HEADER, JSON_MEDIA_TYPE, MAX_ATTEMPTS, MAX_PROOFS, PROBLEM_MEDIA_TYPE,
    Problem, Status, USES_LEFT_HEADER,
};
use passsafe_core::{KdfParameters, RecordError, SealedRecord};

use crate::error::Kind;
use crate::exchange::{Answer, CONTENT_TYPE, RETRY_AFTER};

/// Bounds of the wait before a request is made again.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
const RETRY_AFTER_UNTOLD: Duration = Duration::from_secs(1);

/// A record, and how long its safe lives on.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) record: SealedRecord,
    pub(crate) expires_in: Duration,
    /// Nothing where uses are not limited.
    pub(crate) uses_left: Option<u32>,
}

/// What came of asking for a record.
#[derive(Debug)]
pub(crate) enum Fetching {
    Done(Fetched),
    /// The owner has to be asked: the same request may be made again after this time.
    Later(Duration),
}

/// Reads the answer to `POST /v1/secret`.
pub(crate) fn fetched(answer: &Answer) -> Result<Fetching, Kind> {
    match record(answer) {
        Err(Kind::Refused(Code::AwaitingConsent | Code::Busy)) => {
            Ok(Fetching::Later(retry_after(answer)))
        }
        record => record.map(Fetching::Done),
    }
}

fn record(answer: &Answer) -> Result<Fetched, Kind> {
    let body = json(answer)?;
    let expires_in = expires_in(answer).ok_or(Kind::NotASafe("it does not say when it ends"))?;
    let record = SealedRecord::from_json(body).map_err(|error| match error {
        // Its text repeats what was sent.
        RecordError::Json(_) => Kind::NotASafe("what it sends is not a sealed record"),
        error => Kind::Record(error),
    })?;
    let uses_left = number(answer, USES_LEFT_HEADER);
    Ok(Fetched { record, expires_in, uses_left })
}

/// Reads the answer to `POST /v1/secret` without a proof: what one is derived with.
pub(crate) fn parameters(answer: &Answer) -> Result<KdfParameters, Kind> {
    if answer.status == 200 {
        return Err(Kind::NotASafe("it asks for no proof"));
    }
    let problem = problem(answer)?;
    if problem.code != Code::ProofRequired {
        return Err(refusal(&problem));
    }
    let told = problem.parameters();
    let told = told.ok_or(Kind::NotASafe("it does not say what a proof is derived with"))?;
    told.map_err(Kind::Record)
}

/// Reads the answer to `GET /v1/status`.
pub(crate) fn status(answer: &Answer) -> Result<Status, Kind> {
    Status::from_json(json(answer)?).ok_or(Kind::NotASafe("what it sends is not a status"))
}

/// Reads the answer to `POST /v1/close`.
pub(crate) fn closed(answer: &Answer) -> Result<(), Kind> {
    if answer.status == 204 { Ok(()) } else { Err(refused(answer)) }
}

/// The body of a success.
fn json(answer: &Answer) -> Result<&[u8], Kind> {
    if answer.status != 200 {
        Err(refused(answer))
    } else if has_media_type(answer, JSON_MEDIA_TYPE) {
        Ok(&answer.body)
    } else {
        Err(Kind::NotASafe("it does not answer in JSON"))
    }
}

/// What an answer means that is not the hoped-for one.
fn refused(answer: &Answer) -> Kind {
    problem(answer).map_or_else(|kind| kind, |problem| refusal(&problem))
}

/// The problem that a safe answers with.
fn problem(answer: &Answer) -> Result<Problem, Kind> {
    if matches!(answer.status, 300..400) {
        return Err(Kind::NotASafe("it sends the client elsewhere"));
    }
    has_media_type(answer, PROBLEM_MEDIA_TYPE)
        .then(|| Problem::from_json(&answer.body))
        .flatten()
        .filter(|problem| goes_with(problem.code, answer.status))
        .ok_or(Kind::NotASafe("its answer is not one that safes give"))
}

/// More of anything than a safe ever has is no count of one.
fn refusal(problem: &Problem) -> Kind {
    match problem.code {
        Code::InvalidToken => {
            let attempts_left = problem.attempts_left.filter(|&left| left < MAX_ATTEMPTS);
            Kind::InvalidToken { attempts_left }
        }
        Code::WrongPassphrase => {
            let proofs_left = problem.proofs_left.filter(|&left| left < MAX_PROOFS);
            Kind::WrongProof { proofs_left }
        }
        Code::Locked => Kind::Locked { by_passphrases: problem.proofs_left == Some(0) },
        // It was told already.
        Code::ProofRequired => Kind::NotASafe("it asks again for a proof that it was given"),
        code => Kind::Refused(code),
    }
}

/// Whether a safe would send that code with that status. Codes yet unknown may come with any
/// error.
fn goes_with(code: Code, status: u16) -> bool {
    match code {
        Code::Unknown => matches!(status, 400..600),
        known => known.status() == status,
    }
}

fn has_media_type(answer: &Answer, expected: &str) -> bool {
    let essence = answer.values(CONTENT_TYPE).next().and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case(expected))
}

fn expires_in(answer: &Answer) -> Option<Duration> {
    number(answer, EXPIRES_IN_HEADER).map(Duration::from_secs)
}

/// The one value of a header: digits, and nothing else.
fn number<T: FromStr>(answer: &Answer, header: &str) -> Option<T> {
    let mut values = answer.values(header);
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    if value.starts_with('+') { None } else { value.parse().ok() }
}

/// In seconds, and never so short or long that it would hurt to believe it.
fn retry_after(answer: &Answer) -> Duration {
    let value = answer.values(RETRY_AFTER).next();
    let seconds = value.and_then(|value| value.parse().ok()).map(Duration::from_secs);
    seconds.unwrap_or(RETRY_AFTER_UNTOLD).clamp(SHORTEST_WAIT, LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use passsafe_core::wire::State;

    use super::*;
    use crate::error::{Error, ErrorKind};

    const RECORD: &str = r#"{"version":1,"kdf":{"algorithm":"argon2id","version":19,"memory_kib":65536,"iterations":3,"parallelism":1},"salt":"AAAAAAAAAAAAAAAAAAAAAA","nonce":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","commitment":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","ciphertext":""#;

    /// A well-formed record, which nothing opens.
    fn record() -> String {
        // 256 + 16 zero bytes are 362 and two thirds letters of base64.
        format!("{RECORD}{}\"}}", "A".repeat(363))
    }

    fn answer(status: u16, headers: &[(&'static str, &str)], body: impl Into<Vec<u8>>) -> Answer {
        Answer::new(status, headers, body.into())
    }

    fn problem(status: u16, body: &'static str) -> Error {
        let answer = answer(status, &[("content-type", PROBLEM_MEDIA_TYPE)], body);
        closed(&answer).unwrap_err().into()
    }

    const JSON: (&str, &str) = ("content-type", "application/json");
    const ENDS: (&str, &str) = (EXPIRES_IN_HEADER, "1450");

    #[test]
    fn a_record_comes_with_its_remaining_time() {
        let media_type = ("content-type", "Application/JSON; charset=utf-8");
        let Ok(Fetching::Done(fetched)) = fetched(&answer(200, &[media_type, ENDS], record()))
        else {
            panic!("not a record")
        };
        assert_eq!(fetched.expires_in, Duration::from_secs(1_450));
        assert_eq!(fetched.record.to_json(), record());
    }

    #[test]
    fn a_status_may_have_grown() {
        let body = r#" {"protocol":1,"state":"open","expires_in_seconds":7,"attempts_left":3,"proofs_left":10,"mood":"calm"}"#;
        let read = status(&answer(200, &[JSON], body)).unwrap();
        assert_eq!(read, Status::new(State::Open, 7, 3, 10));
    }

    #[test]
    fn problems_become_answers_to_questions() {
        let wrong = problem(
            401,
            r#"{"code":"invalid_token","title":"x","status":401,"attempts_left":2,"more":[]}"#,
        );
        assert!(wrong.kind() == ErrorKind::InvalidToken && wrong.attempts_left() == Some(2));
        for (status, body, kind) in [
            (423, r#"{"code":"locked","title":"","status":423}"#, ErrorKind::Locked),
            (410, r#"{"code":"spent","title":"","status":410}"#, ErrorKind::Spent),
            (410, r#"{"code":"expired","title":"","status":410}"#, ErrorKind::Expired),
            (410, r#"{"code":"closed","title":"","status":410}"#, ErrorKind::Closed),
            (421, r#"{"code":"wrong_host","title":"","status":421}"#, ErrorKind::WrongHost),
            (403, r#"{"code":"forbidden_origin","title":"","status":403}"#, ErrorKind::Refused),
        ] {
            assert_eq!(problem(status, body).kind(), kind, "{body}");
        }
    }

    #[test]
    fn a_safe_that_asks_its_owner_is_asked_again_within_bounds() {
        let awaiting = r#"{"code":"awaiting_consent","title":"","status":202}"#;
        let busy = r#"{"code":"busy","title":"","status":503}"#;
        let problem = ("content-type", PROBLEM_MEDIA_TYPE);
        let asked = |status, body: &'static str, headers: &[(&'static str, &str)]| match fetched(
            &answer(status, &[&[problem], headers].concat(), body),
        )
        .unwrap()
        {
            Fetching::Later(after) => after.as_millis(),
            Fetching::Done(_) => panic!("a record"),
        };
        for (said, wait) in [
            (&["3"][..], 3_000),
            (&["0"], 100),
            (&["6"], 5_000),
            (&["18446744073709551615"], 5_000),
            (&["18446744073709551616"], 1_000),
            (&["-1"], 1_000),
            (&["0.5"], 1_000),
            (&["soon"], 1_000),
            (&["Fri, 20 Nov 2026 10:13:52 GMT"], 1_000),
            (&[""], 1_000),
            (&[], 1_000),
        ] {
            let headers: Vec<_> = said.iter().map(|said| (RETRY_AFTER, *said)).collect();
            assert_eq!(asked(202, awaiting, &headers), wait, "{said:?}");
            assert_eq!(asked(503, busy, &headers), wait, "{said:?}");
        }
        for (status, body) in [(503, awaiting), (200, awaiting), (202, busy), (202, "{}")] {
            let answer = answer(status, &[problem], body);
            assert!(
                Error::from(fetched(&answer).unwrap_err()).kind() == ErrorKind::NotASafe,
                "{status} {body}"
            );
        }
        let told = answer(202, &[JSON], awaiting);
        assert!(Error::from(fetched(&told).unwrap_err()).kind() == ErrorKind::NotASafe);
    }

    #[test]
    fn an_unknown_code_is_a_refusal_and_its_text_is_not_shown() {
        let error = problem(425, r#"{"code":"too_early","title":"\u001b[2Jgo away","status":425}"#);
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert_eq!(error.to_string(), "the request was refused");
    }

    #[test]
    fn what_no_safe_answers_is_not_a_safe() {
        let html = ("content-type", "text/html");
        let problem = ("content-type", PROBLEM_MEDIA_TYPE);
        let locked = r#"{"code":"locked","title":"","status":423}"#;
        let cases: Vec<Answer> = vec![
            answer(200, &[html, ENDS], "<html>"),
            answer(200, &[html, ENDS], record()),
            answer(200, &[ENDS], record()),
            answer(200, &[JSON, ENDS], ""),
            answer(200, &[JSON, ENDS], "null"),
            answer(200, &[JSON, ENDS], "{}"),
            answer(200, &[JSON, ENDS], &b"\xff\xfe{}"[..]),
            answer(200, &[JSON, ENDS], record()[..300].to_owned()),
            answer(200, &[JSON, ENDS], record() + "x"),
            answer(200, &[JSON, ENDS], "[".repeat(200_000)),
            answer(200, &[JSON], record()),
            answer(200, &[JSON, ENDS, ENDS], record()),
            answer(200, &[JSON, (EXPIRES_IN_HEADER, "+5")], record()),
            answer(200, &[JSON, (EXPIRES_IN_HEADER, "-5")], record()),
            answer(200, &[JSON, (EXPIRES_IN_HEADER, "soon")], record()),
            answer(200, &[JSON, (EXPIRES_IN_HEADER, "99999999999999999999")], record()),
            answer(201, &[JSON, ENDS], record()),
            answer(204, &[], ""),
            answer(206, &[JSON, ENDS], record()),
            answer(301, &[("location", "http://localhost/")], ""),
            answer(307, &[problem, ("location", "http://localhost/")], locked),
            answer(400, &[], ""),
            answer(401, &[("www-authenticate", "Basic")], "no"),
            answer(423, &[html], locked),
            answer(423, &[JSON], locked),
            answer(423, &[problem], ""),
            answer(423, &[problem], "[\"locked\",\"\",423,null]"),
            answer(423, &[problem], r#"{"title":"locked","status":423}"#),
            answer(423, &[problem], r#"{"code":7,"title":"","status":423}"#),
            answer(401, &[problem], locked),
            answer(200, &[problem], locked),
            answer(302, &[problem], r#"{"code":"new","title":"","status":302}"#),
            answer(502, &[html], "<h1>Bad Gateway</h1>"),
        ];
        for (number, answer) in cases.iter().enumerate() {
            let error = Error::from(fetched(answer).unwrap_err());
            assert_eq!(error.kind(), ErrorKind::NotASafe, "case {number}: {error}");
        }
    }

    #[test]
    fn a_status_of_another_shape_is_not_a_safes() {
        for body in [
            "",
            "{}",
            "7",
            r#"[1,"open",7,3]"#,
            r#"{"protocol":1,"state":"open","expires_in_seconds":-1,"attempts_left":3}"#,
            r#"{"protocol":1,"state":"open","expires_in_seconds":7,"attempts_left":999}"#,
            r#"{"protocol":1,"state":"open","state":"open","expires_in_seconds":7,"attempts_left":3}"#,
            r#"{"protocol":1,"state":"open","expires_in_seconds":7,"attempts_left":3"#,
        ] {
            let error = Error::from(status(&answer(200, &[JSON], body)).unwrap_err());
            assert_eq!(error.kind(), ErrorKind::NotASafe, "{body}");
        }
    }

    #[test]
    fn a_safe_is_closed_by_no_content_alone() {
        assert!(closed(&answer(204, &[], "")).is_ok());
        assert!(closed(&answer(200, &[JSON], "{}")).is_err());
    }

    #[test]
    fn an_absurd_cost_and_an_unknown_version_are_unusable_records() {
        for (from, to) in [
            ("65536", "4294967295"),
            ("65536", "1"),
            ("\"iterations\":3", "\"iterations\":4000000000"),
            ("{\"version\":1", "{\"version\":2"),
            ("argon2id", "pbkdf2"),
            ("\"salt\":\"", "\"salt\":\"A"),
        ] {
            let changed = record().replacen(from, to, 1);
            assert_ne!(changed, record());
            let error = Error::from(fetched(&answer(200, &[JSON, ENDS], changed)).unwrap_err());
            assert_eq!(error.kind(), ErrorKind::Damaged, "{to}: {error}");
        }
    }
}
