//! The floors of a client: one request after the other on a kept connection, whose answers
//! are read to their end and not looked at.

use std::io;
use std::net::Ipv4Addr;
use std::time::Instant;

use anyhow::ensure;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use crate::programs::samples::{self, Samples, Summary};
use crate::programs::target::{Answer, Target};

pub(crate) type Sender = SendRequest<Empty<Bytes>>;

/// By hyper, as its guides use it.
pub(crate) fn by_hyper(
    url: &Target,
    token: &str,
    proof: &str,
    count: usize,
) -> anyhow::Result<Summary> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut sender = connect(url).await?;
        let mut samples = Samples::with_room_for(count);
        for number in 0..samples::warm_up(count) + count {
            let start = Instant::now();
            let answer = fetch(&mut sender, url, token, proof).await?;
            if number >= samples::warm_up(count) {
                samples.push_since(start);
            }
            drop(answer);
        }
        Ok(samples.summary())
    })
}

/// By hand, over a socket that blocks.
pub(crate) fn by_hand(
    url: &Target,
    token: &str,
    proof: &str,
    count: usize,
) -> anyhow::Result<Summary> {
    let (mut stream, request) = (url.connect()?, url.request(token, proof));
    let mut answer = Answer::with_room();
    samples::measure(count, || {
        answer.exchange(&mut *stream, &request)?;
        ensure!(answer.status() == b"200");
        Ok(())
    })
}

pub(crate) async fn connect(url: &Target) -> anyhow::Result<Sender> {
    match url {
        Target::Port(port) => {
            let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).await?;
            stream.set_nodelay(true)?;
            speak(stream).await
        }
        Target::Socket(path) => speak(UnixStream::connect(path).await?).await,
    }
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
) -> anyhow::Result<Sender> {
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

pub(crate) async fn fetch(
    sender: &mut Sender,
    url: &Target,
    token: &str,
    proof: &str,
) -> anyhow::Result<Bytes> {
    ask(sender, url, token, Some(proof)).await
}

/// What a request is answered: with a proof the record, without one what it takes.
pub(crate) async fn ask(
    sender: &mut Sender,
    url: &Target,
    token: &str,
    proof: Option<&str>,
) -> anyhow::Result<Bytes> {
    let mut request =
        Request::post("/v1/secret").header("host", url.host()).header("passsafe-token", token);
    if let Some(proof) = proof {
        request = request.header("passsafe-proof", proof);
    }
    sender.ready().await?;
    let answer = sender.send_request(request.body(Empty::new())?).await?;
    let expected = if proof.is_some() { StatusCode::OK } else { StatusCode::FORBIDDEN };
    ensure!(answer.status() == expected, io::Error::other(answer.status().to_string()));
    Ok(answer.into_body().collect().await?.to_bytes())
}
