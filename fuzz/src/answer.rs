//! The client's reading of answers, from the bytes of a connection to a verdict.

use passsafe_client::ErrorKind;
use passsafe_client::fuzzing::{Asked, ask};
use passsafe_core::SealedRecord;

use crate::wire::{Wire, block_on};

/// The first byte says what was asked for, and in pieces of how many bytes the rest, which
/// is the answer, arrives.
pub fn answer(input: &[u8]) {
    let Some((&how, bytes)) = input.split_first() else { return };
    let asked = match how % 3 {
        0 => Asked::Record,
        1 => Asked::Status,
        _ => Asked::Close,
    };
    let wire = Wire::new(bytes, how / 3).silent_at_first();
    match block_on(ask(asked, wire)) {
        Ok(None) => {}
        Ok(Some(record)) => assert!(SealedRecord::from_json(record.as_bytes()).is_ok()),
        Err(error) => {
            let message = error.to_string();
            // Of what was sent, numbers of the record's cost and version alone.
            assert!(message.len() < 120, "{message}");
            assert!(message.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{message}");
            assert_ne!(error.kind(), ErrorKind::Usage, "{message}");
        }
    }
}
