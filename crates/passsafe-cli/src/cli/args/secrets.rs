//! Which secrets a new safe holds, and where each one comes from.
//!
//! Names and paths only: a value is never an argument.

use std::path::PathBuf;

use clap::Args;
use passsafe_core::EntryName;

/// Where secrets come from that are not asked for, hidden and twice.
#[derive(Debug, Default, Args)]
pub(crate) struct SecretArgs {
    /// Ask for it once and show what is typed
    ///
    /// For values that are not secret, such as a user name. It is asked for first, unless it stands among the
    /// names as well.
    #[arg(long, value_name = "NAME")]
    pub(crate) show: Vec<EntryName>,
    /// Take a secret from a file or a named pipe
    ///
    /// Byte for byte, a final line feed included, and before anything is asked. What the shell
    /// puts in place of <(CMD) is a named pipe.
    #[arg(long, value_name = "NAME=PATH", hide_short_help = true)]
    pub(crate) secret_file: Vec<SecretFile>,
    /// Take a secret from standard input
    ///
    /// One final line feed is dropped.
    #[arg(long, value_name = "NAME", conflicts_with = "password_stdin", hide_short_help = true)]
    pub(crate) secret_stdin: Option<EntryName>,
    /// Read the password from standard input
    ///
    /// One final line feed is dropped.
    #[arg(long)]
    pub(crate) password_stdin: bool,
}

/// `NAME=PATH`: which secret is in which file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecretFile {
    pub(crate) name: EntryName,
    pub(crate) path: PathBuf,
}

impl std::str::FromStr for SecretFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, path) =
            text.split_once('=').ok_or("give the name of the secret too: NAME=PATH")?;
        let name = EntryName::new(name).map_err(|error| error.to_string())?;
        if path.is_empty() {
            return Err("the path is empty".to_owned());
        }
        Ok(Self { name, path: path.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_file_is_a_name_and_a_path() {
        let file: SecretFile = "KEY=/run/a=b".parse().unwrap();
        assert_eq!((file.name.as_str(), file.path.to_str()), ("KEY", Some("/run/a=b")));
        for bad in ["", "/run/key", "KEY", "KEY=", "=/run/key", "9=/run/key"] {
            assert!(bad.parse::<SecretFile>().is_err(), "{bad}");
        }
    }
}
