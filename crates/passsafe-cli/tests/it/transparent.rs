//! A program that `run` becomes is as if it had been started without: what it sees of itself,
//! and what the shell and the terminal see of it.

use std::process::{Command, Output};

use nix::libc;
use rexpect::session::PtySession;

use crate::prompts::{answer, at_terminal, expect, expect_exit, shell};
use crate::support::{BINARY, Safe, assert_output, without_variables};

const WITHOUT: &str = "";

fn within() -> String {
    format!("{BINARY} run --env A -- ")
}

/// A line of shell with the credentials at hand.
fn line(safe: &Safe, line: &str) -> Command {
    let mut command = without_variables(Command::new("bash"), ["-c", line]);
    command.envs(safe.variables());
    command
}

/// Both ways, after the same preparation.
fn both(safe: &Safe, before: &str, program: &str, after: &str) -> [Output; 2] {
    [WITHOUT, &within()]
        .map(|way| line(safe, &format!("{before} {way}{program} {after}")).output().unwrap())
}

/// Both are the same, and what they are.
#[track_caller]
fn same(safe: &Safe, before: &str, program: &str, after: &str) -> String {
    let [without, within] = both(safe, before, program, after).map(|mut output| {
        output.stdout = without_internal_signals(&output.stdout);
        output
    });
    let text = String::from_utf8_lossy(&without.stdout).into_owned();
    assert_output(
        &within,
        without.status.code().unwrap(),
        &text,
        &String::from_utf8_lossy(&without.stderr),
    );
    text
}

/// Signals 32 and 33 are the C library's own. Whether it lets a child ignore them depends on
/// what the threads of this test process, which other tests share, have done by then.
fn without_internal_signals(status: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(status);
    let lines = text.split_inclusive('\n').map(|line| match line.strip_prefix("SigIgn:\t") {
        Some(ignored) => {
            let ignored = u64::from_str_radix(ignored.trim_end(), 16).unwrap();
            format!("SigIgn:\t{:016x}\n", ignored & !bits(&[32, 33]))
        }
        None => line.to_owned(),
    });
    lines.collect::<String>().into_bytes()
}

/// What a process knows of itself, memory and counters left out.
const SELF: &str = "grep -E '^(Sig[PBIC]|Shd|Umask|Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp:|Cpus_allowed|CoreDumping|Threads)' /proc/self/status";

fn mask(status: &str, which: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(which)).unwrap();
    u64::from_str_radix(line.trim(), 16).unwrap()
}

fn bits(signals: &[i32]) -> u64 {
    signals.iter().map(|signal| 1 << (signal - 1)).sum()
}

#[test]
fn signals_are_the_callers_whatever_the_caller_did_to_them() {
    let safe = Safe::start(b"S3kr!t");
    let plain = same(&safe, "exec", SELF, "");
    assert_eq!(mask(&plain, "SigIgn:") & bits(&[libc::SIGPIPE]), 0);
    for (names, signals) in [
        ("PIPE", &[libc::SIGPIPE][..]),
        ("HUP", &[libc::SIGHUP]),
        ("INT,QUIT,TERM,USR1", &[libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGUSR1]),
    ] {
        let ignored = same(&safe, &format!("exec env --ignore-signal={names}"), SELF, "");
        assert_eq!(mask(&ignored, "SigIgn:") & bits(signals), bits(signals));
        let blocked = same(&safe, &format!("exec env --block-signal={names}"), SELF, "");
        assert_eq!(mask(&blocked, "SigBlk:"), bits(signals));
    }
    let hangup = same(&safe, "exec nohup", SELF, "2>&1");
    assert_ne!(mask(&hangup, "SigIgn:") & bits(&[libc::SIGHUP]), 0);
    let pipe = "sh -c 'yes | head -1; kill -PIPE $$'";
    for (before, code) in [("exec", None), ("exec env --ignore-signal=PIPE", Some(0))] {
        let [without, within] = both(&safe, before, pipe, "2>/dev/null");
        assert_eq!((without.status.code(), without.status), (code, within.status), "{before}");
    }
}

#[test]
fn a_signal_that_was_ignored_is_so_after_questions_too() {
    let safe = Safe::start(b"S3kr!t");
    let credentials = &safe.credentials;
    let mut session = shell(&format!(
        "exec env --ignore-signal=INT,HUP,TERM,PIPE {BINARY} run --url {} --env A -- {SELF}",
        credentials.url
    ));
    answer(&mut session, "Passphrase: ", &credentials.passphrase);
    answer(&mut session, "Token: ", &credentials.token);
    let status = expect_exit(&mut session, 0).replace('\r', "");
    let ignored = bits(&[libc::SIGINT, libc::SIGHUP, libc::SIGTERM, libc::SIGPIPE]);
    assert_eq!(mask(&status, "SigIgn:") & (ignored | bits(&[libc::SIGQUIT])), ignored);
    assert_eq!(mask(&status, "SigCgt:") & (ignored | bits(&[libc::SIGQUIT])), 0);
    assert_eq!(mask(&status, "SigBlk:"), 0);
}

#[test]
fn the_terminal_is_as_it_was_when_the_program_starts() {
    let safe = Safe::start(b"S3kr!t");
    let credentials = &safe.credentials;
    let mut session = shell(&format!(
        "stty -echoctl; stty -a; exec {BINARY} run --url {} --env A -- stty -a",
        credentials.url
    ));
    let before = answer(&mut session, "Passphrase: ", &credentials.passphrase);
    answer(&mut session, "Token: ", &credentials.token);
    let after = expect_exit(&mut session, 0);
    assert!(before.contains("-echoctl") && before.contains(" echo "), "{before}");
    assert_eq!(after.trim(), before.trim());
}

#[test]
fn descriptors_are_the_callers_and_no_others() {
    let safe = Safe::start(b"S3kr!t");
    // Those that other tests let slip into every child.
    let clean = "for fd in /proc/$$/fd/*; do fd=${fd##*/}; [ $fd -le 2 ] || eval \"exec $fd>&-\"; done; exec";
    let list = "find /proc/self/fd/ -mindepth 1 -printf '%f %l\\n'";
    let sorted = "| sed -E 's/:\\[[0-9]+\\]$//; s,/proc/[0-9]+,,' | sort";
    let plain = same(&safe, clean, list, &format!("</dev/null {sorted}"));
    for own in ["0 /dev/null\n", "1 pipe\n", "2 pipe\n"] {
        assert!(plain.contains(own), "{plain}");
    }
    let more = format!("{clean} 7</etc/passwd; exec");
    let more = same(&safe, &more, list, &format!("</dev/null {sorted}"));
    assert_eq!(more.lines().count(), plain.lines().count() + 1, "{more}");
    assert!(more.contains("7 /etc/passwd\n"), "{more}");
    // Closed is closed, and not the null device.
    for closed in ["<&-", "</etc/passwd 2>&-"] {
        let closed = same(&safe, clean, list, &format!("{closed} {sorted}"));
        assert!(!closed.contains("/dev/null"), "{closed}");
    }
}

#[test]
fn limits_folder_and_environment_are_the_callers() {
    let safe = Safe::start(b"S3kr!t");
    let limits =
        "ulimit -Sc 1024; ulimit -Sn 200; ulimit -Ss 4096; umask 027; cd /usr/lib; exec nice -n 3";
    let limits = same(
        &safe,
        limits,
        "sh -c 'cat /proc/self/limits; umask; pwd -P; nice; cat /proc/self/oom_score_adj /proc/self/coredump_filter /proc/self/timerslack_ns'",
        "",
    );
    assert!(limits.contains("1048576 ") && limits.contains("0027\n/usr/lib\n3\n"), "{limits}");
    // A new variable and ours apart.
    let names = "sh -c 'env -0 | sort -z | grep -zv -e ^A= -e ^_= -e ^PASSSAFE_ | tr \\\\0 \\\\n'";
    let kept = "export SPACE=\"a b\" LINES='x\ny' EMPTY= NOT_PASSSAFE_X=1; exec";
    let environment = same(&safe, kept, names, "");
    assert!(
        environment.contains("\nSPACE=a b\n") && environment.contains("NOT_PASSSAFE_X=1"),
        "{environment}"
    );
}

#[test]
fn what_is_thrown_away_may_be_opened_for_reading_and_writing() {
    let safe = Safe::start(b"S3kr!t");
    // As Python's DEVNULL is. It is not a stream that was closed.
    let null = std::fs::File::options().read(true).write(true).open("/dev/null").unwrap();
    let output = safe.command(["get"]).stdout(null).output().unwrap();
    assert_output(&output, 0, "", "");
}

/// An interactive shell at a terminal, with the credentials at hand.
fn interactive(safe: &Safe) -> PtySession {
    let mut bash = without_variables(Command::new("bash"), ["--norc", "--noprofile", "-i"]);
    bash.envs(safe.variables()).env("HISTFILE", "/dev/null").env("PS1", "ready> ");
    let mut session = at_terminal(bash);
    expect(&mut session, "ready> ");
    // What is typed is not to be taken for an answer.
    session
        .send_line("bind 'set enable-bracketed-paste off'; stty -echo; set +o emacs; set +o vi")
        .unwrap();
    expect(&mut session, "ready> ");
    session
}

/// Ends the shell, which no signal would.
fn leave(mut session: PtySession) {
    session.send_line("exit 0").unwrap();
    expect_exit(&mut session, 0);
}

/// Runs a line and has the shell say what became of it.
fn result(session: &mut PtySession, line: &str) -> String {
    session.send_line(line).unwrap();
    let seen = expect(session, "ready> ");
    session.send_line("echo \"<$?>\"").unwrap();
    let code = expect(session, "ready> ");
    (seen + &code).replace('\r', "")
}

#[test]
fn the_shell_sees_the_programs_own_end() {
    let safe = Safe::start(b"S3kr!t");
    let mut session = interactive(&safe);
    for way in [WITHOUT, &within()] {
        assert!(result(&mut session, &format!("{way}sh -c 'exit 42'")).ends_with("<42>\n"));
        let killed = result(&mut session, &format!("{way}sh -c 'kill -TERM $$'"));
        assert!(killed.contains("Terminated") && killed.ends_with("<143>\n"), "{killed}");
        let interrupted = result(&mut session, &format!("{way}sh -c 'kill -INT $$'"));
        assert!(interrupted.ends_with("<130>\n"), "{interrupted}");
        assert!(
            result(&mut session, &format!("{way}/etc/passwd 2>/dev/null")).ends_with("<126>\n")
        );
        assert!(
            result(&mut session, &format!("{way}no-such-program 2>/dev/null")).ends_with("<127>\n")
        );
    }
    leave(session);
}

#[test]
fn the_terminal_is_the_programs_own() {
    let safe = Safe::start(b"S3kr!t");
    let mut session = interactive(&safe);
    session.send_line("stty rows 33 cols 77").unwrap();
    expect(&mut session, "ready> ");
    for way in [WITHOUT, &within()] {
        let script = "for n in 0 1 2; do [ -t $n ] && echo terminal; done; stty size; \
                      [ \"$(ps -o tpgid= -p $$)\" = \"$(ps -o pgid= -p $$)\" ] && echo foreground; ps -o stat= -p $$";
        let seen = result(&mut session, &format!("{way}sh -c '{script}'"));
        let lines: Vec<&str> = seen.lines().collect();
        assert_eq!(
            lines[..5],
            ["terminal", "terminal", "terminal", "33 77", "foreground"],
            "{seen}"
        );
        assert!(lines[5].contains('+') && !lines[5].contains('l'), "{seen}");
    }
    leave(session);
}

#[test]
fn keys_reach_the_program_alone() {
    let safe = Safe::start(b"S3kr!t");
    let mut session = interactive(&safe);
    for way in [WITHOUT, &within()] {
        // Ctrl-C is the program's to handle.
        let script = "trap \"echo caught; exit 7\" INT; echo waiting; while :; do read x; done";
        session.send_line(&format!("{way}sh -c '{script}'; echo \"<$?>\"")).unwrap();
        expect(&mut session, "waiting");
        session.send_control('c').unwrap();
        expect(&mut session, "caught");
        expect(&mut session, "<7>");
        expect(&mut session, "ready> ");
        // Ctrl-Z stops it, and the shell has it go on.
        let script = "echo waiting; read x; echo \"got $x\"; exit 5";
        session.send_line(&format!("{way}sh -c '{script}'")).unwrap();
        expect(&mut session, "waiting");
        session.send_control('z').unwrap();
        expect(&mut session, "Stopped");
        expect(&mut session, "ready> ");
        let jobs = result(&mut session, "jobs");
        assert!(jobs.contains("Stopped"), "{jobs}");
        session.send_line("fg; echo \"<$?>\"").unwrap();
        answer(&mut session, "sh -c", "hello");
        expect(&mut session, "got hello");
        expect(&mut session, "<5>");
        expect(&mut session, "ready> ");
    }
    leave(session);
}
