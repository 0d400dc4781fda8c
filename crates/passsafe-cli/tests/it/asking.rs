//! Several secrets, asked for at a pseudo-terminal.

use nix::sys::wait::WaitStatus;
use rexpect::session::PtySession;

use crate::prompts::{
    End, answer, ended_at_a_prompt, expect, expect_exit, interrupt, send_bytes, shell, shown,
    type_too_long,
};
use crate::support::{BINARY, assert_output, passsafe, variables};

/// What a safe at a terminal answers, asked with the credentials that it shows next.
fn ask_for(session: &mut PtySession, args: &[&str]) -> std::process::Output {
    let url = shown(session, " minutes on ");
    let passphrase = shown(session, "passphrase  ");
    let token = shown(session, "token       ");
    expect(session, "passsafe get");
    passsafe(args).envs(variables(&url, &passphrase, &token)).output().unwrap()
}

#[test]
fn each_name_is_asked_for_in_turn_and_only_what_is_no_secret_is_shown() {
    let mut session = shell(&format!(
        "exec {BINARY} serve DB_PASSWORD API_KEY --show DB_USER --port 0 --minutes 5"
    ));
    // Empty is no answer.
    answer(&mut session, "DB_USER: ", "");
    answer(&mut session, "DB_USER: ", "ana maria");
    let mut seen = expect(&mut session, "DB_PASSWORD: ");
    assert!(seen.contains("ana maria"), "{seen:?}");
    session.send_line("hunter2").unwrap();
    seen = answer(&mut session, "DB_PASSWORD, once more: ", "hunter3");
    seen += &expect(&mut session, "they differ; type the same twice");
    seen += &answer(&mut session, "DB_PASSWORD: ", "hunter2");
    seen += &answer(&mut session, "DB_PASSWORD, once more: ", "hunter2");
    seen += &answer(&mut session, "API_KEY: ", "k3y");
    seen += &answer(&mut session, "API_KEY, once more: ", "k3y");
    assert!(!seen.contains("hunter") && !seen.contains("k3y"), "{seen:?}");
    let output = ask_for(&mut session, &["get", "--json"]);
    let json = "{\"API_KEY\":\"k3y\",\"DB_PASSWORD\":\"hunter2\",\"DB_USER\":\"ana maria\"}\n";
    assert_output(&output, 0, json, "");
    let rest = interrupt(&mut session);
    assert!(rest.contains("closed: the safe is gone"), "{rest:?}");
}

#[test]
fn the_banner_says_what_the_safe_holds() {
    let line = "printf bytes >k; chmod 600 k";
    let folder = tempfile::tempdir().unwrap();
    let mut session = shell(&format!(
        "cd {} && {line}; exec {BINARY} serve A --secret-file K=k --port 0 --minutes 5",
        folder.path().display()
    ));
    answer(&mut session, "A: ", "x");
    answer(&mut session, "A, once more: ", "x");
    assert_eq!(shown(&mut session, "holds "), "A and K");
    expect(&mut session, "').secret(\"A\")".trim_start_matches('\''));
    expect(&mut session, "passsafe get A --url ");
    interrupt(&mut session);
}

#[test]
fn lines_that_are_pasted_answer_one_question_each() {
    let mut session = shell(&format!("exec {BINARY} serve A B --port 0 --minutes 5"));
    expect(&mut session, "A: ");
    session.send("one\none\ntwo\ntwo\n").unwrap();
    session.flush().unwrap();
    let output = ask_for(&mut session, &["get", "--json"]);
    assert_output(&output, 0, "{\"A\":\"one\",\"B\":\"two\"}\n", "");
    interrupt(&mut session);
}

#[test]
fn every_question_can_be_left_and_leaves_the_terminal_sane() {
    let serve = format!("{BINARY} serve B --show A --port 0 -m 5");
    for end in [End::CtrlC, End::CtrlD, End::Kill] {
        ended_at_a_prompt(&serve, &[], "A: ", &end);
        ended_at_a_prompt(&serve, &[("A: ", "x")], "B: ", &end);
        ended_at_a_prompt(&serve, &[("A: ", "x"), ("B: ", "y")], "B, once more: ", &end);
    }
}

#[test]
fn files_are_read_before_anything_is_asked() {
    let mut session = shell(&format!("exec {BINARY} serve A --secret-file K=/nope --port 0"));
    let rest = expect_exit(&mut session, 66);
    assert!(rest.contains("error: /nope cannot be read: No such file or directory"), "{rest}");
    assert!(!rest.contains("Minutes") && !rest.contains("A: "), "{rest}");
}

#[test]
fn questions_find_the_terminal_when_stderr_is_elsewhere() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut session =
        shell(&format!("exec {BINARY} serve B --show A --port 0 -m 5 2>{}", log.path().display()));
    answer(&mut session, "A: ", "x");
    answer(&mut session, "B: ", "y");
    answer(&mut session, "B, once more: ", "y");
    assert_output(&ask_for(&mut session, &["get", "B"]), 0, "y\n", "");
    interrupt(&mut session);
    let log = std::fs::read_to_string(log.path()).unwrap();
    let told: Vec<&str> = log.lines().map(|line| line.split_at(10).1).collect();
    assert!(told[0].starts_with("fetched by "), "{log}");
    assert_eq!(told[1], "closed: the safe is gone");
    assert!(told[2].starts_with("fetched once, by "), "{log}");
    assert_eq!(told.len(), 3);
}

#[test]
fn a_narrow_terminal_gets_the_same_words() {
    let mut session = shell(&format!(
        "stty cols 40 rows 10; exec {BINARY} serve B --show A_NAME_THAT_IS_LONGER_THAN_THE_LINE_IS_WIDE --port 0 -m 5"
    ));
    answer(&mut session, "A_NAME_THAT_IS_LONGER_THAN_THE_LINE_IS_WIDE: ", "x");
    answer(&mut session, "B: ", "y");
    answer(&mut session, "B, once more: ", "y");
    assert_output(&ask_for(&mut session, &["get", "B"]), 0, "y\n", "");
    interrupt(&mut session);
}

#[test]
fn a_closed_or_piped_keyboard_is_no_terminal() {
    for (from, args, what) in [
        ("<&-", "A", "A"),
        ("</dev/null", "--show A", "A"),
        ("</dev/null", "A --secret-stdin B", "A"),
    ] {
        let mut session = shell(&format!("exec {BINARY} serve {args} --port 0 {from}"));
        let rest = expect_exit(&mut session, 66);
        let error = format!("error: there is no terminal to ask for {what}\r\nhint: take it from ");
        assert!(rest.contains(&error), "{rest}");
    }
    let mut session =
        shell(&format!("exec {BINARY} serve --secret-file A=/etc/passwd --clear </dev/null"));
    let rest = expect_exit(&mut session, 66);
    let error = "error: there is no terminal at which --clear could wait for Enter\r\n\
                 hint: leave --clear out\r\n";
    assert!(rest.contains(error), "{rest}");
}

#[test]
fn a_secret_from_standard_input_is_no_terminal() {
    let mut session = shell(&format!("exec {BINARY} serve --secret-stdin A --port 0"));
    let rest = expect_exit(&mut session, 2);
    let error = "error: --secret-stdin wants a pipe or a file, and standard input is a terminal\r\n\
                 hint: to be asked for it, hidden: passsafe serve A\r\n";
    assert!(rest.contains(error), "{rest}");
}

#[test]
fn what_a_line_cannot_hold_is_sent_to_a_file() {
    let hint = "hint: take it from a file or a pipe: --secret-file A=PATH";
    for flag in ["", "--show "] {
        let serve = format!("exec {BINARY} serve {flag}A --port 0 -m 5");
        let mut session = shell(&serve);
        expect(&mut session, "A: ");
        type_too_long(&mut session);
        expect(
            &mut session,
            "error: the line is too long: a terminal delivers less than 4095 bytes",
        );
        expect(&mut session, hint);
        expect_exit(&mut session, 2);

        let mut session = shell(&format!("stty -iutf8; {serve}"));
        expect(&mut session, "A: ");
        send_bytes(&mut session, b"\xe4\n");
        expect(&mut session, "error: what was typed is not UTF-8");
        expect(&mut session, hint);
        expect_exit(&mut session, 2);
    }
}

#[test]
fn a_terminal_gets_plain_text_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, b"\x1b]0;title\x07").unwrap();
    let source = format!("KEY={}", path.display());
    let mut serve =
        passsafe(["serve", "--json", "--port", "0", "-m", "5", "--secret-file", &source]);
    serve.stderr(std::process::Stdio::null());
    let safe = crate::support::Safe::start_as_it_is(b"", serve);
    let get = |args: &str| {
        let credentials = &safe.credentials;
        let mut session = shell(&format!(
            "export PASSSAFE_URL={} PASSSAFE_TOKEN={} PASSSAFE_PASSPHRASE='{}'; exec {BINARY} get {args}",
            credentials.url, credentials.token, credentials.passphrase
        ));
        let rest = session.exp_eof().unwrap();
        (rest, session.process().wait().unwrap())
    };
    for args in ["KEY", "--raw KEY"] {
        let (rest, status) = get(args);
        assert!(matches!(status, WaitStatus::Exited(_, 65)), "{status:?}");
        assert!(rest.contains("error: refusing to print binary data to a terminal\r\n"), "{rest}");
        assert!(rest.contains("hint: send it to a file or a pipe, or add --base64\r\n"), "{rest}");
        assert!(!rest.contains("title"), "{rest}");
    }
    for args in ["--base64 KEY", "--json", "KEY | od -c", "--list"] {
        let (rest, status) = get(args);
        assert!(matches!(status, WaitStatus::Exited(_, 0)), "{rest}");
    }
}
