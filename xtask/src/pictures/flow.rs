//! The diagram: who tells whom what, with the messages of a recorded exchange.

use std::fmt::Write as _;

use anyhow::Context as _;
use serde_json::Value;

use super::svg::{escaped, picture};
use super::wire::Exchange;

const WIDTH: u32 = 900;
/// Where the parties stand.
const SEALER: u32 = 130;
const SAFE: u32 = 400;
const CLIENT: u32 = 760;
const TOP: u32 = 84;
/// Half the width of a note.
const NOTE: u32 = 115;
/// Letters of a secret that are shown.
const SHOWN: usize = 3;

/// Its own ground, in the colours of light or of dark, so that it is readable on any page.
const STYLE: &str = "\
.ground{fill:#f6f8fa;stroke:#d0d7de}
.party{fill:#ffffff;stroke:#57606a}
.life{stroke:#8c959f;stroke-dasharray:3 4}
.arrow{stroke:#57606a;stroke-width:1.5}
.point{fill:#57606a}
.band{fill:#eaeef2}
text{font-family:system-ui,Helvetica,sans-serif;font-size:13px;fill:#1f2328}
.who{font-size:15px;font-weight:600;text-anchor:middle}
.what{font-size:12px;fill:#57606a;text-anchor:middle}
.says{text-anchor:middle}
.wire{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:12px;text-anchor:middle}
.good{fill:#116329}.bad{fill:#a40e26}
@media (prefers-color-scheme:dark){
.ground{fill:#161b22;stroke:#30363d}
.party{fill:#21262d;stroke:#8b949e}
.life{stroke:#6e7681}
.arrow{stroke:#8b949e}
.point{fill:#8b949e}
.band{fill:#21262d}
text{fill:#e6edf3}
.what{fill:#9da7b3}
.good{fill:#56d364}.bad{fill:#ff938a}
}
";

struct Sheet {
    body: String,
    y: u32,
}

/// Draws the parties and the messages, from top to bottom.
pub(super) fn draw(exchanges: &[Exchange]) -> anyhow::Result<String> {
    let mut sheet = Sheet { body: String::new(), y: TOP };
    sheet.note(
        SEALER,
        &[
            "asks for minutes and password,",
            "draws a passphrase of six words",
            "and a token, seals, shows both",
        ],
    );
    sheet.arrow(SEALER, SAFE, "says", &["becomes it (exec), hands over"]);
    sheet.beneath(SEALER, SAFE, &["sealed record, token's seed, deadline"]);
    sheet.y += 6;
    let mut opened = false;
    for exchange in exchanges {
        sheet.exchange(exchange)?;
        if !opened && exchange.body.contains("ciphertext") {
            opened = true;
            sheet.note(
                CLIENT,
                &["derives the key from the passphrase", "and opens it: the password"],
            );
        }
    }
    let height = sheet.y + 24;
    let mut head = String::new();
    let _infallible = writeln!(
        head,
        "<rect class=\"ground\" x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\"/>",
        WIDTH - 1,
        height - 1
    );
    for (x, who, what) in [
        (SEALER, "sealer", "has the secrets, for a moment"),
        (SAFE, "safe", "has ciphertext and token"),
        (CLIENT, "client", "is given passphrase and token"),
    ] {
        party(&mut head, (x, height - 16), who, what);
    }
    Ok(picture(
        (WIDTH, height),
        (
            "What sealer, safe and client tell each other",
            "The sealer becomes the safe and hands it ciphertext, the token's seed and the deadline. The \
             client asks for the status, which takes no token. With the right token it gets the sealed record, and \
             opens it itself. Three wrong tokens are answered 401, and from then on the right one too is answered \
             423: locked for good.",
        ),
        STYLE,
        &(head + &sheet.body),
    ))
}

fn party(body: &mut String, (x, bottom): (u32, u32), who: &str, what: &str) {
    let _infallible = writeln!(
        body,
        "<line class=\"life\" x1=\"{x}\" y1=\"66\" x2=\"{x}\" y2=\"{bottom}\"/>\n\
         <rect class=\"party\" x=\"{}\" y=\"14\" width=\"120\" height=\"28\" rx=\"6\"/>\n\
         <text class=\"who\" x=\"{x}\" y=\"33\">{who}</text>\n\
         <text class=\"what\" x=\"{x}\" y=\"58\">{}</text>",
        x - 60,
        escaped(what)
    );
}

impl Sheet {
    /// What a party does, on its line.
    fn note(&mut self, x: u32, lines: &[&str]) {
        self.y += 5;
        let height = lines.iter().map(|_| 17).sum::<u32>() + 12;
        let _infallible = writeln!(
            self.body,
            "<rect class=\"party\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{height}\" rx=\"4\"/>",
            x - NOTE,
            self.y,
            2 * NOTE
        );
        self.y += 2;
        self.beneath(x, x, lines);
        self.y += 14;
    }

    /// An arrow with its words above it.
    fn arrow(&mut self, from: u32, to: u32, class: &str, lines: &[&str]) {
        for line in lines {
            self.y += 17;
            self.line(from, to, class, line);
        }
        self.y += 8;
        let (y, tip) = (self.y, if from < to { to - 3 } else { to + 3 });
        let back = if from < to { tip - 9 } else { tip + 9 };
        let _infallible = writeln!(
            self.body,
            "<line class=\"arrow\" x1=\"{from}\" y1=\"{y}\" x2=\"{back}\" y2=\"{y}\"/>\n\
             <polygon class=\"point\" points=\"{tip},{y} {back},{} {back},{}\"/>",
            y - 5,
            y + 5
        );
    }

    /// Words below an arrow.
    fn beneath(&mut self, from: u32, to: u32, lines: &[&str]) {
        for line in lines {
            self.y += 17;
            self.line(from, to, "what", line);
        }
    }

    fn line(&mut self, from: u32, to: u32, class: &str, text: &str) {
        let (x, y) = (u32::midpoint(from, to), self.y);
        let _infallible = writeln!(
            self.body,
            "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{}</text>",
            escaped(text)
        );
    }

    fn exchange(&mut self, exchange: &Exchange) -> anyhow::Result<()> {
        self.y += 6;
        let asks = match &exchange.token {
            Some(token) => format!("{}, Passsafe-Token: {}", exchange.request, first(token)),
            None => exchange.request.clone(),
        };
        self.arrow(CLIENT, SAFE, "wire", &[&asks]);
        let (good, body) = (exchange.status.starts_with('2'), shortened(&exchange.body)?);
        let class = if good { "wire good" } else { "wire bad" };
        let status = match &exchange.expires_in {
            Some(seconds) => format!("{}, Passsafe-Expires-In: {seconds}", exchange.status),
            None => exchange.status.clone(),
        };
        self.arrow(SAFE, CLIENT, class, &[&status]);
        let body: Vec<&str> = body.iter().map(String::as_str).collect();
        self.beneath(SAFE, CLIENT, &body);
        self.y += 7;
        Ok(())
    }
}

/// A body in lines that fit: of what is sealed, only the first letters.
fn shortened(body: &str) -> anyhow::Result<Vec<String>> {
    const RECORD: [&str; 2] = ["salt", "ciphertext"];
    const OTHERS: [&str; 3] = ["code", "state", "attempts_left"];
    let value: Value = serde_json::from_str(body).context("an answer that is no JSON")?;
    let fields = value.as_object().context("an answer that is no object")?;
    let names = if fields.contains_key("ciphertext") { &RECORD[..] } else { &OTHERS };
    let shown: Vec<String> = names
        .iter()
        .copied()
        .filter_map(|name| {
            let text = match fields.get(name)? {
                Value::String(text) if RECORD.contains(&name) => format!("\"{}\"", first(text)),
                other => other.to_string(),
            };
            Some(format!("\"{name}\":{text}"))
        })
        .collect();
    Ok(vec![format!("{{{}, …}}", shown.join(", "))])
}

fn first(secret: &str) -> String {
    format!("{}…", secret.get(..SHOWN).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::super::judge;
    use super::*;

    fn exchange(token: Option<&str>, status: &str, body: &str) -> Exchange {
        Exchange {
            request: "POST /v1/secret".to_owned(),
            token: token.map(str::to_owned),
            status: status.to_owned(),
            expires_in: Some("1799".to_owned()),
            body: body.to_owned(),
        }
    }

    #[test]
    fn a_recorded_exchange_is_drawn_with_its_secrets_cut_short() {
        let record = r#"{"version":1,"kdf":{},"salt":"abcdefgh","ciphertext":"ABCDEFGH"}"#;
        let problem = r#"{"code":"invalid_token","title":"<x>","attempts_left":2}"#;
        let text = draw(&[
            exchange(Some("936265"), "200 OK", record),
            exchange(Some("000000"), "401 Unauthorized", problem),
            exchange(None, "423 Locked", r#"{"code":"locked"}"#),
        ])
        .unwrap();
        judge("flow.svg", &text).unwrap();
        assert!(text.contains("POST /v1/secret, Passsafe-Token: 936…"), "{text}");
        assert!(text.contains(
            "{&quot;salt&quot;:&quot;abc…&quot;, &quot;ciphertext&quot;:&quot;ABC…&quot;, …}"
        ));
        assert!(text.contains("200 OK, Passsafe-Expires-In: 1799"));
        for secret in ["936265", "abcd", "ABCD"] {
            assert!(!text.contains(secret), "{secret}");
        }
    }
}
