//! The account name that is mixed into the salt.
//!
//! It is no secret: it binds a record to an account, so that two people who were given
//! the same passphrase still have different keys. Finding out the name is the caller's.

use std::fmt;

/// An account name: 1 to 255 bytes without NUL, in whatever encoding the system uses.
#[derive(Clone, PartialEq, Eq)]
pub struct User(Vec<u8>);

impl User {
    /// Longest name, in bytes.
    pub const MAX_LEN: usize = 255;

    /// Checks a name.
    ///
    /// # Errors
    ///
    /// [`UserError`] if it is empty, longer than 255 bytes or contains NUL.
    pub fn new(name: impl AsRef<[u8]>) -> Result<Self, UserError> {
        let name = name.as_ref();
        if name.is_empty() {
            Err(UserError::Empty)
        } else if name.len() > Self::MAX_LEN {
            Err(UserError::TooLong)
        } else if name.contains(&0) {
            Err(UserError::Nul)
        } else {
            Ok(Self(name.to_vec()))
        }
    }

    /// The name as bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The name as text, if it is UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

impl fmt::Display for User {
    /// Bytes that are not UTF-8 are shown as U+FFFD, control characters escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in String::from_utf8_lossy(&self.0).chars() {
            if c.is_control() { write!(f, "{}", c.escape_default())? } else { write!(f, "{c}")? }
        }
        Ok(())
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "User({self})")
    }
}

/// Why a name cannot be a [`User`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UserError {
    /// Zero bytes long.
    Empty,
    /// Longer than [`User::MAX_LEN`].
    TooLong,
    /// Contains a NUL byte.
    Nul,
}

impl fmt::Display for UserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the user name is empty"),
            Self::TooLong => f.write_str("the user name is longer than 255 bytes"),
            Self::Nul => f.write_str("the user name contains a NUL byte"),
        }
    }
}

impl std::error::Error for UserError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_1_to_255_bytes_without_nul_are_users() {
        assert_eq!(User::new("ana").unwrap().as_str(), Some("ana"));
        assert_eq!(User::new([0xff]).unwrap().as_str(), None);
        assert!(User::new([b'x'; 255]).is_ok());
        assert_eq!(User::new([b'x'; 256]), Err(UserError::TooLong));
        assert_eq!(User::new(""), Err(UserError::Empty));
        assert_eq!(User::new("a\0b"), Err(UserError::Nul));
    }

    #[test]
    fn a_hostile_name_cannot_move_the_cursor() {
        assert_eq!(User::new("a\x1b[2Jb").unwrap().to_string(), "a\\u{1b}[2Jb");
    }
}
