//! One HTTP/1.1 request and its answer as a state machine over bytes, without I/O (RFC 9112).
//!
//! A driver writes [`Request::bytes`], hands whatever it reads to [`Exchange::received`], and
//! says with [`Exchange::ended`] that the other side will send no more. Promises bounds: a head
//! of [`MAX_HEAD_LEN`], a body of [`MAX_BODY_LEN`]. Bounds no time: interim answers (1xx) are
//! read and forgotten for as long as the driver delivers them.

use passsafe_core::wire::{EXPIRES_IN_HEADER, PROOF_HEADER, TOKEN_HEADER, USES_LEFT_HEADER};
use passsafe_core::{Proof, Token};
use zeroize::Zeroizing;

/// Longest body that is read, in bytes. A record has 192 KiB at most.
pub(crate) const MAX_BODY_LEN: usize = 256 * 1024;
/// Longest head of an answer, line of a chunk's size, and trailer, in bytes.
pub(crate) const MAX_HEAD_LEN: usize = 16 * 1024;
const MAX_HEADERS: usize = 100;

pub(crate) const CONTENT_TYPE: &str = "content-type";
pub(crate) const RETRY_AFTER: &str = "retry-after";
/// The headers that this protocol reads. No others are kept.
const KEPT_HEADERS: [&str; 4] = [CONTENT_TYPE, RETRY_AFTER, EXPIRES_IN_HEADER, USES_LEFT_HEADER];

/// A request without a body, ready to be written. Holds token and proof, and is wiped.
pub(crate) struct Request(Zeroizing<Vec<u8>>);

impl Request {
    /// `target` in origin form (RFC 9112, section 3.2.1). All parts are visible ASCII, which
    /// their types promise.
    pub(crate) fn new(
        method: &str,
        target: [&str; 2],
        host: &str,
        token: Option<&Token>,
        proof: Option<&Proof>,
    ) -> Self {
        let mut written = Zeroizing::new([0; Proof::WIRE_LEN]);
        let mut parts =
            vec![method, " ", target[0], target[1], " HTTP/1.1\r\nhost: ", host, "\r\n"];
        if let Some(token) = token {
            parts.extend([TOKEN_HEADER, ": ", token.expose(), "\r\n"]);
        }
        if let Some(proof) = proof {
            proof.write_wire(&mut written);
            let written = str::from_utf8(written.as_slice()).unwrap_or_default();
            parts.extend([PROOF_HEADER, ": ", written, "\r\n"]);
        }
        parts.push("\r\n");
        // Allocated at its final size, so that no copy of the token is left behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(parts.iter().map(|it| it.len()).sum()));
        for part in parts {
            bytes.extend_from_slice(part.as_bytes());
        }
        Self(bytes)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A whole answer.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(&'static str, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    /// Whether the connection may not be used again.
    pub(crate) is_last: bool,
}

impl Answer {
    /// All values of one of [`KEPT_HEADERS`], in their order. Those that are not ASCII are
    /// empty.
    pub(crate) fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.headers.iter().filter(move |(it, _)| *it == name);
        named.map(|(_, value)| match str::from_utf8(value) {
            Ok(text) if text.is_ascii() => text,
            _ => "",
        })
    }

    #[cfg(test)]
    pub(crate) fn new(status: u16, headers: &[(&'static str, &str)], body: Vec<u8>) -> Self {
        let headers = headers.iter().map(|(name, value)| (*name, value.as_bytes().to_vec()));
        Self { status, headers: headers.collect(), body, is_last: false }
    }
}

/// Why what was read is not an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    NotHttp,
    /// More than the bounds of this module allow.
    TooLong,
    /// The other side ended the connection without an answer.
    HungUp,
    /// It ended the connection within an answer.
    BrokeOff,
}

/// The reading half of an exchange.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    /// Received and not yet understood.
    pending: Vec<u8>,
    /// Once the head was read: the answer so far, and how its body ends.
    answer: Option<(Answer, Framing)>,
}

/// Where a body ends (RFC 9112, section 6.3).
#[derive(Debug)]
enum Framing {
    Length(usize),
    Chunked(Chunk),
    UntilClose,
}

/// What comes next in a chunked body (RFC 9112, section 7.1).
#[derive(Debug)]
enum Chunk {
    Size,
    Data(usize),
    LineEnd,
    Trailers,
}

impl Exchange {
    /// Takes what was read. The answer, once it is whole.
    pub(crate) fn received(&mut self, bytes: &[u8]) -> Result<Option<Answer>, Fault> {
        self.pending.extend_from_slice(bytes);
        if self.answer.is_none() {
            self.answer = read_head(&mut self.pending)?;
        }
        let Some((answer, framing)) = &mut self.answer else { return Ok(None) };
        if !read_body(&mut self.pending, &mut answer.body, framing)? {
            return Ok(None);
        }
        // Bytes that nobody asked for make the connection worthless.
        answer.is_last |= !self.pending.is_empty();
        Ok(self.answer.take().map(|(answer, _)| answer))
    }

    /// The other side sends no more, which is the end of some answers.
    pub(crate) fn ended(&mut self) -> Result<Answer, Fault> {
        match self.answer.take() {
            Some((answer, Framing::UntilClose)) => Ok(Answer { is_last: true, ..answer }),
            None if self.pending.is_empty() => Err(Fault::HungUp),
            _ => Err(Fault::BrokeOff),
        }
    }

    /// Whether a part of the answer was read.
    pub(crate) fn has_begun(&self) -> bool {
        self.answer.is_some() || !self.pending.is_empty()
    }
}

/// Takes a final head off `pending`, and all interim ones before it.
fn read_head(pending: &mut Vec<u8>) -> Result<Option<(Answer, Framing)>, Fault> {
    let mut at = 0;
    let read = loop {
        let rest = pending.get(at..).unwrap_or_default();
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut head = httparse::Response::new(&mut headers);
        match head.parse(rest).map_err(Fault::from)? {
            httparse::Status::Partial if rest.len() > MAX_HEAD_LEN => return Err(Fault::TooLong),
            httparse::Status::Partial => break None,
            httparse::Status::Complete(length) if length > MAX_HEAD_LEN => {
                return Err(Fault::TooLong);
            }
            httparse::Status::Complete(length) => at += length,
        }
        match head.code {
            Some(100 | 102..=199) => {}
            // Nobody asked to speak another protocol (RFC 9110, section 15.2.2).
            None | Some(0..100 | 101) => return Err(Fault::NotHttp),
            Some(status) => break Some(judge_head(status, &head)?),
        }
    };
    pending.drain(..at);
    Ok(read)
}

fn judge_head(status: u16, head: &httparse::Response<'_, '_>) -> Result<(Answer, Framing), Fault> {
    let is_old = head.version == Some(0);
    let mut answer = Answer { status, is_last: is_old, ..Answer::default() };
    let (mut length, mut chunked) = (None, false);
    for header in &*head.headers {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        if is("content-length") {
            let told = content_length(header.value)?;
            // Two that differ are an attempt at smuggling (RFC 9112, section 6.3).
            if length.replace(told).is_some_and(|before| before != told) {
                return Err(Fault::NotHttp);
            }
        } else if is("transfer-encoding") {
            if chunked || is_old || !header.value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                return Err(Fault::NotHttp);
            }
            chunked = true;
        } else if is("connection") {
            let mut options = header.value.split(|&byte| byte == b',');
            answer.is_last |= options.any(|it| it.trim_ascii().eq_ignore_ascii_case(b"close"));
        } else if let Some(name) = KEPT_HEADERS.into_iter().find(|name| is(name)) {
            answer.headers.push((name, header.value.to_vec()));
        }
    }
    let framing = match (status, length, chunked) {
        (204 | 304, ..) => Framing::Length(0),
        (_, Some(_), true) => return Err(Fault::NotHttp),
        (_, None, true) => Framing::Chunked(Chunk::Size),
        (_, Some(length), false) if length > MAX_BODY_LEN => return Err(Fault::TooLong),
        (_, Some(length), false) => Framing::Length(length),
        (_, None, false) => Framing::UntilClose,
    };
    Ok((answer, framing))
}

fn content_length(value: &[u8]) -> Result<usize, Fault> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(Fault::NotHttp);
    }
    let digits = str::from_utf8(value).map_err(|_| Fault::NotHttp)?;
    digits.parse().map_err(|_| Fault::TooLong)
}

/// Takes what is there of the body off `pending`. Says whether that was all of it.
fn read_body(
    pending: &mut Vec<u8>,
    body: &mut Vec<u8>,
    framing: &mut Framing,
) -> Result<bool, Fault> {
    let (used, whole) = match framing {
        Framing::Length(length) if pending.len() < *length => return Ok(false),
        Framing::Length(length) => {
            body.extend(pending.drain(..*length));
            return Ok(true);
        }
        Framing::UntilClose if body.len() + pending.len() > MAX_BODY_LEN => {
            return Err(Fault::TooLong);
        }
        Framing::UntilClose => {
            body.append(pending);
            return Ok(false);
        }
        Framing::Chunked(next) => read_chunks(pending, body, next)?,
    };
    pending.drain(..used);
    Ok(whole)
}

/// How many bytes of `pending` were used up, and whether the body is whole.
fn read_chunks(
    pending: &[u8],
    body: &mut Vec<u8>,
    next: &mut Chunk,
) -> Result<(usize, bool), Fault> {
    let mut at = 0;
    loop {
        let rest = pending.get(at..).unwrap_or_default();
        let too_long = || if rest.len() > MAX_HEAD_LEN { Err(Fault::TooLong) } else { Ok(()) };
        match next {
            Chunk::Size => match httparse::parse_chunk_size(rest).map_err(|_| Fault::NotHttp)? {
                httparse::Status::Partial => return too_long().map(|()| (at, false)),
                httparse::Status::Complete((used, _)) if used > MAX_HEAD_LEN => {
                    return Err(Fault::TooLong);
                }
                httparse::Status::Complete((used, size)) => {
                    at += used;
                    let size = usize::try_from(size).map_err(|_| Fault::TooLong)?;
                    if size > MAX_BODY_LEN - body.len() {
                        return Err(Fault::TooLong);
                    }
                    *next = if size == 0 { Chunk::Trailers } else { Chunk::Data(size) };
                }
            },
            Chunk::Data(left) => {
                let data = rest.get(..rest.len().min(*left)).unwrap_or_default();
                body.extend_from_slice(data);
                at += data.len();
                *left -= data.len();
                if *left > 0 {
                    return Ok((at, false));
                }
                *next = Chunk::LineEnd;
            }
            Chunk::LineEnd => match rest {
                [b'\r', b'\n', ..] => {
                    at += 2;
                    *next = Chunk::Size;
                }
                [] | [b'\r'] => return Ok((at, false)),
                _ => return Err(Fault::NotHttp),
            },
            Chunk::Trailers => {
                let mut trailers = [httparse::EMPTY_HEADER; MAX_HEADERS];
                match httparse::parse_headers(rest, &mut trailers).map_err(Fault::from)? {
                    httparse::Status::Partial => return too_long().map(|()| (at, false)),
                    httparse::Status::Complete((used, _)) if used > MAX_HEAD_LEN => {
                        return Err(Fault::TooLong);
                    }
                    httparse::Status::Complete((used, _)) => return Ok((at + used, true)),
                }
            }
        }
    }
}

impl From<httparse::Error> for Fault {
    fn from(error: httparse::Error) -> Self {
        match error {
            httparse::Error::TooManyHeaders => Self::TooLong,
            _ => Self::NotHttp,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `bytes` in pieces of `size`, then the end.
    fn read(bytes: &[u8], size: usize) -> Result<Answer, Fault> {
        let mut exchange = Exchange::default();
        for piece in bytes.chunks(size) {
            if let Some(answer) = exchange.received(piece)? {
                return Ok(answer);
            }
        }
        exchange.ended()
    }

    fn whole(text: &str) -> (u16, String, bool) {
        let answer = read(text.as_bytes(), usize::MAX).unwrap();
        for size in [1, 2, 3, 7] {
            let pieces = read(text.as_bytes(), size).unwrap();
            assert_eq!((pieces.status, &pieces.body), (answer.status, &answer.body), "{text:?}");
        }
        (answer.status, String::from_utf8(answer.body).unwrap(), answer.is_last)
    }

    #[test]
    fn a_request_is_its_head() {
        let token = Token::from_integer(42_265).unwrap();
        let request =
            Request::new("POST", ["/hub", "/v1/secret"], "[::1]:8051", Some(&token), None);
        assert_eq!(
            request.bytes(),
            b"POST /hub/v1/secret HTTP/1.1\r\nhost: [::1]:8051\r\npasssafe-token: 042265\r\n\r\n"
        );
        assert_eq!(request.0.capacity(), request.0.len());
        let proof = Proof::copied(&[0; Proof::LEN]);
        let request = Request::new("POST", ["", "/v1/secret"], "a", Some(&token), Some(&proof));
        let expected = format!(
            "POST /v1/secret HTTP/1.1\r\nhost: a\r\npasssafe-token: 042265\r\n\
             passsafe-proof: {}\r\n\r\n",
            "A".repeat(43)
        );
        assert_eq!(request.bytes(), expected.as_bytes());
        assert_eq!(request.0.capacity(), request.0.len());
    }

    #[test]
    fn a_body_ends_where_its_head_says() {
        let ok = "HTTP/1.1 200 OK\r\n";
        assert_eq!(whole(&format!("{ok}Content-Length: 2\r\n\r\n{{}}")), (200, "{}".into(), false));
        assert_eq!(
            whole(&format!(
                "{ok}transfer-encoding: Chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nx: y\r\n\r\n"
            )),
            (200, "abc0123456789".into(), false)
        );
        assert_eq!(whole(&format!("{ok}\r\nto the end")), (200, "to the end".into(), true));
        assert_eq!(whole("HTTP/1.1 204 No Content\r\n\r\n"), (204, String::new(), false));
        let old = "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx";
        assert_eq!(whole(old), (200, "x".into(), true));
        let closing = format!("{ok}connection: x, Close\r\nContent-Length: 1\r\n\r\nx");
        assert_eq!(whole(&closing), (200, "x".into(), true));
    }

    #[test]
    fn interim_answers_are_forgotten() {
        let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n";
        let text = format!("{}HTTP/1.1 204 No Content\r\n\r\n", interim.repeat(1_000));
        assert_eq!(whole(&text), (204, String::new(), false));
    }

    #[test]
    fn what_comes_unasked_spoils_the_connection() {
        let text = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
        assert!(read(text, usize::MAX).unwrap().is_last);
    }

    #[test]
    fn ambiguous_framing_is_not_http() {
        for headers in [
            "Content-Length: 1\r\nContent-Length: 2",
            "Content-Length: 1, 1",
            "Content-Length: +1",
            "Content-Length: ",
            "Content-Length: 1\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: gzip, chunked",
            "Transfer-Encoding: identity",
        ] {
            let text = format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n1\r\nx\r\n0\r\n\r\n");
            assert_eq!(read(text.as_bytes(), 5).unwrap_err(), Fault::NotHttp, "{headers}");
        }
        let old = b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        assert_eq!(read(old, 5).unwrap_err(), Fault::NotHttp);
        let chunk = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n";
        assert_eq!(read(chunk, 5).unwrap_err(), Fault::NotHttp);
    }

    #[test]
    fn bounds_hold_to_the_byte() {
        let head = |length: usize| {
            let start = "HTTP/1.1 204 No Content\r\nx: ";
            format!("{start}{}\r\n\r\n", "y".repeat(length - start.len() - 4))
        };
        for size in [1_000, usize::MAX] {
            assert_eq!(read(head(MAX_HEAD_LEN).as_bytes(), size).unwrap().status, 204);
            let longer = read(head(MAX_HEAD_LEN + 1).as_bytes(), size);
            assert_eq!(longer.unwrap_err(), Fault::TooLong);
        }
        for (headers, chunk) in [
            ("\r\n", String::new()),
            ("Transfer-Encoding: chunked\r\n\r\n", format!("{MAX_BODY_LEN:x}\r\n")),
        ] {
            let start = format!("HTTP/1.1 200 OK\r\n{headers}{chunk}");
            let body = "x".repeat(MAX_BODY_LEN);
            let end = if chunk.is_empty() { "" } else { "\r\n0\r\n\r\n" };
            let text = format!("{start}{body}{end}");
            assert_eq!(read(text.as_bytes(), 60_000).unwrap().body.len(), MAX_BODY_LEN);
            let more = if chunk.is_empty() { "x" } else { "\r\n1\r\nx\r\n0\r\n\r\n" };
            let text = format!("{start}{body}{more}");
            assert_eq!(read(text.as_bytes(), 60_000).unwrap_err(), Fault::TooLong);
        }
        let told = |length: usize| format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        assert_eq!(read(told(MAX_BODY_LEN).as_bytes(), 99).unwrap_err(), Fault::BrokeOff);
        assert_eq!(read(told(MAX_BODY_LEN + 1).as_bytes(), 99).unwrap_err(), Fault::TooLong);
        let absurd = format!("HTTP/1.1 200 OK\r\nContent-Length: 1{}\r\n\r\n", "0".repeat(40));
        assert_eq!(read(absurd.as_bytes(), 99).unwrap_err(), Fault::TooLong);
    }

    #[test]
    fn an_end_within_an_answer_is_told_from_one_before_it() {
        assert_eq!(read(b"", 1).unwrap_err(), Fault::HungUp);
        for text in [
            "HTTP/1.1 2",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab",
        ] {
            assert_eq!(read(text.as_bytes(), 1).unwrap_err(), Fault::BrokeOff, "{text:?}");
        }
    }
}
