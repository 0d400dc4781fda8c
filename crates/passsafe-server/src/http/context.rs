//! What the answer to a request depends on, apart from the request.

use std::sync::Arc;

use passsafe_core::wire::{Code, Problem};
#[cfg(any(test, fuzzing))]
use passsafe_peer::Peers;

use super::hosts::AllowedHosts;
use crate::listen::Transport;
#[cfg(any(test, fuzzing))]
use crate::peer::PeerAddress;
use crate::peer::{Peer, PeerLookup};
use crate::safe::Safe;
use crate::safe::consent::Asker;
use crate::safe::events::Event;

/// What all connections to a safe share.
pub(crate) struct Service {
    pub(crate) safe: Arc<Safe>,
    pub(crate) hosts: AllowedHosts,
    pub(crate) lookup: PeerLookup,
}

/// The connection of a request. Dropping it ends what belongs to the connection alone.
pub(crate) struct Context {
    pub(crate) service: Arc<Service>,
    pub(crate) transport: Transport,
    pub(crate) peer: Peer,
}

impl Context {
    /// The asker of a request that is about to be judged, looked up if that is of use.
    pub(super) async fn asker(&self) -> &Asker {
        if let Some(identified) = self.peer.identified() {
            return identified;
        }
        let wanted = || self.service.safe.wants_askers();
        if wanted() {
            self.service.lookup.identify(&self.peer, wanted).await
        } else {
            self.peer.unidentified()
        }
    }

    /// Reports a request of a web page, or to a name that is not the safe's.
    pub(super) async fn report_foreign(&self, problem: &Problem) {
        let reporter = self.service.safe.reporter();
        if reporter.has_listener() {
            let caller = self.service.lookup.identify_refused(&self.peer).await;
            reporter.report(|| match problem.code {
                Code::WrongHost => Event::RefusedHost { caller },
                _ => Event::RefusedPage { caller },
            });
        }
    }
}

#[cfg(any(test, fuzzing))]
impl Context {
    /// A connection to `port` whose peer cannot be looked up.
    pub(crate) fn without_peer(safe: Arc<Safe>, port: u16) -> Self {
        let lookup = PeerLookup::new(Arc::new(Peers::by(&[])));
        let peer = lookup.accepted(PeerAddress::Unsupported);
        let service = Arc::new(Service { safe, hosts: AllowedHosts::default(), lookup });
        Self { service, transport: Transport::Port(port), peer }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        self.service.safe.connection_ended(self.peer.connection());
    }
}
