//! Reaching a safe and opening it.

use passsafe_client::blocking::{Client, Endpoint};
use passsafe_client::{BaseUrl, Error, State};
use passsafe_core::{EntryName, Secret, User};

use crate::args::{SafeArgs, UserArg};
use crate::credentials::{self, Credentials};
use crate::explain::{explain, over};
use crate::failure::{Failure, code};
use crate::hint;

/// Fetches and opens the secrets of these names, all at one moment, in the order asked for.
/// Asks for what no variable has.
pub(crate) fn secrets(
    safe: &SafeArgs,
    user: &UserArg,
    names: &[EntryName],
) -> Result<Vec<Secret>, Failure> {
    let url = base_url(safe)?;
    let credentials = credentials::for_opening(|| must_be_open(&url))?;
    try_secrets(&credentials, &url, safe.allow_plain_http, user, names).map_err(|error| {
        let failure = explain(&error, &url);
        // The other hint is worth a word of the passphrase, so only where it is needed.
        let typo = Some(&credentials.passphrase).filter(|_| error.is_wrong_passphrase());
        match typo.and_then(hint::for_wrong_passphrase) {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    })
}

fn try_secrets(
    credentials: &Credentials,
    url: &BaseUrl,
    allow_plain_http: bool,
    user: &UserArg,
    names: &[EntryName],
) -> Result<Vec<Secret>, Error> {
    let mut client = Client::new(credentials.passphrase.expose(), credentials.token.expose())?;
    if allow_plain_http {
        client = client.with_plain_http();
    }
    if let Some(user) = user.user.as_ref().and_then(User::as_str) {
        client = client.with_user(user)?;
    }
    let names: Vec<&str> = names.iter().map(EntryName::as_str).collect();
    client.with_url(&url.to_string())?.secrets(&names)
}

/// The address of the safe: `--url`, `PASSSAFE_URL` or the default.
pub(crate) fn base_url(args: &SafeArgs) -> Result<BaseUrl, Failure> {
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

/// The safe at `url`, for what needs no passphrase.
pub(crate) fn endpoint(url: &BaseUrl) -> Result<Endpoint, Failure> {
    Endpoint::new(url.clone()).map_err(|error| explain(&error, url))
}

/// Before a person is asked to type anything for it.
pub(crate) fn must_be_open(url: &BaseUrl) -> Result<(), Failure> {
    let status = endpoint(url)?.status().map_err(|error| explain(&error, url))?;
    match status.state {
        State::Open | State::Unknown => Ok(()),
        state => Err(over(state)),
    }
}
