//! A server that answers whatever a test wants, and counts what it is asked.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// What to do after one request.
pub(crate) struct Reply {
    bytes: Vec<u8>,
    then: Then,
    /// The answer to the same request without a proof, where one is wanted.
    unproven: Option<Vec<u8>>,
}

enum Then {
    ReadOn,
    HangUp,
    FallSilent,
}

impl Reply {
    pub(crate) fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), then: Then::ReadOn, unproven: None }
    }

    pub(crate) fn followed_by(self, more: &str) -> Self {
        Self { bytes: [&self.bytes, more.as_bytes()].concat(), ..self }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Answers so to a request without a proof. That is no request of the script's.
    pub(crate) fn after_proof(self, unproven: Reply) -> Self {
        Self { unproven: Some(unproven.bytes), ..self }
    }

    pub(crate) fn then_hang_up(self) -> Self {
        Self { then: Then::HangUp, ..self }
    }

    /// Neither reads nor writes any more, and keeps the connection.
    pub(crate) fn then_fall_silent(self) -> Self {
        Self { then: Then::FallSilent, ..self }
    }
}

/// Answers each request by its number, counted from 0 over all connections. Must not wait.
type Script = dyn Fn(usize) -> Reply + Send + Sync;

pub(crate) struct Rogue {
    address: SocketAddr,
    shared: Arc<Shared>,
    hung_up: Receiver<()>,
    acceptor: Option<JoinHandle<()>>,
}

struct Shared {
    script: Box<Script>,
    stopping: AtomicBool,
    accepts: AtomicUsize,
    requests: Mutex<Vec<String>>,
    streams: Mutex<Vec<TcpStream>>,
}

impl Rogue {
    pub(crate) fn start(script: impl Fn(usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap(), script)
    }

    pub(crate) fn start_on(
        listener: TcpListener,
        script: impl Fn(usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            script: Box::new(script),
            stopping: AtomicBool::new(false),
            accepts: AtomicUsize::new(0),
            requests: Mutex::new(Vec::new()),
            streams: Mutex::new(Vec::new()),
        });
        let (report, hung_up) = channel();
        let acceptor = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || accept(&listener, &shared, &report))
        };
        Self { address, shared, hung_up, acceptor: Some(acceptor) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn accepts(&self) -> usize {
        self.shared.accepts.load(Ordering::SeqCst)
    }

    /// The heads of all requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// Waits until the server has hung up once more.
    pub(crate) fn wait_until_hung_up(&self) {
        self.hung_up.recv().unwrap();
    }

    /// Hangs up everywhere and gives the port back.
    pub(crate) fn stop(&mut self) {
        let Some(acceptor) = self.acceptor.take() else { return };
        self.shared.stopping.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        acceptor.join().unwrap();
    }
}

impl Drop for Rogue {
    fn drop(&mut self) {
        self.stop();
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>, report: &Sender<()>) {
    let mut connections = Vec::new();
    for stream in listener.incoming() {
        if shared.stopping.load(Ordering::SeqCst) {
            break;
        }
        let stream = stream.unwrap();
        shared.accepts.fetch_add(1, Ordering::SeqCst);
        shared.streams.lock().unwrap().push(stream.try_clone().unwrap());
        let (shared, report) = (Arc::clone(shared), report.clone());
        connections.push(thread::spawn(move || serve(stream, &shared, &report)));
    }
    for stream in shared.streams.lock().unwrap().drain(..) {
        // Fails where the client was faster.
        let _ = stream.shutdown(Shutdown::Both);
    }
    for connection in connections {
        connection.join().unwrap();
    }
}

fn serve(mut stream: TcpStream, shared: &Shared, report: &Sender<()>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(head) = read_head(&mut reader) {
        let reply = {
            let mut requests = shared.requests.lock().unwrap();
            let reply = (shared.script)(requests.len());
            match reply.unproven {
                Some(bytes) if !head.contains("passsafe-proof: ") => Reply::new(bytes),
                unproven => {
                    requests.push(head);
                    Reply { unproven, ..reply }
                }
            }
        };
        // Fails where the client has had enough.
        let _ = stream.write_all(&reply.bytes);
        match reply.then {
            Then::ReadOn => {}
            Then::HangUp => {
                let _ = stream.shutdown(Shutdown::Both);
                // The test may have ended.
                let _ = report.send(());
                return;
            }
            Then::FallSilent => {
                let _ = reader.read_to_end(&mut Vec::new());
                return;
            }
        }
    }
}

/// One request head, or `None` when the client has left.
fn read_head(reader: &mut impl BufRead) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    Some(head)
}
