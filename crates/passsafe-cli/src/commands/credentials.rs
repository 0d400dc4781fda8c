//! Passphrase and token for opening or closing a safe: from variables, else from hidden prompts.
//! What a variable holds is checked before anything is asked.

use passsafe_core::{Passphrase, Token};
use zeroize::Zeroizing;

use crate::os::environment;
use crate::prompt::{Terminal, no_terminal};
use crate::text::failure::{Failure, code};

pub(crate) struct Credentials {
    pub(crate) passphrase: Passphrase,
    pub(crate) token: Token,
    /// Where the passphrase was typed, if it was.
    pub(crate) typed_at: Option<Terminal>,
}

/// Gathers both. `before_asking` is called once before the first prompt.
pub(crate) fn for_opening(
    before_asking: impl FnOnce() -> Result<(), Failure>,
) -> Result<Credentials, Failure> {
    let passphrase = environment::passphrase()?.map(|text| passphrase(&text)).transpose()?;
    let token = token_from_variable()?;
    match (passphrase, token) {
        (Some(passphrase), Some(token)) => Ok(Credentials { passphrase, token, typed_at: None }),
        (passphrase, token) => {
            let terminal = Terminal::open().ok_or_else(|| missing(passphrase.is_none()))?;
            before_asking()?;
            let is_typed = passphrase.is_none();
            let passphrase = passphrase.map_or_else(|| ask_passphrase(&terminal), Ok)?;
            let token = token.map_or_else(|| ask_token(&terminal), Ok)?;
            Ok(Credentials { passphrase, token, typed_at: Some(terminal).filter(|_| is_typed) })
        }
    }
}

/// The token alone, which is enough to close a safe.
pub(crate) fn for_closing(
    before_asking: impl FnOnce() -> Result<(), Failure>,
) -> Result<Token, Failure> {
    if let Some(token) = token_from_variable()? {
        return Ok(token);
    }
    let terminal = Terminal::open().ok_or_else(|| missing(false))?;
    before_asking()?;
    ask_token(&terminal)
}

pub(crate) fn ask_passphrase(terminal: &Terminal) -> Result<Passphrase, Failure> {
    terminal.ask_hidden("Passphrase", Passphrase::new)
}

fn ask_token(terminal: &Terminal) -> Result<Token, Failure> {
    terminal.ask_hidden("Token", Token::parse)
}

fn token_from_variable() -> Result<Option<Token>, Failure> {
    let parse = |typed: Zeroizing<String>| {
        Token::parse(&typed).map_err(|error| {
            Failure::new(code::USAGE, error.to_string(), "a token looks like 936 265")
        })
    };
    environment::token()?.map(parse).transpose()
}

fn passphrase(typed: &str) -> Result<Passphrase, Failure> {
    Passphrase::new(typed).map_err(|error| {
        Failure::new(code::USAGE, error.to_string(), "a passphrase is six words, as shown")
    })
}

fn missing(passphrase: bool) -> Failure {
    if passphrase {
        no_terminal("the passphrase", "set PASSSAFE_PASSPHRASE or PASSSAFE_PASSPHRASE_FILE")
    } else {
        no_terminal("the token", "set PASSSAFE_TOKEN")
    }
}
