//! The port, taken before the first question.

use std::io;
use std::net::TcpListener;
use std::time::Duration;

use passsafe_client::blocking::Endpoint;
use passsafe_client::{BaseUrl, ErrorKind, State};
use passsafe_core::wire::DEFAULT_PORT;

use crate::os::limits;
use crate::text::failure::{Failure, code};
use crate::text::state::sentence;

/// Time to find out what holds a busy port.
const PATIENCE: Duration = Duration::from_millis(500);

/// Binds localhost, and says which port it is.
pub(crate) fn bind(port: u16) -> Result<(Vec<TcpListener>, u16), Failure> {
    let listeners = passsafe_server::bind_localhost(port).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => busy(port),
        io::ErrorKind::PermissionDenied => Failure::new(
            code::UNAVAILABLE,
            format!("this account may not use port {port}"),
            "choose a port from 1024 up, or --port 0 for a free one",
        ),
        _ => limits::refused(&format!("localhost:{port} cannot be bound"), error),
    })?;
    let port = listeners
        .first()
        .and_then(|listener| listener.local_addr().ok())
        .map_or(port, |address| address.port());
    Ok((listeners, port))
}

/// Says what holds the port, when it is a passsafe.
fn busy(port: u16) -> Failure {
    let url = format!("http://localhost:{port}");
    let status =
        BaseUrl::parse(&url).and_then(|url| Endpoint::new(url).with_timeout(PATIENCE).status());
    let (holder, hint) = match status {
        Ok(status) if status.state == State::Open => {
            let close = if port == DEFAULT_PORT {
                "passsafe close".to_owned()
            } else {
                format!("passsafe close --url {url}")
            };
            let hint = format!("close that one with '{close}', or start this one with --port 0");
            (format!("another safe: {}", sentence(&status)), hint)
        }
        Ok(status) => (
            format!("another safe: {}", sentence(&status)),
            "end that one with Ctrl-C in its terminal, or start this one with --port 0".to_owned(),
        ),
        Err(error) if error.kind() == ErrorKind::Timeout => (
            "a program that does not answer, perhaps a passsafe that is still asking".to_owned(),
            "answer or end that one, or start this one with --port 0".to_owned(),
        ),
        Err(_) => (
            "another program".to_owned(),
            "choose another port: --port 0 takes a free one".to_owned(),
        ),
    };
    Failure::new(code::UNAVAILABLE, format!("port {port} is held by {holder}"), hint)
}
