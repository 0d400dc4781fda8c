//! The plaintext of a record: named secrets, padded so that its length tells little.
//!
//! Layout: u32be length of the entries ‖ entries ‖ the fewest zero bytes that make a
//! multiple of 256. An entry is u8 name length ‖ name ‖ u32be value length ‖ value, and
//! entries stand in strictly ascending order of their names. There is one encoding for
//! each set of entries, and [`Entries::decode`] accepts no other.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use zeroize::Zeroizing;

use crate::entry_name::EntryName;
use crate::secret::Secret;

/// Granularity of the padding, in bytes.
pub(crate) const PADDING: usize = 256;
/// Longest plaintext: 1,024 entries of 64-byte names, full of values, padded.
pub(crate) const MAX_PLAINTEXT_LEN: usize = (LENGTH_LEN
    + Entries::MAX_VALUE_BYTES
    + Entries::MAX_COUNT * (1 + EntryName::MAX_LEN + LENGTH_LEN))
    .next_multiple_of(PADDING);

const LENGTH_LEN: usize = size_of::<u32>();

/// One to 1,024 named secrets of 65,536 bytes in total.
pub struct Entries(BTreeMap<EntryName, Secret>);

impl Entries {
    /// Most entries in a record.
    pub const MAX_COUNT: usize = 1_024;
    /// Most bytes of all values together.
    pub const MAX_VALUE_BYTES: usize = 65_536;

    /// Gathers named secrets.
    ///
    /// # Errors
    ///
    /// [`EntriesError`] if there is none, if there are too many, if a name comes twice, or
    /// if the values are too long together.
    pub fn new(named: impl IntoIterator<Item = (EntryName, Secret)>) -> Result<Self, EntriesError> {
        let mut entries = Self(BTreeMap::new());
        let mut value_bytes = 0;
        for (name, secret) in named {
            value_bytes += secret.len();
            if value_bytes > Self::MAX_VALUE_BYTES {
                return Err(EntriesError::TooLong);
            }
            match entries.0.entry(name) {
                Entry::Vacant(place) => place.insert(secret),
                Entry::Occupied(taken) => return Err(EntriesError::Double(taken.key().clone())),
            };
            if entries.0.len() > Self::MAX_COUNT {
                return Err(EntriesError::TooMany);
            }
        }
        if entries.0.is_empty() { Err(EntriesError::None) } else { Ok(entries) }
    }

    /// The secret of that name.
    #[must_use]
    pub fn get(&self, name: &EntryName) -> Option<&Secret> {
        self.0.get(name)
    }

    /// Takes the secret of that name out.
    pub fn take(&mut self, name: &EntryName) -> Option<Secret> {
        self.0.remove(name)
    }

    /// All names, ascending by byte.
    pub fn names(&self) -> impl Iterator<Item = &EntryName> {
        self.0.keys()
    }

    /// The padded plaintext.
    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let content: usize = self.0.iter().map(|(name, value)| encoded_len(name, value)).sum();
        let padded = (LENGTH_LEN + content).next_multiple_of(PADDING);
        let mut out = Zeroizing::new(Vec::with_capacity(padded));
        push_length(&mut out, content);
        for (name, value) in &self.0 {
            out.push(short_length(name));
            out.extend_from_slice(name.as_str().as_bytes());
            push_length(&mut out, value.len());
            out.extend_from_slice(value.expose());
        }
        out.resize(padded, 0);
        out
    }

    /// Reads a padded plaintext, accepting nothing that [`Entries::encode`] would not write.
    pub(crate) fn decode(plaintext: &[u8]) -> Result<Self, PayloadError> {
        let mut rest = Reader(plaintext);
        let content = rest.length()?;
        let mut entries = Reader(rest.take(content)?);
        let minimal = (LENGTH_LEN + content).next_multiple_of(PADDING);
        if plaintext.len() != minimal || rest.0.iter().any(|&byte| byte != 0) {
            return Err(PayloadError::Padding);
        }
        let mut named: Vec<(EntryName, Secret)> = Vec::new();
        while !entries.0.is_empty() {
            let (name, value) = entries.entry()?;
            if named.last().is_some_and(|(previous, _)| *previous >= name) {
                return Err(PayloadError::Order);
            }
            named.push((name, value));
            if named.len() > Self::MAX_COUNT {
                return Err(PayloadError::Limits);
            }
        }
        Self::new(named).map_err(|_| PayloadError::Limits)
    }
}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(&self.0).finish()
    }
}

/// Why secrets cannot be put into one record.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntriesError {
    /// There is none.
    None,
    /// The name stands twice.
    Double(EntryName),
    /// More than [`Entries::MAX_COUNT`].
    TooMany,
    /// More than [`Entries::MAX_VALUE_BYTES`].
    TooLong,
}

impl fmt::Display for EntriesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("there is no secret to seal"),
            Self::Double(it) => write!(f, "the name {it} is given twice"),
            Self::TooMany => f.write_str("more than 1,024 secrets"),
            Self::TooLong => f.write_str("the secrets are longer than 65,536 bytes together"),
        }
    }
}

impl std::error::Error for EntriesError {}

/// Why an authentic plaintext is not a list of entries. Its sealer is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PayloadError {
    /// A length points past the end.
    Truncated,
    /// The padding is not zero, too long or too short.
    Padding,
    /// A name is not an [`EntryName`].
    Name,
    /// Names are not strictly ascending.
    Order,
    /// No entry, too many, or too many bytes.
    Limits,
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("an entry is cut off"),
            Self::Padding => f.write_str("the padding is wrong"),
            Self::Name => f.write_str("an entry has a malformed name"),
            Self::Order => f.write_str("the entries are out of order"),
            Self::Limits => f.write_str("the entries exceed the limits"),
        }
    }
}

impl std::error::Error for PayloadError {}

fn encoded_len(name: &EntryName, value: &Secret) -> usize {
    1 + name.as_str().len() + LENGTH_LEN + value.len()
}

#[expect(clippy::expect_used, reason = "EntryName holds 64 bytes at most")]
fn short_length(name: &EntryName) -> u8 {
    name.as_str().len().try_into().expect("a name's length fits a byte")
}

#[expect(clippy::expect_used, reason = "MAX_PLAINTEXT_LEN is far below 2^32")]
fn push_length(out: &mut Vec<u8>, length: usize) {
    let length: u32 = length.try_into().expect("an entry's length fits 32 bits");
    out.extend_from_slice(&length.to_be_bytes());
}

/// Takes fields off the front of a slice, never past its end.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], PayloadError> {
        let (front, rest) = self.0.split_at_checked(count).ok_or(PayloadError::Truncated)?;
        self.0 = rest;
        Ok(front)
    }

    fn length(&mut self) -> Result<usize, PayloadError> {
        let bytes = self.take(LENGTH_LEN)?.try_into().map_err(|_| PayloadError::Truncated)?;
        usize::try_from(u32::from_be_bytes(bytes)).map_err(|_| PayloadError::Truncated)
    }

    fn entry(&mut self) -> Result<(EntryName, Secret), PayloadError> {
        let name_len = self.take(1)?.iter().copied().map(usize::from).sum();
        let name = std::str::from_utf8(self.take(name_len)?).map_err(|_| PayloadError::Name)?;
        let name = EntryName::new(name).map_err(|_| PayloadError::Name)?;
        let value_len = self.length()?;
        Ok((name, Secret::from(self.take(value_len)?.to_vec())))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entries(named: &[(&str, &[u8])]) -> Result<Entries, EntriesError> {
        Entries::new(
            named
                .iter()
                .map(|&(name, value)| (EntryName::new(name).unwrap(), value.to_vec().into())),
        )
    }

    fn padded(content: &[u8]) -> Vec<u8> {
        let mut out = u32::try_from(content.len()).unwrap().to_be_bytes().to_vec();
        out.extend_from_slice(content);
        out.resize(out.len().next_multiple_of(PADDING), 0);
        out
    }

    #[test]
    fn the_layout_is_the_documented_one() {
        let plaintext = entries(&[("b", b"xy"), ("a", b"")]).unwrap().encode();
        assert_eq!(plaintext.len(), 256);
        assert_eq!(plaintext[..18], *b"\0\0\0\x0e\x01a\0\0\0\0\x01b\0\0\0\x02xy");
        assert!(plaintext[18..].iter().all(|&byte| byte == 0));
    }

    #[test]
    fn padding_is_the_fewest_bytes_to_a_multiple_of_256() {
        // 4 + 1 + 8 + 4 bytes around a value named `password`.
        let len_for =
            |value: usize| entries(&[("password", &vec![b'x'; value])]).unwrap().encode().len();
        assert_eq!((len_for(0), len_for(239), len_for(240)), (256, 256, 512));
    }

    #[test]
    fn limits_are_exact() {
        assert_eq!(entries(&[]).unwrap_err(), EntriesError::None);
        let full = vec![0; 65_536];
        assert!(entries(&[("a", &full)]).is_ok());
        assert_eq!(entries(&[("a", &full), ("b", &[0])]).unwrap_err(), EntriesError::TooLong);
        let twice = EntriesError::Double(EntryName::new("a").unwrap());
        assert_eq!(entries(&[("a", b"1"), ("a", b"2")]).unwrap_err(), twice);

        let names: Vec<String> = (0..=1_024).map(|n| format!("n{n}")).collect();
        let named = |count: usize| -> Vec<(&str, &[u8])> {
            names[..count].iter().map(|name| (name.as_str(), &b""[..])).collect()
        };
        assert!(entries(&named(1_024)).is_ok());
        assert_eq!(entries(&named(1_025)).unwrap_err(), EntriesError::TooMany);
    }

    #[test]
    fn the_largest_record_has_the_largest_plaintext() {
        let names: Vec<String> = (0..1_024).map(|n| format!("n{n:063}")).collect();
        let full = vec![7; 65_536];
        let mut list: Vec<(&str, &[u8])> =
            names.iter().map(|name| (name.as_str(), &b""[..])).collect();
        list[0].1 = &full;
        let plaintext = entries(&list).unwrap().encode();
        assert_eq!(plaintext.len(), MAX_PLAINTEXT_LEN);
        assert_eq!(Entries::decode(&plaintext).unwrap().names().count(), 1_024);
    }

    #[test]
    fn whatever_the_encoder_would_not_write_is_refused() {
        let one = b"\x01a\0\0\0\x01x";
        assert!(Entries::decode(&padded(one)).is_ok());
        let cases: [(Vec<u8>, PayloadError); 14] = [
            (vec![], PayloadError::Truncated),
            (vec![0, 0, 0], PayloadError::Truncated),
            (u32::MAX.to_be_bytes().to_vec(), PayloadError::Truncated),
            (padded(b""), PayloadError::Limits),
            (padded(b"\x01a\0\0\0\x02x"), PayloadError::Truncated),
            (padded(b"\x01a\0\0"), PayloadError::Truncated),
            (padded(b"\x09a"), PayloadError::Truncated),
            (padded(b"\x00\0\0\0\x01x"), PayloadError::Name),
            (padded(b"\x019\0\0\0\x01x"), PayloadError::Name),
            (padded(b"\x01\xff\0\0\0\x01x"), PayloadError::Name),
            (padded(b"\x01b\0\0\0\x00\x01a\0\0\0\x00"), PayloadError::Order),
            (padded(b"\x01a\0\0\0\x00\x01a\0\0\0\x00"), PayloadError::Order),
            ([padded(one), vec![0; 256]].concat(), PayloadError::Padding),
            ([&padded(one)[..255], &[1]].concat(), PayloadError::Padding),
        ];
        for (plaintext, expected) in cases {
            assert_eq!(Entries::decode(&plaintext).unwrap_err(), expected);
        }
    }

    #[test]
    fn debug_shows_names_and_no_values() {
        let shown = format!("{:?}", entries(&[("a", b"hunter2")]).unwrap());
        assert_eq!(shown, r#"{EntryName("a"): Secret(redacted)}"#);
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(
            named in prop::collection::btree_map("[A-Za-z_][A-Za-z0-9_.-]{0,63}", prop::collection::vec(any::<u8>(), 0..600), 1..8)
        ) {
            let list: Vec<(&str, &[u8])> = named.iter().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
            let plaintext = entries(&list).unwrap().encode();
            prop_assert_eq!(plaintext.len() % PADDING, 0);
            let decoded = Entries::decode(&plaintext).unwrap();
            for (name, value) in list {
                let name = EntryName::new(name).unwrap();
                prop_assert_eq!(decoded.get(&name).map(Secret::expose), Some(value));
            }
        }

        #[test]
        fn what_is_decoded_is_encoded_the_same(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let plaintext = padded(&bytes);
            if let Ok(entries) = Entries::decode(&plaintext) {
                prop_assert_eq!(&*entries.encode(), &plaintext);
            }
        }
    }
}
