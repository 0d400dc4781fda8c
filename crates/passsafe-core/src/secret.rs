//! The user's plaintext, in memory for as short as possible.
//!
//! Both types are wiped on drop and redacted in `Debug`, and neither can be cloned,
//! compared, displayed or serialised: `expose` is the only way to the value, and easy to
//! search for.

use std::fmt;
use std::string::FromUtf8Error;

use zeroize::Zeroizing;

/// A secret of any bytes.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// The secret itself. Keep the exposure within one expression where possible.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the secret is zero bytes long.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes the secret as text, without copying it.
    ///
    /// # Errors
    ///
    /// [`NotText`] if it is not UTF-8; the bytes are wiped then.
    pub fn into_text(mut self) -> Result<SecretText, NotText> {
        match String::from_utf8(std::mem::take(&mut self.0)) {
            Ok(text) => Ok(SecretText(Zeroizing::new(text))),
            Err(refused) => {
                drop(Zeroizing::new(FromUtf8Error::into_bytes(refused)));
                Err(NotText)
            }
        }
    }
}

impl From<Vec<u8>> for Secret {
    /// Takes over the vector; its whole capacity is wiped on drop.
    fn from(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl From<&str> for Secret {
    /// Copies `text`; wiping the original is the caller's.
    fn from(text: &str) -> Self {
        Self::from(text.as_bytes().to_vec())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

/// A secret that is UTF-8 text, as passwords are.
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// The secret itself. Keep the exposure within one expression where possible.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(redacted)")
    }
}

/// The secret is not UTF-8 text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotText;

error_text!(NotText, "the secret is not UTF-8 text");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_the_secret() {
        let secret = Secret::from("hunter2");
        assert_eq!(format!("{secret:?}"), "Secret(redacted)");
        let text = secret.into_text().unwrap();
        assert_eq!(format!("{text:?}"), "SecretText(redacted)");
        assert_eq!(text.expose(), "hunter2");
    }

    #[test]
    fn bytes_that_are_not_utf8_are_no_text() {
        assert_eq!(Secret::from(vec![0xff, 0x00]).into_text().err(), Some(NotText));
    }
}
