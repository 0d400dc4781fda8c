//! `passsafe serve`: ask, seal, show, and become the process that serves.
//!
//! Password, passphrase and key exist in this process only, which replaces itself (exec) as
//! soon as the credentials are shown. The serving process starts with a fresh address space
//! and a fresh environment and is handed ciphertext, seed and deadline; see `handover`.
//!
//! The port is bound before anything is asked, so a busy one costs nobody a password.

use std::io::{IsTerminal as _, stderr, stdout};

use passsafe_client::account_user;
use passsafe_core::wire::DEFAULT_PORT;
use passsafe_core::{EntryName, Lifetime};
use passsafe_server::{Clock as _, SystemClock};
use rustix::process::geteuid;

use crate::cli::args::{ServeArgs, WhileServingArgs};
use crate::display::{self, DisplayOptions, Show};
use crate::os::accounts;
use crate::os::streams::note;
use crate::os::{hardening, signals};
use crate::prompt::{Terminal, nobody_to_ask};
use crate::serve::credentials::{self, Credentials};
use crate::serve::handover::{Access, Handover, Prepared};
use crate::serve::launcher::Launcher;
use crate::serve::sources::Sources;
use crate::serve::{port, seal, socket};
use crate::text::failure::{Failure, code};

/// `names` are those of the secrets.
pub(crate) fn serve(args: ServeArgs, names: &[EntryName]) -> Result<(), Failure> {
    if args.command.is_empty() {
        return seal_and_serve(args, names, None);
    }
    refuse_what_is_shown(&args)
        .and_then(|()| Launcher::start(&args.command))
        .and_then(|gate| seal_and_serve(args, names, Some(gate)))
        .map_err(Failure::before_program)
}

/// Standard output and the screen are the program's.
fn refuse_what_is_shown(args: &ServeArgs) -> Result<(), Failure> {
    let flag = match args {
        ServeArgs { json: true, .. } => "--json",
        ServeArgs { clear: true, .. } => "--clear",
        ServeArgs { options: WhileServingArgs { confirm: true, .. }, .. } => {
            return Err(Failure::new(
                code::USAGE,
                "--confirm asks at the terminal, and that is the program's",
                "leave --confirm out, or the program",
            ));
        }
        _ => return Ok(()),
    };
    Err(Failure::new(
        code::USAGE,
        format!(
            "{flag} is about credentials that are shown, and a program finds them in its environment"
        ),
        format!("leave {flag} out, or the program"),
    ))
}

fn seal_and_serve(
    mut args: ServeArgs,
    names: &[EntryName],
    gate: Option<Launcher>,
) -> Result<(), Failure> {
    // Before anything is asked, so that whoever minds the warning can still stop.
    hardening::harden().warn();
    if gate.is_none() && !args.json && !stdout().is_terminal() {
        return Err(Failure::new(
            code::USAGE,
            "standard output is no terminal, and the credentials are shown on one only",
            "add --json to print them as one line of JSON",
        ));
    }
    let terminal = Terminal::open();
    let options = options(&args, terminal.is_some())?;
    let sources = Sources::of(names, std::mem::take(&mut args.secrets))?;
    sources.check(terminal.as_ref())?;
    if args.clear && terminal.is_none() {
        return Err(Failure::new(
            code::NO_INPUT,
            "there is no terminal at which --clear could wait for Enter",
            "leave --clear out",
        ));
    }
    let user = seal::user(args.user.user.as_ref(), account_user)?;
    let users = admitted(&args.access.allow_user)?;
    let for_others = !users.is_empty() || args.access.allow_any_user;
    let place = args.access.socket.as_deref().map(|path| socket::Place::choose(path, for_others));
    let place = place.transpose()?;
    let socket_url = place.as_ref().map(socket::Place::url);
    let (listeners, url) = match &socket_url {
        Some(url) if args.access.no_port => (Vec::new(), url.clone()),
        _ => {
            // Whoever is told the port by a variable does not have to remember it.
            let usual = if gate.is_some() { 0 } else { DEFAULT_PORT };
            let (listeners, port) = port::bind(args.port.unwrap_or(usual))?;
            (listeners, format!("http://localhost:{port}"))
        }
    };
    let reading = sources.read()?;
    let lifetime = match (args.minutes, &terminal) {
        (Some(lifetime), _) => lifetime,
        (None, Some(terminal)) => ask_lifetime(terminal)?,
        (None, None) => Lifetime::DEFAULT,
    };
    let entries = reading.ask(&sources, terminal.as_ref())?;
    let sealed = seal::seal(&entries, &user)?;
    let names = entries.names().cloned().collect();
    drop(entries);
    let creation = SystemClock.now();
    let made = place.map(|place| place.make()).transpose()?;
    let (socket, made) = made.unzip();
    let access = Access {
        hosts: std::mem::take(&mut args.allow_host).into_iter().map(|host| host.0).collect(),
        users,
        any_user: args.access.allow_any_user,
        socket: made.as_ref().map(socket::Made::parts),
    };
    let handover = Handover::new(&sealed.record, &sealed.seed, lifetime, creation, access, options);
    let serving = handover.prepare(listeners, socket)?;
    let credentials = Credentials {
        url,
        socket_url,
        passphrase: sealed.passphrase,
        token: sealed.seed.token(lifetime),
        user,
        named_user: args.user.user.is_some(),
        names,
        lifetime,
        expires_at: handover.expires_at(),
    };
    match gate {
        None => show_and_serve(&args, credentials, terminal, serving),
        Some(gate) => {
            let owner = for_others.then(|| geteuid().as_raw());
            serve_around(gate, credentials, owner, serving)
        }
    }
}

fn show_and_serve(
    args: &ServeArgs,
    credentials: Credentials,
    terminal: Option<Terminal>,
    serving: Prepared,
) -> Result<(), Failure> {
    if !args.clear {
        signals::hold_back();
    }
    if args.json {
        credentials.print_json()?;
    } else {
        credentials.show()?;
    }
    let without_credentials = credentials.reminder();
    drop(credentials);
    if let Some(terminal) = terminal.filter(|_| args.clear) {
        // A prompt like the others: a signal ends the program there.
        terminal.wait_for_enter("Press Enter once they are noted, to clear the screen")?;
        signals::hold_back();
        credentials::clear_screen(&without_credentials)?;
    }
    Err(serving.exec(args.json))
}

fn serve_around(
    gate: Launcher,
    credentials: Credentials,
    owner: Option<u32>,
    serving: Prepared,
) -> Result<(), Failure> {
    gate.give(&credentials, owner);
    if stderr().is_terminal() {
        note(&credentials.opening_of_a_program());
    }
    drop(credentials);
    signals::hold_back();
    Err(serving.with_program(gate)?.exec(true))
}

/// How the safe behaves on screen; `at_keyboard` tells whether questions can be answered there.
fn options(args: &ServeArgs, at_keyboard: bool) -> Result<DisplayOptions, Failure> {
    let WhileServingArgs { max_uses, confirm, quiet } = args.options;
    if confirm && !display::can_ask() {
        return Err(nobody_to_ask(
            "consent",
            "start it in the foreground of a terminal, or leave --confirm out",
        ));
    }
    let show = match () {
        () if quiet => Show::Nothing,
        // A terminal is the program's for as long as it runs; into a file or a pipe goes what
        // an owner should know.
        () if !args.command.is_empty() && stderr().is_terminal() => Show::Summary,
        () if !args.command.is_empty() => Show::Troubles,
        () if args.json => Show::Json,
        // A person has typed the password, or at least reads the credentials.
        () => Show::Live,
    };
    Ok(DisplayOptions { show, keys: at_keyboard, confirm, max_uses })
}

/// The numbers of the accounts that may connect besides this one.
fn admitted(names: &[String]) -> Result<Vec<u32>, Failure> {
    names.iter().map(|name| accounts::number("--allow-user", name)).collect()
}

fn ask_lifetime(terminal: &Terminal) -> Result<Lifetime, Failure> {
    let default = Lifetime::DEFAULT.minutes().to_string();
    terminal.ask("Minutes to serve, 1 to 480", &default, str::parse::<Lifetime>)
}
