//! Which secrets a new safe will hold, and where each comes from. Does not read them.

use std::collections::HashSet;

use passsafe_core::{Entries, EntriesError, EntryName};

use crate::cli::args::{SecretArgs, SecretFile};
use crate::text::failure::{Failure, code};

/// Every name once, with one source.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sources {
    pub(crate) files: Vec<SecretFile>,
    pub(crate) stdin: Option<Stdin>,
    /// In the order of asking.
    pub(crate) questions: Vec<Question>,
}

/// Standard input, and the flag that asked for it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stdin {
    pub(crate) name: EntryName,
    pub(crate) flag: &'static str,
}

/// One that a person is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) name: EntryName,
    /// Whether what is typed is shown.
    pub(crate) shown: bool,
}

impl Sources {
    /// What names and flags say. What is shown and not among `names` is asked for first, as
    /// people are asked for a name before the password; nothing at all means the password.
    pub(crate) fn of(names: &[EntryName], args: SecretArgs) -> Result<Self, Failure> {
        let SecretArgs { show, secret_file: files, secret_stdin, password_stdin } = args;
        let stdin = match secret_stdin {
            Some(name) => Some(Stdin { name, flag: "--secret-stdin" }),
            None if password_stdin => {
                Some(Stdin { name: EntryName::password(), flag: "--password-stdin" })
            }
            None => None,
        };
        let read = files.iter().map(|file| &file.name).chain(stdin.iter().map(|it| &it.name));
        let read: Vec<&EntryName> = read.collect();
        let listed = different(names.iter())?;
        different(read.iter().copied().chain(&show))?;
        let shown: HashSet<&EntryName> = show.iter().collect();
        let first = show.iter().filter(|name| !listed.contains(name));
        let asked = first.chain(names.iter().filter(|name| !read.contains(name)));
        let mut questions: Vec<Question> = asked
            .map(|name| Question { name: name.clone(), shown: shown.contains(name) })
            .collect();
        if questions.is_empty() && read.is_empty() {
            questions.push(Question { name: EntryName::password(), shown: false });
        }
        if questions.len() + read.len() > Entries::MAX_COUNT {
            return Err(too_much(&EntriesError::TooMany));
        }
        Ok(Self { files, stdin, questions })
    }
}

/// The secrets are more than a safe holds.
pub(crate) fn too_much(error: &EntriesError) -> Failure {
    let hint = match error {
        EntriesError::TooMany => "a safe holds 1,024 secrets; start a second one on another port",
        _ => "a safe holds 65,536 bytes of secrets",
    };
    Failure::new(code::USAGE, error.to_string(), hint)
}

fn different<'a>(
    names: impl Iterator<Item = &'a EntryName>,
) -> Result<HashSet<&'a EntryName>, Failure> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(Failure::new(
                code::USAGE,
                EntriesError::Double(name.clone()).to_string(),
                "name each secret once, and once more at most in a flag that says where it comes from",
            ));
        }
    }
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(name: &str) -> EntryName {
        EntryName::new(name).unwrap()
    }

    fn names(list: &[&str]) -> Vec<EntryName> {
        list.iter().map(|it| name(it)).collect()
    }

    fn args(
        show: &[&str],
        files: &[&str],
        stdin: Option<&str>,
        password_stdin: bool,
    ) -> SecretArgs {
        SecretArgs {
            show: names(show),
            secret_file: files.iter().map(|it| format!("{it}=x").parse().unwrap()).collect(),
            secret_stdin: stdin.map(name),
            password_stdin,
        }
    }

    /// Names as they are asked for, shown ones with a `+`.
    fn asked(sources: &Sources) -> String {
        let mark = |it: &Question| format!("{}{}", it.name, if it.shown { "+" } else { "" });
        sources.questions.iter().map(mark).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn names_are_asked_for_in_their_order_unless_they_come_from_elsewhere() {
        let of = |list: &[&str], args| asked(&Sources::of(&names(list), args).unwrap());
        assert_eq!(of(&[], SecretArgs::default()), "password");
        assert_eq!(of(&["C", "A", "B"], SecretArgs::default()), "C A B");
        assert_eq!(of(&["C", "A"], args(&["A"], &[], None, false)), "C A+");
        assert_eq!(of(&["C"], args(&["A"], &[], None, false)), "A+ C");
        assert_eq!(of(&[], args(&["A"], &[], None, false)), "A+");
        assert_eq!(of(&["C", "A"], args(&[], &["A"], None, false)), "C");
        assert_eq!(of(&[], args(&[], &["A"], Some("B"), false)), "");
        assert_eq!(of(&["A"], args(&[], &[], None, true)), "A");
    }

    #[test]
    fn standard_input_is_the_password_or_a_name() {
        let stdin = |args| {
            let Stdin { name, flag } = Sources::of(&[], args).unwrap().stdin.unwrap();
            (name.to_string(), flag)
        };
        let password = ("password".to_owned(), "--password-stdin");
        assert_eq!(stdin(args(&[], &[], None, true)), password);
        assert_eq!(stdin(args(&[], &[], Some("A"), false)), ("A".to_owned(), "--secret-stdin"));
    }

    #[test]
    fn a_name_twice_is_refused_wherever_it_stands() {
        for (list, args) in [
            (&["A", "B", "A"][..], SecretArgs::default()),
            (&[], args(&["A", "A"], &[], None, false)),
            (&[], args(&[], &["A", "A"], None, false)),
            (&[], args(&["A"], &["A"], None, false)),
            (&["A"], args(&["A"], &[], Some("A"), false)),
            (&[], args(&[], &["password"], None, true)),
        ] {
            assert_eq!(Sources::of(&names(list), args).unwrap_err().code(), code::USAGE);
        }
    }

    #[test]
    fn there_are_1024_at_most() {
        let many = |count: usize| (0..count).map(|n| name(&format!("n{n}"))).collect::<Vec<_>>();
        let from_file = || args(&[], &["A"], None, false);
        assert!(Sources::of(&many(1_023), from_file()).is_ok());
        assert_eq!(Sources::of(&many(1_024), from_file()).unwrap_err().code(), code::USAGE);
    }

    proptest! {
        #[test]
        fn every_name_has_one_source(
            list in prop::collection::vec("[A-F]", 0..5),
            show in prop::collection::vec("[A-F]", 0..3),
            files in prop::collection::vec("[A-F]", 0..3),
            stdin in prop::option::of("[A-F]"),
        ) {
            let text = |list: &[String]| -> Vec<EntryName> { list.iter().map(|it| name(it)).collect() };
            let mut given = text(&list);
            given.extend(text(&show).into_iter().chain(text(&files)).chain(stdin.as_deref().map(name)));
            let args = SecretArgs {
                show: text(&show),
                secret_file: files.iter().map(|it| format!("{it}=x").parse().unwrap()).collect(),
                secret_stdin: stdin.as_deref().map(name),
                password_stdin: false,
            };
            if let Ok(sources) = Sources::of(&text(&list), args) {
                let mut held: Vec<EntryName> = sources.questions.into_iter().map(|it| it.name).collect();
                held.extend(sources.files.into_iter().map(|it| it.name));
                held.extend(sources.stdin.map(|it| it.name));
                let count = held.len();
                held.sort();
                held.dedup();
                prop_assert_eq!(held.len(), count);
                given.sort();
                given.dedup();
                if given.is_empty() {
                    given.push(EntryName::password());
                }
                prop_assert_eq!(held, given);
            }
        }
    }
}
