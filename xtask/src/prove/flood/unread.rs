//! Clients that ask a lot and read nothing, until the sockets between them and the safe are
//! full of answers.

use std::io::{ErrorKind, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::io::ioctl_fionread;
use rustix::net::sockopt::set_socket_recv_buffer_size;
use rustix::net::{AddressFamily, SocketType};

use super::crowd::allow_descriptors;
use super::http;

pub(super) const SOCKETS: usize = 1_000;
/// The least that the system gives.
const RECEIVE_BUFFER: usize = 2_304;
const REQUESTS_AT_ONCE: usize = 1_024;
/// So often each asks again, and so many of those that were cut off come back: the load has
/// an end.
const ROUND: Duration = Duration::from_millis(50);
const RETURNS_IN_A_ROUND: usize = 20;

/// Dropping it ends it.
pub(super) struct Readers {
    leaving: Arc<AtomicBool>,
    stuck: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Readers {
    pub(super) fn come(port: u16) -> anyhow::Result<Self> {
        allow_descriptors(u64::try_from(SOCKETS)? + 12_000)?;
        let leaving = Arc::new(AtomicBool::new(false));
        let stuck = Arc::new(AtomicU64::new(0));
        let thread = thread::spawn({
            let (leaving, stuck) = (leaving.clone(), stuck.clone());
            move || ask_and_ask(port, &leaving, &stuck)
        });
        Ok(Self { leaving, stuck, thread: Some(thread) })
    }

    /// How often a socket was found full of answers, looking at all in each round.
    pub(super) fn leave(mut self) -> u64 {
        self.end();
        self.stuck.load(Ordering::Relaxed)
    }

    fn end(&mut self) {
        self.leaving.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _message_on_the_terminal = thread.join();
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.end();
    }
}

fn ask_and_ask(port: u16, leaving: &AtomicBool, stuck: &AtomicU64) {
    let requests = http::status(port).repeat(REQUESTS_AT_ONCE);
    let mut sockets: Vec<Option<Reader>> = (0..SOCKETS).map(|_| None).collect();
    while !leaving.load(Ordering::Relaxed) {
        let mut returns = 0;
        for socket in &mut sockets {
            if socket.is_none() && returns < RETURNS_IN_A_ROUND {
                *socket = connect(port).ok().map(|stream| Reader { stream, unread: 0 });
                returns += 1;
            }
            let Some(reader) = socket else { continue };
            match reader.stream.write(requests.as_bytes()) {
                Err(error) if error.kind() != ErrorKind::WouldBlock => *socket = None,
                _ if reader.is_stuck() => {
                    stuck.fetch_add(1, Ordering::Relaxed);
                }
                _ => {}
            }
        }
        // Whoever had no turn to come back comes first in the next round.
        sockets.rotate_left(RETURNS_IN_A_ROUND);
        thread::sleep(ROUND);
    }
}

struct Reader {
    stream: TcpStream,
    /// Bytes that wait to be read.
    unread: u64,
}

impl Reader {
    /// Whether answers wait, and no more of them come.
    fn is_stuck(&mut self) -> bool {
        let unread = ioctl_fionread(&self.stream).unwrap_or(0);
        std::mem::replace(&mut self.unread, unread) == unread && unread > 0
    }
}

/// The buffer has to be small before the connection is made, or the system makes it large.
fn connect(port: u16) -> std::io::Result<TcpStream> {
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
    set_socket_recv_buffer_size(&socket, RECEIVE_BUFFER)?;
    rustix::net::connect(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    let stream = TcpStream::from(socket);
    stream.set_nonblocking(true)?;
    Ok(stream)
}
