//! A safe that is served at a pseudo-terminal, and the person in front of it.

use std::fs;
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rexpect::session::PtySession;
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use crate::kept::Kept;
use crate::prompts::{answer, expect, expect_exit, shell, shown};
use crate::support::{BINARY, passsafe, port_of, variables};

pub(crate) const PASSWORD: &str = "S3kr!t";
/// A terminal that can do all that is asked of it, but for colour.
pub(crate) const PLAIN: &str = "export TERM=xterm LC_ALL=C.UTF-8 NO_COLOR=1 TZ=UTC0; unset LANG";
pub(crate) const TIME: &str = "[0-2][0-9]:[0-5][0-9]:[0-5][0-9]";

/// A safe that was started by hand, its terminal, and what opens it.
pub(crate) struct Served {
    pub(crate) session: PtySession,
    pub(crate) url: String,
    passphrase: String,
    pub(crate) token: String,
    pid: i32,
}

impl Served {
    /// At a plain terminal, for five minutes.
    pub(crate) fn start(flags: &str) -> Self {
        Self::by(&format!("{PLAIN}; exec {BINARY} {flags}"))
    }

    /// By a line of shell.
    pub(crate) fn by(line: &str) -> Self {
        let line = line.replace(BINARY, &format!("{BINARY} --port 0 --minutes 5"));
        let mut session = shell(&line);
        for question in ["Password: ", "Password, once more: "] {
            answer(&mut session, question, PASSWORD);
        }
        let url = shown(&mut session, "open for 5 minutes on ");
        let passphrase = shown(&mut session, "passphrase  ");
        let token = shown(&mut session, "token       ");
        expect(&mut session, &format!("passsafe get --url {url}\r\n\r\n"));
        let pid = holder_of(port_of(&url));
        Self { session, url, passphrase, token, pid }
    }

    pub(crate) fn expect(&mut self, text: &str) -> String {
        expect(&mut self.session, text)
    }

    #[track_caller]
    pub(crate) fn expect_log(&mut self, text: &str) -> String {
        let pattern = format!("{TIME}  {text}");
        self.session.exp_regex(&pattern).unwrap_or_else(|error| panic!("{text}: {error}")).1
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = passsafe(args);
        command.envs(variables(&self.url, &self.passphrase, &self.token));
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// A connection that sends the proof, for the account that runs the test.
    pub(crate) fn kept(&self) -> Kept {
        let mut kept = Kept::to(&self.url);
        let user = passsafe_client::account_user().unwrap();
        let token = self.token.replace(' ', "");
        kept.derive_proof(&self.passphrase, user.as_str().unwrap(), &token);
        kept
    }

    pub(crate) fn get(&self) -> Child {
        let mut get = self.command(&["get"]);
        get.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.session.send(keys).unwrap();
        self.session.flush().unwrap();
    }

    /// As a window that is drawn to another size.
    pub(crate) fn resize(&self, columns: u16) {
        let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(self.session.process().get_file_handle().unwrap(), size).unwrap();
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid), signal).unwrap();
    }

    /// All that is shown from here to the end of the command, and nothing that opens the safe.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> String {
        let rest = expect_exit(&mut self.session, 0);
        for secret in [PASSWORD, &self.passphrase, &self.token, &self.token.replace(' ', "")] {
            assert!(!rest.contains(secret), "{rest:?}");
        }
        rest
    }

    #[track_caller]
    pub(crate) fn close(&mut self) -> String {
        self.signal(Signal::SIGTERM);
        self.rest()
    }
}

/// The process that listens there, once it serves: `status` has an answer then.
pub(crate) fn holder_of(port: u16) -> i32 {
    let url = format!("http://localhost:{port}");
    let status = passsafe(["status", "--url", &url]).output().unwrap();
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
    let row = fs::read_to_string("/proc/net/tcp").unwrap();
    let address = format!("0100007F:{port:04X} 00000000:0000 0A");
    let row = row.lines().find(|row| row.contains(&address)).unwrap();
    let socket = format!("socket:[{}]", row.split_whitespace().nth(9).unwrap());
    let holds = |pid: i32| {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        let mut links = descriptors.filter_map(|entry| fs::read_link(entry.path()).ok());
        links.any(|link| link.to_str() == Some(&socket))
    };
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.find(|&pid| holds(pid)).expect("tests that look into processes run as root")
}

/// Serves, ends in this way, and finds the terminal as it was before.
pub(crate) fn leaves_the_terminal_sane(end: impl FnOnce(&mut Served)) {
    leaves_the_terminal_sane_with("", end);
}

pub(crate) fn leaves_the_terminal_sane_with(flags: &str, end: impl FnOnce(&mut Served)) {
    let line = "before=$(stty -g); trap : INT QUIT HUP; ( trap - INT QUIT HUP; exec BINARY FLAGS ); \
                test \"$before\" = \"$(stty -g)\" && echo as before";
    let mut served =
        Served::by(&format!("{PLAIN}; {}", line.replace("BINARY", BINARY).replace("FLAGS", flags)));
    served.expect("Ctrl-C closes\r");
    let modes = tcgetattr(served.session.process().get_file_handle().unwrap()).unwrap();
    assert!(!modes.local_modes.contains(LocalModes::ECHO), "keys are read unseen");
    end(&mut served);
    served.expect("the safe is gone\r\n");
    served.expect("as before");
}
