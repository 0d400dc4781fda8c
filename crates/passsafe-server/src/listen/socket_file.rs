//! A Unix socket in the file system, and the conditions under which it may be there.
//!
//! An account that can write to the folder of a socket, or to one above, can replace the
//! socket. So all of them must belong to this account or to root and be writable by no other;
//! above the folder itself the sticky bit is enough, which protects files of others. The socket is made under a temporary name, gets its mode before it listens,
//! and is then renamed: there is no moment at which it is there and not ready.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen, socket_with,
};

/// Connections that may wait to be accepted. The system may allow less.
const BACKLOG: i32 = 4_096;
const WRITABLE_BY_OTHERS: u32 = 0o022;
const STICKY: u32 = 0o1000;
const ROOT: u32 = 0;

/// Who may try to connect; who gets in is [`Admission`](crate::Admission)'s to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a choice between two, which programs make and never read"
)]
pub enum SocketMode {
    /// The account that serves (0600).
    Own,
    /// Every account that reaches the folder (0666).
    Everybody,
}

/// A socket file of this account. It stays until it is removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

/// Why a socket cannot be there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SocketError {
    /// The path names no file in a folder that exists.
    #[error("there is no such folder")]
    NoFolder(#[source] io::Error),
    /// Another account could put another socket in its place.
    #[error("accounts other than this one can change {}", .0.display())]
    OpenFolder(PathBuf),
    /// Something accepts connections there.
    #[error("another program listens there")]
    Live,
    /// What is there is no socket, and is left alone.
    #[error("something else is there")]
    Occupied,
    /// The system refused.
    #[error(transparent)]
    System(#[from] io::Error),
}

impl SocketFile {
    /// Says whether a socket could be bound at `path`, an absolute one, and leaves everything
    /// as it is.
    pub fn check(path: &Path) -> Result<(), SocketError> {
        Self::place(path).map(drop)
    }

    /// Where the socket goes: `path` without links in its folder, which could be led
    /// elsewhere once the folder has been judged.
    fn place(path: &Path) -> Result<PathBuf, SocketError> {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::Error::from(io::ErrorKind::InvalidInput).into());
        };
        let folder = folder.canonicalize().map_err(SocketError::NoFolder)?;
        let path = folder.join(name);
        for (height, folder) in folder.ancestors().enumerate() {
            let metadata = fs::metadata(folder)?;
            let owner_is_trusted =
                metadata.uid() == ROOT || metadata.uid() == passsafe_peer::own_account();
            let guarded = metadata.mode() & WRITABLE_BY_OTHERS == 0
                || height > 0 && metadata.mode() & STICKY != 0;
            if !owner_is_trusted || !guarded {
                return Err(SocketError::OpenFolder(folder.to_owned()));
            }
        }
        // The longer of the two names that it will have.
        SocketAddrUnix::new(temporary_name(&path)).map_err(io::Error::from)?;
        let address = SocketAddrUnix::new(&path).map_err(io::Error::from)?;
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path),
            Err(error) => Err(error.into()),
            Ok(metadata) if !metadata.file_type().is_socket() => Err(SocketError::Occupied),
            Ok(_) if is_live(&address)? => Err(SocketError::Live),
            Ok(_) => Ok(path),
        }
    }

    /// Binds a socket at `path`, an absolute one. A socket without a listener is replaced.
    pub fn bind(path: &Path, mode: SocketMode) -> Result<(UnixListener, Self), SocketError> {
        let path = Self::place(path)?;
        let temporary = temporary_name(&path);
        let socket = unix_socket()?;
        // Makes the file or, where there is one, fails and has made nothing that could be removed.
        bind(&socket, &SocketAddrUnix::new(&temporary).map_err(io::Error::from)?)
            .map_err(io::Error::from)?;
        let metadata = fs::symlink_metadata(&temporary)?;
        let made = Self { path: temporary, device: metadata.dev(), inode: metadata.ino() };
        match made.start_listening(&socket, mode).and_then(|()| fs::rename(&made.path, &path)) {
            Ok(()) => Ok((UnixListener::from(socket), Self { path, ..made })),
            Err(error) => {
                // The error before it says more.
                let _stays = made.remove();
                Err(error.into())
            }
        }
    }

    fn start_listening(&self, socket: &OwnedFd, mode: SocketMode) -> io::Result<()> {
        let mode = match mode {
            SocketMode::Own => 0o600,
            SocketMode::Everybody => 0o666,
        };
        fs::set_permissions(&self.path, fs::Permissions::from_mode(mode))?;
        Ok(listen(socket, BACKLOG)?)
    }

    /// The same socket, named by another process of this account.
    #[must_use]
    pub fn from_parts(path: PathBuf, device: u64, inode: u64) -> Self {
        Self { path, device, inode }
    }

    /// Where it is, without links in its folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Device and inode number, by which it is told from one that was put in its place.
    #[must_use]
    pub fn identity(&self) -> (u64, u64) {
        (self.device, self.inode)
    }

    /// Removes it, unless another one is in its place.
    pub fn remove(&self) -> io::Result<()> {
        let metadata = fs::symlink_metadata(&self.path)?;
        if (metadata.dev(), metadata.ino()) == self.identity() {
            fs::remove_file(&self.path)?;
        }
        Ok(())
    }
}

/// `PATH.1234`: of this process, in the same folder.
fn temporary_name(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{}", std::process::id()));
    name.into()
}

/// Whether a program listens there. A full queue has a listener.
fn is_live(address: &SocketAddrUnix) -> io::Result<bool> {
    match connect(&unix_socket()?, address) {
        Err(rustix::io::Errno::CONNREFUSED | rustix::io::Errno::NOENT) => Ok(false),
        _ => Ok(true),
    }
}

/// Non-blocking, so that a full queue is an answer and not a wait.
fn unix_socket() -> io::Result<OwnedFd> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let flags = SocketFlags::empty();
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
        rustix::io::ioctl_fionbio(&socket, true)?;
    }
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{DirBuilderExt as _, symlink};
    use std::os::unix::net::UnixStream;

    use tempfile::TempDir;

    use super::*;

    fn own_folder() -> TempDir {
        tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o700)).tempdir().unwrap()
    }

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn names(folder: &TempDir) -> Vec<OsString> {
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    }

    #[test]
    fn a_file_with_the_temporary_name_is_left_alone() {
        let folder = own_folder();
        let path = folder.path().join("safe.sock");
        let other = temporary_name(&path);
        fs::write(&other, "a user's").unwrap();
        assert!(SocketFile::bind(&path, SocketMode::Own).is_err());
        assert_eq!(fs::read(&other).unwrap(), b"a user's");
        assert_eq!(names(&folder).len(), 1);
    }

    #[test]
    fn only_the_socket_that_was_made_is_removed() {
        let folder = own_folder();
        let path = folder.path().join("safe.sock");
        let temporary = temporary_name(&path);
        let socket = unix_socket().unwrap();
        bind(&socket, &SocketAddrUnix::new(&temporary).unwrap()).unwrap();
        let metadata = fs::symlink_metadata(&temporary).unwrap();
        let made =
            SocketFile { path: temporary.clone(), device: metadata.dev(), inode: metadata.ino() };
        fs::rename(&temporary, folder.path().join("elsewhere")).unwrap();
        fs::write(&temporary, "another's").unwrap();
        made.remove().unwrap();
        assert_eq!(names(&folder).len(), 2);
    }

    #[test]
    fn a_socket_is_for_its_account_unless_it_is_for_everybody() {
        let folder = own_folder();
        for (mode, bits) in [(SocketMode::Own, 0o600), (SocketMode::Everybody, 0o666)] {
            let path = folder.path().join("safe.sock");
            let (listener, file) = SocketFile::bind(&path, mode).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, bits);
            let _client = UnixStream::connect(&path).unwrap();
            listener.accept().unwrap();
            assert_eq!(names(&folder), ["safe.sock"]);
            file.remove().unwrap();
            assert!(names(&folder).is_empty());
        }
    }

    #[test]
    fn a_folder_that_others_can_write_to_is_refused() {
        let folder = own_folder();
        let path = folder.path().join("safe.sock");
        for mode in [0o770, 0o707, 0o777, 0o1777] {
            chmod(folder.path(), mode);
            let error = SocketFile::bind(&path, SocketMode::Own).unwrap_err();
            assert!(matches!(error, SocketError::OpenFolder(_)), "{mode:o}: {error}");
        }
        assert!(names(&folder).is_empty());
        chmod(folder.path(), 0o755);
        SocketFile::bind(&path, SocketMode::Own).unwrap();
    }

    #[test]
    fn a_folder_of_another_account_is_refused() {
        assert_eq!(passsafe_peer::own_account(), 0, "a second account is needed: run as root");
        let folder = own_folder();
        let inner = folder.path().join("a");
        fs::create_dir(&inner).unwrap();
        let other = Some(65_534);
        std::os::unix::fs::chown(&inner, other, other).unwrap();
        for path in ["a/safe.sock", "a/b/safe.sock"] {
            fs::create_dir_all(inner.join("b")).unwrap();
            let error = SocketFile::check(&folder.path().join(path)).unwrap_err();
            assert!(matches!(error, SocketError::OpenFolder(_)), "{path}: {error}");
        }
    }

    #[test]
    fn every_folder_above_counts_and_links_are_followed() {
        let folder = own_folder();
        let inner = folder.path().join("a/b");
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&inner).unwrap();
        symlink(&inner, folder.path().join("link")).unwrap();
        for (mode, allowed) in [(0o777, false), (0o1777, true), (0o700, true)] {
            chmod(&folder.path().join("a"), mode);
            for path in ["a/b/safe.sock", "link/safe.sock"] {
                let checked = SocketFile::check(&folder.path().join(path));
                assert_eq!(checked.is_ok(), allowed, "{mode:o} {path}");
            }
        }
        let linked = folder.path().join("link/safe.sock");
        let (_listener, file) = SocketFile::bind(&linked, SocketMode::Own).unwrap();
        assert_eq!(file.path(), inner.canonicalize().unwrap().join("safe.sock"));
    }

    #[test]
    fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
        let folder = own_folder();
        let path = folder.path().join("safe.sock");
        let (live, first) = SocketFile::bind(&path, SocketMode::Own).unwrap();
        let error = SocketFile::bind(&path, SocketMode::Own).unwrap_err();
        assert!(matches!(error, SocketError::Live), "{error}");
        drop(live);
        let (_live, second) = SocketFile::bind(&path, SocketMode::Own).unwrap();
        assert_ne!(first, second);
        // The first process cleans up late.
        first.remove().unwrap();
        assert_eq!(names(&folder), ["safe.sock"]);
    }

    #[test]
    fn a_socket_with_a_full_queue_is_live() {
        let folder = own_folder();
        let path = folder.path().join("safe.sock");
        let socket = unix_socket().unwrap();
        let address = SocketAddrUnix::new(&path).unwrap();
        bind(&socket, &address).unwrap();
        listen(&socket, 0).unwrap();
        let _waiting = UnixStream::connect(&path).unwrap();
        assert!(matches!(SocketFile::check(&path), Err(SocketError::Live)));
    }

    #[test]
    fn what_is_no_socket_is_left_alone() {
        let folder = own_folder();
        let path = folder.path().join("safe.sock");
        fs::write(&path, "precious").unwrap();
        let error = SocketFile::bind(&path, SocketMode::Own).unwrap_err();
        assert!(matches!(error, SocketError::Occupied), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"precious");
        let link = folder.path().join("link");
        symlink(&path, &link).unwrap();
        assert!(matches!(SocketFile::check(&link), Err(SocketError::Occupied)));
        let nowhere = folder.path().join("none/safe.sock");
        assert!(matches!(SocketFile::check(&nowhere), Err(SocketError::NoFolder(_))));
        assert!(SocketFile::check(Path::new("/")).is_err());
        assert!(SocketFile::check(&folder.path().join("x".repeat(100))).is_err());
    }
}
