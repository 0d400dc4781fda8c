//! The service of a safe, from the bytes of a connection to those of the answers.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use memchr::memmem;
use passsafe_core::wire::{MAX_ATTEMPTS, MAX_PROOFS, PROOF_HEADER, TOKEN_HEADER};
use passsafe_core::{
    Cost, Deadline, Entries, EntryName, Lifetime, Moment, Passphrase, Sealed, SealedRecord, Secret,
    Token, User, WorkMemory,
};
use passsafe_server::{Clock, Event, Safe};

use crate::wire::{Wire, block_on};

/// As `localhost:8051` in the corpus.
const PORT: u16 = 8_051;
const RIGHT: &str = "936265";
/// The proof of what [`sealed`] seals.
const PROOF: &str = "W1jfZQ4sWrEEIQkb6ufeSbWZtpzrHQN0CVNk35a4vMQ";

/// The first byte says in pieces of how many bytes the rest arrives. It is served twice: by a
/// safe that answers, and by one whose owner is asked and says nothing.
pub fn request(input: &[u8]) {
    let Some((&piece, bytes)) = input.split_first() else { return };
    let sent = bytes.to_ascii_lowercase();
    let has_credentials = count(&sent, RIGHT.as_bytes()) > 0 && count(bytes, PROOF.as_bytes()) > 0;

    let (open, mut events) = safe().with_events();
    let answers = serve(open, piece, bytes);
    let (mut fetched, mut wrong, mut wrong_proofs) = (0, 0, 0);
    while let Some(event) = events.try_next() {
        match event {
            Event::Fetched { times, .. } => fetched += usize::try_from(times).unwrap(),
            Event::InvalidToken { .. } => wrong += 1,
            Event::WrongPassphrase { .. } => wrong_proofs += 1,
            Event::RefusedPage { .. }
            | Event::RefusedHost { .. }
            | Event::Locked
            | Event::Closed { caller: Some(_) } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(count(&answers, b" 401 Unauthorized\r\n"), wrong);
    assert_eq!(count(&answers, b"\"ciphertext\""), fetched);
    assert!(fetched == 0 || has_credentials, "the record without token and proof");
    assert_eq!(count(&answers, b"\"wrong_passphrase\""), wrong_proofs);
    assert!(wrong_proofs <= count(&sent, PROOF_HEADER.as_bytes()).min(MAX_PROOFS.into()));
    assert!(wrong <= count(&sent, TOKEN_HEADER.as_bytes()).min(MAX_ATTEMPTS.into()));

    let (asking, mut questions) = safe().with_consent();
    let answers = serve(asking, piece, bytes);
    assert_eq!(count(&answers, b"\"ciphertext\""), 0, "the record without a yes");
    assert_eq!(count(&answers, b"\"invalid_token\""), wrong);
    let awaiting = count(&answers, b" 202 Accepted\r\n");
    assert_eq!(awaiting, fetched);
    assert_eq!(count(&answers, b"\r\nretry-after: 1\r\n"), awaiting);
    // The connection is over, and with it what was asked.
    assert!(block_on(questions.next()).is_none());
}

fn serve(safe: Safe, piece: u8, bytes: &[u8]) -> Vec<u8> {
    let safe = Arc::new(safe);
    let mut wire = Wire::new(bytes, piece);
    block_on(passsafe_server::fuzzing::serve(&mut wire, PORT, safe.clone()));
    let counted = usize::from(MAX_ATTEMPTS - safe.status().attempts_left);
    assert_eq!(count(&wire.written, b" 401 Unauthorized\r\n"), counted);
    let answers = wire.written.to_ascii_lowercase();
    assert_eq!(count(&answers, b"access-control-"), 0);
    assert!(answers.is_empty() || answers.starts_with(b"http/1."));
    wire.written
}

fn count(haystack: &[u8], needle: &[u8]) -> usize {
    memmem::find_iter(haystack, needle).count()
}

fn safe() -> Safe {
    let now = StoppedClock.now();
    let deadline = Deadline::new(now, Lifetime::DEFAULT);
    let token = Token::parse(RIGHT).expect("six digits");
    Safe::new(sealed(), token, deadline, Arc::new(StoppedClock))
}

fn sealed() -> &'static Sealed {
    static SEALED: OnceLock<Sealed> = OnceLock::new();
    SEALED.get_or_init(|| {
        let cost = Cost::new(Cost::MIN_MEMORY_KIB, Cost::MIN_ITERATIONS).expect("the least");
        let entries = Entries::new([(EntryName::password(), Secret::from("S3kr!t"))]);
        SealedRecord::seal(
            &entries.expect("one entry"),
            &Passphrase::new("zoom").expect("not empty"),
            &User::new("ana").expect("a name"),
            cost,
            &mut |out: &mut [u8]| {
                out.fill(7);
                Ok(())
            },
            &mut WorkMemory::for_cost(cost).expect("20 MiB"),
        )
        .expect("sealed")
    })
}

struct StoppedClock;

impl Clock for StoppedClock {
    fn now(&self) -> Moment {
        let seconds = Duration::from_secs;
        Moment { boot: seconds(50_000), wall: seconds(1_800_000_000) }
    }
}
