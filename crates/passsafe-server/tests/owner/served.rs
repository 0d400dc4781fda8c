//! A safe that is served on localhost and on a socket, and its owner's ends of it.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::{fs, process};

use passsafe_core::wire::State;
use passsafe_server::{
    Admission, AllowedHosts, Caller, Event, Events, Listener, Safe, SocketFile, SocketMode,
    bind_localhost,
};
use rustix::process::geteuid;
use tempfile::TempDir;
use tokio::runtime::Builder;

use crate::support::{self, Server, seal};
pub(crate) use crate::support::{PROOF, RIGHT, proof};

pub(crate) fn open_safe() -> Safe {
    support::open_safe(&seal("S3kr!t"))
}

/// A safe that is served on localhost and on a socket.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    pub(crate) socket: PathBuf,
    pub(crate) safe: Arc<Safe>,
    pub(crate) events: Events,
    server: Server,
    pub(crate) folder: TempDir,
}

impl Served {
    pub(crate) fn start() -> Self {
        Self::serve(open_safe())
    }

    pub(crate) fn serve(safe: Safe) -> Self {
        Self::serve_with(safe, Admission::default())
    }

    pub(crate) fn serve_with(safe: Safe, admission: Admission) -> Self {
        let (safe, events) = safe.with_events();
        let safe = Arc::new(safe);
        let folder = TempDir::new().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let socket = folder.path().join("safe.sock");
        let tcp = bind_localhost(0).unwrap();
        let address = tcp.first().unwrap().local_addr().unwrap();
        let (unix, _) = SocketFile::bind(&socket, SocketMode::Everybody).unwrap();
        let listeners: Vec<Listener> =
            tcp.into_iter().map(Listener::from).chain([unix.into()]).collect();
        let (hosts, runtime) = (AllowedHosts::default(), Builder::new_current_thread());
        let server = Server::start(listeners, safe.clone(), hosts, admission, runtime);
        Self { address, socket, safe, events, server, folder }
    }

    pub(crate) fn connect(&self) -> Visitor<TcpStream> {
        Visitor::new(TcpStream::connect(self.address).unwrap(), self.host())
    }

    pub(crate) fn connect_by_socket(&self) -> Visitor<UnixStream> {
        Visitor::new(UnixStream::connect(&self.socket).unwrap(), "localhost".to_owned())
    }

    pub(crate) fn host(&self) -> String {
        format!("localhost:{}", self.address.port())
    }

    /// All that was told since the last time. An event is there before its answer.
    pub(crate) fn told(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.events.try_next()).collect()
    }

    /// Stops the server, and waits for it.
    pub(crate) fn stop(&mut self) -> Option<State> {
        self.server.stop()
    }
}

/// A kept connection to a safe.
pub(crate) struct Visitor<S> {
    stream: BufReader<S>,
    host: String,
}

/// Status and body, and what the head says about coming again.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    pub(crate) retry_after: Option<String>,
}

impl Answer {
    /// The code of a problem.
    pub(crate) fn code(&self) -> &str {
        let code = self.body.split_once(r#""code":""#).map_or("", |(_, rest)| rest);
        code.split('"').next().unwrap()
    }
}

impl<S: Read + Write> Visitor<S> {
    fn new(stream: S, host: String) -> Self {
        Self { stream: BufReader::new(stream), host }
    }

    /// Uses another name than the safe's.
    pub(crate) fn call_it(&mut self, host: &str) {
        host.clone_into(&mut self.host);
    }

    pub(crate) fn fetch(&mut self) -> Answer {
        self.ask(
            "POST /v1/secret",
            &format!("Passsafe-Token: {RIGHT}\r\nPasssafe-Proof: {PROOF}\r\n"),
        )
    }

    pub(crate) fn guess(&mut self) -> Answer {
        self.ask("POST /v1/secret", "Passsafe-Token: 000000\r\n")
    }

    pub(crate) fn ask(&mut self, line: &str, headers: &str) -> Answer {
        let host = &self.host;
        let request = format!("{line} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n");
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
        let mut line = || {
            let mut line = String::new();
            assert_ne!(self.stream.read_line(&mut line).unwrap(), 0, "hung up");
            line.trim_end().to_owned()
        };
        let status = line().split(' ').nth(1).unwrap().parse().unwrap();
        let (mut length, mut retry_after) = (0, None);
        loop {
            let line = line();
            match line.split_once(": ") {
                None => break,
                Some(("content-length", value)) => length = value.parse().unwrap(),
                Some(("retry-after", value)) => retry_after = Some(value.to_owned()),
                Some(_) => {}
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
        Answer { status, body: String::from_utf8(body).unwrap(), retry_after }
    }
}

/// This process, as a safe's owner is told of it.
pub(crate) fn myself() -> Caller {
    let exe = std::env::current_exe().unwrap();
    let name = exe.file_name().unwrap().to_str().unwrap().to_owned();
    let process = passsafe_server::Process { pid: process::id(), name };
    Caller { account: Some(geteuid().as_raw()), process: Some(process), is_protected: false }
}
