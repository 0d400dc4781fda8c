//! The two messages of `sock_diag` that matter here, byte for byte (`linux/inet_diag.h`).
//!
//! Written out rather than taken from a library: a question and an answer of fixed size are
//! fewer lines than the five crates that `netlink-packet-sock-diag` would bring into every
//! program that depends on the client.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::tcp_row::{Address, Pair, Row};

const HEADER_LEN: usize = 16;
const REQUEST_LEN: usize = HEADER_LEN + 56;
/// `struct inet_diag_msg`.
const ANSWER_LEN: usize = 72;

const NLMSG_ERROR: u16 = 2;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 1;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const IPPROTO_TCP: u8 = 6;
const ENOENT: i32 = 2;

/// Asks for the one socket with these addresses; the answer repeats `sequence`.
#[expect(clippy::expect_used, reason = "the length of the request is a small constant")]
pub(crate) fn request(pair: Pair, sequence: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(REQUEST_LEN);
    bytes.extend(u32::try_from(REQUEST_LEN).expect("72 is a u32").to_ne_bytes());
    bytes.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes.extend(NLM_F_REQUEST.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    // The kernel knows the sender.
    bytes.extend([0; 4]);
    let family = if pair.local.ip.is_ipv4() { AF_INET } else { AF_INET6 };
    bytes.extend([family, IPPROTO_TCP, 0, 0]);
    // In every state: a question for one socket is not filtered by it anyway.
    bytes.extend(u32::MAX.to_ne_bytes());
    bytes.extend(pair.local.port.to_be_bytes());
    bytes.extend(pair.remote.port.to_be_bytes());
    bytes.extend(sixteen(pair.local.ip));
    bytes.extend(sixteen(pair.remote.ip));
    // On any interface, with any cookie.
    bytes.extend(0_u32.to_ne_bytes());
    bytes.extend([0xff; 8]);
    bytes
}

/// The question that a message answers.
pub(crate) fn sequence(bytes: &[u8]) -> io::Result<u32> {
    let mut header = Reader(bytes);
    let _length_kind_and_flags: [u8; 8] = header.take()?;
    header.u32()
}

/// The socket that the kernel answered with, or `None` if it knows none.
pub(crate) fn answer(bytes: &[u8]) -> io::Result<Option<Row>> {
    let mut header = Reader(bytes);
    let length = usize::try_from(header.u32()?).map_err(io::Error::other)?;
    let kind = header.u16()?;
    let mut body = Reader(bytes.get(HEADER_LEN..length).ok_or(io::ErrorKind::InvalidData)?);
    match kind {
        SOCK_DIAG_BY_FAMILY if body.0.len() >= ANSWER_LEN => body.row().map(Some),
        NLMSG_ERROR => match i32::from_ne_bytes(body.take()?).wrapping_neg() {
            ENOENT => Ok(None),
            errno => Err(io::Error::from_raw_os_error(errno)),
        },
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// An address as it stands in both messages: of IPv4 the first four bytes count.
fn sixteen(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        }
        IpAddr::V6(ip) => ip.octets(),
    }
}

/// What is left of a message.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(io::ErrorKind::InvalidData)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u16(&mut self) -> io::Result<u16> {
        self.take().map(u16::from_ne_bytes)
    }

    fn u32(&mut self) -> io::Result<u32> {
        self.take().map(u32::from_ne_bytes)
    }

    fn row(&mut self) -> io::Result<Row> {
        let [family, state, _timer, _retransmits] = self.take()?;
        let (local_port, remote_port) = (self.take()?, self.take()?);
        let local = self.ip(family)?;
        let remote = self.ip(family)?;
        // Interface, cookie, expiry, and what is queued to receive and to send.
        let _unused: [u8; 24] = self.take()?;
        let uid = self.u32()?;
        let inode = self.u32()?.into();
        let local = Address::new(local, u16::from_be_bytes(local_port));
        let remote = Address::new(remote, u16::from_be_bytes(remote_port));
        Ok(Row { pair: Pair { local, remote }, state, uid, inode })
    }

    fn ip(&mut self, family: u8) -> io::Result<IpAddr> {
        let bytes: [u8; 16] = self.take()?;
        match (family, bytes) {
            (AF_INET, [a, b, c, d, ..]) => Ok(Ipv4Addr::new(a, b, c, d).into()),
            (AF_INET6, bytes) => Ok(Ipv6Addr::from(bytes).into()),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

#[cfg(target_endian = "little")]
#[cfg(test)]
mod tests {

    use super::*;
    use crate::tcp_row::tests::pair;

    /// What Linux 6.18 said; the attributes at the end were not asked for.
    const ACCEPTED: &str = "7c000000140000000100000047210000020100008d2099857f000001000000000000000000000000\
        7f000001000000000000000000000000000000000900000000000000000000000000000000000000\
        e9030000145e0200050008000000000008000f00000000000c001500010000000000000006001600\
        52000000";
    const QUEUED: &str = "7c0000001400000001000000472100000201000099858d207f000001000000000000000000000000\
        7f000001000000000000000000000000000000000700000000000000000000000000000000000000\
        0000000000000000050008000000000008000f00000000000c001500010000000000000006001600\
        52000000";
    const LISTENING: &str = "7c000000140000000100000047210000020a0000998500007f000001000000000000000000000000\
        00000000000000000000000000000000000000000800000000000000000000000100000080000000\
        00000000135e0200050008000000000008000f00000000000c001500010000000000000006001600\
        52000000";
    const NOT_FOUND: &str = "5c000000020000000100000047210000feffffff4800000014000100010000000000000002060000\
        ffffffff000100007f00000100000000000000000000000000000000000000000000000000000000\
        00000000ffffffffffffffff";

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> =
            hex.chars().map(|digit| digit.to_digit(16).unwrap().try_into().unwrap()).collect();
        digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    #[test]
    fn the_kernels_answers_are_read() {
        let client = pair("127.0.0.1:36128", "127.0.0.1:39301");
        let row = answer(&bytes(ACCEPTED)).unwrap().unwrap();
        assert_eq!(row, Row { pair: client, state: 1, uid: 1_001, inode: 155_156 });
        let queued = answer(&bytes(QUEUED)).unwrap().unwrap();
        let server = pair("127.0.0.1:39301", "127.0.0.1:36128");
        assert_eq!((queued.pair, queued.uid, queued.inode), (server, 0, 0));
        let listening = answer(&bytes(LISTENING)).unwrap().unwrap();
        assert_eq!(listening.pair, server.listening());
        assert!(listening.listener(server).is_some());
        assert_eq!(answer(&bytes(NOT_FOUND)).unwrap(), None);
    }

    #[test]
    fn a_refusal_is_no_answer() {
        for errno in [1, 13, 22_i32] {
            let mut refused = bytes(NOT_FOUND);
            refused[16..20].copy_from_slice(&(-errno).to_ne_bytes());
            let error = answer(&refused).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(errno));
        }
    }

    #[test]
    fn whatever_is_cut_short_or_changed_is_an_error_or_another_row() {
        let whole = bytes(ACCEPTED);
        for length in 0..whole.len() {
            assert!(answer(&whole[..length]).is_err(), "{length}");
        }
        for length in 0..HEADER_LEN + ANSWER_LEN {
            let mut short = whole.clone();
            short[..4].copy_from_slice(&u32::try_from(length).unwrap().to_ne_bytes());
            assert!(answer(&short).is_err(), "{length}");
        }
        for (at, family) in [(4, 0), (16, 1)] {
            let mut other = whole.clone();
            other[at] = family;
            assert!(answer(&other).is_err());
        }
    }

    #[test]
    fn the_question_is_the_one_the_kernel_repeats() {
        // An error repeats the question, here Python's for a listener on port 1.
        let answer = bytes(NOT_FOUND);
        let asked = request(pair("127.0.0.1:1", "0.0.0.0:0"), sequence(&answer).unwrap());
        assert_eq!(asked, answer[20..]);
        assert_eq!(sequence(&asked).unwrap(), 1);
        assert!(sequence(&asked[..11]).is_err());
    }
}
