//! `passsafe get`: one secret, all of them, or their names, on stdout, and nothing else.
//!
//! The form of an answer depends on the flags and never on what the secrets are: JSON has
//! texts, `--base64` has base64. What does not fit is an error, so that a script that worked
//! with one password works with the next.

use std::io::{IsTerminal as _, stdout};

use data_encoding::BASE64;
use passsafe_core::{Entries, EntryName, Secret};
use serde::Serializer as _;
use zeroize::Zeroizing;

use crate::cli::args::GetArgs;
use crate::commands::open;
use crate::os::{hardening, streams};
use crate::text::failure::{Failure, code};

pub(crate) fn get(args: &GetArgs) -> Result<(), Failure> {
    hardening::harden().warn();
    // Before the safe counts a use.
    streams::check_stdout()?;
    let opened = open::entries(&args.safe, &args.user)?;
    let written = answer(args, &opened.entries).and_then(|answer| streams::write(&answer));
    written.map_err(|failure| opened.used_up_by(failure))
}

fn answer(args: &GetArgs, entries: &Entries) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let answer = if args.list {
        list(entries)
    } else if args.json {
        json(entries, args.name.as_ref(), args.form.base64)?
    } else {
        let default = EntryName::password();
        let secret = open::named(entries, args.name.as_ref().unwrap_or(&default))?;
        alone(secret, args.form.base64, args.form.raw)
    };
    if stdout().is_terminal() && !is_plain_text(&answer) {
        return Err(Failure::new(
            code::DATA,
            "refusing to print binary data to a terminal",
            "send it to a file or a pipe, or add --base64",
        ));
    }
    Ok(answer)
}

fn list(entries: &Entries) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(entries.names().flat_map(|name| format!("{name}\n").into_bytes()).collect())
}

fn alone(secret: &Secret, base64: bool, raw: bool) -> Zeroizing<Vec<u8>> {
    let encoded = base64.then(|| in_base64(secret));
    let value = encoded.as_ref().map_or(secret.expose(), |text| text.as_bytes());
    let end: &[u8] = if raw { b"" } else { b"\n" };
    let mut answer = Zeroizing::new(Vec::with_capacity(value.len() + end.len()));
    answer.extend_from_slice(value);
    answer.extend_from_slice(end);
    answer
}

/// One object, with the secret of that name or with all.
#[expect(clippy::expect_used, reason = "an object of texts always serialises")]
fn json(
    entries: &Entries,
    name: Option<&EntryName>,
    base64: bool,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let members = match name {
        Some(name) => vec![(name, open::named(entries, name)?)],
        None => entries.names().filter_map(|name| Some((name, entries.get(name)?))).collect(),
    };
    let members: Vec<(&str, Text<'_>)> = members
        .into_iter()
        .map(|(name, secret)| Ok((name.as_str(), Text::of(name, secret, base64)?)))
        .collect::<Result<_, Failure>>()?;
    // Room for the longest escape of each byte, so that the buffer does not move.
    let room = |(name, text): &(&str, Text<'_>)| {
        name.len() + r#""":"","#.len() + r"\u0000".len() * text.as_str().len()
    };
    let room: usize = members.iter().map(room).sum();
    let mut answer = Zeroizing::new(Vec::with_capacity("{}\n".len() + room));
    serde_json::Serializer::new(&mut *answer)
        .collect_map(members.iter().map(|(name, text)| (name, text.as_str())))
        .expect("it serialises");
    answer.push(b'\n');
    Ok(answer)
}

enum Text<'a> {
    Itself(&'a str),
    Base64(Zeroizing<String>),
}

impl<'a> Text<'a> {
    fn of(name: &EntryName, secret: &'a Secret, base64: bool) -> Result<Self, Failure> {
        if base64 {
            return Ok(Self::Base64(in_base64(secret)));
        }
        std::str::from_utf8(secret.expose()).map(Self::Itself).map_err(|_| {
            Failure::new(
                code::DATA,
                format!("the secret {name} is not UTF-8, and JSON holds text only"),
                format!(
                    "add --base64 for all values, or fetch it alone: passsafe get --raw {name}"
                ),
            )
        })
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Itself(text) => text,
            Self::Base64(text) => text,
        }
    }
}

fn in_base64(secret: &Secret) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(BASE64.encode_len(secret.len())));
    BASE64.encode_append(secret.expose(), &mut text);
    text
}

/// Text without control sequences.
fn is_plain_text(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes)
        .is_ok_and(|text| !text.chars().any(|c| c.is_control() && !"\t\r\n".contains(c)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entries(named: &[(&str, &[u8])]) -> Entries {
        let secret = |&(name, value): &(&str, &[u8])| {
            (EntryName::new(name).unwrap(), Secret::from(value.to_vec()))
        };
        Entries::new(named.iter().map(secret)).unwrap()
    }

    #[test]
    fn json_is_one_object_of_texts_in_the_order_of_names() {
        let two = entries(&[("B", b"\"\n\\"), ("A", "ä".as_bytes())]);
        assert_eq!(
            *json(&two, None, false).unwrap(),
            "{\"A\":\"ä\",\"B\":\"\\\"\\n\\\\\"}\n".as_bytes()
        );
        let name = EntryName::new("B").unwrap();
        assert_eq!(*json(&two, Some(&name), false).unwrap(), b"{\"B\":\"\\\"\\n\\\\\"}\n");
        assert_eq!(*json(&two, Some(&name), true).unwrap(), b"{\"B\":\"Igpc\"}\n");
    }

    #[test]
    fn what_is_no_text_is_in_json_as_base64_only() {
        let bytes = entries(&[("A", b"x"), ("KEY", b"\xff\0")]);
        assert_eq!(json(&bytes, None, false).unwrap_err().code(), code::DATA);
        assert_eq!(*json(&bytes, None, true).unwrap(), b"{\"A\":\"eA==\",\"KEY\":\"/wA=\"}\n");
        let text = EntryName::new("A").unwrap();
        assert!(json(&bytes, Some(&text), false).is_ok());
    }

    #[test]
    fn a_terminal_gets_plain_text_only() {
        for plain in ["S3kr!t\n", "a\tb\r\n", "ä€😀"] {
            assert!(is_plain_text(plain.as_bytes()), "{plain}");
        }
        for other in [&b"\x1b[2J"[..], b"\0", b"\x7f", b"\xc2\x9b2J", b"\xff"] {
            assert!(!is_plain_text(other), "{}", other.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn json_reads_back(text in any::<String>(), bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let both = entries(&[("BYTES", &bytes), ("TEXT", text.as_bytes())]);
            let name = EntryName::new("TEXT").unwrap();
            let answer = json(&both, Some(&name), false).unwrap();
            let read: serde_json::Value = serde_json::from_slice(&answer).unwrap();
            prop_assert_eq!(read["TEXT"].as_str(), Some(text.as_str()));
            let answer = json(&both, None, true).unwrap();
            let read: serde_json::Value = serde_json::from_slice(&answer).unwrap();
            let decoded = BASE64.decode(read["BYTES"].as_str().unwrap().as_bytes()).unwrap();
            prop_assert_eq!(decoded, bytes);
        }
    }
}
