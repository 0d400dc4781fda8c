//! What the fuzz targets reach and programs do not. Compiled under `--cfg fuzzing` only,
//! which no release and no dependent sets.

use std::sync::Arc;

use passsafe_peer::Peers;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::connection::slots::Crowd;
use crate::connection::{self, Shared, Visit};
use crate::http::hosts::AllowedHosts;
use crate::listen::Transport;
use crate::peer::{Callers, Far};
use crate::safe::Safe;

/// Serves one connection that came in on `port`, over any stream.
pub async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, port: u16, safe: Arc<Safe>) {
    let mut crowd = Crowd::default();
    let callers = Callers::new(Arc::new(Peers::by(&[])));
    let peer = callers.meet(Far::Untold);
    let visit = Visit { transport: Transport::Port(port), peer, place: crowd.admit() };
    let shared = Arc::new(Shared { safe, hosts: AllowedHosts::default(), callers });
    connection::serve(stream, visit, shared).await;
}
