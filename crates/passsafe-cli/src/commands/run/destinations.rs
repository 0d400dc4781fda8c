//! Which secret goes where: into variables, files and standard input of the program.

use std::collections::HashSet;
use std::io::{self, Write as _, pipe};
use std::os::fd::OwnedFd;

use passsafe_core::{Entries, EntryName, Secret};
use rustix::fs::{OFlags, fcntl_setfl};

use crate::cli::args::DestinationArgs;
use crate::commands::open;
use crate::os::{environment, limits};
use crate::text::failure::{Failure, code};

/// What the program gets. Every variable once.
pub(super) struct Destinations<'a> {
    /// With the secret itself.
    pub(super) variables: Vec<(&'a str, &'a Secret)>,
    /// With the path of a file that holds the secret.
    pub(super) files: Vec<(&'a str, &'a Secret)>,
    pub(super) stdin: Option<&'a Secret>,
}

/// Refuses flags that no safe could satisfy.
pub(super) fn check(args: &DestinationArgs) -> Result<(), Failure> {
    if args.env.is_empty() && args.file.is_empty() && args.stdin.is_none() && !args.all {
        return Err(Failure::new(
            code::USAGE,
            "no secret is passed to the program",
            "say which one and how: --env VAR=NAME, --all, --stdin NAME or --file VAR=NAME",
        ));
    }
    let mut seen = HashSet::new();
    for variable in args.env.iter().chain(&args.file).map(|mapping| mapping.variable.as_str()) {
        refuse_ours(variable, "choose another name with --env NAME=SECRET")?;
        if !seen.insert(variable) {
            return Err(twice(variable));
        }
    }
    if !args.file.is_empty() && !cfg!(any(target_os = "linux", target_os = "android")) {
        return Err(no_files_in_memory());
    }
    Ok(())
}

impl<'a> Destinations<'a> {
    /// Finds the secrets of all the names.
    pub(super) fn of(args: &'a DestinationArgs, entries: &'a Entries) -> Result<Self, Failure> {
        let mut variables = Vec::new();
        for mapping in &args.env {
            let secret = open::named(entries, &mapping.name)?;
            refuse_nul(&mapping.name, secret)?;
            variables.push((mapping.variable.as_str(), secret));
        }
        let mut files = Vec::new();
        for mapping in &args.file {
            files.push((mapping.variable.as_str(), open::named(entries, &mapping.name)?));
        }
        let stdin = args.stdin.as_ref().map(|name| open::named(entries, name)).transpose()?;
        if args.all {
            variables.extend(rest(args, entries)?);
        }
        Ok(Self { variables, files, stdin })
    }
}

/// `--all`: each secret that no other flag names, under its own name.
fn rest<'a>(
    args: &DestinationArgs,
    entries: &'a Entries,
) -> Result<Vec<(&'a str, &'a Secret)>, Failure> {
    let mappings = || args.env.iter().chain(&args.file);
    let named: HashSet<&EntryName> =
        mappings().map(|mapping| &mapping.name).chain(&args.stdin).collect();
    let taken: HashSet<&str> = mappings().map(|mapping| mapping.variable.as_str()).collect();
    let mut variables = Vec::new();
    for name in entries.names().filter(|name| !named.contains(name)) {
        let variable = name.as_str();
        if variable.contains(['.', '-']) {
            return Err(Failure::new(
                code::DATA,
                format!(
                    "the secret {name} cannot become a variable: shells allow no '.' or '-' in its name"
                ),
                format!("name one for it as well: --env VAR={name}"),
            ));
        }
        refuse_ours(variable, format!("name another one for it as well: --env VAR={name}"))?;
        if taken.contains(variable) {
            return Err(twice(variable));
        }
        let secret = open::named(entries, name)?;
        refuse_nul(name, secret)?;
        variables.push((variable, secret));
    }
    Ok(variables)
}

/// A pipe that holds the secret and then ends. Not a file in memory: what is read from a pipe
/// is gone, its pages are never swapped, and it is what programs expect of `printf | CMD`.
pub(super) fn piped(secret: &Secret) -> Result<OwnedFd, Failure> {
    try_piped(secret.expose()).map_err(|error| {
        limits::refused("the pipe to the program's standard input cannot be filled", error)
    })
}

fn try_piped(bytes: &[u8]) -> io::Result<OwnedFd> {
    let (reader, mut writer) = pipe()?;
    // There is no reader yet, so a pipe that is too small must be an error and not a wait.
    fcntl_setfl(&writer, OFlags::NONBLOCK)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if rustix::pipe::fcntl_getpipe_size(&writer)? < Entries::MAX_VALUE_BYTES {
        // An account with very many pipes gets small ones.
        rustix::pipe::fcntl_setpipe_size(&writer, Entries::MAX_VALUE_BYTES)?;
    }
    writer.write_all(bytes)?;
    Ok(reader.into())
}

pub(super) fn no_files_in_memory() -> Failure {
    Failure::new(
        code::USAGE,
        "this system has no files in memory, which --file needs",
        "hand the secret over with --stdin or --env",
    )
}

fn refuse_ours(variable: &str, hint: impl Into<String>) -> Result<(), Failure> {
    if !variable.starts_with(environment::PREFIX) {
        return Ok(());
    }
    let message = format!("{variable} is a variable of passsafe itself, which is never passed on");
    Err(Failure::new(code::USAGE, message, hint))
}

fn twice(variable: &str) -> Failure {
    Failure::new(
        code::USAGE,
        format!("the variable {variable} is given twice"),
        "name each variable once",
    )
}

fn refuse_nul(name: &EntryName, secret: &Secret) -> Result<(), Failure> {
    if !secret.expose().contains(&0) {
        return Ok(());
    }
    Err(Failure::new(
        code::DATA,
        format!("the secret {name} contains a NUL byte, which no variable can hold"),
        format!("hand it over with --stdin {name}, or with --file VAR={name}"),
    ))
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read as _;

    use super::*;

    #[test]
    fn a_pipe_holds_the_longest_secret_and_then_ends() {
        let longest = vec![7; Entries::MAX_VALUE_BYTES];
        let mut read = Vec::new();
        File::from(try_piped(&longest).unwrap()).read_to_end(&mut read).unwrap();
        assert!(read == longest);
    }

    #[test]
    fn a_pipe_that_is_too_small_is_no_wait() {
        let error = try_piped(&vec![7; 2 * Entries::MAX_VALUE_BYTES]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }
}
