//! What a client knows about the end of its safe when nobody is left to ask.

use crate::records::{client, sealed, with_record, with_status};
use crate::rogue::Rogue;
use passsafe_client::ErrorKind;

#[test]
fn a_dead_port_after_the_deadline_means_expired() {
    let record = sealed("S3kr!t");
    let mut rogue = Rogue::start(move |_| with_record(&record, 0));
    let client = client(&rogue.url());
    client.password().unwrap();
    rogue.stop();
    for error in [
        client.password().unwrap_err(),
        client.status().unwrap_err(),
        client.remaining().unwrap_err(),
        client.close_safe().unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Expired, "{error}");
    }
}

#[test]
fn a_dead_port_before_the_deadline_is_just_dead() {
    let record = sealed("S3kr!t");
    let mut rogue = Rogue::start(move |_| with_record(&record, 28_800));
    let client = client(&rogue.url());
    client.password().unwrap();
    rogue.stop();
    let error = client.password().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
}

#[test]
fn a_safe_that_answers_after_its_deadline_is_believed() {
    let record = sealed("S3kr!t");
    let rogue = Rogue::start(move |_| with_record(&record, 0));
    let client = client(&rogue.url());
    client.password().unwrap();
    assert_eq!(client.password().unwrap().expose(), "S3kr!t");
}

/// Whose owner has given it more time, as a later answer tells.
#[test]
fn a_dead_port_before_the_deadline_as_extended_is_just_dead() {
    for by_status in [false, true] {
        let record = sealed("S3kr!t");
        let mut rogue = Rogue::start(move |number| match number {
            0 => with_record(&record, 0),
            _ if by_status => with_status(),
            _ => with_record(&record, 1_450),
        });
        let client = client(&rogue.url());
        client.password().unwrap();
        if by_status {
            client.status().unwrap();
        } else {
            client.password().unwrap();
        }
        rogue.stop();
        let error = client.password().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    }
}
