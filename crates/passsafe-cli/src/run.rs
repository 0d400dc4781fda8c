//! `passsafe run`: becomes a program that has secrets in its environment.
//!
//! exec, not a child: terminal, job control, signals and exit status are the program's own.

use std::collections::HashSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::process::Command;

use crate::args::RunArgs;
use crate::failure::{Failure, code};
use crate::{environment, hardened, open, program};

pub(crate) fn run(args: &RunArgs) -> Result<(), Failure> {
    let Some((program, arguments)) = args.command.split_first() else {
        return Err(Failure::new(code::USAGE, "there is no program to run", "name it after --"));
    };
    refuse_bad_variables(args)?;
    let hardened = hardened::harden();
    hardened.warn();
    let names: Vec<_> = args.env.iter().map(|mapping| mapping.name.clone()).collect();
    let secrets = open::secrets(&args.safe, &args.user, &names)?;
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(environment::without_ours());
    for (mapping, secret) in args.env.iter().zip(secrets) {
        if secret.expose().contains(&0) {
            return Err(Failure::new(
                code::DATA,
                format!(
                    "the secret {} contains a NUL byte, which no variable can hold",
                    mapping.name
                ),
                "fetch it with 'passsafe get --raw' and pass it through a pipe",
            ));
        }
        command.env(&mapping.variable, OsString::from_vec(secret.expose().to_vec()));
    }
    Err(program::exec(command, hardened))
}

fn refuse_bad_variables(args: &RunArgs) -> Result<(), Failure> {
    let mut seen = HashSet::new();
    for variable in args.env.iter().map(|mapping| mapping.variable.as_str()) {
        if variable.starts_with(environment::PREFIX) {
            return Err(Failure::new(
                code::USAGE,
                format!("{variable} is a variable of passsafe's own, which the program never gets"),
                "choose another name with --env NAME=SECRET",
            ));
        }
        if !seen.insert(variable) {
            return Err(Failure::new(
                code::USAGE,
                format!("the variable {variable} is given twice"),
                "name each variable once",
            ));
        }
    }
    Ok(())
}

/// The exit code of `env` and `docker run` for what fails before the program starts, so that
/// the program's own codes stay recognisable.
pub(crate) fn before_child(failure: Failure) -> Failure {
    match failure.code() {
        code::NOT_EXECUTABLE | code::NOT_FOUND => failure,
        _ => failure.with_code(code::BEFORE_CHILD),
    }
}
