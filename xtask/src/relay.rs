//! A way to the safe that writes down what passes.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Accepts on a port of its own and passes every connection on to where it leads at the time.
#[derive(Clone)]
pub(crate) struct Relay {
    pub(crate) port: u16,
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    leads_to: SocketAddr,
    open: Vec<TcpStream>,
    passed: Vec<Arc<Mutex<Passed>>>,
}

/// All bytes of one connection.
#[derive(Default, Clone)]
pub(crate) struct Passed {
    pub(crate) sent: Vec<u8>,
    pub(crate) answered: Vec<u8>,
}

impl Relay {
    pub(crate) fn start(leads_to: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let shared = Shared { leads_to, open: Vec::new(), passed: Vec::new() };
        let relay = Self { port, shared: Arc::new(Mutex::new(shared)) };
        let accepting = relay.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A connection that cannot be passed on is one that the browser sees break.
                let _broken = accepting.pass(&stream);
            }
        });
        Ok(relay)
    }

    /// From here on leads elsewhere, and starts a new record.
    pub(crate) fn lead_to(&self, address: SocketAddr) {
        let mut shared = lock(&self.shared);
        shared.leads_to = address;
        shared.passed.clear();
        for stream in shared.open.drain(..) {
            let _already_closed = stream.shutdown(Shutdown::Both);
        }
    }

    /// What has passed so far.
    pub(crate) fn record(&self) -> Vec<Passed> {
        lock(&self.shared).passed.iter().map(|one| lock(one).clone()).collect()
    }

    /// What has passed so far; the record starts anew, with new connections.
    pub(crate) fn take(&self) -> Vec<Passed> {
        let record = self.record();
        lock(&self.shared).passed.clear();
        record
    }

    fn pass(&self, client: &TcpStream) -> io::Result<()> {
        let mut shared = lock(&self.shared);
        let server = TcpStream::connect(shared.leads_to)?;
        let passed = Arc::new(Mutex::new(Passed::default()));
        shared.passed.push(passed.clone());
        shared.open.extend([client.try_clone()?, server.try_clone()?]);
        let (from, to, record) = (client.try_clone()?, server.try_clone()?, passed.clone());
        thread::spawn(move || copy(from, to, |bytes| lock(&record).sent.extend(bytes)));
        let (from, to) = (server, client.try_clone()?);
        thread::spawn(move || copy(from, to, |bytes| lock(&passed).answered.extend(bytes)));
        Ok(())
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, record: impl Fn(&[u8])) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count) = from.read(&mut buffer) {
        let bytes = buffer.get(..count).unwrap_or_default();
        record(bytes);
        if bytes.is_empty() || to.write_all(bytes).is_err() {
            break;
        }
    }
    let _already_closed = to.shutdown(Shutdown::Write);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
