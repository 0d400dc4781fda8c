//! The command line: verbs, flags and variables.
//!
//! No flag takes a secret as its value, because arguments are visible to every account of
//! the machine. Values of variables are never shown in help.
//!
//! What `-h` shows has to fit a small screen: a flag that few people need is
//! `hide_short_help`. Examples and descriptions are in `help/pages.rs`; `cargo xtask
//! snapshots` writes all anew that is made from these definitions.

mod destinations;
mod secrets;

use std::num::NonZeroU32;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use passsafe_core::{EntryName, Lifetime, User};

pub(crate) use destinations::DestinationArgs;
pub(crate) use secrets::{SecretArgs, SecretFile};

#[derive(Debug, Parser)]
#[command(
    name = "passsafe",
    version,
    about = "Hand a password to a program for a limited time, without typing it there.",
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Option<Verb>,
    /// Without a verb: `serve`.
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
}

const AROUND: &str = "\
Program to serve the safe around; the safe is closed when it ends

It finds PASSSAFE_URL, PASSSAFE_PASSPHRASE and PASSSAFE_TOKEN in its environment (PASSSAFE_USER and \
PASSSAFE_OWNER too, where they are needed), so 'passsafe get', 'passsafe run' and the client \
libraries ask nothing in there. Nothing of it is shown. Terminal, signals and exit code are the \
program's own; 125 says that it was not started. It outlives the safe if the time is up before. \
After --password-stdin it finds standard input at its end.";

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Ask for a password and serve it, sealed, until its time is up
    Serve(ServeVerbArgs),
    /// Print secrets from a safe
    Get(GetArgs),
    /// Run a program with secrets in its environment, input or files
    #[command(override_usage = "passsafe run [OPTIONS] -- <CMD>...")]
    Run(RunArgs),
    /// Say how a safe is doing; needs no token
    Status(StatusArgs),
    /// Close a safe for good
    Close(CloseArgs),
    /// Explain a command
    Help(HelpArgs),
    /// Print a manual page
    Man(ManArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
}

/// `serve` as a verb: names follow it. Without the verb they would hide every mistyped one.
#[derive(Debug, Args)]
pub(crate) struct ServeVerbArgs {
    /// Names of the secrets [default: password]
    ///
    /// Each is asked for, hidden and twice, unless a flag says where it comes from.
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<EntryName>,
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Lifetime, 1 to 480 minutes [default: ask]
    ///
    /// Without a terminal, the default is 60.
    #[arg(short, long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) minutes: Option<Lifetime>,
    #[command(flatten)]
    pub(crate) secrets: SecretArgs,
    /// Print address, passphrase and token as JSON
    ///
    /// One line on standard output, which may be a pipe or a file then. Events are more lines of
    /// JSON on standard error.
    #[arg(long)]
    pub(crate) json: bool,
    /// Clear the credentials from the screen when noted
    ///
    /// Waits for Enter, then clears screen and scrollback and serves.
    #[arg(
        long,
        conflicts_with_all = ["json", "password_stdin", "secret_stdin"],
        hide_short_help = true
    )]
    pub(crate) clear: bool,
    /// Port; 0 takes a free one [default: 8051]
    ///
    /// On localhost. With CMD, the default is a free one.
    #[arg(short, long, value_name = "N")]
    pub(crate) port: Option<u16>,
    #[command(flatten)]
    pub(crate) user: UserArg,
    /// Answer to this Host as well, written as the client sends it (for tunnels)
    #[arg(long, value_name = "HOST[:PORT]", help_heading = ACCESS, hide_short_help = true)]
    pub(crate) allow_host: Vec<HostName>,
    #[command(flatten)]
    pub(crate) access: AccessArgs,
    #[command(flatten)]
    pub(crate) while_serving: WhileServingArgs,
    /// Program to serve the safe around
    #[arg(last = true, value_name = "CMD", long_help = AROUND)]
    pub(crate) command: Vec<std::ffi::OsString>,
}

const WHILE_SERVING: &str = "While it serves";

/// How often a safe hands out, whom it asks before that, and what it tells of it.
#[derive(Debug, Args)]
pub(crate) struct WhileServingArgs {
    /// Hand the secrets out so many times at most
    #[arg(long, value_name = "N", help_heading = WHILE_SERVING, value_parser = from_1_up)]
    pub(crate) max_uses: Option<NonZeroU32>,
    /// Ask here before each release, naming the process
    #[arg(long, help_heading = WHILE_SERVING)]
    pub(crate) confirm: bool,
    /// Show neither the time left nor what happens
    #[arg(short, long, help_heading = WHILE_SERVING, hide_short_help = true)]
    pub(crate) quiet: bool,
}

fn from_1_up(text: &str) -> Result<NonZeroU32, &'static str> {
    text.parse().map_err(|_| "it is a whole number from 1 up")
}

const ACCESS: &str = "Access";

/// By what way, and from which accounts, a safe is reached.
#[derive(Debug, Args)]
pub(crate) struct AccessArgs {
    /// Listen on a Unix socket as well
    ///
    /// Only this account may be able to write to its folder.
    #[arg(long, value_name = "PATH", help_heading = ACCESS, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) socket: Option<String>,
    /// Listen on the socket only
    #[arg(
        long,
        requires = "socket",
        conflicts_with = "port",
        help_heading = ACCESS,
        hide_short_help = true
    )]
    pub(crate) no_port: bool,
    /// Let this account connect as well as this one
    ///
    /// By name or number.
    #[arg(long, value_name = "NAME", help_heading = ACCESS, hide_short_help = true)]
    pub(crate) allow_user: Vec<String>,
    /// Let every account of this machine connect
    #[arg(long, help_heading = ACCESS, hide_short_help = true)]
    pub(crate) allow_any_user: bool,
}

#[derive(Debug, Args)]
pub(crate) struct UserArg {
    /// Account name that the passphrase is bound to [default: this account]
    #[arg(
        long,
        value_name = "NAME",
        env = "PASSSAFE_USER",
        hide_env_values = true,
        hide_short_help = true,
        value_parser = |name: &str| User::new(name)
    )]
    pub(crate) user: Option<User>,
}

/// Which safe to ask.
#[derive(Debug, Args)]
pub(crate) struct SafeArgs {
    #[arg(
        help = "Address [default: http://localhost:8051]",
        short,
        long,
        value_name = "URL",
        env = "PASSSAFE_URL",
        hide_env_values = true
    )]
    pub(crate) url: Option<String>,
    /// Send the token over plain HTTP to a host that is not this machine
    #[arg(long, hide_short_help = true)]
    pub(crate) allow_plain_http: bool,
    /// Account that serves the safe [default: this account]
    ///
    /// By name or number. Nothing is sent to what another account serves.
    #[arg(
        long,
        value_name = "NAME",
        env = "PASSSAFE_OWNER",
        hide_env_values = true,
        hide_short_help = true
    )]
    pub(crate) owner: Option<String>,
    /// Send the token to any listener, even another account's program
    #[arg(long, hide_short_help = true)]
    pub(crate) any_owner: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// Name of the secret [default: password]
    ///
    /// With --json there is no default: without a name it prints all.
    pub(crate) name: Option<EntryName>,
    /// Print the names of all secrets, one a line
    #[arg(long, conflicts_with_all = ["name", "json", "base64", "raw"])]
    pub(crate) list: bool,
    /// Print all secrets as one JSON object of texts
    ///
    /// Or the one that is named. A secret that is not text is an error: the type of a value never
    /// depends on the secret. With --base64 every value is base64.
    #[arg(long, conflicts_with = "raw")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) form: FormArgs,
    #[command(flatten)]
    pub(crate) safe: SafeArgs,
    #[command(flatten)]
    pub(crate) user: UserArg,
}

/// How a secret is written.
#[derive(Debug, Args)]
pub(crate) struct FormArgs {
    /// Print in base64, which any bytes fit into
    #[arg(long)]
    pub(crate) base64: bool,
    /// Leave out the final line feed
    #[arg(long)]
    pub(crate) raw: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) destinations: DestinationArgs,
    /// Leave passsafe's own variables to the program
    ///
    /// Passphrase and token included, and with them all that the safe holds.
    #[arg(long, hide_short_help = true)]
    pub(crate) keep_credentials: bool,
    #[command(flatten)]
    pub(crate) safe: SafeArgs,
    #[command(flatten)]
    pub(crate) user: UserArg,
    /// Program and its arguments
    #[arg(required = true, last = true, value_name = "CMD")]
    pub(crate) command: Vec<std::ffi::OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Print the status as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) safe: SafeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CloseArgs {
    #[command(flatten)]
    pub(crate) safe: SafeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct HelpArgs {
    /// The command
    #[arg(value_name = "COMMAND")]
    pub(crate) verb: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The command whose page it is
    #[arg(value_name = "COMMAND")]
    pub(crate) verb: Option<String>,
    /// Write all pages as files into this folder
    #[arg(long, value_name = "FOLDER", conflicts_with = "verb")]
    pub(crate) into: Option<std::path::PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell: bash, elvish, fish, powershell or zsh
    #[arg(hide_possible_values = true)]
    pub(crate) shell: Shell,
}

/// What may stand in a `Host` header.
#[derive(Debug, Clone)]
pub(crate) struct HostName(pub(crate) String);

impl std::str::FromStr for HostName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:[]%".contains(&byte);
        if text.is_empty() || !text.bytes().all(fits) {
            return Err("a host is a name or an address, and a port: safe.example:8051".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}
