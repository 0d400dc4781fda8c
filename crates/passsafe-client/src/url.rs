//! Where a safe is: a base URL, read strictly, that can name this machine or be told to name
//! another.
//!
//! Pure text: nothing is looked up. No error repeats any part of what was given, because it
//! may have contained a password in the place of user information.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use http::Uri;
use passsafe_core::wire::DEFAULT_PORT;

use crate::error::{Error, Kind};

/// Address of a safe: `http://HOST[:PORT][/PATH]`, by default `http://localhost:8051`, or
/// `unix:///PATH` for a Unix socket.
///
/// `/v1/…` is appended to the path of the former. Trailing slashes do not matter. The path
/// of a socket is taken to the letter, without percent-encoding, and contains neither `?` nor
/// `#`.
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl {
    host: Host,
    port: u16,
    prefix: String,
}

impl BaseUrl {
    /// Reads the URL of a safe on this machine: `localhost`, 127.0.0.0/8, `[::1]` or a socket.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage): for another machine, whose network would
    /// see the token; for a scheme other than `http` and `unix`; for user information, query
    /// or fragment.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let url = Self::parse_plain_http(text)?;
        if url.host.is_loopback() { Ok(url) } else { Err(Kind::Url(UrlError::PlainHttp).into()) }
    }

    /// Reads the URL of a safe on any machine.
    ///
    /// Whoever sees the traffic on the way there learns the token and the sealed record:
    /// choose it where the way is protected by other means.
    pub fn parse_plain_http(text: &str) -> Result<Self, Error> {
        Ok(parse(text).map_err(Kind::Url)?)
    }

    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What belongs into a `Host` header.
    pub(crate) fn authority(&self) -> String {
        if self.port == HTTP_PORT {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// What stands before `/v1/…` in a request target: a path in origin form without its last
    /// slash (RFC 9112, section 3.2.1).
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }
}

impl Default for BaseUrl {
    /// `http://localhost:8051`
    fn default() -> Self {
        Self { host: Host::Localhost, port: DEFAULT_PORT, prefix: String::new() }
    }
}

impl FromStr for BaseUrl {
    type Err = Error;

    /// [`BaseUrl::parse`]
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Socket(path) => write!(f, "unix://{path}"),
            _ => write!(f, "http://{}{}", self.authority(), self.prefix),
        }
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BaseUrl({self})")
    }
}

/// What to dial.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Host {
    /// The name, which is never looked up.
    Localhost,
    Address(IpAddr),
    Name(String),
    /// The absolute path of a Unix socket.
    #[cfg_attr(not(unix), expect(dead_code, reason = "refused where an address is read"))]
    Socket(String),
}

impl Host {
    fn is_loopback(&self) -> bool {
        match self {
            Self::Localhost | Self::Socket(_) => true,
            Self::Address(address) => address.is_loopback(),
            Self::Name(_) => false,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        if let Some(bracketed) = text.strip_prefix('[') {
            let address: Ipv6Addr = bracketed.strip_suffix(']')?.parse().ok()?;
            Some(Self::Address(address.into()))
        } else if let Ok(address) = text.parse::<Ipv4Addr>() {
            Some(Self::Address(address.into()))
        } else if text.eq_ignore_ascii_case("localhost") {
            Some(Self::Localhost)
        } else {
            (!text.is_empty()).then(|| Self::Name(text.to_ascii_lowercase()))
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Localhost | Self::Socket(_) => f.write_str("localhost"),
            Self::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Why a text is not the URL of a safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UrlError {
    Scheme,
    Tls,
    #[cfg(not(unix))]
    UnixSocket,
    UserInfo,
    Query,
    Fragment,
    Malformed,
    PlainHttp,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "the url of a safe starts with http:// or unix:///",
            Self::Tls => "this version cannot reach a safe over TLS",
            #[cfg(not(unix))]
            Self::UnixSocket => "this system has no Unix sockets",
            Self::UserInfo => "the url of a safe contains no user information",
            Self::Query => "the url of a safe has no query",
            Self::Fragment => "the url of a safe has no fragment",
            Self::Malformed => "the url of the safe is malformed",
            Self::PlainHttp => "plain HTTP to another machine is refused unless asked for by name",
        })
    }
}

impl std::error::Error for UrlError {}

const HTTP_PORT: u16 = 80;
/// Bytes of the longest path of a Unix socket.
#[cfg(unix)]
const MAX_SOCKET_PATH: usize =
    if cfg!(any(target_os = "linux", target_os = "android")) { 107 } else { 103 };

fn parse(text: &str) -> Result<BaseUrl, UrlError> {
    let (scheme, rest) = text.split_once(':').ok_or(UrlError::Scheme)?;
    match scheme.to_ascii_lowercase().as_str() {
        "http" => {}
        "https" => return Err(UrlError::Tls),
        #[cfg(unix)]
        "unix" => return parse_socket(rest),
        #[cfg(not(unix))]
        "unix" => return Err(UrlError::UnixSocket),
        _ => return Err(UrlError::Scheme),
    }
    // The URI type drops fragments and takes bytes beyond ASCII in a path.
    if text.contains('#') {
        return Err(UrlError::Fragment);
    }
    let authority = rest.trim_start_matches('/').split(['/', '?']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(UrlError::UserInfo);
    }
    let uri: Uri = text.parse().map_err(|_| UrlError::Malformed)?;
    if uri.query().is_some() {
        return Err(UrlError::Query);
    }
    let host = uri.host().ok_or(UrlError::Malformed)?;
    let port = authority.strip_prefix(host).ok_or(UrlError::Malformed)?;
    if !text.is_ascii() {
        return Err(UrlError::Malformed);
    }
    Ok(BaseUrl {
        host: Host::parse(host).ok_or(UrlError::Malformed)?,
        port: parse_port(port).ok_or(UrlError::Malformed)?,
        prefix: uri.path().trim_end_matches('/').to_owned(),
    })
}

/// Reads what stands behind `unix:`.
#[cfg(unix)]
fn parse_socket(text: &str) -> Result<BaseUrl, UrlError> {
    let authority = text.trim_start_matches('/').split('/').next().unwrap_or_default();
    if !text.starts_with("///") && authority.contains('@') {
        return Err(UrlError::UserInfo);
    }
    let path = text.strip_prefix("//").filter(|path| path.starts_with('/'));
    let path = path.ok_or(UrlError::Malformed)?;
    match path {
        _ if path.contains('?') => Err(UrlError::Query),
        _ if path.contains('#') => Err(UrlError::Fragment),
        _ if path.ends_with('/') || path.chars().any(char::is_control) => Err(UrlError::Malformed),
        _ if path.len() > MAX_SOCKET_PATH => Err(UrlError::Malformed),
        _ => Ok(BaseUrl {
            host: Host::Socket(path.to_owned()),
            port: HTTP_PORT,
            prefix: String::new(),
        }),
    }
}

/// Reads what stands behind the host: nothing, or a colon and a number from 1 to 65,535.
fn parse_port(text: &str) -> Option<u16> {
    if text.is_empty() {
        return Some(HTTP_PORT);
    }
    let digits = text.strip_prefix(':').filter(|port| !port.starts_with('+'))?;
    digits.parse().ok().filter(|&port| port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn refusal(text: &str) -> UrlError {
        let Err(error) = parse(text) else { panic!("{text:?} is a url") };
        error
    }

    #[test]
    fn the_default_is_the_documented_one() {
        assert_eq!(BaseUrl::default().to_string(), "http://localhost:8051");
        assert!(BaseUrl::parse("http://localhost:8051").unwrap() == BaseUrl::default());
    }

    #[test]
    fn urls_are_brought_into_one_form() {
        for (text, shown, authority) in [
            ("http://localhost", "http://localhost", "localhost"),
            ("HTTP://LocalHost:8051/", "http://localhost:8051", "localhost:8051"),
            ("http://127.0.0.1:1//", "http://127.0.0.1:1", "127.0.0.1:1"),
            ("http://127.9.8.7:80/a/b/", "http://127.9.8.7/a/b", "127.9.8.7"),
            ("http://[::1]:8051", "http://[::1]:8051", "[::1]:8051"),
            ("http://[0:0:0:0:0:0:0:1]", "http://[::1]", "[::1]"),
            ("http://localhost/user/a@b", "http://localhost/user/a@b", "localhost"),
        ] {
            let url: BaseUrl = text.parse().unwrap();
            assert_eq!((url.to_string().as_str(), url.authority().as_str()), (shown, authority));
            assert!(BaseUrl::parse(shown).unwrap() == url);
        }
    }

    #[test]
    fn a_socket_is_named_to_the_letter() {
        for path in ["/run/user/1000/safe.sock", "/a b/%20/ä@b/s", "//x", "/../x"] {
            let url = BaseUrl::parse(&format!("unix://{path}")).unwrap();
            assert!(*url.host() == Host::Socket(path.to_owned()));
            assert_eq!(url.to_string(), format!("unix://{path}"));
            assert_eq!(url.authority(), "localhost");
            assert!(BaseUrl::parse(&url.to_string()).unwrap() == url);
        }
        assert!(BaseUrl::parse("UNIX:///x").is_ok());
        let longest = |length| BaseUrl::parse(&format!("unix:///{}", "x".repeat(length - 1)));
        assert!(longest(MAX_SOCKET_PATH).is_ok() && longest(MAX_SOCKET_PATH + 1).is_err());
    }

    #[test]
    fn paths_are_appended_to_the_prefix() {
        let prefix = |text: &str| BaseUrl::parse(text).unwrap().prefix().to_owned();
        assert_eq!(prefix("http://localhost"), "");
        assert_eq!(prefix("http://localhost/safes/7/"), "/safes/7");
    }

    #[test]
    fn other_machines_are_reached_on_demand_only() {
        for text in [
            "http://example.org:8051",
            "http://10.0.0.1",
            "http://[::2]",
            "http://[::ffff:127.0.0.1]",
            "http://0.0.0.0:8051",
            "http://localhost.:8051",
            "http://localhost.example.org",
            "http://127.1",
            "http://2130706433",
        ] {
            let error = BaseUrl::parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{text}");
            assert_eq!(error.to_string(), UrlError::PlainHttp.to_string(), "{text}");
            assert!(BaseUrl::parse_plain_http(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn whatever_is_not_a_safes_url_is_refused() {
        for (text, expected) in [
            ("", UrlError::Scheme),
            ("localhost", UrlError::Scheme),
            ("localhost:8051", UrlError::Scheme),
            ("ftp://localhost", UrlError::Scheme),
            (" http://localhost", UrlError::Scheme),
            ("https://localhost:8051", UrlError::Tls),
            ("http+unix:///run/safe.sock", UrlError::Scheme),
            ("unix:/run/safe.sock", UrlError::Malformed),
            ("unix:run/safe.sock", UrlError::Malformed),
            ("unix://run/safe.sock", UrlError::Malformed),
            ("unix://ana:hunter2@/run/safe.sock", UrlError::UserInfo),
            ("unix://", UrlError::Malformed),
            ("unix:///", UrlError::Malformed),
            ("unix:///run/", UrlError::Malformed),
            ("unix:///run/safe\0.sock", UrlError::Malformed),
            ("unix:///run/safe.sock?x", UrlError::Query),
            ("unix:///run/safe.sock#x", UrlError::Fragment),
            ("http://localhost?x=1", UrlError::Query),
            ("http://localhost/?", UrlError::Query),
            ("http://localhost/#", UrlError::Fragment),
            ("http://localhost#a@b", UrlError::Fragment),
            ("http://ana@localhost", UrlError::UserInfo),
            ("http://ana:hunter2@localhost:8051/", UrlError::UserInfo),
            ("http://@localhost", UrlError::UserInfo),
            ("http:", UrlError::Malformed),
            ("http:localhost", UrlError::Malformed),
            ("http:/localhost", UrlError::Malformed),
            ("http://", UrlError::Malformed),
            ("http:///path", UrlError::Malformed),
            ("http://:8051", UrlError::Malformed),
            ("http://localhost:", UrlError::Malformed),
            ("http://localhost:0", UrlError::Malformed),
            ("http://localhost:+80", UrlError::Malformed),
            ("http://localhost:65536", UrlError::Malformed),
            ("http://localhost:port", UrlError::Malformed),
            ("http://localhost:1:2", UrlError::Malformed),
            ("http://::1", UrlError::Malformed),
            ("http://[::1", UrlError::Malformed),
            ("http://[::1]x", UrlError::Malformed),
            ("http://[localhost]", UrlError::Malformed),
            ("http://[fe80::1%25eth0]", UrlError::Malformed),
            ("http://local host", UrlError::Malformed),
            ("http://localhost\r\nx", UrlError::Malformed),
            ("http://localhost/\r\nx", UrlError::Malformed),
            ("http://localhost/ä", UrlError::Malformed),
            ("http://löcalhost", UrlError::Malformed),
            ("http:\\\\localhost", UrlError::Malformed),
        ] {
            assert_eq!(refusal(text), expected, "{text:?}");
        }
    }

    #[test]
    fn no_error_repeats_user_information() {
        for text in [
            "http://ana:hunter2@example.org",
            "http://ana:hun/hunter2@example.org",
            "http://hunter2/x@example.org",
            "https://ana:hunter2@example.org",
            "hunter2://x",
        ] {
            let error = BaseUrl::parse(text).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{text}");
        }
    }
}
