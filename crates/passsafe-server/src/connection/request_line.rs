//! Makes a request line with a fragment unparsable.
//!
//! No request target has one (RFC 9112, section 3.2), but hyper drops what follows a `#` and hands
//! the rest on as if it had been sent alone. So the `#` is overwritten before hyper sees it, by a
//! byte that no target may have, and hyper answers as it does to everything that is not HTTP.

/// What stands in the place of a `#`.
const MALFORMED: u8 = 0;

/// Where in a request's head the next byte stands. Requests have no body: behind one, nothing is
/// read any more.
#[derive(Debug, Default)]
pub(super) enum RequestLine {
    /// At the start of a line, or within its first word.
    #[default]
    Start,
    /// Behind the method: header fields have a colon before their first space.
    Target,
    /// In a header field.
    Field,
}

impl RequestLine {
    pub(super) fn refuse_fragments(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            match (&*self, *byte) {
                (_, b'\n') => *self = Self::Start,
                (Self::Start, b' ') => *self = Self::Target,
                (Self::Start, b':') => *self = Self::Field,
                (Self::Target, b'#') => *byte = MALFORMED,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_in_a_target_is_overwritten() {
        let sent = "POST /v1/secret#a HTTP/1.1\r\nHost: a#b\r\nX:#\r\n\r\n\
                    GET http://localhost:8051/#?# HTTP/1.1\r\nHost: a\r\n\r\n";
        let expected = sent.replace("secret#", "secret\0").replace("#?#", "\0?\0");
        for size in 1..sent.len() {
            let (mut line, mut bytes) = (RequestLine::default(), sent.as_bytes().to_vec());
            bytes.chunks_mut(size).for_each(|piece| line.refuse_fragments(piece));
            assert_eq!(String::from_utf8(bytes).unwrap(), expected, "{size}");
        }
    }
}
