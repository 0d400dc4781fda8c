//! Keys and records: derived once, opened each time, never mixed up.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::records::{PASSPHRASE, answer, client, client_for, sealed, sealed_as, with_record};
use crate::rogue::Rogue;
use passsafe_client::{EntryName, ErrorKind, User};

/// Serves these records in turn, then the last one for ever.
fn serving(records: Vec<String>) -> Rogue {
    Rogue::start(move |number| with_record(&records[number.min(records.len() - 1)], 1_450))
}

#[test]
fn secrets_are_found_by_name() {
    let record = sealed_as(
        PASSPHRASE,
        0,
        &[("api_key", b"k"), ("cert.der", b"\xff\x00"), ("password", b"S3kr!t")],
    );
    let rogue = serving(vec![record]);
    let client = client(&rogue.url());
    let names = client.names().unwrap();
    assert_eq!(
        names.iter().map(EntryName::as_str).collect::<Vec<_>>(),
        ["api_key", "cert.der", "password"]
    );
    assert_eq!(client.password().unwrap().expose(), "S3kr!t");
    assert_eq!(client.secret("api_key").unwrap().expose(), "k");
    assert_eq!(client.secret_bytes("cert.der").unwrap().expose(), b"\xff\x00");
    assert_eq!(client.secret("cert.der").unwrap_err().kind(), ErrorKind::NotText);
    let error = client.secret("other").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownEntry);
    assert_eq!(error.to_string(), "the safe holds no secret named other");
    let asked = rogue.requests().len();
    let all = client.entries().unwrap();
    let values = all.names().map(|name| all.get(name).unwrap().expose());
    assert_eq!(values.collect::<Vec<_>>(), [&b"k"[..], b"\xff\x00", b"S3kr!t"]);
    assert_eq!(rogue.requests().len(), asked + 1, "all at one moment");
    let asked = rogue.requests().len();
    assert_eq!(client.secret("no name").unwrap_err().kind(), ErrorKind::Usage);
    assert_eq!(rogue.requests().len(), asked);
}

#[test]
fn nothing_is_cached_but_the_key() {
    // The same salt: two records of one safe.
    let rogue = serving(vec![sealed("first"), sealed("second")]);
    let client = client(&rogue.url());
    assert_eq!(client.password().unwrap().expose(), "first");
    assert_eq!(client.password().unwrap().expose(), "second");
    assert_eq!(rogue.requests().len(), 2);
}

#[test]
fn a_clone_shares_the_key_and_has_a_connection_of_its_own() {
    let rogue = serving(vec![sealed("S3kr!t")]);
    let client = client(&rogue.url());
    let clone = client.clone();
    let holds =
        |of: &passsafe_client::blocking::Client| of.expose_credential().unwrap().expose()[0];
    assert_eq!((holds(&client), holds(&clone)), (b'p', b'p'));
    client.password().unwrap();
    assert_eq!((holds(&client), holds(&clone)), (b'k', b'k'));
    assert_eq!(clone.password().unwrap().expose(), "S3kr!t");
    assert_eq!((rogue.accepts(), rogue.requests().len()), (2, 2));
}

/// Both safes have the same passphrase, so that deriving another key would succeed.
#[test]
fn another_safe_is_not_opened_by_a_new_derivation() {
    let other = sealed_as(PASSPHRASE, 1, &[("password", b"other")]);
    let rogue = serving(vec![sealed("S3kr!t"), other.clone(), sealed("S3kr!t")]);
    let keyed = client(&rogue.url());
    keyed.password().unwrap();
    let error = keyed.password().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OtherSafe, "{error}");
    assert_eq!(keyed.password().unwrap().expose(), "S3kr!t");

    let rogue = serving(vec![other]);
    assert_eq!(client(&rogue.url()).password().unwrap().expose(), "other");
}

#[test]
fn a_wrong_passphrase_or_user_can_still_be_right_later() {
    let mine = sealed_as("my own words", 1, &[("password", b"mine")]);
    let rogue = serving(vec![sealed("S3kr!t"), mine]);
    let client = client_for(" My  own words", &rogue.url());
    let error = client.password().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongPassphrase, "{error}");
    assert!(error.to_string().contains("ana"));
    assert_eq!(client.password().unwrap().expose(), "mine");

    let rogue = serving(vec![sealed("S3kr!t")]);
    let stranger = client_for(PASSPHRASE, &rogue.url()).with_user(User::new("bob").unwrap());
    assert_eq!(stranger.password().unwrap_err().kind(), ErrorKind::WrongPassphrase);
}

#[test]
fn a_damaged_record_does_not_cost_the_passphrase() {
    let good = sealed("S3kr!t");
    let (head, ciphertext) = good.split_once(r#""ciphertext":""#).unwrap();
    let first = if ciphertext.starts_with('A') { 'B' } else { 'A' };
    let damaged = format!(r#"{head}"ciphertext":"{first}{}"#, &ciphertext[1..]);
    let rogue = serving(vec![damaged.clone(), good, damaged]);
    let client = client(&rogue.url());
    assert_eq!(client.password().unwrap_err().kind(), ErrorKind::Damaged);
    assert_eq!(client.password().unwrap().expose(), "S3kr!t");
    assert_eq!(client.password().unwrap_err().kind(), ErrorKind::Damaged);
}

#[test]
fn an_absurd_cost_is_refused_before_any_work() {
    for (from, to) in [
        ("\"memory_kib\":19456", "\"memory_kib\":4294967295"),
        ("\"memory_kib\":19456", "\"memory_kib\":262145"),
        ("\"iterations\":1", "\"iterations\":4294967295"),
        ("\"memory_kib\":19456", "\"memory_kib\":8"),
    ] {
        let absurd = sealed("S3kr!t").replace(from, to);
        assert!(absurd.contains(to));
        let (asked, good) = (AtomicUsize::new(0), sealed("S3kr!t"));
        let rogue = Rogue::start(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
            0 => with_record(&absurd, 1_450),
            _ => with_record(&good, 1_450),
        });
        let client = client(&rogue.url());
        let error = client.password().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged, "{to}: {error}");
        assert_eq!(client.password().unwrap().expose(), "S3kr!t");
    }
}

#[test]
fn something_else_in_json_is_not_a_safe() {
    let json = "Content-Type: application/json\r\nPasssafe-Expires-In: 5\r\n";
    let rogue = Rogue::start(move |_| answer("200 OK", json, r#"{"version":1}"#));
    assert!(client(&rogue.url()).password().unwrap_err().kind() == ErrorKind::NotASafe);
}
