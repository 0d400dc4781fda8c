//! Passphrase and token of somebody who wants to open or close a safe: from variables, else
//! from hidden prompts.

use passsafe_core::{Passphrase, Token, TokenError};
use zeroize::Zeroizing;

use crate::environment;
use crate::failure::{Failure, code};
use crate::terminal::{Terminal, nobody_to_ask};

/// As typed. Wiped on drop.
pub(crate) struct Credentials {
    pub(crate) passphrase: Zeroizing<String>,
    pub(crate) token: Zeroizing<String>,
}

/// Gathers both. `before_asking` is called once before the first prompt.
pub(crate) fn for_opening(
    before_asking: impl FnOnce() -> Result<(), Failure>,
) -> Result<Credentials, Failure> {
    match (environment::passphrase()?, environment::token()?) {
        (Some(passphrase), Some(token)) => Ok(Credentials { passphrase, token }),
        (passphrase, token) => {
            let terminal = Terminal::open().ok_or_else(|| missing(passphrase.is_none()))?;
            before_asking()?;
            let passphrase = match passphrase {
                Some(passphrase) => passphrase,
                None => {
                    terminal.ask_hidden("Passphrase", |line| Passphrase::new(line).map(drop))?
                }
            };
            let token = match token {
                Some(token) => token,
                None => ask_token(&terminal)?,
            };
            Ok(Credentials { passphrase, token })
        }
    }
}

/// The token alone, which is enough to close a safe.
pub(crate) fn for_closing(
    before_asking: impl FnOnce() -> Result<(), Failure>,
) -> Result<Token, Failure> {
    let from_variable = environment::token()?;
    let typed = if let Some(token) = from_variable {
        token
    } else {
        let terminal = Terminal::open().ok_or_else(|| missing(false))?;
        before_asking()?;
        ask_token(&terminal)?
    };
    Token::parse(&typed).map_err(malformed)
}

fn ask_token(terminal: &Terminal) -> Result<Zeroizing<String>, Failure> {
    terminal.ask_hidden("Token", |line| Token::parse(line).map(drop))
}

fn missing(passphrase: bool) -> Failure {
    if passphrase {
        nobody_to_ask("the passphrase", "set PASSSAFE_PASSPHRASE or PASSSAFE_PASSPHRASE_FILE")
    } else {
        nobody_to_ask("the token", "set PASSSAFE_TOKEN")
    }
}

fn malformed(error: TokenError) -> Failure {
    Failure::new(code::USAGE, error.to_string(), "a token looks like 936 265")
}
