//! Which account may serve the safe, and whether the one that listens is it.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::os::fd::AsFd;

use passsafe_peer::{CAN_TELL, Peers, SocketOwner};

use crate::error::Kind;
use crate::url::BaseUrl;

/// Opened only to see whether anything can be.
const NULL_DEVICE: &str = if cfg!(windows) { "NUL" } else { "/dev/null" };

/// Whose program may be behind a safe on this machine.
///
/// Where the safe is on another machine, or this one is not Linux and the safe is not a Unix
/// socket, the system cannot tell, and this changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TrustedServer {
    /// The account that this program runs as, and no other.
    #[default]
    SameUser,
    /// The account with this user id, and no other.
    Uid(u32),
    /// Any account: the token is sent to whatever listens there.
    Anyone,
}

/// Passes a connection to a port of this machine if the account of its listener is trusted, or
/// if the system cannot tell. A port on localhost is anybody's to take: another account that
/// listens where a safe is expected would be handed a token.
pub(crate) fn check_port(
    url: &BaseUrl,
    trusted: TrustedServer,
    near: SocketAddr,
    far: SocketAddr,
) -> Result<(), Kind> {
    if CAN_TELL && trusted != TrustedServer::Anyone && far.ip().to_canonical().is_loopback() {
        judge(url, trusted, Peers::new().server(near, far))
    } else {
        Ok(())
    }
}

/// The same for a Unix socket, whose other end the system always knows.
#[cfg(unix)]
pub(crate) fn check_socket(
    url: &BaseUrl,
    trusted: TrustedServer,
    socket: impl AsFd,
) -> Result<(), Kind> {
    judge(url, trusted, passsafe_peer::unix_socket(socket))
}

fn judge(url: &BaseUrl, trusted: TrustedServer, owner: SocketOwner) -> Result<(), Kind> {
    let at = || url.to_string();
    match (trusted, owner) {
        (TrustedServer::Anyone, _) => Ok(()),
        (TrustedServer::Uid(wanted), SocketOwner::Account(uid)) if uid == wanted => Ok(()),
        #[cfg(unix)]
        (TrustedServer::SameUser, SocketOwner::Account(uid))
            if uid == passsafe_peer::own_account() =>
        {
            Ok(())
        }
        (_, SocketOwner::Account(uid)) => Err(Kind::ForeignListener { at: at(), account: uid }),
        (_, SocketOwner::Unknown) => match File::open(NULL_DEVICE) {
            // Nor can this process ask the system: the limit is what stands in the way.
            Err(limit) => Err(Kind::System(limit.into())),
            Ok(_) => Err(Kind::UnknownListener { at: at() }),
        },
        (_, SocketOwner::Gone) => {
            let source = io::Error::from(io::ErrorKind::ConnectionReset).into();
            Err(Kind::HungUp { at: at(), source })
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_account_is_trusted_only_with_everybody() {
        let url = BaseUrl::default();
        let passes = |trusted, owner| judge(&url, trusted, owner).is_ok();
        let own = SocketOwner::Account(passsafe_peer::own_account());
        let other = SocketOwner::Account(4_711);
        let named = TrustedServer::Uid(4_711);
        assert!(passes(TrustedServer::SameUser, own) && !passes(TrustedServer::SameUser, other));
        // Naming an account takes the trust from one's own.
        assert!(passes(named, other) && !passes(named, own));
        for owner in [SocketOwner::Unknown, SocketOwner::Gone] {
            assert!(!passes(TrustedServer::SameUser, owner) && !passes(named, owner));
            assert!(passes(TrustedServer::Anyone, owner));
        }
    }
}
