//! Finding out who is at the other end of a connection.
//!
//! At most once for each connection, and only when somebody wants to know. What is not known
//! is left open: no answer waits for it for longer than [`LOOK_UP_TIMEOUT`].

#[cfg(target_os = "linux")]
use std::collections::HashMap;
use std::net::SocketAddr;
#[cfg(target_os = "linux")]
use std::sync::MutexGuard;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

#[cfg(target_os = "linux")]
use passsafe_peer::proc_fd::{self, Holder, Wanted};
use passsafe_peer::{Peers, Socket, SocketOwner};
use tokio::sync::OnceCell;
#[cfg(target_os = "linux")]
use tokio::sync::{Semaphore, oneshot};
#[cfg(target_os = "linux")]
use tokio::task::spawn_blocking;
#[cfg(target_os = "linux")]
use tokio::time::timeout;

use crate::clock::boot_time;
use crate::safe::caller::{Caller, Process};
use crate::safe::consent::{Asker, Identity};

/// For finding a process, the wait for other searches included.
#[cfg(target_os = "linux")]
const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(2);

/// Between two searches for whoever was refused.
const REFUSED_INTERVAL: Duration = Duration::from_secs(1);

/// What a connection says of its other end.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Far {
    /// These two addresses, from which the system can tell more.
    Tcp { near: SocketAddr, far: SocketAddr },
    /// Who connected.
    #[cfg_attr(not(unix), expect(dead_code, reason = "there are no Unix sockets"))]
    Unix { account: u32, pid: Option<u32> },
    /// It was reset in the queue.
    Gone,
    /// Nothing, although this system should.
    #[cfg_attr(not(unix), expect(dead_code, reason = "there are no Unix sockets"))]
    Unknown,
    /// Nothing: this system has no way to tell.
    Untold,
}

/// The other end of one connection.
pub(crate) struct Peer {
    connection: u64,
    far: Far,
    /// Since boot.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "nothing to compare it to"))]
    met: Duration,
    socket: Option<Socket>,
    asker: OnceCell<Asker>,
    /// What is known without asking anybody.
    stranger: Asker,
}

impl Peer {
    /// Who asks, where nobody wants to know.
    pub(crate) fn stranger(&self) -> &Asker {
        &self.stranger
    }

    /// Who asks, if that has been found out.
    pub(crate) fn asker(&self) -> Option<&Asker> {
        self.asker.get()
    }

    /// Of all connections to a safe, this one's number.
    pub(crate) fn connection(&self) -> u64 {
        self.connection
    }

    /// Who has connected. `None` where this system has no way to tell.
    pub(crate) fn owner(&mut self, peers: &Peers) -> Option<SocketOwner> {
        match self.far {
            Far::Tcp { near, far } => {
                Some(self.socket.get_or_insert_with(|| peers.client(near, far)).owner)
            }
            Far::Unix { account, .. } => Some(SocketOwner::Account(account)),
            Far::Gone => Some(SocketOwner::Gone),
            Far::Unknown => Some(SocketOwner::Unknown),
            Far::Untold => None,
        }
    }
}

/// Knows who is who, for all connections to a safe.
pub(crate) struct Callers {
    peers: Arc<Peers>,
    connections: AtomicU64,
    last_refused: Mutex<Option<Instant>>,
    /// One search at a time, however many ask at once.
    #[cfg(target_os = "linux")]
    turn: Semaphore,
    /// Who asks for the next search, which is for all of them.
    #[cfg(target_os = "linux")]
    waiting: Mutex<Vec<Waiting>>,
}

#[cfg(target_os = "linux")]
struct Waiting {
    wanted: Wanted,
    /// Closed from the other side when nobody wants to know any more.
    tell: oneshot::Sender<Holder>,
}

impl Callers {
    pub(crate) fn new(peers: Arc<Peers>) -> Self {
        Self {
            peers,
            connections: AtomicU64::new(0),
            last_refused: Mutex::new(None),
            #[cfg(target_os = "linux")]
            turn: Semaphore::new(1),
            #[cfg(target_os = "linux")]
            waiting: Mutex::default(),
        }
    }

    /// Gives a connection its number.
    pub(crate) fn meet(&self, far: Far) -> Peer {
        // 0 is the embedding program itself.
        let connection = self.connections.fetch_add(1, Ordering::Relaxed) + 1;
        let identity = Identity::Connection(connection);
        Peer {
            connection,
            far,
            met: boot_time(),
            socket: None,
            asker: OnceCell::new(),
            stranger: Asker { caller: Caller::default(), identity },
        }
    }

    /// Who asks. The first time on a connection this may take a moment, unless it has ceased to
    /// matter when its turn comes.
    pub(crate) async fn asker<'a>(&self, peer: &'a Peer, matters: impl Fn() -> bool) -> &'a Asker {
        peer.asker.get_or_init(|| self.find(peer, matters)).await
    }

    /// Who was refused: with the process, unless there was another such search in the last
    /// second. Such requests come by the thousands.
    pub(crate) async fn refused(&self, peer: &Peer) -> Caller {
        if !peer.asker.initialized() && !self.is_time_for_refused() {
            let account = match (peer.far, peer.socket) {
                (Far::Unix { account, .. }, _)
                | (_, Some(Socket { owner: SocketOwner::Account(account), .. })) => Some(account),
                _ => None,
            };
            return Caller { account, ..Caller::default() };
        }
        self.asker(peer, || true).await.caller.clone()
    }

    fn is_time_for_refused(&self) -> bool {
        let now = Instant::now();
        let mut last = self.last_refused.lock().unwrap_or_else(PoisonError::into_inner);
        let is_time = last.is_none_or(|last| now.duration_since(last) >= REFUSED_INTERVAL);
        if is_time {
            *last = Some(now);
        }
        is_time
    }

    async fn find(&self, peer: &Peer, matters: impl Fn() -> bool) -> Asker {
        let unknown = Identity::Connection(peer.connection);
        let (account, inode) = self.end(peer);
        let Some(uid) = account else {
            return Asker { caller: Caller::default(), identity: unknown };
        };
        let (process, is_protected) = match self.holder(peer, uid, inode, matters).await {
            Found::Process(process) => (Some(process), false),
            Found::Hidden => (None, true),
            Found::Unknown => (None, false),
        };
        let identity = process.as_ref().map_or(unknown, |(identity, _)| *identity);
        let process = process.map(|(_, process)| process);
        Asker { caller: Caller { account, process, is_protected }, identity }
    }

    /// The account at the other end, and the number of its socket.
    fn end(&self, peer: &Peer) -> (Option<u32>, Option<u64>) {
        let socket = match peer.far {
            Far::Tcp { near, far } => peer.socket.unwrap_or_else(|| self.peers.client(near, far)),
            Far::Unix { account, .. } => SocketOwner::Account(account).into(),
            Far::Gone | Far::Unknown | Far::Untold => SocketOwner::Unknown.into(),
        };
        match socket {
            Socket { owner: SocketOwner::Account(uid), inode } => (Some(uid), inode),
            _ => (None, None),
        }
    }

    #[cfg(target_os = "linux")]
    async fn holder(
        &self,
        peer: &Peer,
        account: u32,
        inode: Option<u64>,
        matters: impl Fn() -> bool,
    ) -> Found {
        let met = peer.met;
        if let Far::Unix { pid, .. } = peer.far {
            let process = pid.and_then(|pid| proc_fd::process(pid, account, met));
            return process.map_or(Found::Unknown, Found::from);
        }
        let Some(inode) = inode else { return Found::Unknown };
        let until = Instant::now() + LOOK_UP_TIMEOUT;
        let mut told = self.wait_for(Wanted { inode, account, connected: met });
        let search = async {
            // Another one's search may be for this socket, too.
            let _turn = tokio::select! {
                biased;
                holder = &mut told => return holder.ok(),
                turn = self.turn.acquire() => turn,
            };
            if !matters() {
                return None;
            }
            let waiting = std::mem::take(&mut *self.waiting());
            // Tells from there, because this one here may stop waiting before the others.
            spawn_blocking(move || search_for(waiting, until)).await.ok()?;
            told.await.ok()
        };
        match timeout(LOOK_UP_TIMEOUT, search).await {
            Ok(Some(Holder::Process(process))) => process.into(),
            Ok(Some(Holder::Hidden)) => Found::Hidden,
            _ => Found::Unknown,
        }
    }

    #[cfg(target_os = "linux")]
    fn wait_for(&self, wanted: Wanted) -> oneshot::Receiver<Holder> {
        let (tell, told) = oneshot::channel();
        let mut waiting = self.waiting();
        waiting.retain(|waiting| !waiting.tell.is_closed());
        waiting.push(Waiting { wanted, tell });
        told
    }

    #[cfg(target_os = "linux")]
    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unused_async, reason = "it takes time where there is something to find")]
    async fn holder(&self, _: &Peer, _: u32, _: Option<u64>, _: impl Fn() -> bool) -> Found {
        Found::Unknown
    }
}

#[cfg(target_os = "linux")]
fn search_for(waiting: Vec<Waiting>, until: Instant) {
    let mut tell = HashMap::new();
    let mut wanted = Vec::new();
    for waiting in waiting.into_iter().filter(|waiting| !waiting.tell.is_closed()) {
        tell.insert(waiting.wanted.inode, waiting.tell);
        wanted.push(waiting.wanted);
    }
    proc_fd::holders(&wanted, until, |inode, holder| {
        if let Some(tell) = tell.remove(&inode) {
            let _has_gone = tell.send(holder);
        }
    });
}

enum Found {
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "nothing tells"))]
    Process((Identity, Process)),
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "nothing tells"))]
    Hidden,
    Unknown,
}

#[cfg(target_os = "linux")]
impl From<proc_fd::Process> for Found {
    fn from(process: proc_fd::Process) -> Self {
        let proc_fd::Process { pid, started, command, program } = process;
        let identity = Identity::Process { pid, started };
        Self::Process((identity, Process::new(pid, &command, program.as_deref())))
    }
}
