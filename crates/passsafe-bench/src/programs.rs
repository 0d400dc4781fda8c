//! The programs, one for each thing that is measured.

#![expect(clippy::disallowed_methods, reason = "the programs are told in variables what to ask")]

mod bare;
mod floors;
mod least;
mod minimal;
mod newcomers;
mod ours;
mod samples;
mod target;
mod wrong_token;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use serde::Serialize;

use crate::programs::target::Target;

/// Programs that `cargo xtask bench` starts.
///
/// The token of the safe is in `PASSSAFE_TOKEN`, its passphrase in `PASSSAFE_PASSPHRASE`, its proof
/// in `PASSSAFE_PROOF`.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    program: Program,
}

#[derive(Subcommand)]
enum Program {
    /// A bare hyper server with the answer of the safe at URL.
    Bare {
        url: Target,
        /// Listen here, and not on a port.
        #[arg(long)]
        socket: Option<PathBuf>,
    },
    /// A safe whose record was sealed at the least cost.
    Least {
        #[arg(long, default_value = "1")]
        entries: NonZeroUsize,
        /// Bytes of each value.
        #[arg(long, default_value = "24")]
        value: usize,
    },
    /// Round trips of a bare hyper client.
    FloorAsync { url: Target, count: usize },
    /// Round trips over a blocking socket, by hand.
    FloorBlocking { url: Target, count: usize },
    /// Calls of `password()`.
    Async { url: String, count: usize },
    /// Calls of the blocking client's `password()`.
    Blocking { url: String, count: usize },
    /// One call of the blocking client's `password()`, the first.
    First { url: String },
    /// Two requests by a bare hyper client, and the key derivation. Prints the proof.
    Minimal { url: Target },
    /// Reading and opening a record with its key, without a round trip.
    Open { count: usize },
    /// Wrong tokens between right ones.
    WrongToken { safes: usize },
    /// Fetches on new connections while others are open.
    Newcomers { url: Target, connections: usize, count: usize },
}

/// Does what the arguments say.
pub(crate) fn run() -> anyhow::Result<()> {
    match Arguments::parse().program {
        Program::Bare { url, socket } => bare::serve(&url, &token()?, &proof()?, socket.as_deref()),
        Program::Least { entries, value } => least::serve(entries, value),
        Program::FloorAsync { url, count } => {
            print(&floors::by_hyper(&url, &token()?, &proof()?, count)?)
        }
        Program::FloorBlocking { url, count } => {
            print(&floors::by_hand(&url, &token()?, &proof()?, count)?)
        }
        Program::Async { url, count } => {
            print(&ours::warm(&url, &passphrase()?, &token()?, count)?)
        }
        Program::Blocking { url, count } => {
            print(&ours::warm_blocking(&url, &passphrase()?, &token()?, count)?)
        }
        Program::Open { count } => print(&ours::open(count)?),
        Program::First { url } => print(&ours::first(&url, &passphrase()?, &token()?)?),
        Program::Minimal { url } => {
            println!("{}", minimal::fetch(&url, &passphrase()?, &token()?)?);
            Ok(())
        }
        Program::WrongToken { safes } => print(&wrong_token::measure(safes)?),
        Program::Newcomers { url, connections, count } => {
            print(&newcomers::measure(&url, &token()?, &proof()?, connections, count)?)
        }
    }
}

fn token() -> anyhow::Result<String> {
    std::env::var("PASSSAFE_TOKEN").context("no PASSSAFE_TOKEN")
}

fn proof() -> anyhow::Result<String> {
    std::env::var("PASSSAFE_PROOF").context("no PASSSAFE_PROOF")
}

fn passphrase() -> anyhow::Result<String> {
    std::env::var("PASSSAFE_PASSPHRASE").context("no PASSSAFE_PASSPHRASE")
}

fn print(figures: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string(figures)?);
    Ok(())
}
