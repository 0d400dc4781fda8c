//! What the fuzz targets reach and programs do not. Compiled under `--cfg fuzzing` only,
//! which no release and no dependent sets.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::connection;
use crate::connection::slots::Connections;
use crate::http::context::Context;
use crate::safe::Safe;

/// Serves one connection that came in on `port`, over any stream.
pub async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, port: u16, safe: Arc<Safe>) {
    let mut connections = Connections::default();
    connection::serve(stream, Context::without_peer(safe, port), connections.add()).await;
}
