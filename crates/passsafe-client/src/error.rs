//! The one error of this crate: opaque, with a question for everything a program may want
//! to do about it.
//!
//! Promises: no message contains a secret, nor any text that came over the wire.

use std::fmt;
use std::time::Duration;

use passsafe_core::wire::Code;
use passsafe_core::{
    EmptyPassphrase, EntryName, EntryNameError, KdfError, NotText, OpenError, RecordError,
    TokenError, User, UserError,
};

use crate::url::UrlError;

/// Whatever a cause may be.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a safe was not asked, did not answer, refused, or could not be opened.
///
/// Ask the `is_…` methods what to do about it; the text is for people.
pub struct Error(Box<Kind>);

impl Error {
    /// The safe knows another token. This attempt counted: the third one locks it.
    #[must_use]
    pub fn is_invalid_token(&self) -> bool {
        matches!(*self.0, Kind::InvalidToken { .. })
    }

    /// With [`Error::is_invalid_token`]: how many wrong tokens may still come.
    #[must_use]
    pub fn attempts_left(&self) -> Option<u8> {
        match *self.0 {
            Kind::InvalidToken { attempts_left } => attempts_left,
            _ => None,
        }
    }

    /// Wrong tokens have locked the safe for good, this one or earlier ones.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.attempts_left() == Some(0) || self.is_refused_with(Code::Locked)
    }

    /// The last allowed use was made.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.is_refused_with(Code::Spent)
    }

    /// The safe's time is up: it says so, or it is gone and its last answer said when.
    #[must_use]
    pub fn is_expired(&self) -> bool {
        self.is_refused_with(Code::Expired)
    }

    /// The safe was closed before its time.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.is_refused_with(Code::Closed)
    }

    /// The owner of the safe was asked and said no, or did not answer the safe in time. No
    /// attempt was counted.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        self.is_refused_with(Code::Denied)
    }

    /// The owner of the safe has to allow each opening, and there was no answer, or no room to
    /// ask, for a minute. Another try asks again.
    #[must_use]
    pub fn is_awaiting_consent(&self) -> bool {
        matches!(*self.0, Kind::NoConsent) || self.is_refused_with(Code::AwaitingConsent)
    }

    /// The safe refused for another reason, such as a host name that is not its own.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        let over = self.is_locked() || self.is_spent() || self.is_expired() || self.is_closed();
        let by_owner = self.is_denied() || self.is_awaiting_consent();
        !over && !by_owner && matches!(*self.0, Kind::Refused(_))
    }

    /// The safe does not answer to the host name that it was asked by, as at the other end of
    /// a tunnel.
    #[must_use]
    pub fn is_wrong_host(&self) -> bool {
        self.is_refused_with(Code::WrongHost)
    }

    /// The record was sealed with another passphrase, or for another user.
    #[must_use]
    pub fn is_wrong_passphrase(&self) -> bool {
        matches!(*self.0, Kind::WrongPassphrase(_))
    }

    /// This client has opened one safe, and now another one answers.
    #[must_use]
    pub fn is_other_safe(&self) -> bool {
        matches!(*self.0, Kind::Open(OpenError::OtherSafe))
    }

    /// The record cannot be used: changed on the way, sealed against the format, of another
    /// version, or with a cost of key derivation that is out of bounds.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        matches!(*self.0, Kind::Record(_) | Kind::Open(OpenError::Damaged | OpenError::Payload(_)))
    }

    /// The safe was opened, and has no secret of that name.
    #[must_use]
    pub fn is_unknown_entry(&self) -> bool {
        matches!(*self.0, Kind::UnknownEntry(_))
    }

    /// The secret is not UTF-8; ask for its bytes instead.
    #[must_use]
    pub fn is_not_text(&self) -> bool {
        matches!(*self.0, Kind::NotText(_))
    }

    /// Nothing listens there, or what listens hung up without an answer, as a tunnel without
    /// a far end does.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        self.0.is_unreachable()
    }

    /// With [`Error::is_unreachable`]: what listens there hung up without an answer. A safe
    /// does so to an account that it does not admit.
    #[must_use]
    pub fn is_hung_up(&self) -> bool {
        matches!(*self.0, Kind::HungUp { .. })
    }

    /// What listens there belongs to another account of this machine, or the system does not
    /// say to whom. Nothing was sent. [`Endpoint::with_owner`](crate::Endpoint::with_owner)
    /// names another account to trust.
    #[must_use]
    pub fn is_foreign_listener(&self) -> bool {
        matches!(*self.0, Kind::ForeignListener { .. } | Kind::UnknownListener { .. })
    }

    /// With [`Error::is_foreign_listener`]: the user id of that account, if it is known.
    #[must_use]
    pub fn listener_account(&self) -> Option<u32> {
        match *self.0 {
            Kind::ForeignListener { account, .. } => Some(account),
            _ => None,
        }
    }

    /// No complete answer came in time.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(*self.0, Kind::Timeout(_))
    }

    /// Something answers there, and it is no safe.
    #[must_use]
    pub fn is_not_a_safe(&self) -> bool {
        matches!(*self.0, Kind::NotASafe(_))
    }

    /// An argument cannot be right: an empty passphrase, a token that is not six digits, a
    /// malformed URL, user or name, plain HTTP to another machine. Nothing was sent.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(
            *self.0,
            Kind::Passphrase(_)
                | Kind::Token(_)
                | Kind::User(_)
                | Kind::EntryName(_)
                | Kind::Url(_)
                | Kind::Exposed
        )
    }

    /// The interrupt of [`blocking::Client::with_interrupt`] ended the call; the source is its
    /// error.
    ///
    /// [`blocking::Client::with_interrupt`]: crate::blocking::Client::with_interrupt
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        matches!(*self.0, Kind::Interrupted(_))
    }

    fn is_refused_with(&self, code: Code) -> bool {
        matches!(*self.0, Kind::Refused(refused) if refused == code)
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

/// What happened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Kind {
    #[error(transparent)]
    Passphrase(EmptyPassphrase),
    #[error(transparent)]
    Token(TokenError),
    #[error(transparent)]
    User(UserError),
    #[error(transparent)]
    EntryName(EntryNameError),
    #[error(transparent)]
    Url(UrlError),
    #[error("these bytes are no credential of a client")]
    Exposed,
    #[error("the account that this program runs as has no name")]
    Account,

    #[error("nothing answers at {at}")]
    Unreachable { at: String, source: std::io::Error },
    #[error("{at} hung up without an answer")]
    HungUp { at: String, source: Cause },
    #[error("what listens at {at} belongs to another account (uid {account})")]
    ForeignListener { at: String, account: u32 },
    #[error("the system does not say which account listens at {at}")]
    UnknownListener { at: String },
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    #[error("what answers is not a safe: {0}")]
    NotASafe(&'static str),

    #[error("the token is wrong{}", left(*attempts_left))]
    InvalidToken { attempts_left: Option<u8> },
    #[error("{}", .0.title())]
    Refused(Code),
    #[error("the owner of the safe did not answer within a minute")]
    NoConsent,

    #[error(transparent)]
    Record(RecordError),
    #[error("the passphrase is wrong, or the safe was sealed for another user than {0}")]
    WrongPassphrase(User),
    #[error(transparent)]
    Open(OpenError),
    #[error(transparent)]
    Memory(KdfError),
    #[error("the safe holds no secret named {0}")]
    UnknownEntry(EntryName),
    #[error(transparent)]
    NotText(NotText),

    #[error("interrupted")]
    Interrupted(#[source] Cause),
    #[error("this process was forked while another thread opened the safe")]
    Lost,
    #[error("the client got no thread or event loop from the system")]
    System(#[source] Cause),
}

impl Kind {
    pub(crate) fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::HungUp { .. })
    }
}

fn left(attempts: Option<u8>) -> String {
    match attempts {
        None => String::new(),
        Some(0) => ", and the safe is locked".to_owned(),
        Some(1) => ", 1 attempt is left".to_owned(),
        Some(many) => format!(", {many} attempts are left"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_wrong_token_is_both_invalid_and_a_lock() {
        let error = |attempts_left| Error::from(Kind::InvalidToken { attempts_left });
        assert_eq!(error(Some(2)).to_string(), "the token is wrong, 2 attempts are left");
        assert_eq!(error(Some(1)).to_string(), "the token is wrong, 1 attempt is left");
        assert_eq!(error(None).to_string(), "the token is wrong");
        let last = error(Some(0));
        assert_eq!(last.to_string(), "the token is wrong, and the safe is locked");
        assert!(last.is_invalid_token() && last.is_locked() && !last.is_refused());
        assert!(!error(Some(1)).is_locked());
    }

    #[test]
    fn what_has_a_question_of_its_own_is_not_refused_for_another_reason() {
        for (code, has_one) in [
            (Code::Locked, true),
            (Code::Spent, true),
            (Code::Expired, true),
            (Code::Closed, true),
            (Code::WrongHost, false),
            (Code::Unknown, false),
            (Code::Busy, false),
            (Code::Denied, true),
            (Code::AwaitingConsent, true),
        ] {
            assert_eq!(Error::from(Kind::Refused(code)).is_refused(), !has_one, "{code:?}");
        }
    }

    #[test]
    fn a_wrong_passphrase_names_the_user_that_was_tried() {
        let error = Error::from(Kind::WrongPassphrase(User::new("ana").unwrap()));
        assert_eq!(
            error.to_string(),
            "the passphrase is wrong, or the safe was sealed for another user than ana"
        );
    }
}
