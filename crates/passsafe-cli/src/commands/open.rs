//! Reaching a safe and opening it.

use passsafe_client::blocking::{Client, Endpoint};
use passsafe_client::{BaseUrl, Error, ErrorKind, State, Status, TrustedServer};
use passsafe_core::{Entries, EntryName, Secret};

use crate::cli::args::{SafeArgs, UserArg};
use crate::commands::credentials;
use crate::os::accounts;
use crate::os::streams::note;
use crate::text::client_error::{explain, over};
use crate::text::failure::{Failure, code};
use crate::text::names;

/// How often a passphrase may be typed.
const TYPED_TRIES: u8 = 3;

/// Address of a safe, and the account that has to serve it.
pub(crate) struct Address {
    url: BaseUrl,
    trusted: TrustedServer,
}

impl Address {
    /// What the flags and variables say, or the defaults.
    pub(crate) fn of(args: &SafeArgs) -> Result<Self, Failure> {
        let trusted = match &args.owner {
            _ if args.any_owner => TrustedServer::Anyone,
            Some(name) => TrustedServer::Uid(accounts::number("--owner", name)?),
            None => TrustedServer::SameUser,
        };
        Ok(Self { url: base_url(args)?, trusted })
    }

    pub(crate) fn url(&self) -> &BaseUrl {
        &self.url
    }

    /// For requests that need no passphrase.
    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::new(self.url.clone()).with_trusted_server(self.trusted)
    }
}

/// What a safe holds, and what fetching it has used up.
pub(crate) struct Opened {
    pub(crate) entries: Entries,
    /// Nothing where uses are not limited.
    uses_left: Option<u32>,
}

impl Opened {
    /// Says what a failure has cost that could only be known once the safe was open.
    pub(crate) fn used_up_by(&self, failure: Failure) -> Failure {
        match self.uses_left {
            None => failure,
            Some(0) => failure.with_more("this was the last use of the safe"),
            Some(1) => failure.with_more("this was a use of the safe, and 1 is left"),
            Some(left) => {
                failure.with_more(&format!("this was a use of the safe, and {left} are left"))
            }
        }
    }
}

/// Fetches and opens all secrets. Asks for credentials that no variable holds, and for a
/// passphrase that was typed wrong again, twice: the token stays, and no use is lost.
pub(crate) fn entries(safe: &SafeArgs, user: &UserArg) -> Result<Opened, Failure> {
    let address = Address::of(safe)?;
    let credentials = credentials::for_opening(|| must_be_open(&address))?;
    let terminal = credentials.typed_at;
    let client = Client::new(credentials.passphrase, credentials.token);
    let mut client = at(client.map_err(|error| explained(&error, &address.url))?, &address, user);
    let mut tries_left = TYPED_TRIES;
    loop {
        tries_left -= 1;
        let error = match client.entries() {
            Ok(entries) => return Ok(Opened { entries, uses_left: client.uses_left() }),
            Err(error) => error,
        };
        let failure = match client.passphrase_typo().filter(|_| is_wrong_passphrase(&error)) {
            // This hint may show a word of the passphrase, so it is given only for a wrong one.
            Some(typo) => explained(&error, &address.url).with_hint(typo.to_string()),
            None => explained(&error, &address.url),
        };
        match &terminal {
            Some(terminal) if is_wrong_passphrase(&error) && tries_left > 0 => {
                note(&failure.to_string());
                client = client.with_passphrase(credentials::ask_passphrase(terminal)?);
            }
            _ => return Err(failure),
        }
    }
}

/// The secret of that name; the error lists the names that exist.
pub(crate) fn named<'a>(entries: &'a Entries, name: &EntryName) -> Result<&'a Secret, Failure> {
    entries.get(name).ok_or_else(|| {
        let names: Vec<EntryName> = entries.names().cloned().collect();
        Failure::new(
            code::DATA,
            format!("the safe holds no secret named {name}"),
            format!("it holds {}", names::list(&names)),
        )
    })
}

fn is_wrong_passphrase(error: &Error) -> bool {
    error.kind() == ErrorKind::WrongPassphrase
}

fn at(client: Client, address: &Address, user: &UserArg) -> Client {
    let client = client
        .with_url(address.url.clone())
        .with_trusted_server(address.trusted)
        .with_waiting(|| note("waiting: the safe's terminal asks whether to allow this\n"));
    match &user.user {
        Some(user) => client.with_user(user.clone()),
        None => client,
    }
}

/// The address of the safe: `--url`, `PASSSAFE_URL` or the default.
fn base_url(args: &SafeArgs) -> Result<BaseUrl, Failure> {
    let Some(text) = &args.url else { return Ok(BaseUrl::default()) };
    match (BaseUrl::parse(text), BaseUrl::parse_plain_http(text)) {
        (Ok(url), _) => Ok(url),
        (Err(_), Ok(url)) if args.allow_plain_http => Ok(url),
        (Err(error), Ok(_)) => Err(Failure::new(
            code::USAGE,
            error.to_string(),
            "use a tunnel (ssh -L), or add --allow-plain-http if the way there is protected",
        )),
        (Err(error), Err(_)) => Err(Failure::new(
            code::USAGE,
            error.to_string(),
            "an address looks like http://localhost:8051",
        )),
    }
}

/// The client's error in words, with names of accounts.
pub(crate) fn explained(error: &Error, url: &BaseUrl) -> Failure {
    explain(error, url, accounts::name)
}

/// Asks how a safe is doing.
pub(crate) fn status(address: &Address) -> Result<Status, Failure> {
    address.endpoint().status().map_err(|error| explained(&error, &address.url))
}

/// Checked before a person is asked to type anything.
pub(crate) fn must_be_open(address: &Address) -> Result<(), Failure> {
    let status = status(address)?;
    match status.state {
        State::Open | State::Unknown => Ok(()),
        state => Err(over(state, status.proofs_left == 0)),
    }
}
