//! The other end of a connection: its account, and the process that holds it.
//!
//! The account is asked for when a connection is accepted, the process at most once for each
//! connection, and only if the answer is used. An answer never waits longer than two seconds
//! for a process to be found; what is not found is left out.

#[cfg(target_os = "linux")]
#[path = "peer/linux.rs"]
mod system;
#[cfg(not(target_os = "linux"))]
#[path = "peer/other.rs"]
mod system;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use passsafe_peer::{Peers, Socket, SocketOwner};
use tokio::sync::OnceCell;

use crate::clock::boot_time;
use crate::safe::caller::Caller;
use crate::safe::consent::{Asker, Identity};

/// Between two searches for the processes behind refused requests.
const REFUSED_INTERVAL: Duration = Duration::from_secs(1);

/// What an accepted stream says of its other end.
#[derive(Debug, Clone, Copy)]
pub(crate) enum PeerAddress {
    /// The system can look these two addresses up.
    Tcp { near: SocketAddr, far: SocketAddr },
    /// Credentials of the peer.
    #[cfg_attr(not(unix), expect(dead_code, reason = "there are no Unix sockets"))]
    Unix { account: u32, pid: Option<u32> },
    /// The connection was reset in the queue.
    Gone,
    /// The lookup failed.
    #[cfg_attr(not(unix), expect(dead_code, reason = "there are no Unix sockets"))]
    Unknown,
    /// This system has no lookup.
    Unsupported,
}

/// The other end of one connection.
pub(crate) struct Peer {
    address: PeerAddress,
    /// When the connection was accepted, since boot.
    accepted: Duration,
    socket: Option<Socket>,
    /// Its caller is known by the connection alone.
    unidentified: Asker,
    identified: OnceCell<Asker>,
    connection: u64,
}

impl Peer {
    /// The number of this connection among all connections to a safe.
    pub(crate) fn connection(&self) -> u64 {
        self.connection
    }

    /// The asker without a lookup.
    pub(crate) fn unidentified(&self) -> &Asker {
        &self.unidentified
    }

    /// The asker, if it has been looked up.
    pub(crate) fn identified(&self) -> Option<&Asker> {
        self.identified.get()
    }

    /// The account at the other end. `None` where this system has no lookup.
    pub(crate) fn owner(&mut self, peers: &Peers) -> Option<SocketOwner> {
        match self.address {
            PeerAddress::Unsupported => None,
            PeerAddress::Gone => Some(SocketOwner::Gone),
            _ => Some(self.socket.insert(self.socket(peers)).owner),
        }
    }

    fn socket(&self, peers: &Peers) -> Socket {
        match self.address {
            PeerAddress::Tcp { near, far } => {
                self.socket.unwrap_or_else(|| peers.client(near, far))
            }
            PeerAddress::Unix { account, .. } => SocketOwner::Account(account).into(),
            _ => SocketOwner::Unknown.into(),
        }
    }
}

/// Looks up the peers of all connections to a safe.
pub(crate) struct PeerLookup {
    peers: Arc<Peers>,
    connections: AtomicU64,
    last_refused: Mutex<Option<Instant>>,
    search: system::ProcessSearch,
}

impl PeerLookup {
    pub(crate) fn new(peers: Arc<Peers>) -> Self {
        Self {
            peers,
            connections: AtomicU64::new(0),
            last_refused: Mutex::new(None),
            search: system::ProcessSearch::default(),
        }
    }

    /// The peer of a connection that was just accepted.
    pub(crate) fn accepted(&self, address: PeerAddress) -> Peer {
        // 0 is the embedding program itself.
        let connection = self.connections.fetch_add(1, Ordering::Relaxed) + 1;
        let identity = Identity::Connection(connection);
        Peer {
            address,
            accepted: boot_time(),
            socket: None,
            unidentified: Asker { caller: Caller::default(), identity },
            identified: OnceCell::new(),
            connection,
        }
    }

    /// The asker, looked up for the first request of a connection. The search is left out if
    /// the answer is `wanted` no more when the search could start.
    pub(crate) async fn identify<'a>(
        &self,
        peer: &'a Peer,
        wanted: impl Fn() -> bool,
    ) -> &'a Asker {
        peer.identified.get_or_init(|| self.find(peer, wanted)).await
    }

    /// The caller of a refused request: with its process, unless there was another such search
    /// in the last second. Such requests come by the thousands.
    pub(crate) async fn identify_refused(&self, peer: &Peer) -> Caller {
        if !peer.identified.initialized() && !self.is_time_for_refused() {
            let socket = match peer.address {
                PeerAddress::Tcp { .. } => peer.socket,
                _ => Some(peer.socket(&self.peers)),
            };
            return Caller { account: socket.and_then(account), ..Caller::default() };
        }
        self.identify(peer, || true).await.caller.clone()
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

    async fn find(&self, peer: &Peer, wanted: impl Fn() -> bool) -> Asker {
        let socket = peer.socket(&self.peers);
        let mut asker = peer.unidentified.clone();
        asker.caller.account = account(socket);
        let Some(uid) = asker.caller.account else { return asker };
        match (peer.address, socket.inode) {
            (PeerAddress::Unix { pid: Some(pid), .. }, _) => {
                system::name_process(asker, pid, uid, peer.accepted)
            }
            (_, Some(inode)) => {
                self.search.name_holder(asker, inode, uid, peer.accepted, wanted).await
            }
            _ => asker,
        }
    }
}

fn account(socket: Socket) -> Option<u32> {
    match socket.owner {
        SocketOwner::Account(uid) => Some(uid),
        SocketOwner::Gone | SocketOwner::Unknown => None,
    }
}
