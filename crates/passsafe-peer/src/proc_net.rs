//! The kernel's list of TCP sockets as text: `/proc/net/tcp` and `tcp6`.
//!
//! Every socket of the machine is in them, so reading takes longer the more there are.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use crate::tcp_row::{Address, Pair, Row};
use crate::{Socket, SocketOwner};

/// Who holds the end `wanted` of a connection.
pub(crate) fn holder(folder: &str, wanted: Pair) -> io::Result<Socket> {
    let mut holder = None;
    each_row(folder, |row| holder = holder.or(row.holder(wanted)))?;
    Ok(holder.unwrap_or(SocketOwner::Gone.into()))
}

/// Who listens at the local address of `wanted`.
pub(crate) fn listener(folder: &str, wanted: Pair) -> io::Result<SocketOwner> {
    let mut listeners = Vec::new();
    each_row(folder, |row| listeners.extend(row.listener(wanted)))?;
    let closest = listeners.iter().map(|(bound, _)| *bound).min();
    let mut accounts = listeners.iter().filter(|(bound, _)| Some(*bound) == closest);
    let Some((_, uid)) = accounts.next() else { return Ok(SocketOwner::Gone) };
    // Several may share a port, and there is no telling which one is next.
    if accounts.all(|(_, other)| other == uid) {
        Ok(SocketOwner::Account(*uid))
    } else {
        Ok(SocketOwner::Unknown)
    }
}

fn each_row(folder: &str, mut take: impl FnMut(Row)) -> io::Result<()> {
    read(open(folder, "tcp")?, &mut take)?;
    match open(folder, "tcp6") {
        // Without IPv6 there is no such file, and no such socket.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        file => read(file?, &mut take),
    }
}

fn open(folder: &str, name: &str) -> io::Result<BufReader<File>> {
    File::open(Path::new(folder).join(name)).map(BufReader::new)
}

fn read(table: impl BufRead, take: &mut impl FnMut(Row)) -> io::Result<()> {
    for line in table.lines().skip(1) {
        take(row(&line?).ok_or(io::ErrorKind::InvalidData)?);
    }
    Ok(())
}

/// `sl local_address rem_address st tx_queue:rx_queue tr:when retrnsmt uid timeout inode …`
fn row(line: &str) -> Option<Row> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let local = address(fields.next()?)?;
    let remote = address(fields.next()?)?;
    let state = u8::from_str_radix(fields.next()?, 16).ok()?;
    let mut fields = fields.skip(3);
    let uid = fields.next()?.parse().ok()?;
    let inode = fields.nth(1)?.parse().ok()?;
    Some(Row { pair: Pair { local, remote }, state, uid, inode })
}

/// `0100007F:1F73`: the address in words of the machine's byte order, the port as a number.
fn address(text: &str) -> Option<Address> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let mut bytes = [0; 16];
    let filled = bytes.get_mut(..ip.len() / 2)?;
    if ip.len() % 8 != 0 {
        return None;
    }
    for (at, word) in filled.chunks_exact_mut(4).enumerate() {
        let digits = ip.get(at * 8..at * 8 + 8)?;
        word.copy_from_slice(&u32::from_str_radix(digits, 16).ok()?.to_ne_bytes());
    }
    let ip = match (filled.len(), bytes) {
        (4, [a, b, c, d, ..]) => IpAddr::from(Ipv4Addr::new(a, b, c, d)),
        (16, bytes) => IpAddr::from(bytes),
        _ => return None,
    };
    Some(Address::new(ip, port))
}

#[cfg(target_endian = "little")]
#[cfg(test)]
mod tests {

    use std::fs;

    use super::*;
    use crate::tcp_row::tests::pair;

    /// From a Linux 6.18, uids changed: a listener, a connection of two accounts, one that
    /// waits in the queue and one whose holder is gone.
    const TCP: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     \n\
   0: 0100007F:9985 00000000:0000 0A 00000000:00000001 00:00000000 00000000  1000        0 163888 1 0000000000000000 100 0 0 10 0                    \n\
   1: 0100007F:8D20 0100007F:9985 01 00000000:00000000 00:00000000 00000000  1001        0 163890 1 0000000000000000 20 0 0 10 -1                    \n\
   2: 0100007F:9985 0100007F:8D20 01 00000000:00000000 00:00000000 00000000     0        0 0 1 0000000000000000 20 0 0 10 -1                         \n\
   3: 0100007F:8D22 0100007F:9985 06 00000000:00000000 03:000017A0 00000000     0        0 0 3 0000000000000000                                      \n";
    const TCP6: &str = "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
   0: 00000000000000000000000000000000:1F73 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1003        0 20001 1 0000000000000000 100 0 0 10 0\n\
   1: 0000000000000000FFFF00000100007F:8D24 0000000000000000FFFF00000100007F:9985 01 00000000:00000000 00:00000000 00000000  1002        0 20002 1 0000000000000000 20 0 0 10 -1\n\
   2: 00000000000000000000000001000000:8D26 00000000000000000000000001000000:1F73 01 00000000:00000000 00:00000000 00000000  1004        0 20003 1 0000000000000000 20 0 0 10 -1\n";

    /// A folder with these tables, removed in the end.
    struct Folder(std::path::PathBuf);

    impl Folder {
        fn new(name: &str, tcp: &str, tcp6: Option<&str>) -> Self {
            let path = std::env::temp_dir().join(format!("passsafe-{name}-{}", std::process::id()));
            fs::create_dir(&path).unwrap();
            fs::write(path.join("tcp"), tcp).unwrap();
            if let Some(tcp6) = tcp6 {
                fs::write(path.join("tcp6"), tcp6).unwrap();
            }
            Self(path)
        }

        fn holder(&self, local: &str, remote: &str) -> io::Result<SocketOwner> {
            holder(self.0.to_str().unwrap(), pair(local, remote)).map(|socket| socket.owner)
        }

        fn listener(&self, local: &str) -> io::Result<SocketOwner> {
            listener(self.0.to_str().unwrap(), pair(local, "127.0.0.1:1"))
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn captured_tables_are_read() {
        let folder = Folder::new("captured", TCP, Some(TCP6));
        let holder = |local: &str, remote: &str| folder.holder(local, remote).unwrap();
        assert_eq!(holder("127.0.0.1:36128", "127.0.0.1:39301"), SocketOwner::Account(1_001));
        assert_eq!(holder("127.0.0.1:39301", "127.0.0.1:36128"), SocketOwner::Gone, "queued");
        assert_eq!(holder("127.0.0.1:36130", "127.0.0.1:39301"), SocketOwner::Gone, "closed");
        assert_eq!(
            holder("127.0.0.1:36132", "127.0.0.1:39301"),
            SocketOwner::Account(1_002),
            "mapped"
        );
        assert_eq!(holder("[::1]:36134", "[::1]:8051"), SocketOwner::Account(1_004));
        assert_eq!(holder("[::1]:36135", "[::1]:8051"), SocketOwner::Gone);
        let listener = |local: &str| folder.listener(local).unwrap();
        assert_eq!(listener("127.0.0.1:39301"), SocketOwner::Account(1_000));
        assert_eq!(listener("127.0.0.1:8051"), SocketOwner::Account(1_003));
        assert_eq!(listener("[::1]:8051"), SocketOwner::Account(1_003));
        assert_eq!(listener("[::1]:39301"), SocketOwner::Gone);
    }

    #[test]
    fn the_closest_listener_counts_and_a_shared_port_is_unknown() {
        let line = |address: &str, uid: u32| {
            format!(
                "   0: {address}:1F73 00000000:0000 0A 00000000:00000000 00:00000000 00000000  {uid}        0 9 1 0\n"
            )
        };
        let of = |lines: &[String]| {
            let folder = Folder::new("closest", &format!("header\n{}", lines.concat()), None);
            folder.listener("127.0.0.1:8051").unwrap()
        };
        let (any, exact) = (line("00000000", 1_001), line("0100007F", 1_000));
        assert_eq!(of(&[any.clone(), exact.clone()]), SocketOwner::Account(1_000));
        assert_eq!(of(&[exact.clone(), any.clone()]), SocketOwner::Account(1_000));
        assert_eq!(of(&[exact.clone(), exact.clone()]), SocketOwner::Account(1_000));
        assert_eq!(of(&[exact, line("0100007F", 1_001)]), SocketOwner::Unknown);
        assert_eq!(of(&[any]), SocketOwner::Account(1_001));
    }

    #[test]
    fn a_table_that_is_none_is_an_error() {
        for line in [
            "",
            "   0: 0100007F:1F73 00000000:0000 0A 00000000:00000000 00:00000000 00000000",
            "   0: 0100007F1F73 00000000:0000 0A 0:0 0:0 0 1000 0 9",
            "   0: 0100007:1F73 00000000:0000 0A 0:0 0:0 0 1000 0 9",
            "   0: 0100007F0100007F:1F73 00000000:0000 0A 0:0 0:0 0 1000 0 9",
            "   0: ä100007:1F73 00000000:0000 0A 0:0 0:0 0 1000 0 9",
            "   0: 0100007F:1F73 00000000:0000 0A 0:0 0:0 0 ana 0 9",
        ] {
            let folder = Folder::new("none", &format!("header\n{line}\n"), None);
            assert!(folder.listener("127.0.0.1:8051").is_err(), "{line}");
        }
        assert!(holder("/nowhere", pair("127.0.0.1:1", "127.0.0.1:2")).is_err());
    }
}
