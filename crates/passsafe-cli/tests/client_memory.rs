//! What a program that uses the client library holds, and what is left when it has dropped
//! the client: its memory is read from outside. The library must also leave its host as it
//! was, so nothing here helps it: no locked heap, no wiping allocator.
//!
//! The test starts itself as that program (`harness = false`), which says where it is and
//! waits until it has been read.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says its figures"
)]

#[cfg(target_os = "linux")]
#[allow(dead_code, reason = "the other tests use the rest")]
#[path = "it/kept.rs"]
mod kept;
#[cfg(target_os = "linux")]
#[allow(dead_code, reason = "the other tests use the rest")]
#[path = "it/leaks.rs"]
mod leaks;
#[cfg(target_os = "linux")]
#[allow(dead_code, reason = "the other tests use the rest")]
#[path = "it/scan.rs"]
mod scan;
#[cfg(target_os = "linux")]
#[allow(dead_code, reason = "the other tests use the rest")]
#[path = "it/support.rs"]
mod support;

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("this system does not show one process' memory to another: nothing was tested");
}

#[cfg(target_os = "linux")]
fn main() {
    let mut args = std::env::args().skip(1);
    match (args.next().as_deref(), args.next()) {
        (Some(program::VERB), Some(kind)) => program::main(&kind),
        _ => test::main(),
    }
}

#[cfg(target_os = "linux")]
mod test {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

    use data_encoding::BASE64;
    use ring::rand::{SecureRandom as _, SystemRandom};

    use super::{kept, program, scan, support};

    pub(super) fn main() {
        for kind in program::KINDS {
            a_dropped_client_leaves_no_secret_behind(kind);
        }
    }

    /// Drawn, because what is written here would lie in the program's text.
    fn password() -> String {
        let mut bytes = [0; 48];
        SystemRandom::new().fill(&mut bytes).unwrap();
        BASE64.encode(&bytes)
    }

    fn a_dropped_client_leaves_no_secret_behind(kind: &str) {
        let password = password();
        let safe = support::Safe::start(password.as_bytes());
        let (_, record) = kept::Kept::open(&safe).fetch(&safe.credentials.token);
        let derived = scan::derive(&safe.credentials, &record);
        let mut needles = scan::needles(&password, &safe.credentials.passphrase);
        let mut program = Program::start(kind, &safe.credentials);

        // What it holds shows that the scan sees.
        let memory = program.memory_at("made");
        assert!(memory.contains(safe.credentials.passphrase.as_bytes()), "the scan is blind");
        let memory = program.memory_at("opened");
        assert!(memory.contains(&derived.key), "the scan is blind");
        assert!(memory.contains(password.as_bytes()), "the scan is blind");

        let memory = program.memory_at("between calls");
        memory.assert_free_of(&needles, &format!("{kind} client between calls"));

        needles.extend(derived.needles());
        let memory = program.memory_at("dropped");
        memory.assert_free_of(&needles, &format!("{kind} client after drop"));
        program.end();
    }

    /// The program, and what it has to say.
    struct Program {
        child: Child,
        to: ChildStdin,
        from: BufReader<ChildStdout>,
    }

    impl Program {
        fn start(kind: &str, credentials: &support::Credentials) -> Self {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args([program::VERB, kind])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let (mut to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
            let support::Credentials { url, passphrase, token, .. } = credentials;
            to.write_all(format!("{url}\n{passphrase}\n{token}\n").as_bytes()).unwrap();
            Self { child, to, from: BufReader::new(from) }
        }

        /// Its memory at a stage, which it then leaves.
        fn memory_at(&mut self, stage: &str) -> scan::Memory {
            let mut line = String::new();
            self.from.read_line(&mut line).unwrap();
            assert_eq!(line.trim_end(), stage);
            let memory = scan::Memory::of(self.child.id().try_into().unwrap());
            self.to.write_all(b"\n").unwrap();
            memory
        }

        fn end(mut self) {
            assert!(self.child.wait().unwrap().success());
        }
    }

    impl Drop for Program {
        fn drop(&mut self) {
            // It is gone already unless an assertion failed.
            let _gone = self.child.kill();
            let _gone = self.child.wait();
        }
    }
}

#[cfg(target_os = "linux")]
mod program {
    use std::fs::{self, File};
    use std::io::{Read as _, stdin};
    use std::os::fd::AsFd as _;

    use passsafe_client::{Client, blocking};
    use rustix::process::{Resource, Rlimit, dumpable_behavior, getrlimit, setrlimit};
    use zeroize::Zeroizing;

    /// Where it never moves.
    type Typed = Zeroizing<Vec<u8>>;

    pub(super) const VERB: &str = "be-the-program";
    pub(super) const KINDS: [&str; 2] = ["blocking", "async"];

    pub(super) fn main(kind: &str) {
        // std's own handle would keep what it reads.
        let mut input = File::from(stdin().as_fd().try_clone_to_owned().unwrap());
        // Core files as large as may be, so that a limit set to none would show.
        let core = getrlimit(Resource::Core);
        setrlimit(Resource::Core, Rlimit { current: core.maximum, ..core }).unwrap();
        let before = host();
        let typed = read_credentials(&mut input);
        let mut wait = |stage: &str| {
            println!("{stage}");
            input.read_exact(&mut [0]).unwrap();
        };
        match kind {
            "blocking" => use_blocking(typed, &mut wait),
            _ => use_async(typed, &mut wait),
        }
        wait("dropped");
        assert_eq!(host(), before, "the library changed its host");
    }

    fn use_blocking(typed: Typed, wait: &mut dyn FnMut(&str)) {
        let [url, passphrase, token] = lines(&typed);
        let client =
            blocking::Client::parse(passphrase, token).unwrap().with_url(url.parse().unwrap());
        drop(typed);
        wait("made");
        let password = client.password().unwrap();
        wait("opened");
        drop(password);
        assert!(!client.password().unwrap().expose().is_empty());
        wait("between calls");
    }

    fn use_async(typed: Typed, wait: &mut dyn FnMut(&str)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let [url, passphrase, token] = lines(&typed);
            let client = Client::parse(passphrase, token).unwrap().with_url(url.parse().unwrap());
            drop(typed);
            wait("made");
            let password = client.password().await.unwrap();
            wait("opened");
            drop(password);
            assert!(!client.password().await.unwrap().expose().is_empty());
            wait("between calls");
        });
    }

    fn read_credentials(input: &mut File) -> Typed {
        let mut typed = Typed::new(vec![0; 256]);
        let mut filled = 0;
        while typed.split(|&byte| byte == b'\n').count() <= 3 {
            let count = input.read(&mut typed[filled..]).unwrap();
            assert_ne!(count, 0);
            filled += count;
        }
        typed
    }

    fn lines(typed: &[u8]) -> [&str; 3] {
        let mut lines = std::str::from_utf8(typed).unwrap().lines();
        [(); 3].map(|()| lines.next().unwrap())
    }

    /// What a process has for itself and a library must not touch.
    fn host() -> Vec<String> {
        let kept = ["VmLck", "SigBlk", "SigIgn", "SigCgt", "CapEff", "NoNewPrivs", "Seccomp"];
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let mut host: Vec<String> = status
            .lines()
            .filter(|line| kept.iter().any(|name| line.starts_with(name)))
            // Signals from 33 on are the C library's own.
            .map(|line| match line.split_once(":\t") {
                Some((name, set)) if name.starts_with("Sig") => format!("{name} {}", &set[8..]),
                _ => line.to_owned(),
            })
            .collect();
        host.push(fs::read_to_string("/proc/self/limits").unwrap());
        host.push(format!("{:?}", dumpable_behavior().unwrap()));
        host
    }
}
