//! The same through a pseudo-terminal, as a person sees it.

use std::process::Command;

use nix::sys::wait::WaitStatus;
use rexpect::session::{PtySession, spawn_command};

use crate::support::{BINARY, Safe, assert_failure, assert_output, passsafe};

/// How long a test waits for what must come; reached only when it fails.
const PATIENCE: Option<u64> = Some(30_000);

fn at_terminal(command: Command) -> PtySession {
    spawn_command(command, PATIENCE).unwrap()
}

/// Runs a line of shell on a terminal whose echo is on, as it is for people.
fn shell(line: &str) -> PtySession {
    let mut command = passsafe::<_, &str>([]);
    command = {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("stty echo; {line}")]);
        for (name, _) in command.get_envs() {
            shell.env_remove(name);
        }
        shell
    };
    at_terminal(command)
}

#[track_caller]
fn expect(session: &mut PtySession, text: &str) -> String {
    session.exp_string(text).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

#[track_caller]
fn expect_exit(session: &mut PtySession, code: i32) -> String {
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
    expect(&mut session, "Minutes to serve, 1 to 480 [60]: ");
    session.send_line("nonsense").unwrap();
    expect(&mut session, "the lifetime is a whole number of minutes from 1 to 480");
    expect(&mut session, "Minutes to serve, 1 to 480 [60]: ");
    session.send_line("481").unwrap();
    expect(&mut session, "the lifetime is a whole number of minutes from 1 to 480");
    expect(&mut session, "Minutes to serve, 1 to 480 [60]: ");
    session.send_line("").unwrap();
    // An empty one is never accepted, and two must be the same.
    expect(&mut session, "Password: ");
    session.send_line("").unwrap();
    expect(&mut session, "Password: ");
    session.send_line(password).unwrap();
    expect(&mut session, "Password, once more: ");
    session.send_line("something else").unwrap();
    expect(&mut session, "they differ; type it twice the same");
    expect(&mut session, "Password: ");
    session.send_line(password).unwrap();
    expect(&mut session, "Password, once more: ");
    session.send_line(password).unwrap();
    expect(&mut session, "open for 60 minutes on ");
    let url = session.read_line().unwrap().trim().to_owned();
    expect(&mut session, "passphrase  ");
    let passphrase = session.read_line().unwrap().trim().to_owned();
    expect(&mut session, "token       ");
    let token = session.read_line().unwrap().trim().to_owned();
    expect(&mut session, &format!("passsafe get --url {url}"));
    (session, url, passphrase, token)
}

#[test]
fn a_person_stores_a_password_and_another_terminal_fetches_it() {
    let (mut safe, url, passphrase, token) = start_by_hand("S3kr!t");
    assert_eq!(passphrase.split(' ').count(), 6);
    assert_eq!(token.len(), "936 265".len());

    let mut get = shell(&format!("exec {BINARY} get --url {url}"));
    expect(&mut get, "Passphrase: ");
    get.send_line(&passphrase).unwrap();
    expect(&mut get, "Token: ");
    get.send_line("12345").unwrap();
    expect(&mut get, "a token is six digits");
    expect(&mut get, "Token: ");
    get.send_line(&token).unwrap();
    let rest = expect_exit(&mut get, 0);
    assert!(rest.ends_with("S3kr!t\r\n"), "{rest:?}");
    assert!(!rest.contains(&token), "{rest:?}");

    safe.send_control('c').unwrap();
    let rest = expect_exit(&mut safe, 0);
    assert!(rest.contains("closed: the safe is gone"), "{rest:?}");
}

#[test]
fn what_is_typed_hidden_is_never_shown() {
    let mut session = shell(&format!("exec {BINARY} --port 0 --minutes 5"));
    expect(&mut session, "Password: ");
    session.send_line("hunter2").unwrap();
    let mut seen = expect(&mut session, "Password, once more: ");
    session.send_line("hunter2").unwrap();
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
    expect(&mut session, "Password: ");
    session.send_line("S3kr!t").unwrap();
    expect(&mut session, "Password, once more: ");
    session.send_line("S3kr!t").unwrap();
    expect(&mut session, "line: {\"url\":\"http://localhost:");
    session.send_control('c').unwrap();
    session.exp_eof().unwrap();
}

/// At every prompt: echo and keys are back, and two lines say what happened.
fn leaves_the_terminal_sane(command: &str, prompt: &str, control: char, code: i32, error: &str) {
    leaves_the_terminal_sane_after(&[], command, prompt, control, code, error);
}

/// The same after some questions and their answers.
fn leaves_the_terminal_sane_after(
    answers: &[(&str, &str)],
    command: &str,
    prompt: &str,
    control: char,
    code: i32,
    error: &str,
) {
    let mut session = shell(&format!(
        "trap '' INT QUIT; (trap - INT QUIT; exec {command}); echo \"code=$?\"; stty -a"
    ));
    for (question, answer) in answers {
        expect(&mut session, question);
        session.send_line(answer).unwrap();
    }
    expect(&mut session, prompt);
    session.send("half a li").unwrap();
    session.send_control(control).unwrap();
    expect(&mut session, &format!("error: {error}"));
    expect(&mut session, "hint: ");
    expect(&mut session, &format!("code={code}"));
    let modes = session.exp_eof().unwrap();
    let modes: Vec<&str> = modes.split([' ', ';', '\r', '\n']).collect();
    assert!(
        modes.contains(&"echo") && modes.contains(&"icanon") && modes.contains(&"isig"),
        "{modes:?}"
    );
    let joined = modes.join(" ");
    assert!(joined.contains("quit = ^\\") && joined.contains("susp = ^Z"), "{joined}");
}

#[test]
fn ctrl_c_at_any_prompt_leaves_the_terminal_sane() {
    let safe = Safe::start(b"S3kr!t");
    let url = &safe.credentials.url;
    let interrupted = "interrupted at a prompt";
    leaves_the_terminal_sane(
        &format!("{BINARY} --port 0"),
        "Minutes to serve",
        'c',
        130,
        interrupted,
    );
    leaves_the_terminal_sane(
        &format!("{BINARY} --port 0 -m 5"),
        "Password: ",
        'c',
        130,
        interrupted,
    );
    leaves_the_terminal_sane(
        &format!("{BINARY} get --url {url}"),
        "Passphrase: ",
        'c',
        130,
        interrupted,
    );
    leaves_the_terminal_sane(
        &format!("{BINARY} close --url {url}"),
        "Token: ",
        'c',
        130,
        interrupted,
    );
}

#[test]
fn ctrl_d_at_any_prompt_ends_the_input() {
    let safe = Safe::start(b"S3kr!t");
    let url = &safe.credentials.url;
    let ended = "the input ended at a prompt";
    leaves_the_terminal_sane(&format!("{BINARY} --port 0"), "Minutes to serve", 'd', 66, ended);
    leaves_the_terminal_sane(&format!("{BINARY} --port 0 -m 5"), "Password: ", 'd', 66, ended);
    leaves_the_terminal_sane(&format!("{BINARY} get --url {url}"), "Passphrase: ", 'd', 66, ended);
    leaves_the_terminal_sane(&format!("{BINARY} close --url {url}"), "Token: ", 'd', 66, ended);
}

const TWICE: &[(&str, &str)] = &[("Password: ", "S3kr!t"), ("Password, once more: ", "S3kr!t")];
const NOTED: &str = "Press Enter once they are noted, to clear the screen: ";

#[test]
fn noted_credentials_are_cleared_from_screen_and_scrollback() {
    let mut session =
        shell(&format!("echo \"pid=$$\"; exec {BINARY} --port 0 --minutes 5 --clear"));
    expect(&mut session, "pid=");
    let pid = session.read_line().unwrap().trim().parse().unwrap();
    for (question, answer) in TWICE {
        expect(&mut session, question);
        session.send_line(answer).unwrap();
    }
    expect(&mut session, "passphrase  ");
    let passphrase = session.read_line().unwrap().trim().to_owned();
    expect(&mut session, "token       ");
    let token = session.read_line().unwrap().trim().to_owned();
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

    session.send_control('c').unwrap();
    let rest = expect_exit(&mut session, 0);
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
fn ctrl_c_and_ctrl_d_before_they_are_noted_leave_the_terminal_sane() {
    let command = format!("{BINARY} --port 0 -m 5 --clear");
    for (control, code, error) in
        [('c', 130, "interrupted at a prompt"), ('d', 66, "the input ended at a prompt")]
    {
        leaves_the_terminal_sane_after(TWICE, &command, NOTED, control, code, error);
    }
}

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
fn a_line_that_the_terminal_would_cut_is_refused() {
    let mut session = at_terminal(passsafe_at_terminal(&["--port", "0", "--minutes", "5"]));
    expect(&mut session, "Password: ");
    for _ in 0..41 {
        session.send(&"x".repeat(100)).unwrap();
        session.flush().unwrap();
    }
    session.send_line("").unwrap();
    expect(&mut session, "Password, once more: ");
    for _ in 0..41 {
        session.send(&"x".repeat(100)).unwrap();
        session.flush().unwrap();
    }
    session.send_line("").unwrap();
    expect(
        &mut session,
        "error: a terminal line carries less than 4095 bytes, and the rest is lost",
    );
    expect(
        &mut session,
        "hint: pass longer secrets through a pipe: passsafe serve --password-stdin",
    );
    expect_exit(&mut session, 2);
}

#[test]
fn nothing_is_asked_for_a_safe_that_is_not_there() {
    let (_held, port) = crate::support::dead_port();
    let mut session =
        at_terminal(passsafe_at_terminal(&["get", "--url", &format!("http://127.0.0.1:{port}")]));
    let rest = expect_exit(&mut session, 69);
    assert!(!rest.contains("Passphrase"), "{rest}");
    assert!(rest.contains("error: there is no safe at"), "{rest}");
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
    expect(&mut session, "Passphrase: ");
    session.send_line(&safe.credentials.passphrase).unwrap();
    expect(&mut session, "Token: ");
    session.send_line(&safe.credentials.token).unwrap();
    assert!(expect_exit(&mut session, 0).ends_with("S3kr!t\r\n"));
    assert_eq!(std::fs::read_to_string(log.path()).unwrap(), "");
}

#[test]
fn a_password_from_standard_input_is_no_terminal() {
    let mut session = at_terminal(passsafe_at_terminal(&["--password-stdin"]));
    expect(
        &mut session,
        "error: --password-stdin wants a pipe or a file, and standard input is a terminal",
    );
    expect(&mut session, "hint: leave the flag out to be asked for the password, hidden");
    expect_exit(&mut session, 2);
}

fn passsafe_at_terminal(args: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(args);
    for (name, _) in passsafe::<_, &str>([]).get_envs() {
        command.env_remove(name);
    }
    command
}
