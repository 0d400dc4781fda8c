//! Reaching a safe and opening it, and what to tell a person when that fails.

use std::io;

use passsafe_client::{BaseUrl, Endpoint, Error, State, Status, blocking};
use passsafe_core::wire::MAX_ATTEMPTS;
use passsafe_core::{EntryName, Secret};
use tokio::runtime::Builder;

use crate::args::{SafeArgs, UserArg};
use crate::credentials::{self, Credentials};
use crate::failure::{Failure, code};
use crate::{accounts, hint, status};

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

    /// A safe of this account.
    #[cfg(unix)]
    pub(crate) fn own(url: BaseUrl) -> Self {
        Self { url, owner: Owner::Own }
    }

    pub(crate) fn url(&self) -> &BaseUrl {
        &self.url
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        let endpoint = Endpoint::new(self.url.clone());
        match self.owner {
            Owner::Own => endpoint,
            Owner::Account(uid) => endpoint.with_owner(uid),
            Owner::Any => endpoint.with_any_owner(),
        }
    }
}

/// A safe that can be opened.
pub(crate) struct Opener {
    client: blocking::Client,
    credentials: Credentials,
    url: BaseUrl,
}

impl Opener {
    /// Gathers what opens the safe, asking for what no variable has.
    pub(crate) fn new(safe: &SafeArgs, user: &UserArg) -> Result<Self, Failure> {
        let address = Address::of(safe)?;
        let credentials = credentials::for_opening(|| must_be_open(&address))?;
        let client = try_client(&credentials, &address, safe.allow_plain_http, user)
            .map_err(|error| explain(&error, &address.url))?;
        Ok(Self { client, credentials, url: address.url })
    }

    pub(crate) fn secret(&self, name: &EntryName) -> Result<Secret, Failure> {
        self.client.secret_bytes(name.as_str()).map_err(|error| {
            let failure = explain(&error, &self.url);
            if !error.is_wrong_passphrase() {
                return failure;
            }
            match hint::for_wrong_passphrase(&self.credentials.passphrase) {
                Some(hint) => failure.with_hint(hint),
                None => failure,
            }
        })
    }
}

fn try_client(
    credentials: &Credentials,
    address: &Address,
    allow_plain_http: bool,
    user: &UserArg,
) -> Result<blocking::Client, Error> {
    let mut client = blocking::Client::new(&credentials.passphrase, &credentials.token)?;
    if allow_plain_http {
        client = client.with_plain_http();
    }
    if let Some(user) = &user.user {
        client = client.with_user(user)?;
    }
    client = match address.owner {
        Owner::Own => client,
        Owner::Account(uid) => client.with_owner(uid),
        Owner::Any => client.with_any_owner(),
    };
    client.with_url(&address.url.to_string())
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
    wait_for(address.endpoint().status(), &address.url)
}

/// Completes a request to the safe at `url`.
pub(crate) fn wait_for<T>(
    request: impl Future<Output = Result<T, Error>>,
    url: &BaseUrl,
) -> Result<T, Failure> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::os("the client cannot start", error))?
        .block_on(request)
        .map_err(|error| explain(&error, url))
}

/// Before a person is asked to type anything for it.
fn must_be_open(address: &Address) -> Result<(), Failure> {
    let status = status(address)?;
    match status.state {
        State::Open | State::Unknown => Ok(()),
        _ => Err(over(&status::sentence(&status))),
    }
}

fn over(how: &str) -> Failure {
    Failure::new(code::REFUSED, format!("the safe is {how}"), "start a new one with 'passsafe'")
}

/// The token stays here: another account's program waits for it.
fn foreign(error: &Error, url: &BaseUrl) -> Failure {
    let Some(uid) = error.listener_account() else {
        let hint = "nothing was sent; --any-owner trusts whoever listens there";
        return Failure::new(code::REFUSED, error.to_string(), hint);
    };
    let name = accounts::name(uid);
    Failure::new(
        code::REFUSED,
        format!("what listens at {url} belongs to account {name} (uid {uid})"),
        format!("nothing was sent; if that account serves your safe, add --owner {name}"),
    )
}

/// A socket that only its account may connect to.
fn is_forbidden(error: &Error) -> bool {
    std::error::Error::source(error)
        .and_then(|source| source.downcast_ref::<io::Error>())
        .is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

/// What happened, in the words and with the exit code of the command line.
pub(crate) fn explain(error: &Error, url: &BaseUrl) -> Failure {
    if let Some(left) = error.attempts_left() {
        let message = format!(
            "the token was refused ({} of {MAX_ATTEMPTS})",
            MAX_ATTEMPTS.saturating_sub(left)
        );
        return Failure::new(
            code::REFUSED,
            message,
            match left {
                0 => "the safe is locked for good; start a new one with 'passsafe'",
                1 => "check the six digits; one more wrong token locks the safe",
                _ => "check the six digits; two more wrong tokens lock the safe",
            },
        );
    }
    let (code, hint) = match error {
        _ if error.is_locked() => return over("locked: three wrong tokens were tried"),
        _ if error.is_spent() => return over("spent: its last allowed use was made"),
        _ if error.is_expired() => return over("expired"),
        _ if error.is_closed() => return over("closed"),
        _ if error.is_foreign_listener() => return foreign(error, url),
        _ if error.is_hung_up() => (
            code::UNAVAILABLE,
            "a safe of another account has to admit this one: --allow-user; a tunnel needs a far end",
        ),
        _ if is_forbidden(error) => {
            return Failure::new(
                code::REFUSED,
                format!("{url} is not for this account"),
                "a safe of another account has to admit this one: --allow-user",
            );
        }
        _ if error.is_unreachable() => {
            return Failure::new(
                code::UNAVAILABLE,
                format!("there is no safe at {url}; it may have expired"),
                "start one with 'passsafe', or name another address with --url",
            );
        }
        _ if error.is_not_a_safe() => {
            return Failure::new(
                code::PROTOCOL,
                format!("something else than a safe answers at {url}"),
                "check the port, or name another address with --url",
            );
        }
        _ if error.is_timeout() => (code::TIMEOUT, "is the safe's process stopped? try again"),
        _ if error.is_invalid_token() => (code::REFUSED, "check the six digits"),
        _ if error.is_refused() => {
            (code::REFUSED, "through a tunnel, start the safe with --allow-host HOST:PORT")
        }
        _ if error.is_wrong_passphrase() => {
            (code::DATA, "type the six words as shown; name the safe's user with --user")
        }
        _ if error.is_other_safe() => (code::DATA, "use the credentials of the new safe"),
        _ if error.is_damaged() => {
            (code::DATA, "the record was changed after it was sealed; start a new safe")
        }
        _ if error.is_unknown_entry() => (code::DATA, "the default name is 'password'"),
        _ if error.is_usage() => {
            (code::USAGE, "a token looks like 936 265, a passphrase has six words")
        }
        _ => (code::OS, "this is the system's refusal; try again"),
    };
    Failure::new(code, error.to_string(), hint)
}
