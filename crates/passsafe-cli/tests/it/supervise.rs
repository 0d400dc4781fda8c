//! `serve -- CMD` without a terminal: the program, what it finds, and how both end.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, PipeWriter, Read as _, Write as _};
use std::net::TcpStream;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process, test_kill_process, waitid,
};

use crate::support::{
    BINARY, Safe, assert_failure, assert_output, assert_told, passsafe, port_of, with_input,
    without_variables,
};

const FLAGS: [&str; 4] = ["serve", "--minutes", "5", "--password-stdin"];

/// `passsafe serve -- CMD` with the password on standard input.
fn around(flags: &[&str], program: &[&str]) -> Output {
    with_input(command(flags, program), b"S3kr!t")
}

fn command(flags: &[&str], program: &[&str]) -> Command {
    let mut command = passsafe(FLAGS);
    command.args(flags).arg("--").args(program);
    command
}

/// A shell that knows this binary as `$0`.
fn shell(script: &str) -> Output {
    around(&[], &["sh", "-c", script, BINARY])
}

/// What goes on until the test lets it go, or ends.
pub(crate) struct Around {
    pub(crate) safe: Safe,
    lines: BufReader<ChildStdout>,
    pub(crate) program: Pid,
    hold: PipeWriter,
}

/// Prints the credentials as `--json` does, and its own number.
const TELL: &str = r#"printf '{"url":"%s","passphrase":"%s","token":"%s","user":"%s","expires_at":""}\n%s\n' \
    "$PASSSAFE_URL" "$PASSSAFE_PASSPHRASE" "$PASSSAFE_TOKEN" "$(id -un)" $$; "#;

impl Around {
    /// A shell that runs `before`, waits until it is let go, and runs `after`.
    fn start(before: &str, after: &str) -> Self {
        Self::start_with(passsafe(FLAGS), b"S3kr!t", before, after)
    }

    pub(crate) fn start_with(
        mut serve: Command,
        password: &[u8],
        before: &str,
        after: &str,
    ) -> Self {
        let (held, hold) = std::io::pipe().unwrap();
        fcntl_setfd(&held, FdFlags::empty()).unwrap();
        let script = format!("{before}\n{TELL} read -r _ </proc/self/fd/$1; {after}");
        serve.args(["--", "sh", "-c", &script, BINARY, &held.as_raw_fd().to_string()]);
        serve.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child: Child = serve.spawn().unwrap();
        drop(held);
        child.stdin.take().unwrap().write_all(password).unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut line = || {
            let mut line = String::new();
            lines.read_line(&mut line).unwrap();
            line
        };
        let (credentials, number) = (line(), line());
        let program = Pid::from_raw(number.trim().parse().unwrap()).unwrap();
        Self { safe: Safe::of(&credentials, child), lines, program, hold }
    }

    fn send(&self, signal: Signal) {
        kill_process(self.program, signal).unwrap();
    }

    /// What else it printed, and what became of the process that was started.
    pub(crate) fn end(mut self) -> (String, Output) {
        drop(self.hold);
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).unwrap();
        (rest, self.safe.end())
    }
}

#[test]
fn the_first_thing_a_program_does_may_be_a_fetch() {
    for _ in 0..20 {
        assert_output(&around(&[], &[BINARY, "get"]), 0, "S3kr!t\n", "");
    }
}

#[test]
fn the_bare_command_serves_around_a_program_too() {
    let output = with_input(passsafe(["--password-stdin", "--", BINARY, "get"]), b"S3kr!t");
    assert_output(&output, 0, "S3kr!t\n", "");
    // A verb behind the dashes is a program.
    let output = with_input(passsafe(["--password-stdin", "--", "serve"]), b"S3kr!t");
    assert_failure(&output, 127, "there is no program serve", "check its name and the PATH");
}

#[test]
fn the_exit_code_is_the_programs_own() {
    for code in [0, 1, 3, 125, 255] {
        assert_output(&shell(&format!("exit {code}")), code, "", "");
    }
}

#[test]
fn it_dies_as_the_program_dies_and_leaves_no_core() {
    for signal in [
        Signal::TERM,
        Signal::KILL,
        Signal::INT,
        Signal::HUP,
        Signal::PIPE,
        Signal::QUIT,
        Signal::SEGV,
    ] {
        let script = format!("ulimit -c 0; kill -{} $$", signal.as_raw());
        let output = around(&[], &["sh", "-c", &script]);
        assert_eq!(output.status.signal(), Some(signal.as_raw()));
        assert!(!output.status.core_dumped());
        assert_eq!((&*output.stdout, &*output.stderr), (&b""[..], &b""[..]));
    }
    // A signal that a process cannot repeat is the code that a shell makes of it.
    assert_output(&shell("kill -35 $$"), 128 + 35, "", "");
}

#[test]
fn the_environment_is_the_callers_with_what_opens_the_safe() {
    const OURS: [&str; 3] = ["PASSSAFE_PASSPHRASE", "PASSSAFE_TOKEN", "PASSSAFE_URL"];
    let variables = |flags: &[&str], ours: &[(&str, &str)]| {
        let mut command = command(flags, &["/usr/bin/env", "-0"]);
        command.env_clear().env("A", "1").env("B", "x=y\nz").envs(ours.iter().copied());
        let output = with_input(command, b"S3kr!t");
        assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]));
        let text = String::from_utf8(output.stdout).unwrap();
        text.split_terminator('\0')
            .map(|it| it.split_once('=').unwrap())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect::<BTreeMap<_, _>>()
    };
    let names =
        |variables: &BTreeMap<String, String>| variables.keys().cloned().collect::<Vec<_>>();
    // Another safe's variables would only mislead.
    let inherited = [
        ("PASSSAFE_PASSPHRASE_FILE", "/nowhere"),
        ("PASSSAFE_OWNER", "nobody"),
        ("PASSSAFE_URL", "unix:///elsewhere"),
    ];
    let found = variables(&[], &inherited);
    assert_eq!(names(&found), [&["A", "B"], &OURS[..]].concat());
    assert_eq!((&*found["A"], &*found["B"]), ("1", "x=y\nz"));
    assert!(found["PASSSAFE_URL"].starts_with("http://localhost:"));
    assert_eq!(found["PASSSAFE_PASSPHRASE"].split(' ').count(), 6);
    assert_eq!(found["PASSSAFE_TOKEN"].len(), 6);

    let found = variables(&["--user", "ana"], &[]);
    assert_eq!(names(&found), [&["A", "B"], &OURS[..], &["PASSSAFE_USER"]].concat());
    assert_eq!(found["PASSSAFE_USER"], "ana");
    let found = variables(&[], &[("PASSSAFE_USER", "bob")]);
    assert_eq!(found["PASSSAFE_USER"], "bob");

    // A program that changes its account has to know whose safe it is.
    let found = variables(&["--allow-any-user"], &[]);
    assert_eq!(
        names(&found),
        ["A", "B", "PASSSAFE_OWNER", OURS[0], OURS[1], OURS[2], "PASSSAFE_USER"]
    );
    assert_eq!(found["PASSSAFE_OWNER"], rustix::process::geteuid().as_raw().to_string());
}

#[test]
fn a_program_in_the_program_gets_the_secret_and_none_of_our_variables() {
    let script = "\"$0\" run --env PGPASSWORD -- sh -c 'echo $PGPASSWORD; env | grep -c PASSSAFE_'";
    assert_output(&shell(script), 1, "S3kr!t\n0\n", "");
}

#[test]
fn a_socket_alone_is_enough() {
    let folder = tempfile::TempDir::new().unwrap();
    let socket = folder.path().join("safe.sock");
    let socket = socket.to_str().unwrap();
    let script = "echo $PASSSAFE_URL; \"$0\" get; exit 3";
    let output = around(&["--socket", socket, "--no-port"], &["sh", "-c", script, BINARY]);
    assert_output(&output, 3, &format!("unix://{socket}\nS3kr!t\n"), "");
    assert!(!fs::exists(socket).unwrap());
}

#[test]
fn standard_input_is_at_its_end_and_the_output_is_the_programs() {
    assert_output(&shell("cat; echo out; echo err >&2"), 0, "out\n", "err\n");
}

#[test]
fn the_end_of_the_output_is_where_the_program_ends_it() {
    let Around { safe, mut lines, program, hold } = Around::start("", "exec >&-; exec sleep 1000");
    drop(hold);
    // Ends only when no other process holds it.
    assert_eq!(lines.read_to_string(&mut String::new()).unwrap(), 0);
    assert_eq!(safe.attempts_left(), 3);
    kill_process(program, Signal::TERM).unwrap();
    assert_eq!(safe.end().status.signal(), Some(Signal::TERM.as_raw()));
}

/// Runs the script with and without passsafe.
#[track_caller]
fn assert_the_same(before: &str, script: &str) {
    let run = |within: &str| {
        let script = format!("{before} {within} sh -c '{script}' <&0");
        with_input(without_variables(Command::new("bash"), ["-c", &script]), b"S3kr!t")
    };
    let without = run("");
    assert_eq!(without.status.code(), Some(0), "{without:?}");
    let text = String::from_utf8(without.stdout).unwrap();
    assert!(!text.is_empty());
    assert_output(&run(&format!("{BINARY} {} --", FLAGS.join(" "))), 0, &text, "");
}

#[test]
fn descriptors_are_the_callers() {
    // Of three that the caller left open.
    assert_the_same("exec 5</dev/null 7>/dev/null 8</;", "ls /proc/self/fd");
}

#[test]
fn signals_are_as_the_caller_had_them() {
    let script = "grep ^Sig[BI] /proc/self/status";
    assert_the_same("", script);
    assert_the_same(
        "env --ignore-signal=HUP,CHLD,PIPE,USR1 --block-signal=INT,TERM,CHLD,USR2",
        script,
    );
}

#[test]
fn limits_are_as_the_caller_had_them() {
    assert_the_same("ulimit -Sc 1024; ulimit -n 200;", "ulimit -a; ulimit -Ha");
}

/// A caller's blocked SIGCHLD would have the serving process wait for ever.
#[test]
fn a_caller_that_holds_signals_back_is_no_obstacle() {
    let mut command = Command::new("env");
    command.args(["--ignore-signal=CHLD", "--block-signal=CHLD,CONT,TERM,HUP", BINARY]);
    let mut command = without_variables(command, FLAGS);
    command.args(["--", "sh", "-c", "exit 3"]);
    assert_output(&with_input(command, b"S3kr!t"), 3, "", "");
}

#[test]
fn what_is_no_program_is_found_before_the_password_is_read() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("notes");
    fs::write(&file, "").unwrap();
    let file = file.to_str().unwrap();
    let denied = |program: &str| {
        (
            126,
            format!("{program} cannot be executed: Permission denied (os error 13)"),
            "permissions",
        )
    };
    let path = format!("/nowhere:{}", folder.path().display());
    for (program, (code, error, check)) in [
        ("no-such", (127, "there is no program no-such".to_owned(), "name and the PATH")),
        ("/no/such", (127, "there is no program /no/such".to_owned(), "name and the PATH")),
        (file, denied(file)),
        ("notes", denied("notes")),
        ("/", denied("/")),
    ] {
        let mut serve = command(&[], &[program]);
        serve.env("PATH", &path);
        // Standard input stays open: a process that reads it would block.
        serve.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = serve.spawn().unwrap();
        let held = child.stdin.take();
        let output = child.wait_with_output().unwrap();
        assert_failure(&output, code, &error, &format!("check its {check}"));
        drop(held);
    }
}

#[test]
fn a_program_that_does_not_start_after_all_ends_the_safe() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("program");
    fs::write(&file, "#!/no/such/interpreter\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    let file = file.to_str().unwrap();
    let error = format!("{file} cannot be executed: its interpreter was not found");
    assert_failure(&around(&[], &[file]), 126, &error, "check its first line");
}

/// Each would leave its mark, if it were started.
#[test]
fn no_program_starts_when_anything_of_ours_fails() {
    let folder = tempfile::TempDir::new().unwrap();
    let mark = folder.path().join("started");
    let program = ["touch", mark.to_str().unwrap()];
    let (_held, port) = crate::support::dead_port();
    let port = port.to_string();
    let error = format!("port {port} is held by another program");
    assert_failure(
        &around(&["--port", &port], &program),
        125,
        &error,
        "choose another port: --port 0 takes a free one",
    );
    assert_failure(
        &with_input(command(&[], &program), b""),
        125,
        "the password is empty",
        "pipe the password itself into passsafe serve --password-stdin",
    );
    for flag in ["--json", "--clear"] {
        let mut serve = passsafe(["serve", flag, "--"]);
        serve.args(program);
        assert_failure(
            &serve.output().unwrap(),
            125,
            &format!("{flag} shows credentials, and a program finds them in its environment"),
            &format!("leave {flag} out, or the program"),
        );
    }
    assert_failure(
        &around(&["--prot", "1"], &program),
        125,
        "unexpected argument '--prot' found",
        "did you mean '--port'?",
    );
    for without_input in ["</dev/null", "<&-"] {
        let script = format!("exec {BINARY} -- touch {} {without_input}", program[1]);
        let output =
            without_variables(Command::new("setsid"), ["-w", "sh", "-c", &script]).output();
        assert_failure(
            &output.unwrap(),
            125,
            "there is no terminal to ask for the password",
            "pass it through a pipe: passsafe serve --password-stdin, with --json or -- CMD",
        );
    }
    assert!(!mark.exists());
    assert_output(&around(&[], &program), 0, "", "");
    assert!(mark.exists());
}

#[test]
fn the_safe_is_gone_with_its_program() {
    let around = Around::start("", "exit 3");
    let url = around.safe.credentials.url.clone();
    assert_output(&around.safe.run(["get"]), 0, "S3kr!t\n", "");
    let (rest, output) = around.end();
    assert_eq!((&*rest, &*output.stderr), ("", &b""[..]));
    assert_eq!(output.status.code(), Some(3));
    assert_failure(
        &passsafe(["status", "--url", &url]).output().unwrap(),
        69,
        &format!("there is no safe at {url}; it may have expired"),
        "start one with 'passsafe', or name another address with --url",
    );
}

#[test]
fn what_is_sent_to_the_server_goes_on_to_the_program() {
    for signal in [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT, Signal::USR1, Signal::USR2]
    {
        // The safe stays for as long as the program takes to end.
        let trap = format!("trap '\"$0\" get; exit 7' {}", signal.as_raw());
        let around = Around::start(&trap, "exit 1");
        around.safe.signal(signal);
        let mut told = String::new();
        let mut around = around;
        around.lines.read_line(&mut told).unwrap();
        assert_eq!(told, "S3kr!t\n", "{signal:?}");
        let (_, output) = around.end();
        assert_eq!(output.status.code(), Some(7), "{signal:?}");
        assert_eq!(&*output.stderr, b"");
    }
}

/// As those of `nohup`, and of jobs that a script starts in the background.
#[test]
fn signals_that_the_caller_ignores_are_ignored_by_the_serving_process() {
    let ignoring = || {
        let mut command = Command::new("env");
        command.args(["--ignore-signal=HUP,INT,QUIT,USR1", BINARY]);
        without_variables(command, FLAGS)
    };
    let ignored = |safe: &Safe| {
        // Where it serves, its handlers are installed.
        assert_eq!(safe.attempts_left(), 3);
        let status = format!("/proc/{}/status", safe.pid().as_raw_nonzero());
        let status = fs::read_to_string(status).unwrap();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:\t")).unwrap();
        let mask = u64::from_str_radix(mask, 16).unwrap();
        let ending = [Signal::HUP, Signal::INT, Signal::QUIT, Signal::USR1, Signal::TERM];
        ending.map(|it| mask & (1 << (it.as_raw() - 1)) != 0)
    };
    let expected = [true, true, true, true, false];
    let around = Around::start_with(ignoring(), b"S3kr!t", "", "");
    assert_eq!(ignored(&around.safe), expected);
    around.end();
    let mut serve = ignoring();
    serve.args(["--json", "--port", "0"]);
    let safe = Safe::start_as_it_is(b"S3kr!t", serve);
    assert_eq!(ignored(&safe), expected);
    safe.signal(Signal::HUP);
    assert_output(&safe.run(["get"]), 0, "S3kr!t\n", "");
    safe.signal(Signal::TERM);
    assert_told(&safe.end(), &["fetched", "closed"]);
}

#[test]
fn a_program_that_ignores_a_signal_goes_on() {
    let around = Around::start("trap '' TERM", "\"$0\" get; exit 4");
    around.safe.signal(Signal::TERM);
    assert_eq!(around.safe.attempts_left(), 3);
    let (rest, output) = around.end();
    assert_eq!((&*rest, output.status.code()), ("S3kr!t\n", Some(4)));
}

pub(crate) fn wait_until_stopped(process: Pid) {
    let stat = format!("/proc/{}/stat", process.as_raw_nonzero());
    while !fs::read_to_string(&stat).unwrap().contains(") T ") {
        std::thread::yield_now();
    }
}

#[test]
fn who_continues_the_server_continues_the_program() {
    let around = Around::start("", "exit 5");
    around.send(Signal::STOP);
    wait_until_stopped(around.program);
    around.safe.signal(Signal::STOP);
    wait_until_stopped(around.safe.pid());
    around.safe.signal(Signal::CONT);
    let (_, output) = around.end();
    assert_eq!(output.status.code(), Some(5));
}

fn wait_until_refused(url: &str) {
    let port = port_of(url);
    for address in ["127.0.0.1", "::1"] {
        while TcpStream::connect((address, port)).is_ok() {
            std::thread::yield_now();
        }
    }
}

#[test]
fn a_program_may_close_the_safe_and_go_on() {
    let around = Around::start("\"$0\" close", "exit 5");
    wait_until_refused(&around.safe.credentials.url);
    let url = around.safe.credentials.url.clone();
    let (_, output) = around.end();
    let said = format!("closed: the safe at {url} is gone\n");
    let both = String::from_utf8(output.stderr).unwrap();
    assert!(both.contains(&said) && both.contains("  closed by passsafe (pid "), "{both}");
    assert_eq!(both.lines().count(), 3, "{both}");
    assert_eq!(output.status.code(), Some(5));
}

#[cfg(target_env = "gnu")]
#[test]
fn a_program_outlives_the_time_that_is_up() {
    use crate::clocks::{Clocks, LIFETIME};
    let mut serve = passsafe(FLAGS);
    let (clocks, shared) = Clocks::new();
    Clocks::govern(&mut serve, &shared);
    let around = Around::start_with(serve, b"S3kr!t", "", "\"$0\" get 2>&1; exit 6");
    let url = around.safe.credentials.url.clone();
    assert_eq!(around.safe.attempts_left(), 3);
    clocks.move_to(LIFETIME, LIFETIME);
    wait_until_refused(&url);
    let nothing = waitid(
        WaitId::Pid(around.safe.pid()),
        WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT,
    );
    assert!(nothing.unwrap().is_none(), "it has left the program");
    let (rest, output) = around.end();
    assert!(rest.starts_with(&format!("error: there is no safe at {url};")), "{rest}");
    assert_eq!((output.status.code(), &*output.stdout), (Some(6), &b""[..]));
    let told = String::from_utf8(output.stderr).unwrap();
    let told: Vec<&str> = told.lines().map(|line| line.split_at(10).1).collect();
    assert_eq!(told, ["expired: the time is up, and the safe is gone", "never fetched"]);
}

#[test]
fn a_program_outlives_a_server_that_is_killed() {
    let around = Around::start("", "echo goes on");
    around.safe.signal(Signal::KILL);
    wait_until_refused(&around.safe.credentials.url);
    test_kill_process(around.program).unwrap();
    let (rest, output) = around.end();
    assert_eq!((&*rest, output.status.signal()), ("goes on\n", Some(9)));
}

/// The end of its output is the end of all that could hold it.
#[test]
fn a_sealing_process_that_is_killed_leaves_no_launcher() {
    let mut serve = command(&[], &["echo", "started"]);
    serve.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = serve.spawn().unwrap();
    // One byte more than a pipe holds: written means that it is read, with the launcher there.
    child.stdin.as_mut().unwrap().write_all(&vec![b'x'; 65_537]).unwrap();
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((&*output.stdout, &*output.stderr), (&b""[..], &b""[..]));
}
