//! What the fuzz targets reach and programs do not. Compiled under `--cfg fuzzing` only,
//! which no release and no dependent sets.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use crate::connection::{self, Shared};
use crate::crowd::Crowd;
use crate::hosts::{AllowedHosts, Door};
use crate::safe::Safe;

/// Serves one connection that came in on `port`, over any stream.
pub async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, port: u16, safe: Arc<Safe>) {
    let draining = watch::Sender::new(false);
    let shared = Arc::new(Shared { safe, hosts: AllowedHosts::default() });
    let place = Crowd::default().admit();
    connection::serve(stream, Door::Port(port), shared, place, draining.subscribe()).await;
}
