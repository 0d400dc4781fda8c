//! Tokens: what a seed gives, and what people and programs may write.

use anyhow::Context as _;
use data_encoding::HEXLOWER;
use ring::hmac;
use serde::Serialize;

use super::labelled;

#[derive(Serialize)]
pub(super) struct Vectors {
    seeds: Vec<Seeded>,
    typed: Vec<Typed>,
    wire: Vec<Wire>,
    integers: Vec<Integer>,
}

#[derive(Serialize)]
struct Seeded {
    name: &'static str,
    seed_hex: String,
    /// The token is the same for each: the counter is 0 for the whole life.
    lifetimes_minutes: [u16; 3],
    token: String,
    grouped: String,
}

/// What a person typed, and its normal form if it has one.
#[derive(Serialize)]
struct Typed {
    typed: &'static str,
    token: Option<&'static str>,
}

#[derive(Serialize)]
struct Wire {
    hex: String,
    token: Option<&'static str>,
}

#[derive(Serialize)]
struct Integer {
    integer: u32,
    token: Option<&'static str>,
}

pub(super) fn all() -> anyhow::Result<Vectors> {
    let wire = |bytes: &[u8], token| Wire { hex: HEXLOWER.encode(bytes), token };
    Ok(Vectors {
        seeds: vec![
            seed("RFC 4226, appendix D, count 0", *b"12345678901234567890")?,
            seed("of a label", labelled("token")?)?,
            seed("leading zero", first_below(100_000)?)?,
            seed("three leading zeros", first_below(1_000)?)?,
        ],
        typed: [
            ("936265", Some("936265")),
            ("936 265", Some("936265")),
            ("936-265", Some("936265")),
            (" 9 3-6--2  65- ", Some("936265")),
            ("042265", Some("042265")),
            ("000 000", Some("000000")),
            ("", None),
            (" - ", None),
            ("42265", None),
            ("9362655", None),
            ("936.265", None),
            ("936\t265", None),
            ("936265\n", None),
            ("+36265", None),
            ("93626x", None),
            ("0x93ab", None),
            ("936\u{a0}265", None),
            ("\u{ff19}\u{ff13}\u{ff16}\u{ff12}\u{ff16}\u{ff15}", None),
        ]
        .map(|(typed, token)| Typed { typed, token })
        .into(),
        wire: vec![
            wire(b"936265", Some("936265")),
            wire(b"042265", Some("042265")),
            wire(b"", None),
            wire(b"42265", None),
            wire(b"9362655", None),
            wire(b"936 265", None),
            wire(b"936-26", None),
            wire(b" 936265", None),
            wire(b"93626x", None),
            wire(b"93626\xff", None),
            wire(b"93626\0", None),
        ],
        integers: [
            (936_265, Some("936265")),
            (42_265, Some("042265")),
            (0, Some("000000")),
            (999_999, Some("999999")),
            (1_000_000, None),
            (u32::MAX, None),
        ]
        .map(|(integer, token)| Integer { integer, token })
        .into(),
    })
}

fn seed(name: &'static str, bytes: [u8; 20]) -> anyhow::Result<Seeded> {
    let token = format!("{:06}", hotp(&bytes)?);
    let (front, back) = token.split_at(3);
    Ok(Seeded {
        name,
        seed_hex: HEXLOWER.encode(&bytes),
        lifetimes_minutes: [1, 60, 480],
        grouped: format!("{front} {back}"),
        token,
    })
}

/// The first seed of a row of labels whose token is a number below the limit.
fn first_below(limit: u32) -> anyhow::Result<[u8; 20]> {
    for number in 0..1_000_000 {
        let bytes = labelled(&format!("token {number}"))?;
        if hotp(&bytes)? < limit {
            return Ok(bytes);
        }
    }
    anyhow::bail!("no seed gives a token below {limit}")
}

/// HOTP (RFC 4226) with six digits at counter 0, as a number.
fn hotp(seed: &[u8; 20]) -> anyhow::Result<u32> {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, seed);
    let code = hmac::sign(&key, &[0; 8]);
    let code = code.as_ref();
    let offset = usize::from(code.last().context("HMAC is empty")? & 0x0f);
    let bits = code.get(offset..).and_then(|rest| rest.first_chunk()).context("HMAC is short")?;
    Ok((u32::from_be_bytes(*bits) & 0x7fff_ffff) % 1_000_000)
}
