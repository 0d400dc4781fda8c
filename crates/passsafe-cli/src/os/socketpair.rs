//! Where there is no memfd: a socket pair whose buffer holds the whole handover.

use std::io::{self, Write as _};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use rustix::net::sockopt::set_socket_send_buffer_size;

/// A descriptor from which `bytes` can be read, and then the end.
pub(crate) fn carrier(bytes: &[u8]) -> io::Result<OwnedFd> {
    let (mut sender, receiver) = UnixStream::pair()?;
    set_socket_send_buffer_size(&sender, 2 * bytes.len())?;
    // There is no reader yet, so a buffer that is too small must be an error and not a wait.
    sender.set_nonblocking(true)?;
    sender.write_all(bytes)?;
    sender.shutdown(Shutdown::Write)?;
    Ok(receiver.into())
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read as _;

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let written = vec![7; 190_000];
        let mut read = Vec::new();
        File::from(carrier(&written).unwrap()).read_to_end(&mut read).unwrap();
        assert!(read == written);
    }
}
