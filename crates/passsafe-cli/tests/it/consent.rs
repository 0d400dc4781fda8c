//! Asking the owner before each release, at a pseudo-terminal.

use std::fs;
use std::process::{Child, Command};

use tempfile::NamedTempFile;

use crate::clocks::Clocks;
use crate::kept::Kept;
use crate::served::{PASSWORD, PLAIN, Served, leaves_the_terminal_sane_with};
use crate::support::{BINARY, assert_failure, assert_output, with_input};

/// Who it is may stay unknown on a machine that is busy with other things.
const ASKS: &str = r"[^\r]* of [a-z]+ asks for the secrets\r\n";
/// What the one that asks is told meanwhile.
const WAITS: &str = "waiting: the safe's terminal asks whether to allow this\n";
const PROMPT: &str = "  Give it? y: yes, n: no, a: always to this ";
#[test]
fn a_release_is_asked_for_and_one_key_answers() {
    let mut served = Served::start("--confirm");
    let get = served.get();
    served.expect_log(&format!(r"passsafe \(pid {}\) of [a-z]+ asks for the secrets", get.id()));
    served.expect(PROMPT);
    served.press("y");
    served.expect_log("fetched by ");
    assert_output(&get.wait_with_output().unwrap(), 0, "S3kr!t\n", WAITS);

    let get = served.get();
    served.expect_log(ASKS);
    served.expect(PROMPT);
    served.press("n");
    served.expect_log("denied: [^n]");
    assert_denied(get);
    let rest = served.close();
    assert!(rest.contains("fetched once, by ") && rest.contains("; 1 release denied"), "{rest}");
}

#[track_caller]
fn assert_denied(get: Child) {
    let output = get.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(77), "{output:?}");
    assert!(output.stdout.is_empty());
}

/// Asks for the record until the owner's answer is there.
fn answer(kept: &mut Kept, token: &str) -> u16 {
    loop {
        let (status, _) = kept.fetch(token);
        if status != 202 {
            return status;
        }
    }
}

#[test]
fn always_is_for_one_process() {
    let mut served = Served::start("--confirm");
    let token = served.token.replace(' ', "");
    let mut kept = served.kept();
    assert_eq!(kept.fetch(&token).0, 202);
    served.expect_log(&format!(r".* \(pid {}\) of .* asks for the\s+secrets", std::process::id()));
    served.expect(PROMPT);
    served.press("a");
    served.expect_log("from now on without asking: ");
    assert_eq!(answer(&mut kept, &token), 200);
    assert_eq!(kept.fetch(&token).0, 200);
    let get = served.get();
    served.expect_log(ASKS);
    served.expect(PROMPT);
    served.press("n");
    assert_denied(get);
    served.close();
}

#[test]
fn what_is_typed_ahead_of_a_question_is_no_answer() {
    let mut served = Served::start("--confirm");
    served.expect("Ctrl-C closes\r");
    served.press("y");
    served.press("y\n");
    let get = served.get();
    served.press("y");
    served.expect_log(ASKS);
    served.press("y");
    served.expect(PROMPT);
    served.press("n");
    served.expect_log("denied: [^n]");
    assert_denied(get);
    served.close();
}

#[test]
fn two_that_ask_at_once_are_answered_one_after_the_other() {
    let mut served = Served::start("--confirm");
    let gets = [served.get(), served.get()];
    served.expect_log(ASKS);
    let seen = served.expect(PROMPT);
    assert!(!seen.contains("asks for"), "{seen}");
    served.press("y");
    served.expect_log(ASKS);
    served.expect(PROMPT);
    served.press("n");
    let outputs = gets.map(|get| get.wait_with_output().unwrap());
    let fetched = outputs.iter().filter(|output| output.status.success()).count();
    let denied = outputs.iter().filter(|output| output.status.code() == Some(77)).count();
    assert_eq!((fetched, denied), (1, 1), "{outputs:?}");
    let rest = served.close();
    assert!(rest.contains("fetched once, by ") && rest.contains("; 1 release denied"), "{rest}");
}

#[test]
fn a_question_whose_asker_is_gone_is_withdrawn() {
    let mut served = Served::start("--confirm");
    let mut get = served.get();
    served.expect_log(ASKS);
    served.expect(PROMPT);
    get.kill().unwrap();
    get.wait().unwrap();
    served.expect_log(r"withdrawn: [^\r]* waits no longer\r\n");
    served.expect("Ctrl-C closes\r");
    served.close();
}

#[test]
fn no_answer_in_a_minute_is_no() {
    let (clocks, shared) = Clocks::new();
    let variables = Clocks::variables(&shared);
    let mut served = Served::by(&format!("{PLAIN}; {variables} exec {BINARY} --confirm"));
    let token = served.token.replace(' ', "");
    let mut kept = served.kept();
    for second in (0..60).step_by(4) {
        clocks.move_to(second, second);
        assert_eq!(kept.fetch(&token).0, 202, "{second}");
    }
    served.expect("  Give it? ");
    clocks.move_to(60, 60);
    let (status, problem) = kept.fetch(&token);
    assert_eq!(status, 403, "{problem}");
    served.expect_log("denied: no answer in time, and ");
    served.expect("Ctrl-C closes\r");
    served.close();
}

#[test]
fn ctrl_c_at_a_question_closes_the_safe() {
    leaves_the_terminal_sane_with("--confirm", |served| {
        let get = served.get();
        served.expect_log(ASKS);
        served.expect(PROMPT);
        served.session.send_control('c').unwrap();
        let output = get.wait_with_output().unwrap();
        assert!(!output.status.success() && output.stdout.is_empty());
    });
}

#[test]
fn questions_reach_the_terminal_when_standard_error_is_elsewhere() {
    let log = NamedTempFile::new().unwrap();
    let mut served =
        Served::by(&format!("{PLAIN}; exec {BINARY} --confirm 2>{}", log.path().display()));
    let get = served.get();
    served.expect_log(ASKS);
    served.expect(PROMPT);
    served.press("y");
    assert_output(&get.wait_with_output().unwrap(), 0, "S3kr!t\n", WAITS);
    served.close();
    let log = fs::read_to_string(log.path()).unwrap();
    assert!(log.contains("  fetched by ") && !log.contains("asks"), "{log}");
}

#[test]
fn consent_needs_a_terminal_before_anything_is_asked() {
    let mut serve = Command::new("setsid");
    serve.args(["-w", BINARY, "--confirm", "--password-stdin", "--json", "--port", "0"]);
    assert_failure(
        &with_input(serve, PASSWORD.as_bytes()),
        66,
        "there is no terminal to ask for consent",
        "start it in the foreground of a terminal, or leave --confirm out",
    );
}
