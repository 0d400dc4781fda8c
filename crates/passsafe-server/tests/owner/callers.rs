//! Who did it, as the owner is told: this process, another one, one that hides, one of another
//! account, and how much it may cost to find out.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use passsafe_core::Token;
use passsafe_server::{Caller, Event, Process};
use rustix::process::geteuid;

use crate::account::{OTHER, as_other};
use crate::served::{PROOF, RIGHT, Served, myself, open_safe, proof};

/// A shell that connects by TCP when it is told to, and fetches as often as it is told to.
pub(crate) struct Shell {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Shell {
    pub(crate) fn start(program: &Path, account: Option<u32>) -> Self {
        let mut command = Command::new(program);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).env_clear();
        if let Some(account) = account {
            command.uid(account).gid(account);
        }
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdin, stdout }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Runs one line, and returns the first line of what it writes.
    fn run(&mut self, line: &str) -> String {
        writeln!(self.stdin, "{line}").unwrap();
        let mut said = String::new();
        self.stdout.read_line(&mut said).unwrap();
        said
    }

    pub(crate) fn connect(&mut self, served: &Served) {
        let port = served.address.port();
        assert_eq!(self.run(&format!("exec 3<>/dev/tcp/127.0.0.1/{port}; echo open")), "open\n");
    }

    pub(crate) fn fetch(&mut self, served: &Served) {
        let status = self.ask(served);
        assert!(status.starts_with("HTTP/1.1 200 "), "{status}");
    }

    /// Asks on the connection that is open, and returns the first line of the answer.
    pub(crate) fn ask(&mut self, served: &Served) -> String {
        let host = served.host();
        self.run(&format!(
            "printf 'POST /v1/secret HTTP/1.1\\r\\nHost: {host}\\r\\nPasssafe-Token: {RIGHT}\\r\\nPasssafe-Proof: {PROOF}\\r\\n\\r\\n' >&3; \
             read -r status <&3; while read -r line <&3 && test ${{#line}} -gt 1; do \
             case $line in content-length*) set -- $line; length=${{2%?}};; esac; done; \
             read -r -N $length body <&3; echo \"$status\""
        ))
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

pub(crate) fn caller(account: u32, pid: u32, name: &str) -> Caller {
    let process = Process { pid, name: name.to_owned() };
    Caller { account: Some(account), process: Some(process), is_protected: false }
}

fn fetched(caller: Caller) -> Vec<Event> {
    vec![Event::Fetched { caller, uses_left: None, times: 1 }]
}

pub(crate) const BASH: &str = "/bin/bash";

#[test]
fn this_process_is_named_by_port_and_by_socket() {
    let mut served = Served::start();
    assert_eq!(served.connect().fetch().status, 200);
    assert_eq!(served.told(), fetched(myself()));
    assert_eq!(served.connect_by_socket().fetch().status, 200);
    assert_eq!(served.told(), fetched(myself()));
}

#[test]
fn another_process_is_named() {
    let mut served = Served::start();
    let mut shell = Shell::start(Path::new(BASH), None);
    shell.connect(&served);
    shell.fetch(&served);
    assert_eq!(served.told(), fetched(caller(geteuid().as_raw(), shell.pid(), "bash")));
}

/// The system makes a process undumpable that runs what it may not read, which hides its
/// descriptors as passsafe's own commands hide theirs.
#[test]
fn a_process_that_hides_its_descriptors_is_a_protected_one_of_its_account() {
    let mut served = as_other(Served::start);
    for (mode, is_protected) in [(0o755, false), (0o711, true)] {
        let program = served.folder.path().join(format!("copy-{mode:o}"));
        fs::copy(BASH, &program).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(mode)).unwrap();
        let mut shell = Shell::start(&program, Some(OTHER));
        shell.connect(&served);
        shell.fetch(&served);
        let expected = if is_protected {
            Caller { account: Some(OTHER), process: None, is_protected }
        } else {
            caller(OTHER, shell.pid(), "copy-755")
        };
        assert_eq!(served.told(), fetched(expected));
    }
}

#[test]
fn a_process_of_another_account_is_named_to_root_alone() {
    let admitted = |account: u32| {
        let own = passsafe_server::Admission::default();
        move || Served::serve_with(open_safe(), own.with_user(account))
    };
    let mut of_root = admitted(OTHER)();
    let mut shell = Shell::start(Path::new(BASH), Some(OTHER));
    shell.connect(&of_root);
    shell.fetch(&of_root);
    assert_eq!(of_root.told(), fetched(caller(OTHER, shell.pid(), "bash")));

    let mut of_other = as_other(admitted(0));
    let mut shell = Shell::start(Path::new(BASH), None);
    shell.connect(&of_other);
    shell.fetch(&of_other);
    let hidden = Caller { account: Some(0), process: None, is_protected: true };
    assert_eq!(of_other.told(), fetched(hidden));
}

#[test]
fn a_name_cannot_command_the_terminal() {
    let mut served = Served::start();
    let mut shell = Shell::start(Path::new(BASH), None);
    shell.run("printf '\\e[2J\\aevil\\x9b' > /proc/$$/comm; echo");
    shell.connect(&served);
    shell.fetch(&served);
    let expected = caller(geteuid().as_raw(), shell.pid(), "?[2J?evil? (bash)");
    assert_eq!(served.told(), fetched(expected));
}

/// What was found out for a connection is not looked for again: the process has changed its
/// name since, which is told of a new connection alone.
#[test]
fn a_kept_connection_is_looked_up_once() {
    let mut served = Served::start();
    let mut shell = Shell::start(Path::new(BASH), None);
    let account = geteuid().as_raw();
    shell.connect(&served);
    shell.fetch(&served);
    shell.run("printf other > /proc/$$/comm; echo");
    shell.fetch(&served);
    let before = caller(account, shell.pid(), "bash");
    assert_eq!(served.told(), [fetched(before.clone()), fetched(before)].concat());
    shell.connect(&served);
    shell.fetch(&served);
    assert_eq!(served.told(), fetched(caller(account, shell.pid(), "other (bash)")));
}

/// How often the record was handed out.
fn times_fetched(told: &[Event]) -> u64 {
    let times = told.iter().map(|event| match event {
        Event::Fetched { times, .. } => *times,
        _ => 0,
    });
    times.sum()
}

#[test]
fn of_a_thousand_fetches_none_is_missing() {
    let mut served = Served::start();
    for _ in 0..10 {
        let mut visitor = served.connect();
        for _ in 0..100 {
            assert_eq!(visitor.fetch().status, 200);
        }
    }
    let told = served.told();
    let expected = fetched(myself());
    assert!(told.starts_with(&expected) && told.len() < 1_000, "{}", told.len());
    assert_eq!(times_fetched(&told), 1_000);
}

#[test]
fn wrong_tokens_are_told_in_the_order_in_which_they_were_judged() {
    for _ in 0..20 {
        let mut served = Served::start();
        let start = Barrier::new(8);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let mut visitor = served.connect();
                    start.wait();
                    visitor.guess();
                });
            }
        });
        let wrong = |attempts_left| Event::InvalidToken { caller: myself(), attempts_left };
        assert_eq!(served.told(), [wrong(2), wrong(1), wrong(0), Event::Locked]);
    }
}

#[test]
fn who_closes_the_safe_is_told() {
    let mut served = Served::start();
    let closed = served.connect().ask("POST /v1/close", &format!("Passsafe-Token: {RIGHT}\r\n"));
    assert_eq!(closed.status, 204);
    assert_eq!(served.told(), [Event::Closed { caller: Some(myself()) }]);
    let mut served = Served::start();
    served.stop();
    assert_eq!(served.told(), [Event::Closed { caller: None }]);
}

#[test]
fn pages_and_foreign_names_are_told_and_judged_nothing() {
    let mut served = Served::start();
    let mut visitor = served.connect();
    assert_eq!(visitor.ask("GET /v1/status", "Origin: https://evil.example\r\n").status, 403);
    let mut stranger = served.connect();
    stranger.call_it("evil.example");
    assert_eq!(stranger.ask("GET /v1/status", "").status, 421);
    let told = served.told();
    assert_eq!(told[0], Event::RefusedPage { caller: myself() });
    assert!(matches!(&told[1], Event::RefusedHost { caller } if caller.account.is_some()));
    assert_eq!(told.len(), 2);
    for malformed in ["GET /", "PUT /v1/secret", "POST /v1/secret"] {
        assert!(visitor.ask(malformed, "").status >= 400);
    }
    assert_eq!(visitor.ask("GET /v1/status", "").status, 200);
    assert_eq!(served.told(), []);
}

/// A search costs milliseconds, and pages ask by the thousands.
#[test]
fn a_flood_of_refused_pages_is_searched_for_once_a_second() {
    let mut served = Served::start();
    let start = Instant::now();
    let mut told = Vec::new();
    for _ in 0..500 {
        served.connect().ask("GET /v1/status", "Origin: https://evil.example\r\n");
        told.append(&mut served.told());
    }
    let seconds = start.elapsed().as_secs();
    assert_eq!(told.len(), 500);
    let named = told.iter().filter(|event| {
        matches!(event, Event::RefusedPage { caller: Caller { process: Some(_), .. } })
    });
    assert!(u64::try_from(named.count()).unwrap() <= 1 + seconds);
    let by_account = Caller { process: None, ..myself() };
    assert!(told.contains(&Event::RefusedPage { caller: by_account }));
}

#[test]
fn what_nobody_hears_is_counted_and_displaces_no_fetch() {
    let mut served = Served::start();
    let mut page = served.connect();
    for _ in 0..2_000 {
        page.ask("GET /v1/status", "Origin: https://evil.example\r\n");
    }
    let mut visitor = served.connect();
    for _ in 0..100 {
        visitor.fetch();
    }
    let told = served.told();
    let count = |wanted: fn(&Event) -> bool| told.iter().filter(|event| wanted(event)).count();
    let pages = count(|event| matches!(event, Event::RefusedPage { .. }));
    assert_eq!(times_fetched(&told), 100);
    let lost = u64::try_from(2_000 - pages).unwrap();
    assert!(told.contains(&Event::Lost { fetched: 0, others: lost }), "{lost}");
    assert!(pages < 1_000, "{pages}");
    // By turns, so that none repeats the one before.
    for _ in 0..1_000 {
        visitor.fetch();
        served.safe.fetch(&Token::parse(RIGHT).unwrap(), Some(&proof())).unwrap();
    }
    let told = served.told();
    let lost = 2_000 - times_fetched(&told);
    assert_eq!(told.last(), Some(&Event::Lost { fetched: lost, others: 0 }));
}

/// A client that has left before it was looked up has no process, and delays no other one.
#[test]
fn a_client_that_leaves_at_once_is_no_trouble() {
    let mut served = Served::start();
    for _ in 0..50 {
        let mut stream = TcpStream::connect(served.address).unwrap();
        let host = served.host();
        let request = format!(
            "POST /v1/secret HTTP/1.1\r\nHost: {host}\r\nPasssafe-Token: {RIGHT}\r\nPasssafe-Proof: {PROOF}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
    }
    // Another process, so that its event is told from theirs, which may come after it.
    let mut shell = Shell::start(Path::new(BASH), None);
    shell.connect(&served);
    shell.fetch(&served);
    let caller = caller(geteuid().as_raw(), shell.pid(), "bash");
    let expected = Event::Fetched { caller, uses_left: None, times: 1 };
    assert_eq!(served.told().iter().filter(|event| **event == expected).count(), 1);
}
