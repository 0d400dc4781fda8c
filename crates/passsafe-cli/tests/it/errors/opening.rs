//! Records that do not open, and answers that nobody gets.

use std::fs::File;
use std::process::Command;

use rexpect::session::spawn_command;

use super::{Case, Refusal};
use crate::rogue::{genuine, opening, rogue};
use crate::support::{BINARY, Safe, passsafe, without_variables};

pub(super) const CASES: &[Case] = &[passphrases, names, no_text, records, limits, outputs];

fn passphrases() -> Vec<Refusal> {
    let safe = Safe::start(b"S3kr!t");
    let six = "zoom zoom zoom zoom zoom";
    [format!("{six} kilogran"), format!("{six} Tr0ub4dor&3xyz"), six.into(), format!("{six} zoom")]
        .map(|typed| {
            Refusal::of(&safe.command(["get"]).env("PASSSAFE_PASSPHRASE", typed).output().unwrap())
        })
        .into()
}

fn names() -> Vec<Refusal> {
    let bytes = Safe::start(b"S3kr!t\xff");
    vec![Refusal::of(&bytes.run(["get", "DB_USER"])), Refusal::of(&bytes.run(["get", "--json"]))]
}

fn no_text() -> Vec<Refusal> {
    let safe = Safe::start_with(b"\x1b[2J", passsafe(["--max-uses", "2"]));
    let line = format!("exec {BINARY} get");
    let refusal = || {
        let mut command = without_variables(Command::new("sh"), ["-c", &line]);
        command.envs(safe.variables());
        Refusal::at_terminal(&mut spawn_command(command, Some(30_000)).unwrap())
    };
    let unlimited = Safe::start(b"\x1b[2J");
    let mut command = without_variables(Command::new("sh"), ["-c", &line]);
    command.envs(unlimited.variables());
    let plain = Refusal::at_terminal(&mut spawn_command(command, Some(30_000)).unwrap());
    drop(refusal());
    vec![plain, refusal()]
}

fn records() -> Vec<Refusal> {
    let (safe, record) = genuine();
    let place = record.find("ciphertext").unwrap() + 20;
    let other = if &record[place..=place] == "A" { "B" } else { "A" };
    let damaged = format!("{}{other}{}", &record[..place], &record[place + 1..]);
    [
        damaged,
        record.replace(r#"{"version""#, r#"{"more":1,"version""#),
        record.replace(r#""version":1,"#, r#""version":2,"#),
        record.replace("argon2id", "scrypt"),
        record.replace(r#""memory_kib":65536"#, r#""memory_kib":4194304"#),
        record.replace(r#""salt":""#, r#""salt":"="#),
        record.replace(r#""salt":""#, r#""salt":"AAAA"#),
    ]
    .map(|record| {
        let url = rogue(opening(&record));
        Refusal::of(&safe.command(["get"]).env("PASSSAFE_URL", url).output().unwrap())
    })
    .into()
}

fn in_a_shell(safe: &Safe, line: &str) -> Refusal {
    let mut shell = without_variables(Command::new("sh"), ["-c", line, BINARY]);
    Refusal::of(&shell.envs(safe.variables()).output().unwrap())
}

/// Enough for the program, too little for a key, or to ask whose server it is.
fn limits() -> Vec<Refusal> {
    let safe = Safe::start(b"S3kr!t");
    ["-v 65536", "-n 4"]
        .map(|limit| in_a_shell(&safe, &format!("exec 3>&-; ulimit {limit} && exec \"$0\" get")))
        .into()
}

fn outputs() -> Vec<Refusal> {
    let safe = Safe::start(b"S3kr!t");
    let full = File::options().write(true).open("/dev/full").unwrap();
    vec![
        in_a_shell(&safe, "exec \"$0\" get >&-"),
        Refusal::of(&safe.command(["get"]).stdout(full).output().unwrap()),
        Refusal::of(&passsafe(["man", "--into", "/dev/null/pages"]).output().unwrap()),
    ]
}
