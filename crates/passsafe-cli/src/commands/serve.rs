//! `passsafe serve`: ask, seal, show, and become the process that serves.
//!
//! Password, passphrase and key exist in this process only, which replaces itself (exec) as
//! soon as the credentials are shown. The serving process starts with a fresh address space
//! and a fresh environment and is handed ciphertext, token and deadline; see `handover`.
//!
//! The port is bound before anything is asked, so that a busy one shows before a password is
//! typed.

use std::io::{IsTerminal as _, stderr, stdout};
use std::net::TcpListener;
use std::time::UNIX_EPOCH;

use passsafe_client::account_user;
use passsafe_core::wire::DEFAULT_PORT;
use passsafe_core::{Deadline, EntryName, Lifetime, User};
use passsafe_server::{Clock as _, SystemClock};
use rustix::process::geteuid;

use crate::cli::args::{AccessArgs, ServeArgs, WhileServingArgs};
use crate::display::{self, DisplayOptions, Show};
use crate::os::streams::note;
use crate::os::{accounts, hardening, limits, signals};
use crate::prompt::{Terminal, no_terminal};
use crate::serve::credentials::{self, Credentials};
use crate::serve::handover::{Handover, Settings};
use crate::serve::launcher::Launcher;
use crate::serve::sources::Sources;
use crate::serve::start_server::PreparedServer;
use crate::serve::{port, seal, socket};
use crate::text::failure::{Failure, code};

/// `names` are those of the secrets.
pub(crate) fn serve(args: ServeArgs, names: &[EntryName]) -> Result<(), Failure> {
    if args.command.is_empty() {
        serve_for_a_person(args, names)
    } else {
        serve_around_a_program(args, names).map_err(Failure::before_program)
    }
}

/// Shows the credentials, at the terminal or as JSON, and serves.
fn serve_for_a_person(args: ServeArgs, names: &[EntryName]) -> Result<(), Failure> {
    // Before anything is asked, so that a person who minds the warning can still stop.
    hardening::harden().warn();
    if !args.json && !stdout().is_terminal() {
        return Err(Failure::new(
            code::USAGE,
            "standard output is not a terminal, and credentials are shown on a terminal only",
            "add --json to print them as one line of JSON",
        ));
    }
    let (json, clear) = (args.json, args.clear);
    let Sealed { credentials, server, terminal, .. } =
        Request::check(args, names, DEFAULT_PORT)?.ask_and_seal()?;
    if !clear {
        signals::hold_back();
    }
    if json {
        credentials.print_json()?;
    } else {
        credentials.show()?;
    }
    let without_credentials = credentials.reminder();
    drop(credentials);
    if let Some(terminal) = terminal.filter(|_| clear) {
        // A prompt like the others: a signal ends the program there.
        terminal.wait_for_enter("Press Enter once they are noted, to clear the screen")?;
        signals::hold_back();
        credentials::clear_screen(&without_credentials)?;
    }
    Err(server.exec(json))
}

/// Gives the credentials to a program, and serves until it ends.
fn serve_around_a_program(args: ServeArgs, names: &[EntryName]) -> Result<(), Failure> {
    refuse_what_is_shown(&args)?;
    let launcher = Launcher::start(&args.command)?;
    hardening::harden().warn();
    // The program is told the port by a variable, so a free one will do.
    let Sealed { credentials, server, for_others, .. } =
        Request::check(args, names, 0)?.ask_and_seal()?;
    launcher.give(&credentials, for_others.then(|| geteuid().as_raw()));
    if stderr().is_terminal() {
        note(&credentials.opening_of_a_program());
    }
    drop(credentials);
    signals::hold_back();
    Err(server.with_launcher(launcher)?.exec(true))
}

/// Standard output and the screen are the program's.
fn refuse_what_is_shown(args: &ServeArgs) -> Result<(), Failure> {
    let flag = match args {
        ServeArgs { json: true, .. } => "--json",
        ServeArgs { clear: true, .. } => "--clear",
        ServeArgs { while_serving: WhileServingArgs { confirm: true, .. }, .. } => {
            return Err(Failure::new(
                code::USAGE,
                "--confirm asks at the terminal, which belongs to the program",
                "leave --confirm out, or the program",
            ));
        }
        _ => return Ok(()),
    };
    Err(Failure::new(
        code::USAGE,
        format!("{flag} shows credentials, and a program finds them in its environment"),
        format!("leave {flag} out, or the program"),
    ))
}

/// What is to be served, checked as far as it can be before the first question.
struct Request {
    terminal: Option<Terminal>,
    display: DisplayOptions,
    sources: Sources,
    lifetime: Option<Lifetime>,
    user: User,
    named_user: bool,
    hosts: Vec<String>,
    /// Accounts that may connect as well as this one.
    users: Vec<u32>,
    any_user: bool,
    socket: Option<socket::Place>,
    listeners: Vec<TcpListener>,
    url: String,
}

/// What is ready to be served.
struct Sealed {
    credentials: Credentials,
    server: PreparedServer,
    terminal: Option<Terminal>,
    /// Whether other accounts may connect.
    for_others: bool,
}

impl Request {
    fn check(args: ServeArgs, names: &[EntryName], usual_port: u16) -> Result<Self, Failure> {
        limits::check()?;
        let terminal = Terminal::open();
        let display = display_options(&args, terminal.is_some())?;
        let sources = Sources::of(names, args.secrets)?;
        sources.check(terminal.as_ref())?;
        if args.clear && terminal.is_none() {
            return Err(Failure::new(
                code::NO_INPUT,
                "there is no terminal at which --clear could wait for Enter",
                "leave --clear out",
            ));
        }
        let named_user = args.user.user.is_some();
        let user = seal::user(args.user.user, account_user)?;
        let AccessArgs { socket, no_port, allow_user, allow_any_user: any_user } = args.access;
        let users: Vec<u32> = allow_user
            .iter()
            .map(|name| accounts::number("--allow-user", name))
            .collect::<Result<_, _>>()?;
        let for_others = !users.is_empty() || any_user;
        let socket = socket.map(|path| socket::Place::choose(&path, for_others)).transpose()?;
        let (listeners, url) = match &socket {
            Some(socket) if no_port => (Vec::new(), socket.url()),
            _ => {
                let (listeners, port) = port::bind(args.port.unwrap_or(usual_port))?;
                (listeners, format!("http://localhost:{port}"))
            }
        };
        Ok(Self {
            terminal,
            display,
            sources,
            lifetime: args.minutes,
            user,
            named_user,
            hosts: args.allow_host.into_iter().map(|host| host.0).collect(),
            users,
            any_user,
            socket,
            listeners,
            url,
        })
    }

    fn ask_and_seal(self) -> Result<Sealed, Failure> {
        let terminal = self.terminal;
        let reading = self.sources.read()?;
        let lifetime = match (self.lifetime, &terminal) {
            (Some(lifetime), _) => lifetime,
            (None, Some(terminal)) => ask_lifetime(terminal)?,
            (None, None) => Lifetime::DEFAULT,
        };
        let entries = reading.ask(&self.sources, terminal.as_ref())?;
        let seal::Accessible { sealed, passphrase, seed } = seal::seal(&entries, &self.user)?;
        let names = entries.names().cloned().collect();
        drop(entries);
        let deadline = Deadline::new(SystemClock.now(), lifetime);
        let socket_url = self.socket.as_ref().map(socket::Place::url);
        let socket = self.socket.map(|place| place.make()).transpose()?;
        let for_others = !self.users.is_empty() || self.any_user;
        let settings = Settings {
            lifetime: lifetime.duration(),
            deadline,
            hosts: self.hosts,
            users: self.users,
            any_user: self.any_user,
            socket: socket.as_ref().map(|(_, made)| made.parts()),
            display: self.display,
        };
        let handover = Handover { token: seed.token(lifetime), settings, sealed };
        let server = PreparedServer::new(&handover, self.listeners, socket)?;
        let credentials = Credentials {
            url: self.url,
            socket_url,
            passphrase,
            token: handover.token,
            user: self.user,
            named_user: self.named_user,
            names,
            lifetime,
            expires_at: UNIX_EPOCH + deadline.wall(),
        };
        Ok(Sealed { credentials, server, terminal, for_others })
    }
}

/// What the serving process shows; `at_keyboard` tells whether questions can be answered there.
fn display_options(args: &ServeArgs, at_keyboard: bool) -> Result<DisplayOptions, Failure> {
    let WhileServingArgs { max_uses, confirm, quiet } = args.while_serving;
    if confirm && !display::can_ask() {
        return Err(no_terminal(
            "consent",
            "start it in the foreground of a terminal, or leave --confirm out",
        ));
    }
    let show = match () {
        () if quiet => Show::Nothing,
        // A terminal is the program's for as long as it runs; a file or a pipe gets what the
        // user should know.
        () if !args.command.is_empty() && stderr().is_terminal() => Show::Summary,
        () if !args.command.is_empty() => Show::Troubles,
        () if args.json => Show::Json,
        // A person has typed the password, or at least reads the credentials.
        () => Show::Live,
    };
    Ok(DisplayOptions { show, keys: at_keyboard, confirm, max_uses })
}

fn ask_lifetime(terminal: &Terminal) -> Result<Lifetime, Failure> {
    let default = Lifetime::DEFAULT.minutes().to_string();
    terminal.ask("Minutes to serve, 1 to 480", &default, str::parse::<Lifetime>)
}
