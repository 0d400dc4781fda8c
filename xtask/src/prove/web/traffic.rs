//! Reading what passed a relay: requests, each with the status of its answer.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::relay::Passed;

/// A request's head, and how it was answered.
pub(super) struct Exchange {
    pub(super) lines: Vec<String>,
    /// `None` where the browser left before the answer came.
    pub(super) status: Option<u16>,
}

/// All requests in the record; what is no HTTP (a TURN client's first bytes, say) is
/// counted apart.
pub(super) fn exchanges(record: &[Passed]) -> (Vec<Exchange>, usize) {
    let mut exchanges = Vec::new();
    let mut not_http = 0;
    for Passed { sent, answered } in record {
        let mut requests = sent.as_slice();
        let mut answers = answered.as_slice();
        while let Some(lines) = head(&mut requests) {
            skip_body(&lines, &mut requests);
            let answer = head(&mut answers);
            let status = answer.as_ref().and_then(|it| it.first()?.split(' ').nth(1)?.parse().ok());
            // The answer to HEAD has the length of a body and none.
            if let Some(answer) =
                answer.filter(|_| !lines.first().is_some_and(|it| it.starts_with("HEAD ")))
            {
                skip_body(&answer, &mut answers);
            }
            exchanges.push(Exchange { lines, status });
        }
        not_http += usize::from(!requests.is_empty());
    }
    (exchanges, not_http)
}

/// The lines of a head that is complete and HTTP; what it takes is gone from `rest`.
fn head(rest: &mut &[u8]) -> Option<Vec<String>> {
    let end = rest.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (head, behind) = rest.split_at(end);
    let text = std::str::from_utf8(head).ok()?;
    if !text.lines().next()?.contains("HTTP/1.") {
        return None;
    }
    *rest = behind.get(4..)?;
    Some(text.lines().map(str::to_owned).collect())
}

fn skip_body(lines: &[String], rest: &mut &[u8]) {
    let length = header(lines, "content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
    *rest = rest.get(length..).unwrap_or_default();
}

fn header<'a>(lines: &'a [String], name: &str) -> Option<&'a str> {
    lines.iter().skip(1).find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// One kind of request that pages make, as the tests replay it.
#[derive(Serialize)]
pub(super) struct Kind {
    /// Where the page came from.
    page: &'static str,
    /// Ports and token are placeholders.
    lines: Vec<String>,
}

/// What stands for a value that differs from run to run.
pub(super) struct Placeholders(pub(super) Vec<(String, &'static str)>);

/// By these headers, and the method, kinds are told apart.
const TELLING: [&str; 10] = [
    "access-control-request-headers",
    "access-control-request-method",
    "content-type",
    "origin",
    "passsafe-token",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-purpose",
    "upgrade",
];

/// The kinds of request that a page has sent; of each the first, and rather one for the
/// record than another.
pub(super) fn kinds(
    page: &'static str,
    exchanges: &[Exchange],
    placeholders: &Placeholders,
) -> Vec<Kind> {
    let asks_for_record =
        |it: &&Exchange| it.lines.first().is_some_and(|line| line.contains(" /v1/secret "));
    let (secret, others): (Vec<_>, Vec<_>) = exchanges.iter().partition(asks_for_record);
    let mut found = BTreeMap::new();
    for Exchange { lines, .. } in secret.into_iter().chain(others) {
        let lines: Vec<String> = lines.iter().map(|line| placeholders.put_into(line)).collect();
        let method = lines.first().and_then(|line| line.split(' ').next()).unwrap_or_default();
        let told = TELLING.map(|name| header(&lines, name).map(str::to_owned));
        found.entry((method.to_owned(), told)).or_insert(Kind { page, lines });
    }
    found.into_values().collect()
}

impl Placeholders {
    fn put_into(&self, line: &str) -> String {
        let mut line = line.to_owned();
        for (value, placeholder) in &self.0 {
            line = line.replace(value, placeholder);
        }
        for drawn in ["boundary=----WebKitFormBoundary", "Sec-WebSocket-Key: "] {
            if let Some(at) = line.find(drawn) {
                line.truncate(at + drawn.len());
                line.push_str("AAAAAAAAAAAAAAAAAAAAAA==");
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(sent: &str, answered: &str) -> Passed {
        Passed { sent: sent.into(), answered: answered.into() }
    }

    #[test]
    fn requests_and_answers_are_paired() {
        let record = [
            passed(
                "POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nxxHEAD /b HTTP/1.1\r\n\r\nGET /c HTTP/1.1\r\n\r\n",
                "HTTP/1.1 403 X\r\ncontent-length: 3\r\n\r\nyyyHTTP/1.1 404 X\r\ncontent-length: 9\r\n\r\nHTTP/1.1 200 X\r\n\r\n",
            ),
            passed("\0\x01binary", ""),
            passed("", ""),
        ];
        let (exchanges, not_http) = exchanges(&record);
        let statuses: Vec<_> = exchanges.iter().map(|it| it.status).collect();
        assert_eq!(statuses, [Some(403), Some(404), Some(200)]);
        assert_eq!(not_http, 1);
    }

    #[test]
    fn requests_of_one_kind_are_kept_once() {
        let asked = |path: &str, site: &str| {
            let text = format!(
                "GET {path} HTTP/1.1\r\nHost: localhost:7\r\nSec-Fetch-Site: {site}\r\n\r\n"
            );
            passed(&text, "")
        };
        let record =
            [asked("/", "same-site"), asked("/v1/secret", "same-site"), asked("/", "none")];
        let placeholders = Placeholders(vec![(":7".to_owned(), ":{safe}")]);
        let kinds = kinds("x", &exchanges(&record).0, &placeholders);
        assert_eq!(kinds.len(), 2);
        assert!(kinds.iter().any(|kind| kind.lines[0] == "GET /v1/secret HTTP/1.1"));
        assert!(kinds.iter().all(|kind| kind.lines[1] == "Host: localhost:{safe}"));
    }
}
