//! Systems without a source: there is nothing to open, so there is no value of the type.

use std::net::SocketAddr;

use crate::{Socket, SocketOwner, Source};

#[derive(Debug)]
pub(crate) enum OpenSource {}

impl OpenSource {
    pub(crate) fn open(_: Source<'_>) -> Option<Self> {
        None
    }

    pub(crate) fn client(&self, _: SocketAddr, _: SocketAddr) -> Option<Socket> {
        match *self {}
    }

    pub(crate) fn server(&self, _: SocketAddr, _: SocketAddr) -> Option<SocketOwner> {
        match *self {}
    }
}
