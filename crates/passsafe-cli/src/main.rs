//! `passsafe`: the only part of passsafe that talks to a person.
//!
//! stdout carries the answer alone; prompts, banner, log and errors go to stderr or the
//! terminal. Only this file reads the command line, and only `environment.rs` the
//! environment.

mod accounts;
mod args;
mod close;
mod completions;
mod credentials;
mod environment;
mod explain;
mod failure;
mod get;
mod hardened;
mod help;
mod man;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod memfd;
mod names;
mod nearest;
mod open;
mod output;
#[cfg(unix)]
mod program;
#[cfg(unix)]
mod run;
#[cfg(unix)]
mod serve;
mod status;
mod terminal;
mod usage;

use std::process::ExitCode;

use args::{Cli, Verb};
use failure::Failure;
use usage::Asked;

fn main() -> ExitCode {
    let outcome = match usage::parse(std::env::args_os()) {
        Ok(Asked::Verb(cli)) => dispatch(*cli).map(|()| ExitCode::SUCCESS),
        #[cfg(unix)]
        Ok(Asked::Serving(args)) => serve::serving(&args),
        #[cfg(unix)]
        Ok(Asked::Gate(args)) => serve::gate(&args),
        Ok(Asked::Answered) => Ok(ExitCode::SUCCESS),
        Err(failure) => Err(failure),
    };
    match outcome {
        Ok(code) => code,
        Err(failure) => {
            failure.report();
            failure.exit_code()
        }
    }
}

fn dispatch(cli: Cli) -> Result<(), Failure> {
    match cli.verb {
        Some(Verb::Get(args)) => get::get(&args),
        Some(Verb::Status(args)) => status::status(&args),
        Some(Verb::Close(args)) => close::close(&args),
        Some(Verb::Completions(args)) => completions::print(&args),
        Some(Verb::Help(args)) => help::print(&args),
        Some(Verb::Man(args)) => man::print(&args),
        #[cfg(unix)]
        Some(Verb::Run(args)) => run::run(&args).map_err(run::before_child),
        #[cfg(unix)]
        Some(Verb::Serve(args)) => serve::serve(args.serve, &args.names),
        #[cfg(unix)]
        None => serve::serve(cli.serve, &[]),
        #[cfg(not(unix))]
        Some(Verb::Run(_) | Verb::Serve(_)) | None => Err(Failure::new(
            failure::code::UNAVAILABLE,
            "this system has no exec, which serve and run need",
            "use get, status and close, or the client library",
        )),
    }
}
