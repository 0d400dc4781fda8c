//! `passsafe`: the only part of passsafe that talks to a person.
//!
//! stdout carries the answer alone; prompts, banner, log and errors go to stderr or the
//! terminal. Only this file reads the command line, and only `os/environment.rs` the
//! environment.

#![cfg_attr(
    not(unix),
    expect(
        dead_code,
        unused_imports,
        reason = "serve and run refuse there, and their parts lie idle"
    )
)]

mod cli;
mod commands;
#[cfg(unix)]
mod display;
mod os;
mod prompt;
#[cfg(unix)]
mod serve;
mod text;

use std::process::ExitCode;

use cli::args::{Cli, Verb};
use cli::parse::{self, Asked};
#[cfg(unix)]
use commands::run;
use commands::{close, completions, get, man, status};
use os::streams;
#[cfg(unix)]
use serve::{launcher, server_process};
#[cfg(not(unix))]
use text::failure;
use text::failure::Failure;

fn main() -> ExitCode {
    let outcome = match parse::parse(std::env::args_os()) {
        Ok(Asked::Verb(cli)) => dispatch(*cli).map(|()| ExitCode::SUCCESS),
        #[cfg(unix)]
        Ok(Asked::Server(args)) => server_process::run(&args),
        #[cfg(unix)]
        Ok(Asked::Launcher(args)) => launcher::run(&args),
        Ok(Asked::Answered) => Ok(ExitCode::SUCCESS),
        Err(failure) => Err(failure),
    };
    match outcome {
        Ok(code) => code,
        Err(failure) => {
            streams::note(&failure.to_string());
            failure.exit_code()
        }
    }
}

fn dispatch(cli: Cli) -> Result<(), Failure> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let None | Some(Verb::Get(_) | Verb::Close(_) | Verb::Run(_) | Verb::Serve(_)) = cli.verb {
        os::unreadable::start_again(std::env::args_os());
    }
    match cli.verb {
        Some(Verb::Get(args)) => get::get(&args),
        Some(Verb::Status(args)) => status::status(&args),
        Some(Verb::Close(args)) => close::close(&args),
        Some(Verb::Completions(args)) => completions::print(&args),
        Some(Verb::Help(args)) => cli::help::print(&args),
        Some(Verb::Man(args)) => man::print(&args),
        #[cfg(unix)]
        Some(Verb::Run(args)) => run::run(&args).map_err(Failure::before_program),
        #[cfg(unix)]
        Some(Verb::Serve(args)) => commands::serve::serve(args.serve, &args.names),
        #[cfg(unix)]
        None => commands::serve::serve(cli.serve, &[]),
        #[cfg(not(unix))]
        Some(Verb::Run(_) | Verb::Serve(_)) | None => Err(Failure::new(
            failure::code::UNAVAILABLE,
            "this system has no exec, which serve and run need",
            "use get, status and close, or the client library",
        )),
    }
}
