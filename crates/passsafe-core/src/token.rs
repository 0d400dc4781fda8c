//! The six-digit token, as a person types it and as it travels. How it comes about: `totp.rs`.

use std::fmt;

use ctutils::CtEq as _;
use zeroize::Zeroizing;

const DIGITS: usize = 6;

/// Six ASCII digits. Compared in constant time, wiped on drop, and boxed so that moving
/// them leaves no copy.
pub struct Token(Box<Zeroizing<[u8; DIGITS]>>);

impl Token {
    /// Reads what a person typed: six digits, spaces and hyphens anywhere between them.
    ///
    /// # Errors
    ///
    /// [`TokenError`] if there are not exactly six digits, or anything else.
    pub fn parse(typed: &str) -> Result<Self, TokenError> {
        let mut token = Self::blank();
        let mut places = token.0.iter_mut();
        for byte in typed.bytes().filter(|byte| !matches!(byte, b' ' | b'-')) {
            *places.next().ok_or(TokenError)? = digit(byte)?;
        }
        if places.next().is_some() { Err(TokenError) } else { Ok(token) }
    }

    /// Reads a token as it travels: exactly six ASCII digits.
    ///
    /// # Errors
    ///
    /// [`TokenError`] for anything else.
    pub fn from_wire(bytes: &[u8]) -> Result<Self, TokenError> {
        if bytes.len() != DIGITS {
            return Err(TokenError);
        }
        let mut token = Self::blank();
        for (place, byte) in token.0.iter_mut().zip(bytes) {
            *place = digit(*byte)?;
        }
        Ok(token)
    }

    /// Reads a token that was written as a number: 42265 is the token 042265.
    ///
    /// # Errors
    ///
    /// [`TokenError`] if the number has more than six digits.
    pub fn from_integer(number: u32) -> Result<Self, TokenError> {
        if number < 1_000_000 { Ok(Self::last_six_digits(number)) } else { Err(TokenError) }
    }

    fn blank() -> Self {
        Self(Box::new(Zeroizing::new([b'0'; DIGITS])))
    }

    pub(crate) fn last_six_digits(number: u32) -> Self {
        let mut token = Self::blank();
        let mut rest = number;
        for place in token.0.iter_mut().rev() {
            *place += u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
        }
        token
    }

    /// The six digits, as they travel.
    #[must_use]
    #[expect(clippy::expect_used, reason = "every constructor stores ASCII digits only")]
    pub fn expose(&self) -> &str {
        std::str::from_utf8(self.0.as_slice()).expect("ASCII digits are UTF-8")
    }

    /// The six digits as a person reads them: `936 265`.
    #[must_use]
    pub fn grouped(&self) -> Zeroizing<String> {
        let (front, back) = self.expose().split_at(DIGITS / 2);
        Zeroizing::new(format!("{front} {back}"))
    }

    /// Whether both are the same token, in a time that does not depend on the answer.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.0.as_slice().ct_eq(other.0.as_slice()).to_bool()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(redacted)")
    }
}

/// A token is six digits, and this is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenError;

error_text!(TokenError, "a token is six digits");

fn digit(byte: u8) -> Result<u8, TokenError> {
    if byte.is_ascii_digit() { Ok(byte) } else { Err(TokenError) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn people_may_type_spaces_and_hyphens() {
        for typed in ["936265", "936 265", "936-265", " 9-3 6-2 6-5 "] {
            assert_eq!(Token::parse(typed).unwrap().expose(), "936265");
        }
        for typed in ["", "93626", "9362655", "936\t265", "93626x", "+36265", "９３６２６５"]
        {
            assert!(Token::parse(typed).is_err(), "{typed:?}");
        }
    }

    #[test]
    fn the_wire_knows_six_digits_only() {
        assert_eq!(Token::from_wire(b"042265").unwrap().expose(), "042265");
        for bytes in
            [&b""[..], b"42265", b"0422655", b"042 265", b"04226x", b" 42265", b"\xff42265"]
        {
            assert!(Token::from_wire(bytes).is_err());
        }
    }

    #[test]
    fn integers_are_padded() {
        assert_eq!(Token::from_integer(42_265).unwrap().expose(), "042265");
        assert_eq!(Token::from_integer(0).unwrap().expose(), "000000");
        assert!(Token::from_integer(1_000_000).is_err());
    }

    #[test]
    fn people_read_groups_of_three() {
        assert_eq!(*Token::from_integer(936_265).unwrap().grouped(), "936 265");
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Token::from_integer(1).unwrap()), "Token(redacted)");
    }

    proptest! {
        #[test]
        fn every_way_to_write_a_token_reads_the_same(number in 0_u32..1_000_000, gap in "[ -]{0,3}") {
            let token = Token::from_integer(number).unwrap();
            let digits = token.expose();
            let spaced: String = digits.chars().flat_map(|c| [gap.as_str(), c.encode_utf8(&mut [0; 4])].concat().chars().collect::<Vec<_>>()).collect();
            prop_assert!(Token::parse(&spaced).unwrap().matches(&token));
            prop_assert!(Token::from_wire(digits.as_bytes()).unwrap().matches(&token));
            prop_assert!(Token::parse(&token.grouped()).unwrap().matches(&token));
        }

        #[test]
        fn no_text_makes_the_parsers_panic(typed in "\\PC{0,12}", bytes in prop::collection::vec(any::<u8>(), 0..9)) {
            if let Ok(token) = Token::parse(&typed) {
                prop_assert_eq!(typed.bytes().filter(u8::is_ascii_digit).count(), 6);
                prop_assert!(Token::from_wire(token.expose().as_bytes()).is_ok());
            }
            prop_assert_eq!(Token::from_wire(&bytes).is_ok(), bytes.len() == 6 && bytes.iter().all(u8::is_ascii_digit));
        }
    }
}
