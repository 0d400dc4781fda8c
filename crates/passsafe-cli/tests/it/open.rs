//! Opening a safe: credentials from variables and files, and what can be wrong with them.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Command;

use crate::support::{BINARY, Safe, assert_failure, assert_output, passsafe, without_variables};

#[test]
fn the_passphrase_may_come_from_a_file() {
    let safe = Safe::start(b"S3kr!t");
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, format!("{}\n", safe.credentials.passphrase)).unwrap();
    let get = || {
        let mut command = safe.command(["get"]);
        command.env_remove("PASSSAFE_PASSPHRASE").env("PASSSAFE_PASSPHRASE_FILE", file.path());
        command
    };
    assert_output(&get().output().unwrap(), 0, "S3kr!t\n", "");
    assert_failure(
        &get().env("PASSSAFE_PASSPHRASE", "zoom").output().unwrap(),
        2,
        "PASSSAFE_PASSPHRASE and PASSSAFE_PASSPHRASE_FILE are both set",
        "unset one of them",
    );
    fs::write(&file, "zoom ".repeat(20_000)).unwrap();
    assert_failure(
        &get().output().unwrap(),
        66,
        "the file that PASSSAFE_PASSPHRASE_FILE names cannot be read: it is longer than 64 KiB",
        "check its path and permissions",
    );
    assert_eq!(safe.attempts_left(), 3);
    let missing = file.path().with_extension("missing");
    assert_failure(
        &get().env("PASSSAFE_PASSPHRASE_FILE", missing).output().unwrap(),
        66,
        "the file that PASSSAFE_PASSPHRASE_FILE names cannot be read: No such file or directory (os error 2)",
        "check its path and permissions",
    );
}

#[test]
fn tokens_are_read_as_people_write_them() {
    let safe = Safe::start(b"S3kr!t");
    let (front, back) = safe.credentials.token.split_at(3);
    for token in [format!("{front} {back}"), format!("{front}-{back}"), format!(" {front}{back} ")]
    {
        let output = safe.command(["get"]).env("PASSSAFE_TOKEN", token).output().unwrap();
        assert_output(&output, 0, "S3kr!t\n", "");
    }
}

#[test]
fn a_malformed_token_uses_up_no_attempt() {
    let safe = Safe::start(b"S3kr!t");
    for token in ["12345", "1234567", "12345x", ""] {
        for verb in ["get", "close"] {
            let output = safe.command([verb]).env("PASSSAFE_TOKEN", token).output().unwrap();
            assert_failure(&output, 2, "a token is six digits", "a token looks like 936 265");
        }
    }
    assert_eq!(safe.attempts_left(), 3);
}

#[test]
fn a_typo_in_the_passphrase_gets_the_nearest_word() {
    let safe = Safe::start(b"S3kr!t");
    let words: Vec<&str> = safe.credentials.passphrase.split(' ').collect();
    let mistyped =
        format!("{} {} {} {} kilogran {}", words[0], words[1], words[2], words[3], words[5]);
    let user = &safe.credentials.user;
    let output = safe.command(["get"]).env("PASSSAFE_PASSPHRASE", mistyped).output().unwrap();
    assert_failure(
        &output,
        65,
        &format!(
            "the passphrase is wrong, or the safe was sealed for another user than {user}, 9 tries are left"
        ),
        "word 5 is not on the word list; the nearest one is 'kilogram'",
    );
    assert_eq!(safe.attempts_left(), 3);
}

#[test]
fn case_and_spaces_of_the_passphrase_do_not_matter() {
    let safe = Safe::start(b"S3kr!t");
    let shouted = format!("\t{}\n", safe.credentials.passphrase.to_uppercase().replace(' ', "  "));
    let output = safe.command(["get"]).env("PASSSAFE_PASSPHRASE", shouted).output().unwrap();
    assert_output(&output, 0, "S3kr!t\n", "");
}

#[test]
fn a_variable_that_cannot_be_right_is_refused_before_anything_is_asked() {
    let safe = Safe::start(b"S3kr!t");
    let mut get = safe.command(["get"]);
    get.env_remove("PASSSAFE_PASSPHRASE").env("PASSSAFE_TOKEN", "abc");
    assert_failure(
        &get.output().unwrap(),
        2,
        "a token is six digits",
        "a token looks like 936 265",
    );
    let output = safe.command(["get"]).env("PASSSAFE_PASSPHRASE", " ").output().unwrap();
    assert_failure(&output, 2, "the passphrase is empty", "a passphrase is six words, as shown");
    let output = safe.command(["get"]).env("PASSSAFE_USER", "").output().unwrap();
    assert_failure(
        &output,
        2,
        "invalid value '' for '--user <NAME>': the user name is empty",
        "see 'passsafe get --help'",
    );
    let latin1 = OsStr::from_bytes(b"an\xe4");
    for name in ["PASSSAFE_PASSPHRASE", "PASSSAFE_TOKEN"] {
        let output = safe.command(["get"]).env(name, latin1).output().unwrap();
        assert_failure(&output, 2, &format!("{name} is not UTF-8"), "set it to plain text");
    }
    assert_eq!(safe.attempts_left(), 3);
}

#[test]
fn a_passphrase_file_that_nobody_writes_is_given_up() {
    let safe = Safe::start(b"S3kr!t");
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let mut get = safe.command(["get"]);
    get.env_remove("PASSSAFE_PASSPHRASE").env("PASSSAFE_PASSPHRASE_FILE", &fifo);
    assert_failure(
        &get.output().unwrap(),
        66,
        "the file that PASSSAFE_PASSPHRASE_FILE names cannot be read: nothing came from it within 5 s",
        "check its path and permissions",
    );
}

#[test]
fn plain_http_to_another_machine_is_there_for_who_asks_by_name() {
    let safe = Safe::start(b"S3kr!t");
    // Another name for this machine, as far as a test can go without leaving it.
    let url = safe.credentials.url.replace("localhost", "[::ffff:127.0.0.1]");
    let output = safe.run(["get", "--url", &url]);
    assert_eq!(output.status.code(), Some(2));
    let output = safe.run(["get", "--allow-plain-http", "--url", &url]);
    assert_failure(
        &output,
        77,
        "the Host header does not name this safe",
        "through a tunnel, start the safe with --allow-host HOST:PORT",
    );
}

#[test]
fn without_a_terminal_the_variables_are_named() {
    let safe = Safe::start(b"S3kr!t");
    let what = |name| format!("there is no terminal to ask for the {name}");
    let passphrase_hint = "set PASSSAFE_PASSPHRASE or PASSSAFE_PASSPHRASE_FILE";
    let mut get = safe.command(["get"]);
    let output = get.env_remove("PASSSAFE_PASSPHRASE").output().unwrap();
    assert_failure(&output, 66, &what("passphrase"), passphrase_hint);
    for verb in ["get", "close"] {
        let mut command = safe.command([verb]);
        let output = command.env_remove("PASSSAFE_TOKEN").output().unwrap();
        assert_failure(&output, 66, &what("token"), "set PASSSAFE_TOKEN");
    }
    let mut run = safe.command(["run", "--env", "A", "--", "true"]);
    let output = run.env_remove("PASSSAFE_PASSPHRASE").output().unwrap();
    assert_failure(&output, 125, &what("passphrase"), passphrase_hint);
    assert_failure(
        &passsafe(["serve", "--json", "--port", "0"]).output().unwrap(),
        66,
        &what("password"),
        "pass it through a pipe: passsafe serve --password-stdin, with --json or -- CMD",
    );
}

#[test]
fn an_answer_that_nobody_can_get_is_an_error() {
    let safe = Safe::start(b"S3kr!t");
    let get = |redirection: &str| {
        let line = format!("exec \"$0\" get {redirection}");
        let mut shell = without_variables(Command::new("sh"), ["-c", &line, BINARY]);
        shell.envs(safe.variables()).output().unwrap()
    };
    assert_output(&get(">/dev/null"), 0, "", "");
    assert_failure(
        &get(">&-"),
        74,
        "the answer cannot be written to standard output: it is closed",
        "check what standard output is connected to",
    );
}

#[test]
fn an_answer_that_cannot_be_written_is_an_error() {
    let safe = Safe::start(b"S3kr!t");
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = safe.command(["get"]).stdout(full).output().unwrap();
    assert_failure(
        &output,
        74,
        "the answer cannot be written to standard output: No space left on device (os error 28)",
        "check what standard output is connected to",
    );
}
