//! How `run` hands secrets over to its program.

use clap::Args;
use passsafe_core::EntryName;

/// At least one of them.
#[derive(Debug, Args)]
pub(crate) struct DestinationArgs {
    /// Variable for the program, and its secret's name
    ///
    /// VAR alone is for the secret named `password`.
    #[arg(short, long, value_name = "VAR[=NAME]")]
    pub(crate) env: Vec<Mapping>,
    /// Every other secret in a variable of its name
    ///
    /// Every one that no other flag names. Names with '.' or '-' are refused, because shells
    /// allow neither in a variable's name.
    #[arg(long)]
    pub(crate) all: bool,
    /// Secret for the program's standard input
    ///
    /// To the byte, and then the input ends.
    #[arg(long, value_name = "NAME")]
    pub(crate) stdin: Option<EntryName>,
    /// Variable with the path of a secret's file
    ///
    /// The file holds the secret to the byte, exists in memory only, and cannot be changed. Linux
    /// has such files. Programs that close what they inherit, as ssh does, cannot open it.
    #[arg(long, value_name = "VAR[=NAME]")]
    pub(crate) file: Vec<Mapping>,
}

/// `VAR` or `VAR=NAME`: which secret belongs to which variable.
#[derive(Debug, Clone)]
pub(crate) struct Mapping {
    pub(crate) variable: String,
    pub(crate) name: EntryName,
}

impl std::str::FromStr for Mapping {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (variable, name) = match text.split_once('=') {
            Some((variable, name)) => {
                (variable, EntryName::new(name).map_err(|error| error.to_string())?)
            }
            None => (text, EntryName::password()),
        };
        if variable.is_empty() || variable.contains('\0') {
            return Err("the variable has no name".to_owned());
        }
        Ok(Self { variable: variable.to_owned(), name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_names_variable_and_secret() {
        let mapping: Mapping = "PGPASSWORD".parse().unwrap();
        assert_eq!((mapping.variable.as_str(), mapping.name.as_str()), ("PGPASSWORD", "password"));
        let mapping: Mapping = "PGUSER=DB_USER".parse().unwrap();
        assert_eq!((mapping.variable.as_str(), mapping.name.as_str()), ("PGUSER", "DB_USER"));
        for bad in ["", "=x", "A=", "A=9", "A=b=c"] {
            assert!(bad.parse::<Mapping>().is_err(), "{bad}");
        }
    }
}
