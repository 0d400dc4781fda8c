//! `passsafe run`: the program, its environment and its exit code.

use std::os::unix::process::ExitStatusExt as _;

use crate::support::{Safe, assert_failure, assert_output};

#[test]
fn the_program_has_the_secret_and_none_of_our_variables() {
    let safe = Safe::start(b"S3kr!t");
    let script = "printf '%s %s' \"$PGPASSWORD\" \"${#PGPASSWORD}\"; env | grep -c PASSSAFE_";
    let output = safe
        .command([
            "run",
            "--env",
            "PGPASSWORD",
            "--env",
            "OTHER=password",
            "--",
            "sh",
            "-c",
            script,
        ])
        .env("PASSSAFE_ANYTHING", "x")
        .output()
        .unwrap();
    assert_output(&output, 1, "S3kr!t 60\n", "");
}

#[test]
fn the_exit_code_is_the_programs_own() {
    let safe = Safe::start(b"S3kr!t");
    for code in [0, 1, 3, 125, 255] {
        let output = safe.run(["run", "--env", "A", "--", "sh", "-c", &format!("exit {code}")]);
        assert_output(&output, code, "", "");
    }
    let output = safe.run(["run", "--env", "A", "--", "sh", "-c", "kill -TERM $$"]);
    assert_eq!(output.status.signal(), Some(15));
}

#[test]
fn what_keeps_the_program_from_starting_is_ours() {
    let safe = Safe::start(b"S3kr!t");
    assert_failure(
        &safe.run(["run", "--env", "A", "--", "/no/such/program"]),
        127,
        "there is no program /no/such/program",
        "check its name and the PATH",
    );
    assert_failure(
        &safe.run(["run", "--env", "A", "--", "/etc/passwd"]),
        126,
        "/etc/passwd cannot be executed: Permission denied (os error 13)",
        "check its permissions",
    );
    assert_failure(
        &safe.run(["run", "--env", "A=NAME", "--", "true"]),
        125,
        "the safe holds no secret named NAME",
        "it holds password",
    );
    assert_failure(
        &safe.run(["run", "--", "true"]),
        125,
        "no secret is passed to the program",
        "say which one and how: --env VAR=NAME, --all, --stdin NAME or --file VAR=NAME",
    );
    assert_failure(
        &safe.run(["run", "--env", "A", "--", "no\nsuch\x1b[2J"]),
        127,
        "there is no program no\\nsuch\\u{1b}[2J",
        "check its name and the PATH",
    );
}
