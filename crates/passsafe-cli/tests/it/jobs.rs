//! `serve -- CMD` at a terminal: keys, job control, size, and who says what.

use std::fs;
use std::process::Command;

use nix::sys::signal::Signal as Key;
use nix::sys::wait::WaitStatus;
use rexpect::session::PtySession;
use rustix::process::{Signal, kill_process};
use rustix::termios::{Winsize, tcgetwinsize, tcsetwinsize};

use crate::prompts::{TWICE, answer, answer_all, at_terminal, expect, expect_exit, shell};
use crate::supervise::wait_until_stopped;
use crate::support::{BINARY, passsafe, without_variables};

const SERVE: &str = "serve --minutes 5";

/// A shell around which a safe is served, up to its line that says `ready`.
fn around(script: &str) -> PtySession {
    let mut session = shell(&format!("exec {BINARY} {SERVE} -- sh -c '{script}' {BINARY}"));
    answer_all(&mut session, TWICE);
    expect(&mut session, "open for 5 minutes on http://localhost:");
    expect(&mut session, ", until the program ends\r\n");
    expect(&mut session, "ready\r\n");
    session
}

/// The last two lines: how it ended, and how often it was fetched.
#[track_caller]
fn assert_closed(rest: &str) {
    let last: Vec<&str> = rest.lines().rev().take(2).collect();
    let [fetched, closed] = last[..] else { panic!("{rest:?}") };
    assert!(closed.contains("closed: the safe is gone") && fetched.contains("fetched"), "{rest:?}");
}

#[test]
fn a_person_types_into_the_program_and_reads_what_it_says() {
    let mut session = around("echo ready; read -r line; echo \"<$line>\"; exit 3");
    session.send_line("typed").unwrap();
    // The terminal's echo, and the program's answer.
    expect(&mut session, "typed\r\n<typed>\r\n");
    assert_closed(&expect_exit(&mut session, 3));
}

#[test]
fn nothing_of_ours_goes_where_the_program_writes() {
    let folder = tempfile::TempDir::new().unwrap();
    let (out, log) = (folder.path().join("out"), folder.path().join("log"));
    let mut session = shell(&format!(
        "exec {BINARY} {SERVE} -- sh -c 'echo out; echo err >&2' >{} 2>{}",
        out.display(),
        log.display()
    ));
    answer_all(&mut session, TWICE);
    // The questions found the terminal all the same.
    assert_eq!(expect_exit(&mut session, 0).trim(), "");
    assert_eq!(fs::read_to_string(out).unwrap(), "out\n");
    assert_eq!(fs::read_to_string(log).unwrap(), "err\n");
}

#[test]
fn ctrl_c_is_the_programs_to_handle() {
    let mut session =
        around("trap \"echo caught\" INT; echo ready; read -r line; read -r line; \"$0\" get");
    session.send_control('c').unwrap();
    answer(&mut session, "caught\r\n", "");
    let rest = expect(&mut session, "S3kr!t\r\n");
    // The key has reached it once.
    assert!(!rest.contains("caught"), "{rest}");
    assert_closed(&expect_exit(&mut session, 0));
}

#[test]
fn a_program_that_does_not_handle_keys_dies_of_them() {
    for (key, signal) in [('c', Key::SIGINT), ('\\', Key::SIGQUIT)] {
        let mut session = around("ulimit -c 0; echo ready; exec sleep 1000");
        session.send_control(key).unwrap();
        assert_closed(&session.exp_eof().unwrap());
        let status = session.process().wait().unwrap();
        assert!(matches!(status, WaitStatus::Signaled(_, by, false) if by == signal), "{status:?}");
    }
}

#[test]
fn a_password_that_is_not_typed_starts_no_program() {
    let folder = tempfile::TempDir::new().unwrap();
    let mark = folder.path().join("started");
    for (key, error, code) in
        [('c', "interrupted at a prompt", 130), ('d', "the input ended at a prompt", 125)]
    {
        let mut session = shell(&format!(
            "trap : INT; {BINARY} {SERVE} -- touch {}; echo code=$?",
            mark.display()
        ));
        expect(&mut session, "Password: ");
        session.send_control(key).unwrap();
        expect(&mut session, &format!("error: {error}"));
        expect(&mut session, &format!("code={code}"));
        // The launcher had the terminal open, too.
        session.exp_eof().unwrap();
        assert!(!mark.exists());
    }
}

#[test]
fn the_program_learns_of_a_new_size() {
    let mut session = around("trap \"stty size\" WINCH; echo ready; read -r line; read -r line");
    let terminal = session.process().get_file_handle().unwrap();
    let size = tcgetwinsize(&terminal).unwrap();
    tcsetwinsize(&terminal, Winsize { ws_row: 33, ws_col: 40, ..size }).unwrap();
    answer(&mut session, "33 40\r\n", "");
    expect_exit(&mut session, 0);
}

/// An interactive bash, which stops and continues jobs.
fn bash() -> PtySession {
    let mut bash =
        without_variables(Command::new("bash"), ["--norc", "--noprofile", "--noediting", "-i"]);
    bash.env("PS1", "$ ").env("BINARY", BINARY).env("TERM", "dumb");
    let mut session = at_terminal(bash);
    expect(&mut session, "$ ");
    session
}

/// Nothing else ends an interactive shell at once.
fn end(mut bash: PtySession) {
    line(&mut bash, "exit 0");
    expect_exit(&mut bash, 0);
}

fn line(session: &mut PtySession, line: &str) {
    session.send_line(line).unwrap();
}

#[test]
fn it_stops_and_goes_on_as_any_job() {
    let mut bash = bash();
    let script = "echo ready; read -r line; \"$0\" get; exit 3";
    line(&mut bash, &format!("$BINARY {SERVE} -- sh -c '{script}' $BINARY"));
    answer_all(&mut bash, TWICE);
    expect(&mut bash, "open for 5 minutes on ");
    let url = expect(&mut bash, ", until the program ends\r\n");
    expect(&mut bash, "ready\r\n");
    for _ in 0..3 {
        bash.send_control('z').unwrap();
        expect(&mut bash, "Stopped");
        expect(&mut bash, "$ ");
        line(&mut bash, "jobs -s | grep -c Stopped");
        expect(&mut bash, "1\r\n");
        line(&mut bash, "fg");
        expect(&mut bash, "sh -c");
        // Served again means that both go on.
        assert!(passsafe(["status", "--url", &url]).output().unwrap().status.success());
    }
    line(&mut bash, "");
    expect(&mut bash, "S3kr!t\r\n");
    expect(&mut bash, "closed: the safe is gone");
    line(&mut bash, "echo code=$?");
    expect(&mut bash, "code=3\r\n");
    end(bash);
}

/// A shell makes a group of its own, and stops itself by SIGSTOP.
#[test]
fn a_program_with_a_group_of_its_own_stops_and_goes_on() {
    let mut bash = bash();
    line(&mut bash, &format!("$BINARY {SERVE} -- bash --norc --noprofile --noediting -i"));
    answer_all(&mut bash, TWICE);
    expect(&mut bash, "until the program ends\r\n");
    line(&mut bash, "PS1='in: '");
    expect(&mut bash, "in: ");
    for _ in 0..3 {
        line(&mut bash, "suspend");
        expect(&mut bash, "Stopped");
        expect(&mut bash, "\n$ ");
        line(&mut bash, "fg");
        expect(&mut bash, "in: ");
    }
    line(&mut bash, "$BINARY get");
    expect(&mut bash, "S3kr!t\r\n");
    line(&mut bash, "exit 4");
    expect(&mut bash, "closed: the safe is gone");
    line(&mut bash, "echo code=$?");
    expect(&mut bash, "code=4\r\n");
    end(bash);
}

#[test]
fn a_job_in_the_background_stops_when_it_wants_to_read() {
    let mut bash = bash();
    let script = "read -r line </dev/tty; echo \"<$line>\"";
    line(
        &mut bash,
        &format!("echo S3kr1t | $BINARY {SERVE} --password-stdin -- sh -c '{script}' &"),
    );
    expect(&mut bash, "until the program ends\r\n");
    line(&mut bash, "wait %1");
    expect(&mut bash, "Stopped");
    line(&mut bash, "jobs -l");
    expect(&mut bash, "Stopped (tty input)");
    line(&mut bash, "fg");
    line(&mut bash, "typed");
    expect(&mut bash, "<typed>\r\n");
    expect(&mut bash, "closed: the safe is gone");
    end(bash);
}

/// Nobody would wait for it, and whoever stopped it has it go on.
#[test]
fn a_program_that_is_stopped_in_the_background_stops_nobody_else() {
    let mut bash = bash();
    let script = "echo program=$$.; exec sleep 1000";
    line(
        &mut bash,
        &format!("echo S3kr1t | $BINARY {SERVE} --password-stdin -- sh -c '{script}' &"),
    );
    expect(&mut bash, "open for 5 minutes on ");
    let url = expect(&mut bash, ", until the program ends\r\n");
    expect(&mut bash, "program=");
    let number = expect(&mut bash, ".").parse().unwrap();
    let program = rustix::process::Pid::from_raw(number).unwrap();
    kill_process(program, Signal::STOP).unwrap();
    wait_until_stopped(program);
    // Before and after the serving process has heard of it.
    for _ in 0..50 {
        assert!(passsafe(["status", "--url", &url]).output().unwrap().status.success());
    }
    kill_process(program, Signal::CONT).unwrap();
    kill_process(program, Signal::TERM).unwrap();
    expect(&mut bash, "closed: the safe is gone");
    end(bash);
}
