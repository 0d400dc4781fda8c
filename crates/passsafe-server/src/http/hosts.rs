//! The names by which a safe may be called.
//!
//! A page that was loaded from `evil.example` and has had that name pointed at 127.0.0.1
//! (DNS rebinding) cannot change the `Host` header that its browser sends. A safe that
//! answers to its own names only is therefore out of its reach.

use crate::listen::Transport;

/// Names of a loopback listener.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];
/// The name of a Unix socket, which has no port.
const SOCKET_HOST: &str = "localhost";
/// The port that clients leave out of `Host`.
const DEFAULT_HTTP_PORT: u16 = 80;

/// `localhost`, `127.0.0.1` and `[::1]` with the listener's port, `localhost` alone on a Unix
/// socket, and the other hosts that were allowed. Compared ASCII case-insensitively, otherwise to the letter.
#[derive(Debug, Clone, Default)]
pub struct AllowedHosts {
    others: Vec<String>,
}

impl AllowedHosts {
    /// Allows one more `HOST` or `HOST:PORT`, exactly as a client writes it in `Host`: the
    /// port is left out where it is 80.
    ///
    /// For tunnels, where the client sees another port than the safe has.
    #[must_use]
    pub fn with(mut self, host: impl Into<String>) -> Self {
        self.others.push(host.into());
        self
    }

    /// Whether `authority` names the safe on this transport.
    pub(crate) fn allows(&self, authority: &[u8], transport: Transport) -> bool {
        let is = |name: &str| authority.eq_ignore_ascii_case(name.as_bytes());
        let own = match transport {
            Transport::Socket => is(SOCKET_HOST),
            Transport::Port(port) => LOOPBACK.iter().any(|host| {
                is_host_and_port(authority, host, port) || (port == DEFAULT_HTTP_PORT && is(host))
            }),
        };
        own || self.others.iter().any(|host| is(host))
    }
}

/// Whether `authority` is `host:port` to the letter: this is asked with every request, so
/// no text is formatted to compare with.
fn is_host_and_port(authority: &[u8], host: &str, port: u16) -> bool {
    let Some((name, rest)) = authority.split_at_checked(host.len()) else { return false };
    let Some((b':', digits)) = rest.split_first() else { return false };
    // As it is written: without leading zeros or a sign, which a parser would let through.
    let is_port = digits.iter().all(u8::is_ascii_digit)
        && digits.first() != Some(&b'0')
        && str::from_utf8(digits).is_ok_and(|digits| digits.parse() == Ok(port));
    is_port && name.eq_ignore_ascii_case(host.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_names_with_the_port_are_ours() {
        let hosts = AllowedHosts::default();
        for ours in ["localhost:8051", "LocalHost:8051", "127.0.0.1:8051", "[::1]:8051"] {
            assert!(hosts.allows(ours.as_bytes(), Transport::Port(8_051)), "{ours}");
        }
        for other in [
            "",
            "localhost",
            "localhost:",
            "localhost:80",
            "localhost:08051",
            "localhost:+8051",
            "localhost:73587",
            "localhost:80510",
            "localhost8051",
            "localhost:8051 ",
            "localhost.:8051",
            "evil.example:8051",
            "localhost.evil.example:8051",
            "127.0.0.2:8051",
            "127.1:8051",
            "0.0.0.0:8051",
            "::1:8051",
            "[::]:8051",
            "user@localhost:8051",
            "[0:0::1]:8051",
        ] {
            assert!(!hosts.allows(other.as_bytes(), Transport::Port(8_051)), "{other}");
        }
    }

    #[test]
    fn the_port_may_be_left_out_where_it_is_80() {
        let hosts = AllowedHosts::default();
        assert!(hosts.allows(b"localhost", Transport::Port(80)));
        assert!(hosts.allows(b"localhost:80", Transport::Port(80)));
    }

    #[test]
    fn a_named_host_is_taken_to_the_letter() {
        let hosts = AllowedHosts::default().with("safe.internal:9000").with("gate");
        assert!(hosts.allows(b"SAFE.internal:9000", Transport::Port(8_051)));
        assert!(hosts.allows(b"gate", Transport::Port(8_051)));
        assert!(!hosts.allows(b"safe.internal", Transport::Port(8_051)));
        assert!(!hosts.allows(b"safe.internal:8051", Transport::Port(8_051)));
        assert!(!hosts.allows(b"gate:8051", Transport::Port(8_051)));
    }

    #[test]
    fn a_socket_is_called_localhost_and_nothing_else() {
        let hosts = AllowedHosts::default().with("gate");
        for ours in ["localhost", "LOCALHOST", "gate"] {
            assert!(hosts.allows(ours.as_bytes(), Transport::Socket), "{ours}");
        }
        for other in ["", "localhost:80", "localhost:8051", "127.0.0.1", "[::1]", "evil.example"] {
            assert!(!hosts.allows(other.as_bytes(), Transport::Socket), "{other}");
        }
    }
}
