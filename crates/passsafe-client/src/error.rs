//! The one error of this crate: opaque, with a kind for everything a program may want to do
//! about it.
//!
//! Promises: no message contains a secret, nor any text that came over the wire.

use std::fmt;
use std::time::Duration;

use passsafe_core::wire::Code;
use passsafe_core::{
    EmptyPassphrase, EntryName, EntryNameError, KdfError, NotText, OpenError, RecordError,
    TokenError, User,
};

use crate::url::{BaseUrl, UrlError};

/// The error type of an interrupt, and of what the system refused.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a safe was not asked, did not answer, refused, or could not be opened.
///
/// [`Error::kind`] says what to do about it; the text is for people.
pub struct Error(Box<Kind>);

/// What happened, for programs. Each error has exactly one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The safe knows another token. This attempt counted: the third one locks it.
    /// [`Error::attempts_left`] says how many may still come.
    InvalidToken,
    /// Wrong tokens have locked the safe for good, this one or earlier ones.
    Locked,
    /// The last allowed use was made.
    Spent,
    /// The safe's time is up: it says so, or it is gone and its last answer said when.
    Expired,
    /// The safe was closed before its time.
    Closed,
    /// The owner of the safe was asked and said no, or did not answer the safe in time. No
    /// attempt was counted.
    Denied,
    /// The owner of the safe has to allow each opening, and there was no answer, or no room to
    /// ask, for a minute. Another try asks again.
    AwaitingConsent,
    /// The safe does not answer to the host name that it was asked by, as at the other end of
    /// a tunnel.
    WrongHost,
    /// The safe refused for another reason.
    Refused,
    /// The record was sealed with another passphrase, or for another user.
    WrongPassphrase,
    /// This client has opened one safe, and now another one answers.
    OtherSafe,
    /// The record cannot be used: changed on the way, sealed against the format, of another
    /// version, or with a cost of key derivation that is out of bounds.
    Damaged,
    /// The safe was opened, and has no secret of that name.
    UnknownEntry,
    /// The secret is not UTF-8; ask for its bytes instead.
    NotText,
    /// Nothing listens there.
    Unreachable,
    /// The system finds no way there: no route, no such host name. This says nothing of a safe.
    NoRoute,
    /// The system does not let this account connect, as to a socket of another account.
    Forbidden,
    /// What listens there ended the connection without an answer, as a tunnel without a far
    /// end does, and a safe to an account that it does not admit.
    HungUp,
    /// What listens there ended the connection within its answer. The request may have been
    /// acted upon.
    BrokeOff,
    /// What listens there belongs to another account of this machine
    /// ([`Error::listener_account`]), or the system does not say to whom. Nothing was sent.
    /// [`TrustedServer`](crate::TrustedServer) names another account to trust.
    ForeignListener,
    /// No complete answer came in time.
    Timeout,
    /// Something answers there, and it is not a safe.
    NotASafe,
    /// An argument cannot be right: an empty passphrase, a token that is not six digits, a
    /// malformed URL or name, plain HTTP to another machine. Nothing was sent.
    Usage,
    /// The interrupt of [`blocking::Client::with_interrupt`] ended the call; the source is its
    /// error.
    ///
    /// [`blocking::Client::with_interrupt`]: crate::blocking::Client::with_interrupt
    Interrupted,
    /// The system refused memory, a thread or an event loop, or has no name for this account;
    /// or a forked child was left without a credential.
    System,
}

impl Error {
    /// What happened.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.public()
    }

    /// How many wrong tokens may still come, if this one was wrong: none where it locked the
    /// safe, whose kind is [`ErrorKind::Locked`] then.
    #[must_use]
    pub fn attempts_left(&self) -> Option<u8> {
        match *self.0 {
            Kind::InvalidToken { attempts_left } => attempts_left,
            _ => None,
        }
    }

    /// How many wrong passphrases may still come, if this one was wrong and the safe said so:
    /// none where those have locked the safe, and the kind is [`ErrorKind::Locked`] then.
    #[must_use]
    pub fn proofs_left(&self) -> Option<u8> {
        match *self.0 {
            Kind::WrongProof { proofs_left } | Kind::WrongPassphrase { proofs_left, .. } => {
                proofs_left
            }
            Kind::Locked { by_passphrases: true } => Some(0),
            _ => None,
        }
    }

    /// The user id of the account that listens there, with [`ErrorKind::ForeignListener`] and
    /// if it is known.
    #[must_use]
    pub fn listener_account(&self) -> Option<u32> {
        match *self.0 {
            Kind::ForeignListener { account, .. } => Some(account),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Error").field(&self.0).finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&*self.0)
    }
}

impl Error {
    pub(crate) fn into_kind(self) -> Kind {
        *self.0
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Self(Box::new(kind))
    }
}

/// What happened, with its particulars.
#[derive(Debug)]
pub(crate) enum Kind {
    Passphrase(EmptyPassphrase),
    Token(TokenError),
    EntryName(EntryNameError),
    Url(UrlError),
    Exposed,
    Account,

    Unreachable {
        at: String,
        source: std::io::Error,
    },
    HungUp {
        at: String,
        source: Cause,
    },
    BrokeOff {
        at: String,
    },
    ForeignListener {
        at: String,
        account: u32,
    },
    UnknownListener {
        at: String,
    },
    Timeout(Duration),
    NotASafe(&'static str),

    InvalidToken {
        attempts_left: Option<u8>,
    },
    Locked {
        by_passphrases: bool,
    },
    Refused(Code),
    NoConsent,

    Record(RecordError),
    /// A proof was refused, whosever it was.
    WrongProof {
        proofs_left: Option<u8>,
    },
    WrongPassphrase {
        user: User,
        proofs_left: Option<u8>,
    },
    Open(OpenError),
    Memory(KdfError),
    UnknownEntry(EntryName),
    NotText(NotText),

    #[cfg_attr(
        not(feature = "blocking"),
        expect(dead_code, reason = "only the blocking client has an interrupt")
    )]
    Interrupted(Cause),
    Lost,
    System(Cause),
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passphrase(error) => error.fmt(f),
            Self::Token(error) => error.fmt(f),
            Self::EntryName(error) => error.fmt(f),
            Self::Url(error) => error.fmt(f),
            Self::Exposed => f.write_str("these bytes are no credential of a client"),
            Self::Account => f.write_str("the account that this program runs as has no name"),

            Self::Unreachable { at, source } => match self.public() {
                ErrorKind::NoRoute => write!(f, "there is no way to {at}: {source}"),
                ErrorKind::Forbidden => write!(f, "this account may not connect to {at}"),
                _ => write!(f, "nothing answers at {at}"),
            },
            Self::HungUp { at, .. } => write!(f, "{at} hung up without an answer"),
            Self::BrokeOff { at } => write!(f, "the answer of {at} broke off"),
            Self::ForeignListener { at, account } => {
                write!(f, "what listens at {at} belongs to another account (uid {account})")
            }
            Self::UnknownListener { at } => {
                write!(f, "the system does not say which account listens at {at}")
            }
            Self::Timeout(limit) => write!(f, "no answer within {limit:?}"),
            Self::NotASafe(why) => write!(f, "what answers is not a safe: {why}"),

            Self::InvalidToken { attempts_left } => {
                write!(f, "the token is wrong{}", left(*attempts_left, ["attempt", "attempts"]))
            }
            Self::Locked { .. } => f.write_str(Code::Locked.title()),
            Self::Refused(code) => f.write_str(code.title()),
            Self::NoConsent => f.write_str("the owner of the safe did not answer within a minute"),

            Self::Record(error) => error.fmt(f),
            Self::WrongProof { proofs_left } => {
                write!(
                    f,
                    "the passphrase or the user is wrong{}",
                    left(*proofs_left, ["try", "tries"])
                )
            }
            Self::WrongPassphrase { user, proofs_left } => write!(
                f,
                "the passphrase is wrong, or the safe was sealed for another user than {user}{}",
                left(*proofs_left, ["try", "tries"])
            ),
            Self::Open(error) => error.fmt(f),
            Self::Memory(error) => error.fmt(f),
            Self::UnknownEntry(name) => write!(f, "the safe holds no secret named {name}"),
            Self::NotText(error) => error.fmt(f),

            Self::Interrupted(_) => f.write_str("interrupted"),
            Self::Lost => {
                f.write_str("this process was forked while another thread opened the safe")
            }
            Self::System(source) => match source.downcast_ref().and_then(limit) {
                Some(limit) => f.write_str(limit),
                None => write!(f, "the system refused a thread or a connection: {source}"),
            },
        }
    }
}

impl std::error::Error for Kind {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreachable { source, .. } => Some(source),
            Self::HungUp { source, .. } | Self::Interrupted(source) | Self::System(source) => {
                Some(source.as_ref())
            }
            _ => None,
        }
    }
}

/// The limit that the system's refusal is due to.
#[cfg(unix)]
fn limit(error: &std::io::Error) -> Option<&'static str> {
    use rustix::io::Errno;
    match Errno::from_io_error(error)? {
        Errno::MFILE => Some("this process may open no more files (RLIMIT_NOFILE)"),
        Errno::NFILE => Some("the system may open no more files"),
        Errno::ADDRNOTAVAIL => Some("no port of this machine is left to connect from"),
        Errno::AGAIN => Some("this account may start no more threads (RLIMIT_NPROC)"),
        Errno::NOMEM | Errno::NOBUFS => Some("no memory is left for a thread or a connection"),
        _ => None,
    }
}

#[cfg(not(unix))]
fn limit(_: &std::io::Error) -> Option<&'static str> {
    None
}

impl Kind {
    /// A connection that was not made: the other side is not there, or this one may make none.
    pub(crate) fn unreachable(at: &BaseUrl, source: std::io::Error) -> Self {
        // A socket whose queue is full says the same as a thread too many.
        if limit(&source).is_some() && source.kind() != std::io::ErrorKind::WouldBlock {
            Self::System(source.into())
        } else {
            Self::Unreachable { at: at.to_string(), source }
        }
    }

    /// Whether the other side is not there, or not there any more.
    pub(crate) fn is_unreachable(&self) -> bool {
        matches!(self.public(), ErrorKind::Unreachable | ErrorKind::HungUp | ErrorKind::BrokeOff)
    }

    fn public(&self) -> ErrorKind {
        match self {
            Self::Passphrase(_)
            | Self::Token(_)
            | Self::EntryName(_)
            | Self::Url(_)
            | Self::Exposed => ErrorKind::Usage,
            Self::Unreachable { source, .. } => not_connected(source),
            Self::HungUp { .. } => ErrorKind::HungUp,
            Self::BrokeOff { .. } => ErrorKind::BrokeOff,
            Self::ForeignListener { .. } | Self::UnknownListener { .. } => {
                ErrorKind::ForeignListener
            }
            Self::Timeout(_) => ErrorKind::Timeout,
            Self::NotASafe(_) => ErrorKind::NotASafe,
            Self::Locked { .. }
            | Self::InvalidToken { attempts_left: Some(0) }
            | Self::WrongProof { proofs_left: Some(0) }
            | Self::WrongPassphrase { proofs_left: Some(0), .. } => ErrorKind::Locked,
            Self::InvalidToken { .. } => ErrorKind::InvalidToken,
            Self::Refused(code) => refusal(*code),
            Self::NoConsent => ErrorKind::AwaitingConsent,
            Self::WrongProof { .. } | Self::WrongPassphrase { .. } => ErrorKind::WrongPassphrase,
            Self::Open(OpenError::OtherSafe) => ErrorKind::OtherSafe,
            Self::Record(_) | Self::Open(_) => ErrorKind::Damaged,
            Self::UnknownEntry(_) => ErrorKind::UnknownEntry,
            Self::NotText(_) => ErrorKind::NotText,
            Self::Interrupted(_) => ErrorKind::Interrupted,
            Self::Account | Self::Memory(_) | Self::Lost | Self::System(_) => ErrorKind::System,
        }
    }
}

/// The kind of a connection that was not made. What the system says of itself is a limit.
fn not_connected(source: &std::io::Error) -> ErrorKind {
    use std::io::ErrorKind as Io;
    match source.kind() {
        Io::PermissionDenied => ErrorKind::Forbidden,
        // A socket's file that is not there; a listener whose queue is full; one that ends.
        Io::ConnectionRefused
        | Io::NotFound
        | Io::WouldBlock
        | Io::ConnectionReset
        | Io::ConnectionAborted
        | Io::UnexpectedEof
        | Io::Unsupported => ErrorKind::Unreachable,
        Io::TimedOut => ErrorKind::Timeout,
        _ => ErrorKind::NoRoute,
    }
}

/// The kind of a refusal that the safe gave a code.
fn refusal(code: Code) -> ErrorKind {
    match code {
        Code::Locked => ErrorKind::Locked,
        Code::Spent => ErrorKind::Spent,
        Code::Expired => ErrorKind::Expired,
        Code::Closed => ErrorKind::Closed,
        Code::Denied => ErrorKind::Denied,
        Code::AwaitingConsent => ErrorKind::AwaitingConsent,
        Code::WrongHost => ErrorKind::WrongHost,
        _ => ErrorKind::Refused,
    }
}

fn left(count: Option<u8>, [one, many]: [&str; 2]) -> String {
    match count {
        None => String::new(),
        Some(0) => ", and the safe is locked".to_owned(),
        Some(1) => format!(", 1 {one} is left"),
        Some(count) => format!(", {count} {many} are left"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_wrong_token_is_told_as_a_lock() {
        let error = |attempts_left| Error::from(Kind::InvalidToken { attempts_left });
        assert_eq!(error(Some(2)).to_string(), "the token is wrong, 2 attempts are left");
        assert_eq!(error(Some(1)).to_string(), "the token is wrong, 1 attempt is left");
        assert_eq!(error(None).to_string(), "the token is wrong");
        let last = error(Some(0));
        assert_eq!(last.to_string(), "the token is wrong, and the safe is locked");
        assert_eq!((last.kind(), last.attempts_left()), (ErrorKind::Locked, Some(0)));
        assert_eq!(error(Some(1)).kind(), ErrorKind::InvalidToken);
        assert_eq!(error(None).kind(), ErrorKind::InvalidToken);
    }

    #[test]
    fn a_refusal_without_a_kind_of_its_own_is_refused() {
        for code in [Code::Unknown, Code::Busy, Code::NotFound] {
            assert_eq!(Error::from(Kind::Refused(code)).kind(), ErrorKind::Refused, "{code:?}");
        }
    }

    #[test]
    fn a_socket_of_another_account_is_forbidden_and_not_unreachable() {
        let error = |kind: std::io::ErrorKind| {
            Error::from(Kind::Unreachable { at: "there".to_owned(), source: kind.into() }).kind()
        };
        assert_eq!(error(std::io::ErrorKind::PermissionDenied), ErrorKind::Forbidden);
        assert_eq!(error(std::io::ErrorKind::ConnectionRefused), ErrorKind::Unreachable);
    }

    /// None of them says that a safe is there or is not, but the first.
    #[cfg(unix)]
    #[test]
    fn what_the_system_refuses_is_told_from_a_safe_that_is_gone() {
        use rustix::io::Errno;
        let url = BaseUrl::default();
        for (errno, kind, text) in [
            (
                Errno::CONNREFUSED,
                ErrorKind::Unreachable,
                "nothing answers at http://localhost:8051",
            ),
            (Errno::NOENT, ErrorKind::Unreachable, "nothing answers at "),
            (Errno::ADDRNOTAVAIL, ErrorKind::System, "no port of this machine is left"),
            (Errno::MFILE, ErrorKind::System, "this process may open no more files"),
            (Errno::NFILE, ErrorKind::System, "the system may open no more files"),
            (Errno::NOBUFS, ErrorKind::System, "no memory is left"),
            (Errno::NETUNREACH, ErrorKind::NoRoute, "there is no way to http://localhost:8051: "),
            (Errno::HOSTUNREACH, ErrorKind::NoRoute, "there is no way to "),
            (Errno::NETDOWN, ErrorKind::NoRoute, "there is no way to "),
            (Errno::ACCESS, ErrorKind::Forbidden, "this account may not connect to "),
            (Errno::PERM, ErrorKind::Forbidden, "this account may not connect to "),
            (Errno::TIMEDOUT, ErrorKind::Timeout, "nothing answers at "),
        ] {
            let error = Error::from(Kind::unreachable(&url, errno.into()));
            assert_eq!(error.kind(), kind, "{errno:?}");
            assert!(error.to_string().starts_with(text), "{errno:?}: {error}");
        }
    }

    #[test]
    fn a_wrong_passphrase_names_the_user_that_was_tried() {
        let error = Error::from(Kind::WrongPassphrase {
            user: User::new("ana").unwrap(),
            proofs_left: None,
        });
        assert_eq!(
            error.to_string(),
            "the passphrase is wrong, or the safe was sealed for another user than ana"
        );
    }

    #[test]
    fn the_last_wrong_passphrase_is_told_as_a_lock() {
        let error = |proofs_left| {
            let user = User::new("ana").unwrap();
            Error::from(Kind::WrongPassphrase { user, proofs_left: Some(proofs_left) })
        };
        let (nine, one, none) = (error(9), error(1), error(0));
        assert!(nine.to_string().ends_with("than ana, 9 tries are left"), "{nine}");
        assert!(one.to_string().ends_with("than ana, 1 try is left"), "{one}");
        assert!(none.to_string().ends_with("than ana, and the safe is locked"), "{none}");
        assert_eq!((nine.kind(), nine.proofs_left()), (ErrorKind::WrongPassphrase, Some(9)));
        assert_eq!(none.kind(), ErrorKind::Locked);
    }
}
