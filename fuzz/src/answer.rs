//! The client's reading of answers, from the bytes of a connection to a verdict.

use passsafe_client::ErrorKind;
use passsafe_client::fuzzing::{Asked, judge};
use passsafe_core::SealedRecord;

/// The first byte says what was asked for, and in pieces of how many bytes the rest, which
/// is the answer, arrives.
pub fn answer(input: &[u8]) {
    let Some((&how, bytes)) = input.split_first() else { return };
    let asked = match how % 4 {
        0 => Asked::Record,
        1 => Asked::Status,
        2 => Asked::Close,
        _ => Asked::Parameters,
    };
    let piece = match how / 4 {
        0 => usize::MAX,
        piece => piece.into(),
    };
    let judged = judge(asked, bytes.chunks(piece));
    let at_once = judge(asked, [bytes]);
    // However the bytes arrive, they mean the same.
    match (&judged, &at_once) {
        (Ok(in_pieces), Ok(at_once)) => assert_eq!(in_pieces, at_once),
        (Err(in_pieces), Err(at_once)) => assert_eq!(in_pieces.kind(), at_once.kind()),
        _ => panic!("{judged:?} in pieces, {at_once:?} at once"),
    }
    match judged {
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
