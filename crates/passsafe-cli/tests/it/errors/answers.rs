//! What listens somewhere, and what it answers.

use std::net::TcpListener;
use std::process::Command;

use super::{Case, Refusal};
use crate::accounts::{Public, squat};
use crate::rogue::{answer, get_from_rogue, problem};
use crate::support::{BINARY, Safe, dead_port, passsafe, without_variables};

pub(super) const CASES: &[Case] =
    &[nobody, no_way, others, refusals, wrong_tokens, wrong_passphrases];

fn nobody() -> Vec<Refusal> {
    let (_held, dead) = dead_port();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    [dead, silent.local_addr().unwrap().port()]
        .map(|port| {
            let url = format!("http://127.0.0.1:{port}");
            Refusal::of(&passsafe(["status", "--url", &url]).output().unwrap())
        })
        .into()
}

/// In a network of its own, which leads nowhere.
fn no_way() -> Vec<Refusal> {
    let arguments =
        ["-n", BINARY, "status", "--allow-plain-http", "--url", "http://192.0.2.1:8051"];
    vec![Refusal::of(&without_variables(Command::new("unshare"), arguments).output().unwrap())]
}

fn others() -> Vec<Refusal> {
    let public = Public::new();
    let path = public.path("safe.sock");
    let mut serve = passsafe(["serve", "--socket"]);
    serve.arg(&path);
    let safe = Safe::start_with(b"S3kr!t", serve);
    let socket = format!("unix://{}", path.display());
    let mut stranger = public.with_credentials(&safe, "get", &safe.credentials.url);
    let (squatter, _received) = squat();
    vec![
        Refusal::of(&stranger.arg("--any-owner").output().unwrap()),
        Refusal::of(&public.with_credentials(&safe, "get", &socket).output().unwrap()),
        Refusal::of(&safe.command(["get"]).env("PASSSAFE_URL", squatter).output().unwrap()),
        Refusal::of(&get_from_rogue(&answer("200 OK", "text/html", "<html>hello</html>"))),
        Refusal::of(&get_from_rogue("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")),
    ]
}

fn refusals() -> Vec<Refusal> {
    [
        (421, "wrong_host"),
        (403, "of_another_version"),
        (403, "denied"),
        (423, "locked"),
        (410, "spent"),
        (410, "expired"),
        (410, "closed"),
        (401, "invalid_token"),
    ]
    .map(|(status, code)| Refusal::of(&get_from_rogue(&problem(status, code))))
    .into()
}

/// The last of them locks the safe.
fn wrong_passphrases() -> Vec<Refusal> {
    let safe = Safe::start(b"S3kr!t");
    (0..10)
        .map(|_| {
            let mut get = safe.command(["get"]);
            Refusal::of(&get.env("PASSSAFE_PASSPHRASE", "zoom").output().unwrap())
        })
        .collect()
}

fn wrong_tokens() -> Vec<Refusal> {
    let safe = Safe::start(b"S3kr!t");
    (0..4).map(|_| Refusal::of(&safe.guess())).collect()
}
