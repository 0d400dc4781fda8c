//! How a call waits: in the runtime that polls it, or in place.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::runtime::{self, Handle};
use tokio::time::{self, Instant, timeout};

use crate::dial::{Socket, dial};
use crate::error::{Error, Kind};
use crate::in_place;
use crate::reactor::Reactor;
use crate::trust::TrustedServer;
use crate::url::BaseUrl;

/// Who waits.
#[derive(Debug)]
pub(crate) enum Drive {
    /// The Tokio runtime that the call is polled in.
    Runtime,
    /// The thread, in [`in_place::block_on`]. Connecting needs a runtime all the same.
    InPlace(Reactor),
}

impl Drive {
    /// The same for a forked child, which leaves the parent's alone.
    pub(crate) fn inherited(&self) -> Self {
        match self {
            Self::Runtime => Self::Runtime,
            Self::InPlace(_) => Self::InPlace(Reactor::default()),
        }
    }

    /// The runtime that watches the sockets, if one does.
    pub(crate) fn runtime(&self) -> Option<runtime::Id> {
        match self {
            Self::Runtime => Some(Handle::current().id()),
            Self::InPlace(_) => None,
        }
    }

    /// What comes of `work`, if it comes in time.
    pub(crate) async fn within<T>(
        &self,
        time: Duration,
        work: Pin<&mut impl Future<Output = T>>,
    ) -> Option<T> {
        match self {
            Self::Runtime => timeout(time, work).await.ok(),
            Self::InPlace(_) => in_place::within(time, work).await,
        }
    }

    pub(crate) async fn sleep_until(&self, due: Instant) {
        match self {
            Self::Runtime => time::sleep_until(due).await,
            Self::InPlace(_) => in_place::sleep_until(due.into_std()).await,
        }
    }

    /// Connects, in no more than `time`.
    pub(crate) async fn dial(
        &self,
        url: &BaseUrl,
        trusted: TrustedServer,
        time: Duration,
    ) -> Result<Socket, Kind> {
        match self {
            Self::Runtime => dial(url, trusted).await,
            Self::InPlace(reactor) => {
                let dialled = async {
                    let dialled = timeout(time, dial(url, trusted)).await;
                    Ok(dialled.unwrap_or(Err(Kind::Timeout(time)))?)
                };
                reactor.wait_for(in_place::interrupt().as_ref(), dialled).map_err(Error::into_kind)
            }
        }
    }
}
