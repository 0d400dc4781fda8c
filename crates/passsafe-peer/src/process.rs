//! Which process holds a socket, from `/proc`.
//!
//! Nothing here is asked of the process itself. One that hides its descriptors (undumpable, or
//! another account's) is reported as hidden, never guessed at.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A process, as the system describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number, which is used again after its end.
    pub pid: u32,
    /// When it was started, in ticks since boot. With the number, it means one process.
    pub started: u64,
    /// What it calls itself: unless it has changed that, the name of its program or script, of
    /// which the system keeps 15 bytes. Any bytes.
    pub command: Vec<u8>,
    /// The name of the file it runs, if the system tells it. Any bytes.
    pub program: Option<Vec<u8>>,
}

/// Who holds a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// This process, and none besides that shows its descriptors.
    Process(Process),
    /// A process that hides them.
    Hidden,
    /// Nobody any more, several, or the time was too short to find out.
    Unknown,
}

/// Looks among the processes of `account` for the one that holds the socket `inode`, which was
/// connected at `connected`, since boot. Takes a microsecond for each descriptor of the
/// account, and gives up at `until`.
#[must_use]
pub fn holder(inode: u64, account: u32, connected: Duration, until: Instant) -> Holder {
    holder_in(Path::new("/proc"), inode, account, connected, until).unwrap_or(Holder::Unknown)
}

/// The process with this number, if it is of `account` and was there at `connected`, since
/// boot: another one may have been given the number since.
#[must_use]
pub fn process(pid: u32, account: u32, connected: Duration) -> Option<Process> {
    let folder = Folder::new(Path::new("/proc"), pid);
    let is_its = folder.account().is_ok_and(|uid| uid == account);
    folder.describe().ok().filter(|it| is_its && it.started <= ticks(connected))
}

fn holder_in(
    proc: &Path,
    inode: u64,
    account: u32,
    connected: Duration,
    until: Instant,
) -> io::Result<Holder> {
    let wanted = PathBuf::from(format!("socket:[{inode}]"));
    let mut found = None;
    let mut hidden = false;
    for entry in fs::read_dir(proc)? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if Instant::now() >= until {
            return Ok(Holder::Unknown);
        }
        let folder = Folder::new(proc, pid);
        if folder.account().is_ok_and(|uid| uid == account) {
            match folder.holds(&wanted) {
                Ok(false) => {}
                Ok(true) if folder.started().is_ok_and(|it| it > ticks(connected)) => {}
                Ok(true) if found.is_some() => return Ok(Holder::Unknown),
                Ok(true) => found = Some(folder),
                Err(error) => {
                    hidden |= error.kind() == ErrorKind::PermissionDenied && folder.is_alive();
                }
            }
        }
    }
    Ok(match found.map(|folder| folder.describe()) {
        Some(Ok(process)) => Holder::Process(process),
        None if hidden => Holder::Hidden,
        None | Some(Err(_)) => Holder::Unknown,
    })
}

/// What `/proc` has of one process.
struct Folder {
    path: PathBuf,
    pid: u32,
}

impl Folder {
    fn new(proc: &Path, pid: u32) -> Self {
        Self { path: proc.join(pid.to_string()), pid }
    }

    fn account(&self) -> io::Result<u32> {
        fs::metadata(&self.path).map(|metadata| metadata.uid())
    }

    fn holds(&self, wanted: &Path) -> io::Result<bool> {
        for descriptor in fs::read_dir(self.path.join("fd"))? {
            match fs::read_link(descriptor?.path()) {
                Ok(target) if target == wanted => return Ok(true),
                Err(error) if error.kind() == ErrorKind::PermissionDenied => return Err(error),
                // Closed in the meantime, or something else.
                _ => {}
            }
        }
        Ok(false)
    }

    fn describe(&self) -> io::Result<Process> {
        let started = self.started()?;
        let mut command = fs::read(self.path.join("comm"))?;
        if command.last() == Some(&b'\n') {
            command.pop();
        }
        let program = fs::read_link(self.path.join("exe")).ok().and_then(|path| {
            let name = path.file_name()?.as_bytes();
            Some(name.strip_suffix(b" (deleted)").unwrap_or(name).to_vec())
        });
        // Otherwise it has gone, and the rest may be of another one.
        if self.started()? == started {
            Ok(Process { pid: self.pid, started, command, program })
        } else {
            Err(ErrorKind::NotFound.into())
        }
    }

    fn started(&self) -> io::Result<u64> {
        Ok(self.stat()?.1)
    }

    /// Not a zombie, which holds nothing and looks as if it hid it.
    fn is_alive(&self) -> bool {
        self.stat().is_ok_and(|(state, _)| !matches!(state, b'Z' | b'X'))
    }

    /// State and start. `PID (COMMAND) STATE …`, where the command may contain anything.
    fn stat(&self) -> io::Result<(u8, u64)> {
        stat(&fs::read(self.path.join("stat"))?).ok_or(ErrorKind::InvalidData.into())
    }
}

fn stat(line: &[u8]) -> Option<(u8, u64)> {
    let end = line.iter().rposition(|&byte| byte == b')')?;
    let mut fields = line.get(end + 1..)?.split(u8::is_ascii_whitespace).skip(1);
    let state = *fields.next()?.first()?;
    let started = std::str::from_utf8(fields.nth(18)?).ok()?.parse().ok()?;
    Some((state, started))
}

/// Rounded up, so that whoever started in the same tick was there.
fn ticks(since_boot: Duration) -> u64 {
    let a_second = u128::from(rustix::param::clock_ticks_per_second());
    u64::try_from((since_boot.as_nanos() * a_second).div_ceil(1_000_000_000)).unwrap_or(u64::MAX)
}
