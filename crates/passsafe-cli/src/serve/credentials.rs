//! Handing the credentials to the person, or to the program, that started the safe.
//!
//! They are written once, unbuffered, to standard output: a terminal, or where `--json`
//! asked for them. `--clear` takes them off the terminal again.

use std::time::SystemTime;

use passsafe_core::wire::DEFAULT_PORT;
use passsafe_core::{EntryName, Lifetime, Passphrase, Token, User};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::os::streams;
use crate::text::failure::Failure;
use crate::text::names;

/// What opens the safe, and what goes with it.
pub(crate) struct Credentials {
    pub(crate) url: String,
    /// The Unix socket's, where there is one.
    pub(crate) socket_url: Option<String>,
    pub(crate) passphrase: Passphrase,
    pub(crate) token: Token,
    pub(crate) user: User,
    /// Whether the user was named, so that clients have to name it too.
    pub(crate) named_user: bool,
    /// Names of its secrets, ascending.
    pub(crate) names: Vec<EntryName>,
    pub(crate) lifetime: Lifetime,
    pub(crate) expires_at: SystemTime,
}

#[derive(Serialize)]
struct Line<'a> {
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    socket_url: Option<&'a str>,
    passphrase: &'a str,
    token: &'a str,
    user: &'a str,
    expires_at: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    names: Vec<&'a str>,
}

impl Credentials {
    /// One line of JSON.
    #[expect(clippy::expect_used, reason = "a struct of texts always serialises")]
    pub(crate) fn print_json(&self) -> Result<(), Failure> {
        let line = Line {
            url: &self.url,
            socket_url: self.socket_url.as_deref(),
            passphrase: self.passphrase.expose(),
            token: self.token.expose(),
            user: self.user.as_str().unwrap_or_default(),
            expires_at: humantime::format_rfc3339_seconds(self.expires_at).to_string(),
            names: self.other_names().iter().map(EntryName::as_str).collect(),
        };
        // Room for all fields, so that the buffer does not move and leave a copy behind.
        let names: usize = line.names.iter().map(|name| name.len() + r#""","#.len()).sum();
        let mut json = Zeroizing::new(Vec::with_capacity(4_096 + names));
        serde_json::to_writer(&mut *json, &line).expect("a line serialises");
        json.push(b'\n');
        streams::write(&json)
    }

    /// The banner, for a person.
    pub(crate) fn show(&self) -> Result<(), Failure> {
        streams::write(self.banner().as_bytes())
    }

    /// What stays on the screen when the credentials are cleared.
    pub(crate) fn reminder(&self) -> String {
        format!("open for {} on {}; Ctrl-C closes it\n", self.lifetime, self.url)
    }

    /// For the terminal of a program that has them in its environment.
    pub(crate) fn opening_of_a_program(&self) -> String {
        format!("open for {} on {}, until the program ends\n", self.lifetime, self.url)
    }

    fn banner(&self) -> Zeroizing<String> {
        let passphrase = self.passphrase.expose();
        let token = self.token.grouped();
        let mut text = Zeroizing::new(String::with_capacity(4_096));
        let mut line = |parts: &[&str]| {
            for part in parts {
                text.push_str(part);
            }
            text.push('\n');
        };
        let lifetime = self.lifetime.to_string();
        line(&[]);
        line(&["  .--[o]--.   passsafe"]);
        line(&["  |  ***  |   open for ", &lifetime, " on ", &self.url]);
        if let Some(socket) = self.socket_url.as_ref().filter(|socket| **socket != self.url) {
            line(&["  |       |   and on ", socket]);
        }
        if !self.other_names().is_empty() {
            line(&["  |       |   holds ", &names::list(&self.names)]);
        }
        line(&["  '-------'   Ctrl-C closes it"]);
        line(&[]);
        line(&["  passphrase  ", passphrase]);
        line(&["  token       ", &token]);
        line(&[]);
        let credentials = ["\"", passphrase, "\", \"", &*token, "\""].concat();
        let credentials = Zeroizing::new(credentials);
        line(&["  Python, Rust and shell, to paste:"]);
        let (what, call, argument) = self.example();
        line(&[
            "    from passsafe import Client; ",
            what,
            " = Client(",
            &credentials,
            &self.python_options(),
            ")",
            &call,
        ]);
        line(&[
            "    let ",
            what,
            " = passsafe_client::blocking::Client::parse(",
            &credentials,
            ")?",
            &self.rust_options(),
            &call,
            "?;",
        ]);
        line(&["    passsafe get", &argument, &self.shell_options()]);
        line(&[]);
        text
    }

    /// The names, unless `password` is the only one.
    fn other_names(&self) -> &[EntryName] {
        if self.names == [EntryName::password()] { &[] } else { &self.names }
    }

    /// What to paste: a variable, a call, an argument. The password if there is one.
    fn example(&self) -> (&str, String, String) {
        match self.names.first() {
            Some(first) if !self.names.contains(&EntryName::password()) => {
                ("secret", format!(".secret(\"{first}\")"), format!(" {first}"))
            }
            _ => ("password", ".password()".to_owned(), String::new()),
        }
    }

    fn other_url(&self) -> Option<&str> {
        (self.url != format!("http://localhost:{DEFAULT_PORT}")).then_some(&*self.url)
    }

    fn other_user(&self) -> Option<&str> {
        self.user.as_str().filter(|_| self.named_user)
    }

    fn python_options(&self) -> String {
        let url = self.other_url().map(|url| format!(", {url:?}"));
        let user = self.other_user().map(|user| format!(", user={user:?}"));
        [url, user].into_iter().flatten().collect()
    }

    fn rust_options(&self) -> String {
        let url = self.other_url().map(|url| format!(".with_url({url:?}.parse()?)"));
        let user = self
            .other_user()
            .map(|user| format!(".with_user(passsafe_client::User::new({user:?})?)"));
        [url, user].into_iter().flatten().collect()
    }

    fn shell_options(&self) -> String {
        let url = self.other_url().map(|url| {
            let plain = |c: char| c.is_ascii_alphanumeric() || "/:._-".contains(c);
            if url.chars().all(plain) {
                format!(" --url {url}")
            } else {
                format!(" --url '{}'", url.replace('\'', r"'\''"))
            }
        });
        let user =
            self.other_user().map(|user| format!(" --user '{}'", user.replace('\'', r"'\''")));
        [url, user].into_iter().flatten().collect()
    }
}

/// Leaves `reminder` as the only text on the terminal.
///
/// ED 3 takes the scrollback too: an extension of xterm that most terminals know, and tmux.
/// A log or a recording of the terminal is out of reach.
pub(crate) fn clear_screen(reminder: &str) -> Result<(), Failure> {
    const HOME: &str = "\x1b[H";
    const SCREEN: &str = "\x1b[2J";
    const SCROLLBACK: &str = "\x1b[3J";
    streams::write([HOME, SCREEN, SCROLLBACK, reminder].concat().as_bytes())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn credentials() -> Credentials {
        Credentials {
            url: "http://localhost:8051".to_owned(),
            socket_url: None,
            passphrase: Passphrase::new("crudely explode kilogram detached overdrive unlit")
                .unwrap(),
            token: Token::from_integer(936_265).unwrap(),
            user: User::new("ana").unwrap(),
            named_user: false,
            names: vec![EntryName::password()],
            lifetime: Lifetime::DEFAULT,
            expires_at: UNIX_EPOCH + Duration::from_secs(1_795_188_120),
        }
    }

    #[test]
    fn the_banner_has_all_that_opens_the_safe() {
        assert_eq!(
            *credentials().banner(),
            r#"
  .--[o]--.   passsafe
  |  ***  |   open for 60 minutes on http://localhost:8051
  '-------'   Ctrl-C closes it

  passphrase  crudely explode kilogram detached overdrive unlit
  token       936 265

  Python, Rust and shell, to paste:
    from passsafe import Client; password = Client("crudely explode kilogram detached overdrive unlit", "936 265").password()
    let password = passsafe_client::blocking::Client::parse("crudely explode kilogram detached overdrive unlit", "936 265")?.password()?;
    passsafe get

"#
        );
    }

    #[test]
    fn the_banner_names_the_socket_once() {
        let socket = "unix:///run/it's here/safe.sock";
        let both = Credentials { socket_url: Some(socket.to_owned()), ..credentials() }.banner();
        assert!(both.contains(
            "60 minutes on http://localhost:8051\n  |       |   and on unix:///run/it's here/safe.sock\n"
        ));
        let alone = Credentials {
            url: socket.to_owned(),
            socket_url: Some(socket.to_owned()),
            ..credentials()
        };
        let alone = alone.banner();
        assert!(!alone.contains("and on"));
        assert!(alone.contains(r"passsafe get --url 'unix:///run/it'\''s here/safe.sock'"));
    }

    #[test]
    fn the_banner_names_the_secrets_and_none_of_them_twice() {
        let names = |names: &[&str]| names.iter().map(|it| EntryName::new(it).unwrap()).collect();
        let two = Credentials { names: names(&["DB_PASSWORD", "DB_USER"]), ..credentials() };
        let two = two.banner();
        assert!(two.contains("8051\n  |       |   holds DB_PASSWORD and DB_USER\n  '-------'"));
        assert!(two.contains(r#"secret = Client("crudely "#), "{}", *two);
        assert!(two.contains(r#""936 265").secret("DB_PASSWORD")"#), "{}", *two);
        assert!(two.contains(r#""936 265")?.secret("DB_PASSWORD")?;"#), "{}", *two);
        assert!(two.contains("\n    passsafe get DB_PASSWORD\n"), "{}", *two);
        let among =
            Credentials { names: names(&["DB_USER", "password"]), ..credentials() }.banner();
        assert!(among.contains("holds DB_USER and password\n"), "{}", *among);
        assert!(among.contains(".password()\n") && among.contains("    passsafe get\n"));
    }

    #[test]
    fn the_banner_names_what_differs_from_the_defaults() {
        let banner = Credentials {
            url: "http://localhost:40123".to_owned(),
            user: User::new("o'hara").unwrap(),
            named_user: true,
            ..credentials()
        }
        .banner();
        assert!(
            banner.contains(r#""936 265", "http://localhost:40123", user="o'hara").password()"#)
        );
        assert!(
            banner.contains(
                r#".with_url("http://localhost:40123".parse()?).with_user(passsafe_client::User::new("o'hara")?).password()?"#
            )
        );
        assert!(banner.contains(r"passsafe get --url http://localhost:40123 --user 'o'\''hara'"));
    }
}
