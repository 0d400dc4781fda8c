//! The open safe on a terminal: what it shows, what its keys do, and how it leaves the terminal.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::Signal;
use tempfile::{NamedTempFile, TempDir};

use crate::clocks::{Clocks, LIFETIME};
use crate::prompts::{expect, shell};
use crate::served::{PASSWORD, PLAIN, Served, leaves_the_terminal_sane};
use crate::support::{
    BINARY, Safe, assert_failure, assert_output, assert_told, passsafe, told, variables,
};

#[test]
fn the_time_left_is_counted_down_below_the_log() {
    let mut served = Served::start("");
    served.expect("  5:00 left  ");
    for second in ["4:59", "4:58"] {
        served.expect(&format!("\r\x1b[J  {second} left  "));
        served.expect("  e adds 15 minutes, Ctrl-C closes\r");
    }
    let get = served.run(&["get"]);
    assert_output(&get, 0, "S3kr!t\n", "");
    let seen = served.expect_log(r"fetched by [^;\r]* of [a-z]+\r\n");
    assert!(!seen.contains("so far"), "{seen}");
    served.expect(" left  ");
    served.run(&["get"]);
    served.expect_log(r"fetched by [^;\r]* of [a-z]+; 2 times so far\r\n");
    let wrong = served.command(&["get"]).env("PASSSAFE_TOKEN", "000000").output().unwrap();
    if served.token != "000 000" {
        assert_eq!(wrong.status.code(), Some(77));
        served.expect_log(r"wrong token \(1 of 3\) from [^\r]* of [a-z]+\r\n");
    }
    let rest = served.close();
    assert!(!rest.contains("\x1b[3"), "NO_COLOR: {rest:?}");
    let last: Vec<&str> = rest.split("\x1b[J").last().unwrap().lines().collect();
    assert!(last[0].ends_with("  closed: the safe is gone"), "{last:?}");
    assert!(last[1].contains("  fetched 2 times"), "{last:?}");
    assert_eq!(last.len(), 2);
}

#[test]
fn the_line_follows_the_width_of_the_window() {
    let mut served = Served::start("");
    served.expect("Ctrl-C closes\r");
    served.resize(40);
    served.session.exp_regex("\r\x1b\\[J  [45]:[0-9]{2} left  e: \\+15 min\r").unwrap();
    served.resize(20);
    served.session.exp_regex("\r\x1b\\[J  [45]:[0-9]{2} left\r").unwrap();
    served.resize(80);
    served.expect("Ctrl-C closes\r");
    served.close();
}

#[test]
fn colour_is_used_where_it_is_not_refused() {
    let mut served = Served::by(&format!("{PLAIN}; unset NO_COLOR; exec {BINARY}"));
    served.expect("  \x1b[1m5:00 left\x1b[0m  \x1b[33m");
    served.close();
}

#[test]
fn a_dumb_terminal_gets_lines_without_escapes() {
    for term in ["export TERM=dumb", "unset TERM"] {
        let mut served = Served::by(&format!("{PLAIN}; {term}; exec {BINARY}"));
        served.run(&["get"]);
        served.expect_log("fetched by ");
        let rest = served.close();
        assert!(!rest.contains('\x1b') && !rest.contains("left"), "{rest:?}");
        assert!(rest.contains("  closed: the safe is gone\r\n"), "{rest:?}");
    }
}

#[test]
fn standard_error_that_is_a_file_gets_lines_and_no_escapes() {
    let log = NamedTempFile::new().unwrap();
    let mut served =
        Served::by(&format!("{PLAIN}; unset NO_COLOR; exec {BINARY} 2>{}", log.path().display()));
    served.run(&["get"]);
    assert_eq!(served.close(), "");
    let log = fs::read_to_string(log.path()).unwrap();
    assert!(!log.contains('\x1b'), "{log:?}");
    let lines: Vec<&str> = log.lines().map(|line| line.split_at(10).1).collect();
    assert!(lines[0].starts_with("fetched by "), "{log}");
    assert_eq!(lines[1], "closed: the safe is gone");
    assert!(lines[2].starts_with("fetched once, by "), "{log}");
    assert_eq!(lines.len(), 3);
}

#[test]
fn quiet_shows_nothing() {
    let mut served = Served::start("--quiet");
    served.run(&["get"]);
    assert_eq!(served.close(), "");

    let safe = Safe::start_with(PASSWORD.as_bytes(), passsafe(["serve", "--quiet"]));
    safe.run(["get"]);
    safe.signal(rustix::process::Signal::INT);
    assert_output(&safe.end(), 0, "", "");
}

#[test]
fn lines_of_json_name_the_process_that_asked() {
    let safe = Safe::start(PASSWORD.as_bytes());
    let mut get = safe.command(["get"]);
    let get = get.stdout(Stdio::null()).spawn().unwrap();
    let pid = get.id();
    assert!(get.wait_with_output().unwrap().status.success());
    safe.signal(rustix::process::Signal::INT);
    let end = safe.end();
    assert_told(&end, &["fetched", "closed"]);
    let [fetched, closed] = &told(&end)[..] else { panic!() };
    assert_eq!(fetched["pid"].as_u64(), Some(pid.into()));
    assert_eq!(fetched["process"], "passsafe");
    assert_eq!(fetched["fetched"], 1);
    let own = rustix::process::geteuid().as_raw();
    assert_eq!(fetched["uid"].as_u64(), Some(own.into()));
    let time = humantime::parse_rfc3339(fetched["time"].as_str().unwrap()).unwrap();
    assert!(time.elapsed().unwrap().as_secs() < 60);
    assert_eq!(closed["by"][0]["fetched"], 1);
}

/// The log repeats nothing that could command the terminal.
#[test]
fn a_process_with_escapes_in_its_name_is_shown_without() {
    let mut served = Served::start("");
    let folder = TempDir::new().unwrap();
    let odd = folder.path().join("a\x1b[2Jb\r\n");
    fs::copy(BINARY, &odd).unwrap();
    fs::set_permissions(&odd, fs::Permissions::from_mode(0o755)).unwrap();
    let get = served.command(&["get"]);
    let mut command = Command::new(&odd);
    command.arg("get").envs(get.get_envs().filter_map(|(name, value)| Some((name, value?))));
    assert!(command.output().unwrap().status.success());
    served.expect_log(r"fetched by 'a\?\[2Jb[?]*' \(pid [0-9]+\) of ");
    served.close();
}

#[test]
fn every_end_leaves_the_terminal_as_it_was() {
    leaves_the_terminal_sane(|served| served.session.send_control('c').unwrap());
    leaves_the_terminal_sane(|served| served.press("\x1c"));
    leaves_the_terminal_sane(|served| served.signal(Signal::SIGTERM));
    leaves_the_terminal_sane(|served| served.signal(Signal::SIGHUP));
    leaves_the_terminal_sane(|served| drop(served.run(&["close"])));
}

#[test]
fn the_deadline_leaves_the_terminal_as_it_was() {
    let (clocks, shared) = Clocks::new();
    let variables = Clocks::variables(&shared);
    let mut served = Served::by(&format!(
        "{PLAIN}; before=$(stty -g); {variables} {BINARY}; \
         test \"$before\" = \"$(stty -g)\" && echo as before"
    ));
    served.expect("Ctrl-C closes\r");
    clocks.move_to(LIFETIME, LIFETIME);
    served.expect_log("expired: the time is up, and the safe is gone");
    served.expect("as before");
}

#[test]
fn a_stopped_safe_gives_the_terminal_back_and_takes_it_again() {
    let mut served = Served::by(&format!(
        "{PLAIN}; before=$(stty -g); set -m; {BINARY}; \
         test \"$before\" = \"$(stty -g)\" && echo as before; fg"
    ));
    served.expect("Ctrl-C closes\r");
    served.press("\x1a");
    served.expect("as before");
    served.expect("Ctrl-C closes\r");
    assert_output(&served.run(&["get"]), 0, "S3kr!t\n", "");
    served.expect_log("fetched by ");
    served.close();
}

#[test]
fn a_background_job_shows_no_live_line_and_is_not_stopped() {
    let out = NamedTempFile::new().unwrap();
    let path = out.path().display();
    // The shell that reads the next line has the terminal.
    let mut session = shell(&format!(
        "{PLAIN}; stty tostop; set -m; \
         printf %s {PASSWORD} | {BINARY} --password-stdin --json --port 0 >{path} & \
         read line; echo \"read $line.\"; fg >{path}.fg"
    ));
    let line = loop {
        let line = fs::read_to_string(out.path()).unwrap();
        if line.ends_with('\n') {
            break line;
        }
        std::thread::yield_now();
    };
    let credentials: serde_json::Value = serde_json::from_str(&line).unwrap();
    for _ in 0..3 {
        let [url, passphrase, token] =
            ["url", "passphrase", "token"].map(|it| credentials[it].as_str().unwrap());
        let get = passsafe(["get"]).envs(variables(url, passphrase, token)).output();
        assert_output(&get.unwrap(), 0, "S3kr!t\n", "");
    }
    session.send_line("e").unwrap();
    let seen = expect(&mut session, "read e.");
    assert!(!seen.contains("fetched"), "the terminal wants silence of its jobs: {seen:?}");
    expect(&mut session, "\"event\":\"fetched\"");
    session.send_control('c').unwrap();
    session.exp_eof().unwrap();
    fs::remove_file(format!("{path}.fg")).unwrap();
}

#[test]
fn a_terminal_that_is_held_keeps_nobody() {
    let mut served = Served::start("");
    served.expect("Ctrl-C closes\r");
    served.press("\x13");
    for _ in 0..3 {
        assert_output(&served.run(&["get"]), 0, "S3kr!t\n", "");
    }
    served.press("\x11");
    served.expect_log("fetched by ");
    served.expect("; 3 times so far");
    served.press("\x13");
    served.run(&["get"]);
    served.signal(Signal::SIGTERM);
    // The process is gone although it could not say so.
    let gone = passsafe(["status", "--url", &served.url]);
    let mut gone = gone;
    while gone.output().unwrap().status.success() {}
    served.session.process_mut().set_kill_timeout(Some(10_000));
    let status = served.session.process().wait().unwrap();
    assert!(matches!(status, nix::sys::wait::WaitStatus::Exited(_, 0)), "{status:?}");
}

#[test]
fn a_key_extends_the_safe_and_pasted_ones_do_not() {
    let mut served = Served::start("");
    served.expect("Ctrl-C closes\r");
    served.press("select e from e;\n");
    // Its own pause.
    served.expect("Ctrl-C closes\r");
    served.press("e");
    served.expect_log("extended: open for another 20 minutes\r\n");
    served.expect("  20 min left  ");
    assert_output(&served.run(&["status"]), 0, "open, 19 minutes left, 3 of 3 attempts left\n", "");
    assert_output(&served.run(&["get"]), 0, "S3kr!t\n", "");
    let rest = served.close();
    assert!(!rest.contains("extended"), "once: {rest:?}");
}

#[test]
fn of_many_fetches_at_once_as_many_succeed_as_are_allowed() {
    let safe = Safe::start_with(PASSWORD.as_bytes(), passsafe(["serve", "-m5", "--max-uses", "3"]));
    let gets: Vec<Child> = (0..8)
        .map(|_| {
            let mut get = safe.command(["get"]);
            get.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let outputs: Vec<Output> = gets.into_iter().map(|it| it.wait_with_output().unwrap()).collect();
    let (fetched, refused): (Vec<_>, Vec<_>) =
        outputs.iter().partition(|output| output.status.success());
    assert_eq!((fetched.len(), refused.len()), (3, 5));
    for output in refused {
        assert_failure(
            output,
            77,
            "the safe is spent: its last allowed use was made",
            "start a new one with 'passsafe'",
        );
    }
    safe.signal(rustix::process::Signal::INT);
    let end = safe.end();
    assert_told(&end, &["fetched", "fetched", "fetched", "spent", "ended"]);
    let left: Vec<_> = told(&end).iter().map(|event| event["uses_left"].as_u64()).collect();
    assert_eq!(left, [Some(2), Some(1), Some(0), None, None]);
}

#[test]
fn the_uses_that_are_left_are_on_screen() {
    let mut served = Served::start("--max-uses 2");
    served.expect("  2 of 2 uses left  ");
    served.run(&["get"]);
    served.expect_log(r"fetched by [^;\r]* of [a-z]+; 1 of 2 uses left\r\n");
    served.expect("  1 of 2 uses left  ");
    served.run(&["get"]);
    served.expect_log("spent: the last use was made, and no client gets in any more; Ctrl-C");
    served.session.exp_regex("\r\x1b\\[J  spent, gone in [45]:[0-9]{2}  Ctrl-C ends it\r").unwrap();
    assert!(served.close().contains("  ended: the spent safe is gone\r\n"));
}

#[test]
fn uses_are_counted_from_one() {
    for uses in ["0", "-1", "x", "4294967296"] {
        let output = passsafe(["serve", &format!("--max-uses={uses}")]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{uses}");
        assert!(output.stdout.is_empty());
    }
}
