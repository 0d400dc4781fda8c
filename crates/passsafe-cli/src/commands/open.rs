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

/// Fetches and opens all secrets. Asks for credentials that no variable holds.
pub(crate) fn entries(safe: &SafeArgs, user: &UserArg) -> Result<Entries, Failure> {
    let address = Address::of(safe)?;
    let credentials = credentials::for_opening(|| must_be_open(&address))?;
    let failed = |error: Error| explained(&error, &address.url);
    let client = client(credentials, &address, user).map_err(failed)?;
    client.entries().map_err(|error| match error.kind() {
        // This hint may show a word of the passphrase, so it is given only for a wrong one.
        ErrorKind::WrongPassphrase => match client.passphrase_typo() {
            Some(typo) => failed(error).with_hint(typo.to_string()),
            None => failed(error),
        },
        _ => failed(error),
    })
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

fn client(
    credentials: credentials::Credentials,
    address: &Address,
    user: &UserArg,
) -> Result<Client, Error> {
    let client = Client::new(credentials.passphrase, credentials.token)?
        .with_url(address.url.clone())
        .with_trusted_server(address.trusted)
        .with_waiting(|| note("waiting: the safe's terminal asks whether to allow this\n"));
    Ok(match &user.user {
        Some(user) => client.with_user(user.clone()),
        None => client,
    })
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
    match status(address)?.state {
        State::Open | State::Unknown => Ok(()),
        state => Err(over(state)),
    }
}
