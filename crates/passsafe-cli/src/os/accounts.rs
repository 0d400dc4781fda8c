//! Accounts of this machine, by name and number.

use crate::text::failure::{Failure, code};

/// The number of the account that `flag` names; a number is one, too.
pub(crate) fn number(flag: &str, name: &str) -> Result<u32, Failure> {
    named(name).or_else(|| name.parse().ok()).ok_or_else(|| {
        Failure::new(
            code::USAGE,
            format!("this machine has no account named '{name}'"),
            format!("give {flag} a name that 'getent passwd' knows, or a number"),
        )
    })
}

/// What to call an account by in an argument: its name, or its number where it has none.
pub(crate) fn name(uid: u32) -> String {
    registered_name(uid).unwrap_or_else(|| uid.to_string())
}

#[cfg(unix)]
fn named(name: &str) -> Option<u32> {
    nix::unistd::User::from_name(name).ok().flatten().map(|user| user.uid.as_raw())
}

#[cfg(unix)]
fn registered_name(uid: u32) -> Option<String> {
    nix::unistd::User::from_uid(uid.into()).ok().flatten().map(|user| user.name)
}

#[cfg(not(unix))]
fn named(_: &str) -> Option<u32> {
    None
}

#[cfg(not(unix))]
fn registered_name(_: u32) -> Option<String> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn an_account_goes_by_name_or_number() {
        assert_eq!(number("--owner", "root").unwrap(), 0);
        assert_eq!(number("--owner", "4711").unwrap(), 4_711);
        assert_eq!((name(0), name(3_999_999_999)), ("root".to_owned(), "3999999999".to_owned()));
        for none in ["", "no such account", "-1", "4294967296"] {
            assert_eq!(number("--owner", none).unwrap_err().code(), code::USAGE);
        }
    }
}
