//! The port, taken before the first question.

use std::io::ErrorKind;
use std::net::TcpListener;

use passsafe_client::{BaseUrl, State};

use crate::failure::{Failure, code};
use crate::open::Address;
use crate::{open, status};

/// Binds localhost, and says which port it is.
pub(super) fn bind(port: u16) -> Result<(Vec<TcpListener>, u16), Failure> {
    let listeners = passsafe_server::bind_localhost(port).map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => busy(port),
        ErrorKind::PermissionDenied => Failure::new(
            code::UNAVAILABLE,
            format!("port {port} is not for this account"),
            "choose a port from 1024 up, or --port 0 for a free one",
        ),
        _ => Failure::os(&format!("localhost:{port} cannot be bound"), error),
    })?;
    let port = listeners
        .first()
        .and_then(|listener| listener.local_addr().ok())
        .map_or(port, |address| address.port());
    Ok((listeners, port))
}

/// Says what holds the port, when it is a passsafe.
fn busy(port: u16) -> Failure {
    let holder = BaseUrl::parse(&format!("http://localhost:{port}"))
        .map_err(|error| open::explain(&error, &BaseUrl::default()))
        .and_then(|url| open::status(&Address::own(url)));
    match holder {
        Ok(status) if status.state == State::Open => Failure::new(
            code::UNAVAILABLE,
            format!("port {port} is held by another safe: {}", status::sentence(&status)),
            "close that one with 'passsafe close', or start this one with --port 0",
        ),
        Ok(status) => Failure::new(
            code::UNAVAILABLE,
            format!("port {port} is held by another safe: {}", status::sentence(&status)),
            "end that one with Ctrl-C in its terminal, or start this one with --port 0",
        ),
        Err(_) => Failure::new(
            code::UNAVAILABLE,
            format!("port {port} is held by another program"),
            "choose another port: --port 0 takes a free one",
        ),
    }
}
