//! Starting safes and running the command.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
#[cfg(target_os = "linux")]
use std::time::Duration;

#[cfg(target_os = "linux")]
use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};
use rustix::process::{Pid, Signal, kill_process};
#[cfg(target_os = "linux")]
use rustix::process::{PidfdFlags, pidfd_open};
use serde::Deserialize;

use crate::leaks;

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_passsafe");

/// The command without a terminal and without anybody's variables.
pub(crate) fn passsafe<I, S>(args: I) -> Command
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let mut command = without_variables(Command::new(BINARY), args);
    command.stdin(Stdio::null());
    command
}

/// A command with these arguments, and without anybody's variables of passsafe.
pub(crate) fn without_variables<I, S>(mut command: Command, args: I) -> Command
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    command.args(args);
    #[expect(clippy::disallowed_methods, reason = "takes the variables of the test away")]
    for (name, _) in
        std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PASSSAFE_"))
    {
        command.env_remove(name);
    }
    command
}

/// Runs a command to its end with `input` on standard input.
pub(crate) fn with_input(mut command: Command, input: &[u8]) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that refuses its arguments is gone before it reads.
    let _refused = child.stdin.take().unwrap().write_all(input);
    searched(child.wait_with_output().unwrap())
}

/// An output on whose standard error there is no secret.
#[track_caller]
fn searched(output: Output) -> Output {
    leaks::assert_none(&output.stderr);
    output
}

/// Exit code, stdout and stderr, all to the letter.
#[track_caller]
pub(crate) fn assert_output(output: &Output, code: i32, stdout: &str, stderr: &str) {
    leaks::assert_none(&output.stderr);
    let got = (
        output.status.code(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    assert_eq!(got, (Some(code), stdout.to_owned(), stderr.to_owned()));
}

/// Nothing on stdout, two lines on stderr.
#[track_caller]
pub(crate) fn assert_failure(output: &Output, code: i32, error: &str, hint: &str) {
    assert_output(output, code, "", &format!("error: {error}\nhint: {hint}\n"));
}

/// What a safe told on stderr, which is lines of JSON and nothing else.
#[track_caller]
pub(crate) fn told(output: &Output) -> Vec<serde_json::Value> {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

/// A safe that has ended well after these events, without a word on stdout.
#[track_caller]
pub(crate) fn assert_told(output: &Output, events: &[&str]) {
    assert_eq!((output.status.code(), &*output.stdout), (Some(0), &b""[..]));
    let told = told(output);
    let told: Vec<&str> = told.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(told, events);
}

#[derive(Deserialize)]
pub(crate) struct Credentials {
    pub(crate) url: String,
    pub(crate) socket_url: Option<String>,
    pub(crate) passphrase: String,
    pub(crate) token: String,
    pub(crate) user: String,
    pub(crate) expires_at: String,
    #[serde(default)]
    pub(crate) names: Vec<String>,
}

/// A served safe. Dropping it stops the process.
pub(crate) struct Safe {
    pub(crate) credentials: Credentials,
    child: Option<Child>,
}

impl Safe {
    pub(crate) fn start(password: &[u8]) -> Self {
        Self::start_with(password, passsafe(["serve", "--minutes", "5"]))
    }

    pub(crate) fn start_with(password: &[u8], mut serve: Command) -> Self {
        serve.stderr(Stdio::piped());
        Self::start_with_own_stderr(password, serve)
    }

    /// Leaves stderr as it is.
    pub(crate) fn start_with_own_stderr(password: &[u8], mut serve: Command) -> Self {
        serve.args(["--password-stdin", "--json", "--port", "0"]);
        Self::start_with_its_own_flags(password, serve)
    }

    /// Starts a safe whose command has all its flags.
    pub(crate) fn start_as_it_is(password: &[u8], mut serve: Command) -> Self {
        serve.stderr(Stdio::piped());
        Self::start_with_its_own_flags(password, serve)
    }

    fn start_with_its_own_flags(password: &[u8], mut serve: Command) -> Self {
        serve.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = serve.spawn().unwrap();
        child.stdin.take().unwrap().write_all(password).unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        // The line is all: standard output then leads nowhere, while the safe is served.
        let mut rest = String::new();
        lines.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "");
        Self::of(&line, child)
    }

    /// A safe that has been started, from the line that it printed.
    pub(crate) fn of(line: &str, child: Child) -> Self {
        Self { credentials: serde_json::from_str(line).unwrap(), child: Some(child) }
    }

    /// As the line of JSON has them.
    pub(crate) fn names(&self) -> &[String] {
        &self.credentials.names
    }

    pub(crate) fn port(&self) -> u16 {
        port_of(&self.credentials.url)
    }

    /// A token that is not this safe's.
    pub(crate) fn wrong_token(&self) -> String {
        let right: u32 = self.credentials.token.parse().unwrap();
        format!("{:06}", (right + 1) % 1_000_000)
    }

    /// A fetch with a wrong token.
    pub(crate) fn guess(&self) -> Output {
        searched(self.command(["get"]).env("PASSSAFE_TOKEN", self.wrong_token()).output().unwrap())
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(self.child.as_ref().unwrap())
    }

    /// A command with this safe's address and credentials in its environment.
    pub(crate) fn command<I, S>(&self, args: I) -> Command
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let mut command = passsafe(args);
        command.envs(self.variables());
        command
    }

    /// This safe's address and credentials, for an environment.
    pub(crate) fn variables(&self) -> [(&str, &str); 3] {
        let Credentials { url, passphrase, token, .. } = &self.credentials;
        variables(url, passphrase, token)
    }

    pub(crate) fn run<I, S>(&self, args: I) -> Output
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        searched(self.command(args).output().unwrap())
    }

    pub(crate) fn attempts_left(&self) -> u64 {
        let output = self.run(["status", "--json"]);
        let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        status["attempts_left"].as_u64().unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Waits for the process to end by itself, and not for long.
    #[cfg(target_os = "linux")]
    pub(crate) fn end_within(self, patience: Duration) -> Output {
        let ended = pidfd_open(self.pid(), PidfdFlags::empty()).unwrap();
        let patience = patience.try_into().unwrap();
        let events = poll(&mut [PollFd::new(&ended, PollFlags::IN)], Some(&patience)).unwrap();
        assert_eq!(events, 1, "it is still there after {patience:?}");
        self.end()
    }

    /// Waits for the process to end by itself.
    pub(crate) fn end(mut self) -> Output {
        searched(self.child.take().unwrap().wait_with_output().unwrap())
    }
}

impl Drop for Safe {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

pub(crate) fn port_of(url: &str) -> u16 {
    url.rsplit(':').next().unwrap().parse().unwrap()
}

/// Address and credentials of a safe, for an environment.
pub(crate) fn variables<'a>(
    url: &'a str,
    passphrase: &'a str,
    token: &'a str,
) -> [(&'a str, &'a str); 3] {
    [("PASSSAFE_URL", url), ("PASSSAFE_PASSPHRASE", passphrase), ("PASSSAFE_TOKEN", token)]
}

/// Puts a copy of the command, and only that, where other accounts can run it.
pub(crate) fn copy_binary_into(folder: &Path) {
    // By another process: a child that another test starts meanwhile would inherit the
    // descriptor, and a file that is open for writing cannot be executed.
    let copied = Command::new("cp").arg(BINARY).arg(folder.join("passsafe")).status();
    assert!(copied.unwrap().success());
}

/// A port on 127.0.0.1 that is taken and refuses connections, as long as it is held.
pub(crate) fn dead_port() -> (OwnedFd, u16) {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&socket, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = SocketAddr::try_from(getsockname(&socket).unwrap()).unwrap();
    (socket, address.port())
}
