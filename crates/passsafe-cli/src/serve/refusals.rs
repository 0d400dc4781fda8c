//! Telling who was turned away at the door, and which flag lets them in.

use std::collections::HashSet;
use std::sync::mpsc::channel;
use std::thread;

use crate::accounts;
use crate::output::note;

/// Announces each account once, however often it tries.
///
/// Looking up a name may take as long as a directory server likes, so a thread does it. The
/// process does not wait for that one when it ends.
pub(super) fn announcer() -> impl FnMut(Option<u32>) {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for refused in receiver {
            note(&line(refused));
        }
    });
    let mut told = HashSet::new();
    move |refused| {
        if told.insert(refused) {
            // The thread lives as long as the sender.
            let _received = sender.send(refused);
        }
    }
}

fn line(account: Option<u32>) -> String {
    match account {
        Some(uid) => {
            let name = accounts::name(uid);
            format!(
                "refused: a connection from account {name} (uid {uid}); --allow-user {name} admits it\n"
            )
        }
        None => "refused: a connection from an account that the system does not tell; \
              --allow-any-user admits it\n"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_account_and_the_flag() {
        assert_eq!(
            line(Some(0)),
            "refused: a connection from account root (uid 0); --allow-user root admits it\n"
        );
        assert_eq!(
            line(None),
            "refused: a connection from an account that the system does not tell; \
             --allow-any-user admits it\n"
        );
    }
}
