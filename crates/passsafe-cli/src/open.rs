//! Reaching a safe and opening it.

use passsafe_client::blocking::{Client, Endpoint};
use passsafe_client::{BaseUrl, Error, State, Status};
use passsafe_core::{Entries, EntryName, Passphrase, Secret, User};

use crate::args::{SafeArgs, UserArg};
use crate::credentials::{self, Credentials};
use crate::explain::{explain, over};
use crate::failure::{Failure, code};
use crate::output::note;
use crate::{accounts, names};

/// Where a safe is, and whose it has to be.
pub(crate) struct Address {
    url: BaseUrl,
    owner: Owner,
}

#[derive(Clone, Copy)]
enum Owner {
    Own,
    Account(u32),
    Any,
}

impl Address {
    /// What the flags and variables say, or the defaults.
    pub(crate) fn of(args: &SafeArgs) -> Result<Self, Failure> {
        let owner = match &args.owner {
            _ if args.any_owner => Owner::Any,
            Some(name) => Owner::Account(accounts::number("--owner", name)?),
            None => Owner::Own,
        };
        Ok(Self { url: base_url(args)?, owner })
    }

    pub(crate) fn url(&self) -> &BaseUrl {
        &self.url
    }

    /// For what needs no passphrase.
    pub(crate) fn endpoint(&self) -> Result<Endpoint, Failure> {
        let endpoint =
            Endpoint::new(self.url.clone()).map_err(|error| explain(&error, &self.url))?;
        Ok(match self.owner {
            Owner::Own => endpoint,
            Owner::Account(uid) => endpoint.with_owner(uid),
            Owner::Any => endpoint.with_any_owner(),
        })
    }
}

/// Fetches and opens all secrets. Asks for what no variable has.
pub(crate) fn entries(safe: &SafeArgs, user: &UserArg) -> Result<Entries, Failure> {
    let address = Address::of(safe)?;
    let credentials = credentials::for_opening(|| must_be_open(&address))?;
    try_entries(&credentials, &address, safe.allow_plain_http, user).map_err(|error| {
        let failure = explain(&error, &address.url);
        // The other hint is worth a word of the passphrase, so only where it is needed.
        let typo = Some(&credentials.passphrase).filter(|_| error.is_wrong_passphrase());
        match typo.and_then(Passphrase::typo) {
            Some(typo) => failure.with_hint(typo.to_string()),
            None => failure,
        }
    })
}

/// The secret of that name, or what there is in place of it.
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

fn try_entries(
    credentials: &Credentials,
    address: &Address,
    allow_plain_http: bool,
    user: &UserArg,
) -> Result<Entries, Error> {
    let mut client = Client::new(credentials.passphrase.expose(), credentials.token.expose())?;
    if allow_plain_http {
        client = client.with_plain_http();
    }
    if let Some(user) = user.user.as_ref().and_then(User::as_str) {
        client = client.with_user(user)?;
    }
    client = match address.owner {
        Owner::Own => client,
        Owner::Account(uid) => client.with_owner(uid),
        Owner::Any => client.with_any_owner(),
    };
    client =
        client.with_waiting(|| note("waiting: the safe's terminal asks whether to allow this\n"));
    client.with_url(&address.url.to_string())?.entries()
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

/// Asks how a safe is doing.
pub(crate) fn status(address: &Address) -> Result<Status, Failure> {
    address.endpoint()?.status().map_err(|error| explain(&error, &address.url))
}

/// Before a person is asked to type anything for it.
pub(crate) fn must_be_open(address: &Address) -> Result<(), Failure> {
    match status(address)?.state {
        State::Open | State::Unknown => Ok(()),
        state => Err(over(state)),
    }
}
