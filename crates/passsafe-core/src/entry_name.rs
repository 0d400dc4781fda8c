//! Names of the secrets in a record.

use std::fmt;

/// A name of 1 to 64 ASCII characters: a letter or underscore, then letters, digits,
/// underscores, dots and hyphens. Ordered by byte.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryName(String);

impl EntryName {
    /// Longest name, in bytes.
    pub const MAX_LEN: usize = 64;

    /// Checks a name.
    ///
    /// # Errors
    ///
    /// [`EntryNameError`] if it is not of the form `[A-Za-z_][A-Za-z0-9_.-]*`, or is longer
    /// than 64 bytes.
    pub fn new(name: &str) -> Result<Self, EntryNameError> {
        let mut bytes = name.bytes();
        let starts_well = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
        let goes_on_well = bytes.all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
        if starts_well && goes_on_well && name.len() <= Self::MAX_LEN {
            Ok(Self(name.to_owned()))
        } else {
            Err(EntryNameError)
        }
    }

    /// The name of a safe's only secret, unless it was given another: `password`.
    #[must_use]
    pub fn password() -> Self {
        Self("password".to_owned())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for EntryName {
    type Err = EntryNameError;

    fn from_str(name: &str) -> Result<Self, EntryNameError> {
        Self::new(name)
    }
}

/// The text is no entry name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryNameError;

error_text!(
    EntryNameError,
    "a name is 1 to 64 letters, digits, '_', '.' or '-', and starts with a letter or '_'"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_grammar() {
        for good in ["password", "_", "A", "DB_USER", "a.b-c_9", &"x".repeat(64)] {
            assert_eq!(EntryName::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "9a", "-a", ".a", "a b", "a/b", "ä", "a\0", "a\n", &"x".repeat(65)] {
            assert_eq!(EntryName::new(bad), Err(EntryNameError), "{bad:?}");
        }
        assert_eq!(EntryName::new("password").unwrap(), EntryName::password());
    }
}
