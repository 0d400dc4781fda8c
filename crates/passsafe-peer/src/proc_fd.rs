//! Which process holds a socket, from `/proc`.
//!
//! All of it comes from the kernel. A process that hides its descriptors (undumpable, or of
//! another account) is reported as hidden, never guessed.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags, RawDir, open, readlinkat_raw};
use rustix::io::Errno;

const PROC: &str = "/proc";
/// Longer than `socket:[18446744073709551615]`: no other target that is cut short looks like it.
const MAX_SOCKET_LEN: usize = 32;
/// How often several holders are looked at again: between fork and exec a child has all that
/// its parent has.
const LOOKS: usize = 5;
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

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
#[expect(clippy::exhaustive_enums, reason = "access is decided on it, so each answer must be seen")]
pub enum Holder {
    /// This process, and no other one that shows its descriptors.
    Process(Process),
    /// A process that hides them.
    Hidden,
    /// No process any more, several, or the search timed out.
    Unknown,
}

/// A socket whose holder is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Its number.
    pub inode: u64,
    /// The account among whose processes it is looked for.
    pub account: u32,
    /// When it was connected, since boot: a process that started later does not count.
    pub connected: Duration,
}

/// Looks for the processes that hold these sockets, and tells each, by its number, as soon as
/// it is known. Takes a microsecond for each descriptor of the accounts, however many sockets
/// are looked for, and gives up at `until`.
pub fn holders(wanted: &[Wanted], until: Instant, mut tell: impl FnMut(u64, Holder)) {
    let mut wanted: HashMap<u64, Wanted> = wanted.iter().map(|it| (it.inode, *it)).collect();
    for look in 1..=LOOKS {
        let mut search = Search::new(&wanted);
        let searched = search.search(until);
        let last = look == LOOKS || searched.is_err();
        // One process may hold hundreds.
        let mut described: HashMap<u32, Option<Process>> = HashMap::new();
        let mut describe = |pid| {
            let described = described.entry(pid);
            described.or_insert_with(|| Folder::new(pid).describe().ok()).clone()
        };
        for (inode, sought) in search.sought {
            let holder = match sought.found {
                _ if searched.is_err() => Holder::Unknown,
                Found::One(pid) => describe(pid).map_or(Holder::Unknown, Holder::Process),
                Found::Several if !last => continue,
                Found::None if search.hidden.contains(&sought.account) => Holder::Hidden,
                Found::Several | Found::None => Holder::Unknown,
            };
            wanted.remove(&inode);
            tell(inode, holder);
        }
        if wanted.is_empty() {
            return;
        }
        thread::sleep(BETWEEN_LOOKS);
    }
}

/// The process with this number, if it is of `account` and was there at `connected`, since
/// boot: another one may have been given the number since.
#[must_use]
pub fn process(pid: u32, account: u32, connected: Duration) -> Option<Process> {
    let folder = Folder::new(pid);
    let is_its = folder.account().is_ok_and(|uid| uid == account);
    folder.describe().ok().filter(|it| is_its && it.started <= ticks(connected))
}

struct Search {
    sought: HashMap<u64, Sought>,
    accounts: HashSet<u32>,
    /// Accounts with a process that hides its descriptors.
    hidden: HashSet<u32>,
}

struct Sought {
    account: u32,
    /// In ticks since boot.
    connected: u64,
    found: Found,
}

enum Found {
    None,
    One(u32),
    Several,
}

impl Search {
    fn new(wanted: &HashMap<u64, Wanted>) -> Self {
        let sought = wanted.values().map(|&Wanted { inode, account, connected }| {
            (inode, Sought { account, connected: ticks(connected), found: Found::None })
        });
        Self {
            sought: sought.collect(),
            accounts: wanted.values().map(|wanted| wanted.account).collect(),
            hidden: HashSet::new(),
        }
    }

    fn search(&mut self, until: Instant) -> io::Result<()> {
        for entry in fs::read_dir(PROC)? {
            let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            if Instant::now() >= until {
                return Err(ErrorKind::TimedOut.into());
            }
            let folder = Folder::new(pid);
            let Ok(account) = folder.account() else { continue };
            if !self.accounts.contains(&account) {
                continue;
            }
            match folder.sockets(|inode| self.sought.contains_key(&inode)) {
                Ok(held) => self.holds(&folder, account, &held),
                Err(error) => {
                    let hides = error.kind() == ErrorKind::PermissionDenied && folder.is_alive();
                    if hides {
                        self.hidden.insert(account);
                    }
                }
            }
        }
        Ok(())
    }

    fn holds(&mut self, folder: &Folder, account: u32, held: &HashSet<u64>) {
        if held.is_empty() {
            return;
        }
        let started = folder.started();
        for inode in held {
            let Some(sought) = self.sought.get_mut(inode) else { continue };
            let came_later = started.as_ref().is_ok_and(|started| *started > sought.connected);
            if sought.account == account && !came_later {
                sought.found = match sought.found {
                    Found::None => Found::One(folder.pid),
                    Found::One(_) | Found::Several => Found::Several,
                };
            }
        }
    }
}

/// What `/proc` has of one process.
struct Folder {
    path: PathBuf,
    pid: u32,
}

impl Folder {
    fn new(pid: u32) -> Self {
        Self { path: Path::new(PROC).join(pid.to_string()), pid }
    }

    fn account(&self) -> io::Result<u32> {
        fs::metadata(&self.path).map(|metadata| metadata.uid())
    }

    /// The sockets that it holds, of those that are wanted. There may be tens of thousands of
    /// descriptors, so this takes no detours.
    fn sockets(&self, is_wanted: impl Fn(u64) -> bool) -> io::Result<HashSet<u64>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = open(self.path.join("fd"), flags, Mode::empty())?;
        let mut held = HashSet::new();
        let mut target = [0; MAX_SOCKET_LEN];
        let mut entries = vec![MaybeUninit::uninit(); 4 * 1024];
        let mut descriptors = RawDir::new(&folder, &mut entries);
        while let Some(descriptor) = descriptors.next() {
            match readlinkat_raw(&folder, descriptor?.file_name(), &mut target[..]) {
                Ok(length) => {
                    held.extend(target.get(..length).and_then(inode).filter(|it| is_wanted(*it)));
                }
                Err(error @ (Errno::ACCESS | Errno::PERM)) => return Err(error.into()),
                // Closed in the meantime.
                Err(_) => {}
            }
        }
        Ok(held)
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

/// The number in `socket:[4711]`.
fn inode(target: &[u8]) -> Option<u64> {
    let number = target.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(number).ok()?.parse().ok()
}

fn stat(line: &[u8]) -> Option<(u8, u64)> {
    let end = line.iter().rposition(|&byte| byte == b')')?;
    let mut fields = line.get(end + 1..)?.split(u8::is_ascii_whitespace).skip(1);
    let state = *fields.next()?.first()?;
    let started = std::str::from_utf8(fields.nth(18)?).ok()?.parse().ok()?;
    Some((state, started))
}

/// Rounded up, so that a process that started in the same tick counts as present.
fn ticks(since_boot: Duration) -> u64 {
    let a_second = u128::from(rustix::param::clock_ticks_per_second());
    u64::try_from((since_boot.as_nanos() * a_second).div_ceil(1_000_000_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_may_contain_anything() {
        let fields = "S 1 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 163888 1";
        for command in ["bash", "a b", ") S 1", "((((", "\n) R 1\n", ""] {
            let line = format!("4711 ({command}) {fields}\n");
            assert_eq!(stat(line.as_bytes()), Some((b'S', 163_888)), "{command}");
        }
        for line in [
            "",
            "4711",
            "4711 (bash)",
            "4711 (bash) S 1 1",
            "4711 (bash) S 1 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 soon",
        ] {
            assert_eq!(stat(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn a_tick_is_counted_from_its_beginning() {
        let a_second = rustix::param::clock_ticks_per_second();
        assert_eq!(ticks(Duration::from_secs(7)), 7 * a_second);
        assert_eq!(ticks(Duration::from_nanos(1)), 1);
        assert_eq!(ticks(Duration::MAX), u64::MAX);
    }
}
