//! Names of callers and accounts, in words.
//!
//! A process chooses its own name, so nothing in it may move the cursor, hide a character or
//! pass for the words around it. Its number and account are the system's.

use std::collections::HashMap;

use passsafe_server::{Caller, Process};

/// Accounts whose names are kept. More of them is a flood, and goes by numbers.
const MOST: usize = 64;

/// The names of accounts that were looked up.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<u32, String>);

impl Names {
    /// Whether the system should be asked for this one.
    pub(super) fn lacks(&self, uid: u32) -> bool {
        !self.0.contains_key(&uid) && self.0.len() < MOST
    }

    pub(super) fn learn(&mut self, uid: u32, name: String) {
        self.0.insert(uid, name);
    }

    /// The name of an account, for arguments too; its number, where it has none.
    pub(super) fn name(&self, uid: u32) -> String {
        self.0.get(&uid).map_or_else(|| uid.to_string(), |name| printable(name))
    }
}

/// The caller as one clause: `python3 (pid 4242) of ana`.
pub(super) fn who(caller: &Caller, names: &Names) -> String {
    match &caller.process {
        Some(Process { pid, name }) => {
            format!("{} (pid {pid}){}", quoted(name), of_account(caller, names))
        }
        None => kind(caller, names),
    }
}

/// What is counted together: `python3 of ana`, without its number.
pub(super) fn kind(caller: &Caller, names: &Names) -> String {
    let what = match &caller.process {
        Some(process) => quoted(&process.name),
        None if caller.is_protected => "a protected process".to_owned(),
        None => "an unknown process".to_owned(),
    };
    what + &of_account(caller, names)
}

fn of_account(caller: &Caller, names: &Names) -> String {
    caller.account.map(|uid| format!(" of {}", names.name(uid))).unwrap_or_default()
}

/// The name, in quotation marks if it could be read as more than a name.
fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "._-+:/@".contains(c);
    let name = printable(name);
    if !name.is_empty() && name.chars().all(plain) {
        name
    } else {
        format!("'{}'", name.replace('\'', "\\'"))
    }
}

/// Without control characters, line ends, and those that turn the direction of text or show
/// nothing at all.
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            // escape_debug escapes these three too; they are harmless here.
            let stays = c == '\'' || c == '"' || c == '\\' || c.escape_debug().len() == 1;
            let (plain, escaped) =
                if stays { (Some(c), None) } else { (None, Some(c.escape_debug())) };
            plain.into_iter().chain(escaped.into_iter().flatten())
        })
        .collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::display) fn names() -> Names {
        let mut names = Names::default();
        names.learn(1_000, "ana".to_owned());
        names.learn(65_534, "nobody".to_owned());
        names
    }

    pub(in crate::display) fn caller(name: &str) -> Caller {
        Caller {
            account: Some(1_000),
            process: Some(Process { pid: 4_242, name: name.to_owned() }),
            is_protected: false,
        }
    }

    #[test]
    fn a_caller_is_process_number_and_account() {
        let hidden = Caller { account: Some(1_000), process: None, is_protected: true };
        let other = Caller { account: Some(1_001), process: None, is_protected: false };
        for (caller, text) in [
            (caller("python3"), "python3 (pid 4242) of ana"),
            (hidden, "a protected process of ana"),
            (other, "an unknown process of 1001"),
            (Caller::default(), "an unknown process"),
        ] {
            assert_eq!(who(&caller, &names()), text);
        }
        assert_eq!(kind(&caller("python3"), &names()), "python3 of ana");
    }

    #[test]
    fn a_name_cannot_move_the_cursor_or_pass_for_other_words() {
        for (name, shown) in [
            ("a\x1b[2Jb\r\n", r"'a\u{1b}[2Jb\r\n'"),
            ("\u{9b}2J", r"'\u{9b}2J'"),
            ("x\u{202e}y\u{200b}", r"'x\u{202e}y\u{200b}'"),
            ("ssh (pid 1)", "'ssh (pid 1)'"),
            ("it's", r"'it\'s'"),
            ("", "''"),
            ("größe", "größe"),
        ] {
            assert_eq!(
                who(&caller(name), &Names::default()),
                format!("{shown} (pid 4242) of 1000")
            );
        }
    }

    #[test]
    fn a_flood_of_accounts_is_not_remembered() {
        let mut names = Names::default();
        for uid in 0..100 {
            if names.lacks(uid) {
                names.learn(uid, uid.to_string());
            }
        }
        assert_eq!(names.0.len(), MOST);
    }
}
