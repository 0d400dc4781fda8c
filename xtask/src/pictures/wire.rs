//! What goes over the wire, recorded between a real client and a real safe.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use crate::relay::{Passed, Relay};

/// A request and its answer, as they were.
pub(super) struct Exchange {
    pub(super) request: String,
    pub(super) token: Option<String>,
    pub(super) status: String,
    pub(super) expires_in: Option<String>,
    pub(super) body: String,
}

#[derive(Deserialize)]
struct Credentials {
    url: String,
    passphrase: String,
    token: String,
}

/// A served safe. Dropping it ends it.
struct Safe(Child);

impl Drop for Safe {
    fn drop(&mut self) {
        let _already_over = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// Asks how it is, fetches with a wrong token, with the right one, and until it is locked. The
/// safe is gone afterwards.
pub(super) fn record(binary: &Path) -> anyhow::Result<Vec<Exchange>> {
    let nowhere_yet = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let relay = Relay::start(nowhere_yet)?;
    let host = format!("localhost:{}", relay.port);
    let arguments =
        ["serve", "--password-stdin", "--json", "--minutes", "30", "--port", "0", "--allow-host"];
    let mut serve = Command::new(binary);
    serve.args(arguments).arg(&host).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut safe = Safe(serve.stderr(Stdio::null()).spawn()?);
    safe.0.stdin.take().context("no stdin")?.write_all(b"S3kr!t")?;
    let mut line = String::new();
    BufReader::new(safe.0.stdout.take().context("no stdout")?).read_line(&mut line)?;
    let Credentials { url, passphrase, token } = serde_json::from_str(&line)?;
    let port: u16 = url.rsplit(':').next().context("a url without a port")?.parse()?;
    relay.lead_to(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));

    let wrong = if token == "000000" { "000001" } else { "000000" };
    let mut exchanges = Vec::new();
    for (verb, token, works) in [
        ("status", wrong, true),
        ("get", &token, true),
        ("get", wrong, false),
        ("get", wrong, false),
        ("get", wrong, false),
        ("get", &token, false),
    ] {
        let output = Command::new(binary)
            .arg(verb)
            .env("PASSSAFE_URL", format!("http://{host}"))
            .env("PASSSAFE_PASSPHRASE", &passphrase)
            .env("PASSSAFE_TOKEN", token)
            .stdin(Stdio::null())
            .output()?;
        ensure!(output.status.success() == works, "passsafe {verb}: {output:?}");
        for passed in relay.take() {
            exchanges.push(exchange(&passed).with_context(|| format!("after passsafe {verb}"))?);
        }
    }
    ensure!(exchanges.len() == 6, "{} exchanges in place of 6", exchanges.len());
    Ok(exchanges)
}

fn exchange(passed: &Passed) -> anyhow::Result<Exchange> {
    let (request, _) = split(&passed.sent)?;
    let (answer, body) = split(&passed.answered)?;
    let first = |head: &str| head.lines().next().unwrap_or_default().to_owned();
    let request_line = first(&request);
    let request_line = request_line.trim_end_matches(" HTTP/1.1");
    let status = first(&answer);
    Ok(Exchange {
        request: request_line.to_owned(),
        token: header(&request, "passsafe-token"),
        status: status.trim_start_matches("HTTP/1.1 ").to_owned(),
        expires_in: header(&answer, "passsafe-expires-in"),
        body,
    })
}

fn split(bytes: &[u8]) -> anyhow::Result<(String, String)> {
    let text = std::str::from_utf8(bytes)?;
    let (head, body) = text.split_once("\r\n\r\n").context("no complete head")?;
    Ok((head.to_owned(), body.to_owned()))
}

fn header(head: &str, name: &str) -> Option<String> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}
