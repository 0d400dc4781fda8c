//! Addresses and credentials that cannot be right.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use super::{Case, Refusal};
use crate::support::{Safe, passsafe};

pub(super) const CASES: &[Case] = &[addresses, credentials];

fn addresses() -> Vec<Refusal> {
    [
        "localhost:8051",
        "https://localhost:8051",
        "http://ana:hunter2@localhost:8051",
        "http://localhost:8051/?token=936265",
        "http://localhost:8051/#x",
        "http://localhost:99999",
        "http://safe.example",
    ]
    .map(|url| Refusal::of(&passsafe(["status", "--url", url]).output().unwrap()))
    .into()
}

fn credentials() -> Vec<Refusal> {
    let safe = Safe::start(b"S3kr!t");
    let with = |name: &str, value: &OsStr| {
        Refusal::of(&safe.command(["get"]).env(name, value).output().unwrap())
    };
    let without =
        |name: &str| Refusal::of(&safe.command(["get"]).env_remove(name).output().unwrap());
    let mut unreadable = safe.command(["get"]);
    unreadable.env_remove("PASSSAFE_PASSPHRASE").env("PASSSAFE_PASSPHRASE_FILE", "/nowhere");
    vec![
        with("PASSSAFE_PASSPHRASE_FILE", OsStr::new("/nowhere")),
        with("PASSSAFE_PASSPHRASE", OsStr::from_bytes(b"\xe4")),
        with("PASSSAFE_TOKEN", OsStr::from_bytes(b"\xe4")),
        with("PASSSAFE_TOKEN", OsStr::new("12345")),
        with("PASSSAFE_PASSPHRASE", OsStr::new(" ")),
        without("PASSSAFE_PASSPHRASE"),
        without("PASSSAFE_TOKEN"),
        Refusal::of(&unreadable.output().unwrap()),
    ]
}
