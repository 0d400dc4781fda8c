//! The six-digit token: RFC 6238 TOTP whose time step is the whole life of the safe.
//!
//! With T0 at the moment of creation and a step as long as the lifetime, the counter is 0
//! for the safe's whole life. The accepted token is therefore one of exactly 10^6, computed
//! once; there is no window of earlier and later codes that would make guessing easier.

use std::fmt;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize as _, Zeroizing};

use crate::lifetime::Lifetime;
use crate::random::{Random, RandomError};

const DIGITS: usize = 6;

/// The shared value of the TOTP: 160 bits, as RFC 4226 section 4 recommends. Wiped on drop,
/// and boxed so that moving it leaves no copy.
pub struct Seed(Box<Zeroizing<[u8; Self::LEN]>>);

impl Seed {
    /// Length in bytes.
    pub const LEN: usize = 20;

    /// Draws a seed.
    ///
    /// # Errors
    ///
    /// [`RandomError`] if `random` cannot deliver.
    pub fn generate(random: &mut dyn Random) -> Result<Self, RandomError> {
        let mut seed = Self::from_bytes([0; Self::LEN]);
        random.fill(seed.0.as_mut_slice())?;
        Ok(seed)
    }

    /// Takes a seed that was drawn elsewhere.
    #[must_use]
    pub fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(Box::new(Zeroizing::new(bytes)))
    }

    /// The seed itself.
    #[must_use]
    pub fn expose(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// The token that opens a safe of that lifetime from its creation to its end.
    #[must_use]
    pub fn token(&self, lifetime: Lifetime) -> Token {
        totp(self, Duration::ZERO, lifetime.duration())
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(redacted)")
    }
}

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

    fn last_six_digits(number: u32) -> Self {
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
        self.0.as_slice().ct_eq(other.0.as_slice()).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(redacted)")
    }
}

/// A token is six digits, and this is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token is six digits")]
pub struct TokenError;

/// TOTP with HMAC-SHA-1 and six digits (RFC 6238 section 4.2), at `elapsed` after T0.
///
/// A `step` of zero counts as one that never ends.
#[must_use]
pub fn totp(seed: &Seed, elapsed: Duration, step: Duration) -> Token {
    let counter = elapsed.as_secs().checked_div(step.as_secs()).unwrap_or(0);
    hotp(seed, counter)
}

/// HOTP with HMAC-SHA-1 and six digits (RFC 4226 section 5.3).
#[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
fn hotp(seed: &Seed, counter: u64) -> Token {
    let mut mac = Hmac::<Sha1>::new_from_slice(seed.0.as_slice()).expect("HMAC takes any key");
    mac.update(&counter.to_be_bytes());
    let mut code = mac.finalize().into_bytes();
    let truncated = dynamic_truncation(&code);
    code.as_mut_slice().zeroize();
    Token::last_six_digits(truncated)
}

/// The 31 bits that RFC 4226 section 5.3 takes from an HMAC-SHA-1 value.
fn dynamic_truncation(code: &[u8]) -> u32 {
    let offset = code.last().map_or(0, |last| usize::from(last & 0x0f));
    code.iter().skip(offset).take(4).fold(0, |bits, &byte| bits << 8 | u32::from(byte))
        & 0x7fff_ffff
}

fn digit(byte: u8) -> Result<u8, TokenError> {
    if byte.is_ascii_digit() { Ok(byte) } else { Err(TokenError) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    const RFC_SEED: [u8; Seed::LEN] = *b"12345678901234567890";

    #[derive(Deserialize)]
    struct Hotp {
        counter: u64,
        hotp: String,
    }

    #[derive(Deserialize)]
    struct Totp {
        unix_time: u64,
        totp_sha1: String,
    }

    #[test]
    fn the_vectors_of_rfc_4226_hold() {
        let vectors: Vec<Hotp> =
            serde_json::from_str(include_str!("../tests/vectors/rfc4226.json")).unwrap();
        assert_eq!(vectors.len(), 10);
        for vector in vectors {
            assert_eq!(hotp(&Seed::from_bytes(RFC_SEED), vector.counter).expose(), vector.hotp);
        }
    }

    /// The RFC prints eight digits; six are their last six, since both are remainders.
    #[test]
    fn the_vectors_of_rfc_6238_hold() {
        let vectors: Vec<Totp> =
            serde_json::from_str(include_str!("../tests/vectors/rfc6238.json")).unwrap();
        assert_eq!(vectors.len(), 6);
        for vector in vectors {
            let elapsed = Duration::from_secs(vector.unix_time);
            let token = totp(&Seed::from_bytes(RFC_SEED), elapsed, Duration::from_secs(30));
            assert_eq!(token.expose(), &vector.totp_sha1[2..]);
        }
    }

    #[test]
    fn the_token_is_the_same_for_the_whole_life_and_then_another() {
        let seed = Seed::from_bytes(RFC_SEED);
        let life = Lifetime::MIN.duration();
        let at = |seconds| totp(&seed, Duration::from_secs(seconds), life);
        let token = seed.token(Lifetime::MIN);
        assert!((0..60).all(|second| at(second).matches(&token)));
        assert!(!at(60).matches(&token));
    }

    #[test]
    fn exactly_one_of_a_million_tokens_matches() {
        let token = Seed::from_bytes(RFC_SEED).token(Lifetime::DEFAULT);
        let matching: Vec<u32> = (0..1_000_000)
            .filter(|&number| Token::from_integer(number).unwrap().matches(&token))
            .collect();
        assert_eq!(matching, [755_224]);
    }

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
        assert_eq!(format!("{:?}", Seed::from_bytes(RFC_SEED)), "Seed(redacted)");
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
