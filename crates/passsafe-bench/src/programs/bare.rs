//! The floor of a server: hyper on a runtime of the same kind, which gives every request the
//! bytes and headers of one answer of a real safe, and asks nothing.

use std::convert::Infallible;
use std::net::{Ipv4Addr, TcpListener as StdListener};
use std::path::Path;

use anyhow::ensure;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};

use crate::programs::target::{Answer, Target};

/// What hyper writes by itself.
const BY_HYPER: [&str; 2] = ["content-length", "date"];

/// Prints its URL, and serves until it is killed.
pub(crate) fn serve(
    like: &Target,
    token: &str,
    proof: &str,
    socket: Option<&Path>,
) -> anyhow::Result<()> {
    let mut answer = Answer::with_room();
    answer.exchange(&mut *like.connect()?, &like.request(token, proof))?;
    ensure!(answer.status() == b"200", "the safe gave nothing to be like");
    let mut headers = HeaderMap::new();
    for (name, value) in answer.headers().filter(|(name, _)| !BY_HYPER.contains(name)) {
        headers.insert(HeaderName::from_bytes(name.as_bytes())?, HeaderValue::from_str(value)?);
    }
    let mut response = Response::new(Full::new(Bytes::copy_from_slice(answer.body())));
    *response.headers_mut() = headers;
    drop(answer);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match socket {
            None => {
                let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0))?;
                listener.set_nonblocking(true)?;
                println!("{{\"url\":\"http://localhost:{}\"}}", listener.local_addr()?.port());
                let listener = TcpListener::from_std(listener)?;
                loop {
                    let (stream, _) = listener.accept().await?;
                    stream.set_nodelay(true)?;
                    tokio::spawn(connection(stream, response.clone()));
                }
            }
            Some(path) => {
                let listener = UnixListener::bind(path)?;
                println!("{{\"url\":\"unix://{}\"}}", path.display());
                loop {
                    let (stream, _) = listener.accept().await?;
                    tokio::spawn(connection(stream, response.clone()));
                }
            }
        }
    })
}

async fn connection(stream: impl AsyncRead + AsyncWrite + Unpin, response: Response<Full<Bytes>>) {
    let service = service_fn(async |_: Request<Incoming>| Ok::<_, Infallible>(response.clone()));
    let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let _client_hung_up = served.await;
}
