//! Wrong words on the command line.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use super::{Case, Refusal};
use crate::support::{passsafe, with_input};

pub(super) const CASES: &[Case] = &[words, values, not_text, accounts, the_inner_verbs];

fn refused(args: &[&str]) -> Refusal {
    Refusal::of(&passsafe(args).output().unwrap())
}

fn words() -> Vec<Refusal> {
    [
        &["gte"][..],
        &["DB_USER"],
        &["9 lives"],
        &["get", "--raws"],
        &["close", "--raw"],
        &["status", "--user", "ana"],
        &["get", "one", "two"],
        &["-x"],
        &["status", "--json=x"],
        &["completions", "bsh"],
        &["help", "gte"],
        &["man", "nothing"],
        &["serve", "--minutes"],
        &["completions"],
        &["--clear", "--json"],
        &["--port=1", "--port=2"],
        &["--minutes", "5", "DB_USER"],
        &["--minutes", "5", "get"],
        &["run", "--", "true"],
        &["run", "--env", "A", "true"],
        &["--json", "--", "true"],
        &["serve", "--clear", "--", "true"],
        &["serve", "--confirm", "--", "true"],
    ]
    .map(refused)
    .into()
}

fn values() -> Vec<Refusal> {
    let long = "x".repeat(256);
    [
        &["serve", "--minutes", "481"][..],
        &["--minutes", "-5"],
        &["serve", "--port", "65536"],
        &["get", "9"],
        &["serve", "--user", ""],
        &["get", "--user", &long],
        &["serve", "--allow-host", "a b"],
        &["serve", "9"],
        &["serve", "--max-uses", "0"],
        &["serve", "--secret-file", "KEY"],
        &["serve", "--secret-file", "KEY="],
        &["serve", "--secret-file", "9=x"],
        &["serve", "--show", "9"],
        &["serve", "--secret-stdin", "9"],
        &["run", "--stdin", "9", "--", "true"],
        &["run", "--file", "=A", "--", "true"],
        &["run", "--file", "A=9", "--", "true"],
        &["run", "--env", "=A", "--", "true"],
        &["run", "--env", "A=9", "--", "true"],
    ]
    .map(refused)
    .into()
}

fn not_text() -> Vec<Refusal> {
    let args = [OsStr::new("get"), OsStr::from_bytes(b"an\xe4")];
    vec![Refusal::of(&passsafe(args).output().unwrap())]
}

fn accounts() -> Vec<Refusal> {
    let flags = ["serve", "--json", "--port=0", "--password-stdin", "--allow-user", "nosuch"];
    vec![
        Refusal::of(&with_input(passsafe(flags), b"S3kr!t")),
        refused(&["status", "--owner", "nosuch"]),
    ]
}

fn the_inner_verbs() -> Vec<Refusal> {
    vec![
        refused(&["__serving", "--handover", "99", "--listener", "98"]),
        refused(&["__launcher", "--pipe=99", "--", "true"]),
    ]
}
