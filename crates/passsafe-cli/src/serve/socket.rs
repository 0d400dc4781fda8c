//! The Unix socket: checked before the first question, made when all is sealed.
//!
//! Made late, so that Ctrl-C at a prompt leaves nothing behind in the file system.

use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use passsafe_client::BaseUrl;
use passsafe_server::{SocketError, SocketFile, SocketMode};

use crate::text::failure::{Failure, code};

/// Where a socket will be.
pub(crate) struct Place {
    path: PathBuf,
    url: BaseUrl,
    mode: SocketMode,
}

/// A socket that is removed again, unless the serving process takes over.
pub(crate) struct Made(SocketFile);

impl Place {
    /// Checks that a socket can be at `path`.
    pub(crate) fn choose(path: &str, for_others: bool) -> Result<Self, Failure> {
        let absolute = std::path::absolute(path).map_err(|error| {
            Failure::new(code::USAGE, format!("--socket {path}: {error}"), "name a file")
        })?;
        let url = absolute.to_str().and_then(|path| format!("unix://{path}").parse().ok());
        let url = url.ok_or_else(|| {
            Failure::new(
                code::USAGE,
                format!("a unix:// address cannot name the path of --socket {path}"),
                "choose a shorter one, without control characters, '?' and '#'",
            )
        })?;
        SocketFile::check(&absolute).map_err(|error| refused(&absolute, &error))?;
        let mode = if for_others { SocketMode::Everybody } else { SocketMode::Own };
        Ok(Self { path: absolute, url, mode })
    }

    pub(crate) fn url(&self) -> String {
        self.url.to_string()
    }

    pub(crate) fn make(&self) -> Result<(UnixListener, Made), Failure> {
        let (listener, file) =
            SocketFile::bind(&self.path, self.mode).map_err(|error| refused(&self.path, &error))?;
        Ok((listener, Made(file)))
    }
}

impl Made {
    /// For the serving process.
    pub(crate) fn parts(&self) -> (PathBuf, u64, u64) {
        let (device, inode) = self.0.identity();
        (self.0.path().to_owned(), device, inode)
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // Fails if the file is gone already.
        let _already_gone = self.0.remove();
    }
}

fn refused(path: &Path, error: &SocketError) -> Failure {
    let path = path.display();
    let message = format!("no socket can be made at {path}: {error}");
    match error {
        SocketError::NoFolder(_) => {
            Failure::new(code::USAGE, message, "make the folder first: mkdir -m 700")
        }
        SocketError::OpenFolder(_) => Failure::new(
            code::USAGE,
            message,
            "choose a folder that only you can write to: $XDG_RUNTIME_DIR, or one made by mkdir -m 700",
        ),
        SocketError::Live => Failure::new(
            code::UNAVAILABLE,
            message,
            "close that safe with 'passsafe close', or choose another path",
        ),
        SocketError::Occupied => {
            Failure::new(code::UNAVAILABLE, message, "choose another path, or remove what is there")
        }
        _ => Failure::new(code::UNAVAILABLE, message, "choose another path"),
    }
}
