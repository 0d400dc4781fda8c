//! Whose safe this program may open: the name of the account that it runs as.
//!
//! The name comes from the effective user id through the system's name service. `LOGNAME`
//! and `USER` are not asked, because anyone can set them.

use passsafe_core::User;

use crate::error::{Error, Kind};

/// The account name of the effective user id, or `uid:<n>` where it has no name.
///
/// On Unix the name is the bytes that the system has, UTF-8 or not, and there always is one.
/// Elsewhere it is UTF-8, and an error if the system knows none.
pub fn account_user() -> Result<User, Error> {
    let named = whoami::username_os().ok();
    let user = named.and_then(|name| User::new(name.as_encoded_bytes()).ok());
    Ok(user.or_else(numbered_user).ok_or(Kind::Account)?)
}

#[cfg(unix)]
fn numbered_user() -> Option<User> {
    User::new(format!("uid:{}", rustix::process::geteuid().as_raw())).ok()
}

#[cfg(not(unix))]
fn numbered_user() -> Option<User> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn the_user_is_the_account_of_the_effective_uid() {
        let id = |flag: &str| {
            let output = Command::new("id").args(["-u", flag]).output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            (output.status.success(), text.trim_end().to_owned())
        };
        let expected = match id("-n") {
            (true, name) => name,
            (false, _) => format!("uid:{}", id("-u").1),
        };
        assert_eq!(account_user().unwrap().as_str(), Some(expected.as_str()));
    }

    #[test]
    fn the_environment_cannot_change_the_user() {
        let again = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "account::tests::the_user_is_the_account_of_the_effective_uid"])
            .envs([("LOGNAME", "mallory"), ("USER", "mallory"), ("USERNAME", "mallory")])
            .output()
            .unwrap();
        assert!(again.status.success());
        assert!(String::from_utf8_lossy(&again.stdout).contains("1 passed"));
    }
}
