//! Which accounts of the machine may connect at all.
//!
//! Judged when a connection is accepted, before a byte of it is read: a refused account can
//! neither see the safe nor lock it. This holds for root, too: the kernel lists sockets
//! without a holder as root's.

use std::fmt;
use std::sync::Arc;

use passsafe_peer::{Peers, SocketOwner};

use crate::peer::Peer;
use crate::safe::events::{Event, Reporter};

/// The accounts that a safe listens to: the one that serves it, unless more are admitted.
///
/// On TCP this needs Linux; elsewhere every account that reaches the port is let in, as
/// [`passsafe_peer::CAN_TELL`] says. On a Unix socket it holds on every Unix.
#[derive(Clone)]
pub struct Admission {
    users: Vec<u32>,
    any: bool,
    peers: Arc<Peers>,
}

impl Admission {
    /// Admits the account with this user id as well.
    #[must_use]
    pub fn with_user(mut self, uid: u32) -> Self {
        self.users.push(uid);
        self
    }

    /// Admits every account, also where it is not known.
    #[must_use]
    pub fn with_any_user(self) -> Self {
        Self { any: true, ..self }
    }

    /// Looks accounts up by these sources alone.
    #[must_use]
    pub fn with_peers(self, peers: Peers) -> Self {
        Self { peers: Arc::new(peers), ..self }
    }

    /// The sources of accounts.
    pub(crate) fn peers(&self) -> Arc<Peers> {
        self.peers.clone()
    }

    /// Whether a connection may be read from; reports it if not. One that was closed from the
    /// other side in the meantime is not worth a report.
    ///
    /// `is_connected` is asked after the look-up. A look-up goes by addresses, and once a
    /// connection was reset its far address can be another process's: only as long as the
    /// connection is there was it its own end that was found. The process is searched later, by
    /// the number of the socket that was found here, which no other socket gets.
    pub(crate) fn admits(
        &self,
        peer: &mut Peer,
        is_connected: impl FnOnce() -> bool,
        reporter: &Reporter,
    ) -> bool {
        let Some(owner) = peer.owner(&self.peers) else { return true };
        if !is_connected() {
            return false;
        }
        let admitted = self.admits_owner(owner);
        match owner {
            SocketOwner::Account(uid) if !admitted => {
                reporter.report(|| Event::RefusedAccount { account: Some(uid) });
            }
            SocketOwner::Unknown if !admitted => {
                reporter.report(|| Event::RefusedAccount { account: None });
            }
            _ => {}
        }
        admitted
    }

    fn admits_owner(&self, owner: SocketOwner) -> bool {
        match owner {
            _ if self.any => true,
            SocketOwner::Account(uid) => self.users.contains(&uid),
            SocketOwner::Gone | SocketOwner::Unknown => false,
        }
    }
}

impl Default for Admission {
    /// The account that this process acts as.
    fn default() -> Self {
        #[cfg(unix)]
        let users = vec![passsafe_peer::own_account()];
        #[cfg(not(unix))]
        let users = Vec::new();
        Self { users, any: false, peers: Arc::new(Peers::new()) }
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission")
            .field("users", &self.users)
            .field("any", &self.any)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_account_is_admitted_only_with_all_accounts() {
        let own = Admission::default();
        assert!(own.admits_owner(SocketOwner::Account(passsafe_peer::own_account())));
        for owner in [SocketOwner::Account(4_711), SocketOwner::Gone, SocketOwner::Unknown] {
            assert!(!own.admits_owner(owner), "{owner:?}");
            assert!(own.clone().with_any_user().admits_owner(owner), "{owner:?}");
        }
        let with_one_more = own.with_user(4_711);
        assert!(with_one_more.admits_owner(SocketOwner::Account(4_711)));
        assert!(!with_one_more.admits_owner(SocketOwner::Account(4_712)));
        assert!(!with_one_more.admits_owner(SocketOwner::Unknown));
    }
}
