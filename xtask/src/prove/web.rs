//! A hostile page in a real Chromium, against the real program.
//!
//! The page tries every request that a page can make, with wrong tokens and the right one,
//! from three places: another site, another port of localhost, and a name that was pointed
//! at the safe after the page had been loaded from it (DNS rebinding). Relays between the
//! browser and the safe write down what passes, so that the page's word is not all there is.
//! An address typed by the user is answered: that shows that the browser reaches the safe.
//!
//! The header sets that were seen are left below `target/`; the tests of the server replay
//! a copy of them without a browser.

mod browser;
mod hostile;
mod owner;
mod traffic;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;
use serde_json::json;

use self::browser::Browser;
use self::hostile::Hostile;
use self::owner::Owner;

use self::traffic::{Exchange, Placeholders, exchanges, kinds};
use super::{Finding, Proof};
use crate::relay::Relay;
use crate::repository::Repository;

pub(crate) const PROOF: Proof =
    Proof { name: "web", claim: "no page in a browser reads a safe or uses up an attempt", run };

const FOLDER: &str = "target/prove";
/// What was seen; the tests' copy is `crates/passsafe-server/tests/vectors/chromium.json`.
const SEEN: &str = "target/prove/chromium.json";
/// For all tries of one page.
const PAGE_TIMEOUT: Duration = Duration::from_secs(180);
/// A run that sends fewer has proved nothing.
const LEAST_SENT: usize = 100;

/// Where a page comes from: its name, and the address it is opened at.
const PAGES: [(&str, &str); 3] = [
    ("cross-site", "http://attacker.example:{hostile}"),
    ("same-site", "http://localhost:{hostile}"),
    ("rebound", "http://evil.example:{safe}"),
];

#[derive(Deserialize)]
struct Report {
    agent: String,
    results: Vec<Try>,
}

/// One thing a page tried, and what it learned.
#[derive(Deserialize)]
struct Try {
    what: String,
    outcome: String,
    status: u16,
    text: String,
}

fn run(repository: &Repository) -> anyhow::Result<Vec<Finding>> {
    let chromium = browser::find(repository)?;
    let version = browser::version(&chromium)?;
    fs::create_dir_all(repository.path(FOLDER))?;
    let owner = Owner::start(repository)?;
    let safe = SocketAddr::from((Ipv4Addr::LOCALHOST, owner.port));
    let direct = Relay::start(safe)?;
    // Leads to the hostile server until a page asks for the rebinding.
    let rebound = Relay::start(safe)?;
    let rebinding = rebound.clone();
    let hostile = Hostile::start(owner.port, move || rebinding.lead_to(safe))?;
    rebound.lead_to(hostile.address);

    let port = owner.port;
    let mapped = ["localhost", "127.0.0.1", "[::1]"]
        .map(|host| format!("MAP {host}:{port} 127.0.0.1:{}", direct.port));
    let rules = format!(
        "{}, MAP evil.example:{port} 127.0.0.1:{}, MAP attacker.example 127.0.0.1",
        mapped.join(", "),
        rebound.port
    );
    let open =
        |url: &str| Browser::open(&chromium, repository.path(FOLDER).join("profile"), &rules, url);

    let typed = open(&format!("http://localhost:{port}/v1/status"))?;
    wait_for_an_answer(&direct).context("an address that the user types is not answered")?;
    drop(typed);
    direct.take();

    let mut tally = Tally::default();
    let mut seen = Vec::new();
    for (page, address) in PAGES {
        println!("  a page that is {page} …");
        let address = address
            .replace("{hostile}", &hostile.address.port().to_string())
            .replace("{safe}", &port.to_string());
        let query = format!(
            "kind={page}&safe={port}&hostile={}&right={}",
            hostile.address.port(),
            owner.token
        );
        let browser = open(&format!("{address}/?{query}"))?;
        let report = hostile.reports.recv_timeout(PAGE_TIMEOUT);
        drop(browser);
        let report = report.with_context(|| format!("the {page} page never came to its end"))?;
        let report: Report = serde_json::from_str(&report).context("the page's report")?;
        ensure!(report.agent.contains("Chrome"), "the page ran in {}", report.agent);
        tally.judge(&report)?;

        let mut record = direct.take();
        record.extend(rebound.take());
        let (exchanges, not_http) = exchanges(&record);
        tally.count(page, &exchanges, not_http)?;
        let placeholders = Placeholders(vec![
            (format!(":{port}"), ":{safe}"),
            (format!(":{}", hostile.address.port()), ":{hostile}"),
            (format!("safe={port}"), "safe={safe}"),
            (format!("hostile={}", hostile.address.port()), "hostile={hostile}"),
            (owner.token.clone(), "{token}"),
        ]);
        seen.extend(kinds(page, &exchanges, &placeholders));
    }
    let attempts_left = owner.attempts_left()?;
    ensure!(attempts_left == 3, "pages have used up attempts: {attempts_left} left");
    owner.fetch().context("the owner cannot fetch any more")?;

    let found = seen.len();
    let source = format!("{version}, by `cargo xtask prove web`");
    let text = serde_json::to_string_pretty(&json!({ "source": source, "requests": seen }))?;
    fs::write(repository.path(SEEN), text + "\n")?;
    let mut findings = vec![Finding::new("browser", version)];
    findings.extend(tally.findings());
    findings.push(Finding::new("kinds of request told apart", format!("{found}, in {SEEN}")));
    findings.push(Finding::new("attempts counted", "0 of 3; the owner's next fetch worked"));
    Ok(findings)
}

fn wait_for_an_answer(relay: &Relay) -> anyhow::Result<()> {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(30) {
        let (exchanges, _) = exchanges(&relay.record());
        if exchanges.iter().any(|it| it.status == Some(200)) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    bail!("nothing came through the relay")
}

/// What pages did, in all.
#[derive(Default)]
struct Tally {
    tried: usize,
    refusals_read: usize,
    forbidden_origin: usize,
    wrong_host: usize,
    unanswered: usize,
    not_http: usize,
}

impl Tally {
    /// Judges what the page could read. A page that was loaded under the safe's own address
    /// may read refusals, which say nothing but that.
    fn judge(&mut self, report: &Report) -> anyhow::Result<()> {
        for Try { what, outcome, status, text } in &report.results {
            ensure!(outcome != "broke", "the page broke: {text}");
            if outcome == "read" {
                let says_no_more = text.contains("wrong_host") || text.is_empty();
                let is_refusal = *status == 421 || *status == 0 && !text.is_empty();
                ensure!(says_no_more && is_refusal, "{what} could read {status}: {text}");
                self.refusals_read += 1;
            }
        }
        self.tried += report.results.len();
        Ok(())
    }

    fn count(&mut self, page: &str, seen: &[Exchange], not_http: usize) -> anyhow::Result<()> {
        for Exchange { lines, status } in seen {
            match status {
                Some(403) => self.forbidden_origin += 1,
                Some(421) => self.wrong_host += 1,
                None => self.unanswered += 1,
                Some(other) => bail!("{page}: answered with {other}: {}", lines.join(" | ")),
            }
        }
        ensure!(seen.len() >= LEAST_SENT, "{page}: only {} requests came through", seen.len());
        self.not_http += not_http;
        Ok(())
    }

    fn findings(&self) -> Vec<Finding> {
        let reached = self.forbidden_origin + self.wrong_host + self.unanswered;
        let finding = |what, number: usize| Finding::new(what, number.to_string());
        vec![
            finding("tried by pages", self.tried),
            finding("page-shaped requests that reached the safe", reached),
            finding("refused: 403 forbidden_origin", self.forbidden_origin),
            finding("refused: 421 wrong_host", self.wrong_host),
            finding("left by the browser before the refusal", self.unanswered),
            finding("connections that spoke no HTTP", self.not_http),
            finding("answered otherwise", 0),
            finding("refusals that a rebound page could read", self.refusals_read),
        ]
    }
}
