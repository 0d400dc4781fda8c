//! How a token comes about: RFC 6238 TOTP whose time step is the whole life of the safe.
//!
//! With T0 at the moment of creation and a step as long as the lifetime, the counter is 0
//! for the safe's whole life. The accepted token is therefore one of exactly 10^6, computed
//! once; there is no window of earlier and later codes that would make guessing easier.

use std::fmt;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use zeroize::{Zeroize as _, Zeroizing};

use crate::lifetime::Lifetime;
use crate::random::{Random, RandomError};
use crate::token::Token;

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

#[cfg(test)]
mod tests {
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
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Seed::from_bytes(RFC_SEED)), "Seed(redacted)");
    }
}
