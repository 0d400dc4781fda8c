//! What a wrong passphrase and a mistake cost: no use, and no second token.

use std::fs::File;
use std::process::{Command, Output, Stdio};

use rexpect::session::PtySession;
use rustix::process::Signal;

use crate::prompts::{answer, expect, expect_exit, shell};
use crate::support::{BINARY, Safe, assert_failure, assert_output, passsafe, variables};

const WRONG: &str = "zoom zoom zoom zoom zoom zoom";

/// A safe whose secret is handed out once.
fn once(secret: &[u8]) -> Safe {
    Safe::start_with(secret, passsafe(["--max-uses", "1"]))
}

fn get_with(safe: &Safe, passphrase: &str) -> Output {
    safe.command(["get"]).env("PASSSAFE_PASSPHRASE", passphrase).output().unwrap()
}

fn proofs_left(safe: &Safe) -> u64 {
    let output = safe.run(["status", "--json"]);
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    status["proofs_left"].as_u64().unwrap()
}

#[test]
fn nine_wrong_passphrases_leave_the_only_use() {
    let safe = once(b"S3kr!t");
    for left in (1..10).rev() {
        let user = &safe.credentials.user;
        let tries =
            if left == 1 { "1 try is left".to_owned() } else { format!("{left} tries are left") };
        let wrong = "the passphrase is wrong, or the safe was sealed for another user than";
        assert_failure(
            &get_with(&safe, WRONG),
            65,
            &format!("{wrong} {user}, {tries}"),
            "type the six words as shown; name the safe's user with --user",
        );
        assert_eq!(proofs_left(&safe), left);
    }
    assert_eq!(safe.attempts_left(), 3);
    assert_output(&safe.run(["get"]), 0, "S3kr!t\n", "");
    safe.signal(Signal::TERM);
    let told = String::from_utf8(safe.end().stderr).unwrap();
    assert_eq!(
        told.matches(r#""event":"wrong_passphrase","process":"passsafe""#).count(),
        9,
        "{told}"
    );
    assert!(
        told.contains(r#""proofs_left":1}"#) && told.contains(r#""wrong_passphrases":9,"#),
        "{told}"
    );
    assert!(!told.contains("wrong_token\""), "{told}");
}

#[test]
fn the_tenth_wrong_passphrase_locks_the_safe() {
    let safe = Safe::start(b"S3kr!t");
    for _ in 0..9 {
        assert_eq!(get_with(&safe, WRONG).status.code(), Some(65));
    }
    let locked = "the safe is locked: ten wrong passphrases were tried";
    for passphrase in [WRONG, &safe.credentials.passphrase] {
        let hint = "start a new one with 'passsafe'";
        assert_failure(&get_with(&safe, passphrase), 77, locked, hint);
    }
    assert_output(&safe.run(["status"]), 0, "locked: ten wrong passphrases were tried\n", "");
}

/// Whatever can be seen before is seen before; the rest says what it has cost.
#[test]
fn a_mistake_that_shows_early_costs_no_use() {
    let safe = once(b"S3kr!t");
    let (reader, closed) = std::io::pipe().unwrap();
    drop(reader);
    let full = File::options().write(true).open("/dev/full").unwrap();
    for stdout in [Stdio::from(closed), Stdio::from(full)] {
        let output = safe.command(["get"]).stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
        let output = output.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(74), "{output:?}");
    }
    let line = "exec \"$0\" get >&-";
    let mut shell = Command::new("sh");
    shell.args(["-c", line, BINARY]).env_clear().envs(safe.variables());
    assert_eq!(shell.output().unwrap().status.code(), Some(74));
    for arguments in [
        &["run", "--env", "A=B=C", "--", "true"][..],
        &["run", "--env", "PASSSAFE_TOKEN", "--", "true"],
        &["run", "--env", "password", "--", "/no/such/program"],
        &["get", "no name"],
    ] {
        assert_ne!(safe.run(arguments).status.code(), Some(0), "{arguments:?}");
    }
    assert_output(&safe.run(["get"]), 0, "S3kr!t\n", "");
}

#[test]
fn a_mistake_that_only_an_open_safe_shows_says_that_it_was_a_use() {
    let safe = Safe::start_with(b"S3\0kr!t", passsafe(["--max-uses", "3"]));
    let hint = |output: Output| {
        let text = String::from_utf8(output.stderr).unwrap();
        text.lines().last().unwrap().to_owned()
    };
    assert_eq!(
        hint(safe.run(["get", "pasword"])),
        "hint: it holds password; this was a use of the safe, and 2 are left"
    );
    assert_eq!(
        hint(safe.run(["run", "--env", "PW=password", "--", "true"])),
        "hint: hand it over with --stdin password, or with --file VAR=password; \
         this was a use of the safe, and 1 is left"
    );
    assert_eq!(
        hint(safe.run(["run", "--env", "PW=nope", "--", "true"])),
        "hint: it holds password; this was the last use of the safe"
    );
}

fn at_a_prompt(safe: &Safe, line: &str) -> PtySession {
    let url = &safe.credentials.url;
    let mut session = shell(&format!("export PASSSAFE_URL={url}; {line}; echo status=$?"));
    answer(&mut session, "Passphrase: ", WRONG);
    answer(&mut session, "Token: ", &safe.credentials.token);
    session
}

#[test]
fn at_a_prompt_a_wrong_passphrase_is_asked_for_again_and_the_token_is_kept() {
    let safe = once(b"S3kr!t");
    let mut session = at_a_prompt(&safe, &format!("{BINARY} get"));
    expect(&mut session, "9 tries are left\r\nhint: type the six words as shown");
    answer(&mut session, "Passphrase: ", WRONG);
    expect(&mut session, "8 tries are left\r\n");
    answer(&mut session, "Passphrase: ", &safe.credentials.passphrase);
    let rest = expect(&mut session, "status=0");
    assert!(rest.contains("S3kr!t") && !rest.contains("Token"), "{rest:?}");
    expect_exit(&mut session, 0);
}

#[test]
fn the_third_wrong_passphrase_at_a_prompt_is_the_last() {
    let safe = Safe::start(b"S3kr!t");
    let mut session = at_a_prompt(&safe, &format!("{BINARY} run --env PW=password -- true"));
    for _ in 0..2 {
        expect(&mut session, "tries are left\r\n");
        answer(&mut session, "Passphrase: ", WRONG);
    }
    expect(&mut session, "7 tries are left\r\n");
    expect(&mut session, "status=125");
    assert_eq!((proofs_left(&safe), safe.attempts_left()), (7, 3));
}

/// Nobody is there to ask, so a script gets the error at once.
#[test]
fn without_a_prompt_a_wrong_passphrase_is_tried_once() {
    let safe = Safe::start(b"S3kr!t");
    let [url, _, token] = variables(&safe.credentials.url, "", &safe.credentials.token);
    let output = passsafe(["get"]).envs([url, token, ("PASSSAFE_PASSPHRASE", WRONG)]).output();
    assert_eq!(output.unwrap().status.code(), Some(65));
    assert_eq!(proofs_left(&safe), 9);
}
