//! Looks for secrets where none may be. What the helpers of these tests collect goes through
//! here: every standard error, and every error's standard output.

use passsafe_core::{Passphrase, wordlist};

/// Passwords of these tests.
const PASSWORDS: [&str; 3] = ["S3kr!t", "Zw0lf-Boxkaempfer/jagen_Viktor", "hunter2"];

/// Neither a password nor a passphrase, whatever safe it may be of: six words of the list in a
/// row.
#[track_caller]
pub(crate) fn assert_none(output: &[u8]) {
    let text = String::from_utf8_lossy(output);
    for password in PASSWORDS {
        assert!(!text.contains(password), "a password: {text}");
    }
    let mut row = 0;
    for word in text.split(|c: char| c != '-' && !c.is_ascii_alphanumeric()) {
        row = if wordlist::contains(word) { row + 1 } else { 0 };
        assert!(row < Passphrase::WORDS, "a passphrase: {text}");
    }
}

#[test]
fn a_passphrase_is_found_whatever_is_around_it() {
    assert_none(b"error: crudely explode kilogram detached overdrive\nunlike us\n");
    for leak in [
        "note: crudely explode kilogram detached overdrive unlit",
        "{\"passphrase\":\"crudely explode kilogram detached overdrive unlit\"}",
        "PASSSAFE_PASSPHRASE=crudely\u{a0}explode\tkilogram detached\noverdrive unlit!",
        "wrong: 'S3kr!t'",
    ] {
        std::panic::catch_unwind(|| assert_none(leak.as_bytes())).unwrap_err();
    }
}
