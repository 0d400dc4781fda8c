//! The same through a pseudo-terminal, as a person sees it.

use std::io::Write as _;
use std::process::Command;

use nix::sys::signal::SIGINT;
use nix::sys::wait::WaitStatus;
use rexpect::session::{PtySession, spawn_command};

use crate::support::{
    BINARY, Credentials, Safe, assert_failure, assert_output, passsafe, without_variables,
};

/// How long a test waits for what must come; reached only when it fails.
const PATIENCE: Option<u64> = Some(30_000);

pub(crate) fn at_terminal(command: Command) -> PtySession {
    spawn_command(command, PATIENCE).unwrap()
}

/// The command at a terminal.
pub(crate) fn passsafe_at_terminal(args: &[&str]) -> PtySession {
    at_terminal(without_variables(Command::new(BINARY), args))
}

/// A line of shell at a terminal whose echo is on, as it is for people.
pub(crate) fn shell(line: &str) -> PtySession {
    at_terminal(without_variables(Command::new("sh"), ["-c", &format!("stty echo; {line}")]))
}

#[track_caller]
pub(crate) fn expect(session: &mut PtySession, text: &str) -> String {
    session.exp_string(text).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

/// Waits for a question or another text, types a line, and returns what was shown before it.
#[track_caller]
pub(crate) fn answer(session: &mut PtySession, question: &str, answer: &str) -> String {
    let seen = expect(session, question);
    session.send_line(answer).unwrap();
    seen
}

#[track_caller]
pub(crate) fn answer_all(session: &mut PtySession, answers: &[(&str, &str)]) {
    for (question, text) in answers {
        answer(session, question, text);
    }
}

/// Types a line that is longer than a terminal delivers.
pub(crate) fn type_too_long(session: &mut PtySession) {
    for _ in 0..41 {
        session.send(&"x".repeat(100)).unwrap();
        session.flush().unwrap();
    }
    session.send_line("").unwrap();
}

/// What stands behind a label of the banner.
#[track_caller]
pub(crate) fn shown(session: &mut PtySession, label: &str) -> String {
    expect(session, label);
    session.read_line().unwrap().trim().to_owned()
}

/// Ends a safe by Ctrl-C, and returns what it says then.
#[track_caller]
pub(crate) fn interrupt(session: &mut PtySession) -> String {
    session.send_control('c').unwrap();
    expect_exit(session, 0)
}

#[track_caller]
pub(crate) fn expect_exit(session: &mut PtySession, code: i32) -> String {
    let rest = session.exp_eof().unwrap();
    match session.process().wait().unwrap() {
        WaitStatus::Exited(_, exited) => assert_eq!(exited, code, "{rest}"),
        other => panic!("{other:?}: {rest}"),
    }
    rest
}

/// Starts a safe by hand and returns the terminal with URL, passphrase and token.
fn start_by_hand(password: &str) -> (PtySession, String, String, String) {
    let mut session = shell(&format!("exec {BINARY} --port 0"));
    answer(&mut session, "Minutes to serve, 1 to 480 [60]: ", "nonsense");
    expect(&mut session, "the lifetime is a whole number of minutes from 1 to 480");
    answer(&mut session, "Minutes to serve, 1 to 480 [60]: ", "481");
    expect(&mut session, "the lifetime is a whole number of minutes from 1 to 480");
    answer(&mut session, "Minutes to serve, 1 to 480 [60]: ", "");
    // An empty one is never accepted, and two must be the same.
    answer(&mut session, "Password: ", "");
    answer(&mut session, "Password: ", password);
    answer(&mut session, "Password, once more: ", "something else");
    expect(&mut session, "they differ; type the same twice");
    answer(&mut session, "Password: ", password);
    answer(&mut session, "Password, once more: ", password);
    let url = shown(&mut session, "open for 60 minutes on ");
    let passphrase = shown(&mut session, "passphrase  ");
    let token = shown(&mut session, "token       ");
    expect(&mut session, &format!("passsafe get --url {url}"));
    (session, url, passphrase, token)
}

#[test]
fn a_person_stores_a_password_and_another_terminal_fetches_it() {
    let (mut safe, url, passphrase, token) = start_by_hand("S3kr!t");
    assert_eq!(passphrase.split(' ').count(), 6);
    assert_eq!(token.len(), "936 265".len());

    let mut get = shell(&format!("exec {BINARY} get --url {url}"));
    answer(&mut get, "Passphrase: ", &passphrase);
    answer(&mut get, "Token: ", "12345");
    expect(&mut get, "a token is six digits");
    answer(&mut get, "Token: ", &token);
    let rest = expect_exit(&mut get, 0);
    assert!(rest.ends_with("S3kr!t\r\n"), "{rest:?}");
    assert!(!rest.contains(&token), "{rest:?}");

    let rest = interrupt(&mut safe);
    assert!(rest.contains("closed: the safe is gone"), "{rest:?}");
}

#[test]
fn what_is_typed_hidden_is_never_shown() {
    let mut session = shell(&format!("exec {BINARY} --port 0 --minutes 5"));
    answer(&mut session, "Password: ", "hunter2");
    let mut seen = answer(&mut session, "Password, once more: ", "hunter2");
    seen += &expect(&mut session, "open for 5 minutes on ");
    let url = session.read_line().unwrap().trim().to_owned();
    seen += &expect(&mut session, "passsafe get");
    assert!(!seen.contains("hunter2"), "{seen:?}");
    // An answer means that the serving process listens, for signals too.
    assert!(passsafe(["status", "--url", &url]).output().unwrap().status.success());
    session.send_control('c').unwrap();
    assert!(!expect_exit(&mut session, 0).contains("hunter2"));
}

#[test]
fn the_line_of_json_may_be_asked_for_at_a_terminal_too() {
    let mut session = shell(&format!("{BINARY} --port 0 --json --minutes 5 | sed 's/^/line: /'"));
    answer(&mut session, "Password: ", "S3kr!t");
    answer(&mut session, "Password, once more: ", "S3kr!t");
    expect(&mut session, "line: {\"url\":\"http://localhost:");
    session.send_control('c').unwrap();
    session.exp_eof().unwrap();
}

/// Leads a command to a prompt, ends it there, and sees that two lines say what happened and
/// that echo and keys are back.
pub(crate) fn ended_at_a_prompt(command: &str, answers: &[(&str, &str)], prompt: &str, end: &End) {
    // An interactive shell survives what its command dies of; so does this one.
    let mut session =
        shell(&format!("trap : INT; echo \"shell=$$.\"; {command}; echo \"code=$?\"; stty -a"));
    expect(&mut session, "shell=");
    let shell = expect(&mut session, ".");
    answer_all(&mut session, answers);
    expect(&mut session, prompt);
    session.send("half a li").unwrap();
    end.act(&mut session, &shell);
    let error = if end.code() == 130 || end.code() == 143 {
        "interrupted at a prompt"
    } else {
        "the input ended at a prompt"
    };
    expect(&mut session, &format!("error: {error}"));
    expect(&mut session, "hint: ");
    let code = if command.contains(" run ") && end.code() == 66 { 125 } else { end.code() };
    expect(&mut session, &format!("code={code}"));
    let modes = session.exp_eof().unwrap();
    let modes: Vec<&str> = modes.split([' ', ';', '\r', '\n']).collect();
    assert!(["echo", "icanon", "isig"].iter().all(|mode| modes.contains(mode)), "{modes:?}");
    let joined = modes.join(" ");
    assert!(joined.contains("quit = ^\\") && joined.contains("susp = ^Z"), "{joined}");
}

/// What a person, or another program, does at a prompt.
pub(crate) enum End {
    CtrlC,
    CtrlD,
    Kill,
}

impl End {
    fn act(&self, session: &mut PtySession, shell: &str) {
        match self {
            Self::CtrlC => session.send_control('c').unwrap(),
            // The first one hands over what was typed before it.
            Self::CtrlD => session.send_control('d').unwrap(),
            Self::Kill => {
                let children = format!("/proc/{shell}/task/{shell}/children");
                let children = std::fs::read_to_string(children).unwrap();
                let child = children.split_whitespace().last().unwrap().parse().unwrap();
                nix::sys::signal::kill(
                    nix::unistd::Pid::from_raw(child),
                    nix::sys::signal::SIGTERM,
                )
                .unwrap();
            }
        }
    }

    fn code(&self) -> i32 {
        match self {
            Self::CtrlC => 130,
            Self::CtrlD => 66,
            Self::Kill => 143,
        }
    }
}

fn end_at_every_prompt(end: &End) {
    let safe = Safe::start(b"S3kr!t");
    let Credentials { url, passphrase, .. } = &safe.credentials;
    let serve = format!("{BINARY} --port 0");
    ended_at_a_prompt(&serve, &[], "Minutes to serve", end);
    ended_at_a_prompt(&format!("{serve} -m 5"), &[], "Password: ", end);
    ended_at_a_prompt(&format!("{serve} -m 5"), &[("Password: ", "x")], "once more: ", end);
    ended_at_a_prompt(&format!("{serve} -m 5 --clear"), TWICE, NOTED, end);
    for verb in ["get", "run --env A"] {
        let command =
            format!("{BINARY} {verb} --url {url}{}", if verb == "get" { "" } else { " -- true" });
        ended_at_a_prompt(&command, &[], "Passphrase: ", end);
        ended_at_a_prompt(&command, &[("Passphrase: ", passphrase)], "Token: ", end);
    }
    ended_at_a_prompt(&format!("{BINARY} close --url {url}"), &[], "Token: ", end);
}

#[test]
fn ctrl_c_at_any_prompt_leaves_the_terminal_sane() {
    end_at_every_prompt(&End::CtrlC);
}

#[test]
fn ctrl_d_at_any_prompt_ends_the_input_and_nobody_else() {
    end_at_every_prompt(&End::CtrlD);
}

#[test]
fn a_deadly_signal_at_any_prompt_leaves_the_terminal_sane() {
    end_at_every_prompt(&End::Kill);
}

/// The signal may come while the modes are being changed.
#[test]
fn a_signal_that_races_with_a_prompt_leaves_the_terminal_sane() {
    for _ in 0..20 {
        let mut session =
            shell(&format!("trap : INT; {BINARY} --port 0 -m 5; echo \"code=$?\"; stty -a"));
        // As soon as the first letter of the prompt is there, and before it is read.
        session.exp_string("P").unwrap();
        session.send_control('c').unwrap();
        expect(&mut session, "code=130");
        let modes = session.exp_eof().unwrap();
        assert!(modes.split([' ', ';', '\r', '\n']).any(|mode| mode == "echo"), "{modes}");
    }
}

#[test]
fn what_is_typed_before_a_hidden_prompt_is_answered_is_kept() {
    let mut session = shell(&format!("exec {BINARY} --port 0 --minutes 5"));
    expect(&mut session, "Password: ");
    session.send("S3kr!t\nS3kr!t\n").unwrap();
    session.flush().unwrap();
    let seen = expect(&mut session, "passphrase  ");
    assert!(!seen.contains("S3kr!t"), "{seen:?}");
    interrupt(&mut session);
}

#[test]
fn keys_that_stop_or_that_the_caller_ignores_do_nothing_at_a_prompt() {
    let safe = Safe::start(b"S3kr!t");
    for (key, ignored) in [('z', ""), ('c', "trap '' INT; "), ('\\', "trap '' QUIT; ")] {
        let mut session =
            shell(&format!("{ignored}exec {BINARY} get --url {}", safe.credentials.url));
        expect(&mut session, "Passphrase: ");
        session.send_control(key).unwrap();
        session.send("\x15").unwrap();
        session.send_line(&safe.credentials.passphrase).unwrap();
        answer(&mut session, "Token: ", &safe.credentials.token);
        assert!(expect_exit(&mut session, 0).ends_with("S3kr!t\r\n"));
    }
}

/// A shell ends its script when a program dies of Ctrl-C, and goes on when one exits.
#[test]
fn a_script_ends_with_the_prompt_that_is_interrupted() {
    let safe = Safe::start(b"S3kr!t");
    let script = format!(
        "for n in 1 2; do {BINARY} get --url {}; echo \"code=$?\"; done",
        safe.credentials.url
    );
    let mut session = at_terminal(without_variables(Command::new("bash"), ["-c", &script]));
    expect(&mut session, "Passphrase: ");
    session.send_control('c').unwrap();
    let rest = session.exp_eof().unwrap();
    assert!(rest.contains("error: interrupted at a prompt") && !rest.contains("code="), "{rest}");
    let status = session.process().wait().unwrap();
    assert!(matches!(status, WaitStatus::Signaled(_, SIGINT, _)), "{status:?}");
}

#[test]
fn a_background_job_is_told_so_and_not_stopped() {
    let safe = Safe::start(b"S3kr!t");
    let url = &safe.credentials.url;
    for away in [
        format!("set -m; {BINARY} get --url {url} & wait $!"),
        format!("setsid -w {BINARY} get --url {url}"),
    ] {
        let mut session = shell(&format!("{away}; echo \"code=$?\""));
        expect(&mut session, "error: there is no terminal to ask for the passphrase");
        expect(&mut session, "code=66");
    }
}

#[test]
fn what_is_not_text_is_named_so() {
    let mut session = shell(&format!("stty -iutf8; exec {BINARY} --port 0"));
    expect(&mut session, "Minutes to serve, 1 to 480 [60]: ");
    send_bytes(&mut session, b"\xff\n");
    expect(&mut session, "the lifetime is a whole number of minutes from 1 to 480");
    answer(&mut session, "Minutes to serve, 1 to 480 [60]: ", "5");
    expect(&mut session, "Password: ");
    send_bytes(&mut session, b"\xe4\n");
    expect(&mut session, "error: what was typed is not UTF-8");
    expect(&mut session, "hint: pass other bytes through a pipe: passsafe serve --password-stdin");
    expect_exit(&mut session, 2);
}

pub(crate) fn send_bytes(session: &mut PtySession, bytes: &[u8]) {
    let mut keyboard = session.process().get_file_handle().unwrap();
    keyboard.write_all(bytes).unwrap();
}

pub(crate) const TWICE: &[(&str, &str)] =
    &[("Password: ", "S3kr!t"), ("Password, once more: ", "S3kr!t")];
const NOTED: &str = "Press Enter once they are noted, to clear the screen: ";

#[test]
fn noted_credentials_are_cleared_from_screen_and_scrollback() {
    let mut session =
        shell(&format!("echo \"pid=$$\"; exec {BINARY} --port 0 --minutes 5 --clear"));
    expect(&mut session, "pid=");
    let pid = session.read_line().unwrap().trim().parse().unwrap();
    answer_all(&mut session, TWICE);
    let passphrase = shown(&mut session, "passphrase  ");
    let token = shown(&mut session, "token       ");
    let shown = expect(&mut session, NOTED);
    assert!(!shown.contains('\x1b'), "{shown:?}");
    assert_no_longer_holds(pid, &passphrase);
    session.send_line("").unwrap();
    expect(&mut session, "\x1b[H\x1b[2J\x1b[3Jopen for 5 minutes on ");
    let url = expect(&mut session, "; Ctrl-C closes it");

    let output = passsafe(["get", "--url", &url])
        .env("PASSSAFE_PASSPHRASE", &passphrase)
        .env("PASSSAFE_TOKEN", &token)
        .output()
        .unwrap();
    assert_output(&output, 0, "S3kr!t\n", "");

    let rest = interrupt(&mut session);
    assert!(rest.contains("closed: the safe is gone"), "{rest:?}");
    assert!(!rest.contains(&passphrase) && !rest.contains(&token), "{rest:?}");
}

/// What was shown was written past every buffer, and wiped.
#[cfg(target_os = "linux")]
fn assert_no_longer_holds(pid: i32, passphrase: &str) {
    use crate::scan::{Memory, encodings};
    let memory = Memory::of(pid);
    assert!(memory.contains(b"open for 5 minutes"), "the scan is blind");
    memory.assert_free_of(&encodings(passphrase.as_bytes()), "sealer that has shown all");
}

#[cfg(not(target_os = "linux"))]
fn assert_no_longer_holds(_: i32, _: &str) {}

#[test]
fn clearing_needs_a_person() {
    for flag in ["--json", "--password-stdin"] {
        let output = passsafe(["--clear", flag]).output().unwrap();
        assert_failure(
            &output,
            2,
            &format!("the argument '--clear' cannot be used with '{flag}'"),
            "see 'passsafe --help'",
        );
    }
}

#[test]
fn nothing_is_asked_for_a_safe_that_is_not_there() {
    let (_held, port) = crate::support::dead_port();
    let url = format!("http://127.0.0.1:{port}");
    let mut session = passsafe_at_terminal(&["get", "--url", &url]);
    let rest = expect_exit(&mut session, 69);
    assert!(!rest.contains("Passphrase"), "{rest}");
    assert!(rest.contains("error: there is no safe at"), "{rest}");
}

#[test]
fn messages_are_broken_between_words_in_a_narrow_window() {
    let (_held, port) = crate::support::dead_port();
    let url = format!("http://127.0.0.1:{port}");
    let mut session = shell(&format!("stty cols 40; exec {BINARY} get --url {url}"));
    let told = expect_exit(&mut session, 69);
    assert!(told.lines().all(|line| line.len() <= 40), "{told:?}");
    assert_eq!(
        told.split_whitespace().collect::<Vec<_>>().join(" "),
        format!(
            "error: there is no safe at {url}; it may have expired hint: start one with \
             'passsafe', or name another address with --url"
        )
    );
}

#[test]
fn questions_find_the_terminal_when_stderr_is_elsewhere() {
    let safe = Safe::start(b"S3kr!t");
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut session = shell(&format!(
        "exec {BINARY} get --url {} 2>{}",
        safe.credentials.url,
        log.path().display()
    ));
    answer(&mut session, "Passphrase: ", &safe.credentials.passphrase);
    answer(&mut session, "Token: ", &safe.credentials.token);
    assert!(expect_exit(&mut session, 0).ends_with("S3kr!t\r\n"));
    assert_eq!(std::fs::read_to_string(log.path()).unwrap(), "");
}
