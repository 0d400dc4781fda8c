//! Sealing: everything random is drawn here, from the operating system.

use passsafe_client::{Error, work_memory};
use passsafe_core::{
    Cost, Entries, Passphrase, RandomError, SealError, Sealed, SealedRecord, Seed, User,
};
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::os::limits::MORE_MEMORY;
use crate::text::failure::{Failure, code};

/// What is to be served, and what gives access to it.
pub(crate) struct Accessible {
    pub(crate) sealed: Sealed,
    pub(crate) passphrase: Passphrase,
    pub(crate) seed: Seed,
}

/// Seals `entries` under a fresh passphrase. Takes about a tenth of a second.
pub(crate) fn seal(entries: &Entries, user: &User) -> Result<Accessible, Failure> {
    try_seal(entries, user).map_err(|error| {
        let failure = Failure::os("the password cannot be sealed", error);
        match error {
            SealError::Kdf(_) => failure.with_hint(MORE_MEMORY),
            _ => failure,
        }
    })
}

fn try_seal(entries: &Entries, user: &User) -> Result<Accessible, SealError> {
    let system = SystemRandom::new();
    let mut random = |out: &mut [u8]| system.fill(out).map_err(|_| RandomError);
    let cost = Cost::DEFAULT;
    let passphrase = Passphrase::generate(&mut random)?;
    let seed = Seed::generate(&mut random)?;
    let mut memory = work_memory(cost)?;
    let sealed = SealedRecord::seal(entries, &passphrase, user, cost, &mut random, &mut memory)?;
    Ok(Accessible { sealed, passphrase, seed })
}

/// The user that the passphrase is bound to: the one named, or the account.
///
/// What cannot be shown as text cannot be named on the other side.
pub(crate) fn user(
    named: Option<User>,
    account: impl FnOnce() -> Result<User, Error>,
) -> Result<User, Failure> {
    let user = match named {
        Some(user) => user,
        None => account().map_err(|error| no_user(&error.to_string()))?,
    };
    if user.as_str().is_some() { Ok(user) } else { Err(no_user("the account's name is not UTF-8")) }
}

fn no_user(what: &str) -> Failure {
    Failure::new(code::NO_USER, what, "name one with --user, here and where the secret is fetched")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_is_the_user_unless_one_is_named() {
        let account = || Ok(User::new("ana").unwrap());
        assert_eq!(user(None, account).unwrap().as_str(), Some("ana"));
        assert_eq!(user(Some(User::new("bob").unwrap()), account).unwrap().as_str(), Some("bob"));
    }

    #[test]
    fn an_account_name_that_is_not_utf8_needs_a_named_user() {
        let account = || Ok(User::new(b"an\xe4").unwrap());
        assert_eq!(user(None, account).unwrap_err().code(), code::NO_USER);
        assert_eq!(user(Some(User::new("ana").unwrap()), account).unwrap().as_str(), Some("ana"));
    }
}
