//! The state of a safe in words.

use std::fmt::Write as _;

use passsafe_client::{State, Status};
use passsafe_core::wire::{MAX_ATTEMPTS, MAX_PROOFS};

/// The state in words, without a subject: `open, 24 minutes left, …`.
pub(crate) fn sentence(status: &Status) -> String {
    if status.state == State::Open {
        let time = time(status.expires_in_seconds);
        let mut text =
            format!("open, {time} left, {} of {MAX_ATTEMPTS} attempts left", status.attempts_left);
        if status.proofs_left < MAX_PROOFS {
            // Writing to a text never fails.
            let _ok = write!(text, ", {} of {MAX_PROOFS} passphrases left", status.proofs_left);
        }
        text
    } else {
        how(status.state, status.proofs_left == 0).to_owned()
    }
}

fn time(seconds: u64) -> String {
    let (count, unit) = if seconds < 120 { (seconds, "second") } else { (seconds / 60, "minute") };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// A state in words, without a subject.
pub(crate) fn how(state: State, by_passphrases: bool) -> &'static str {
    match state {
        State::Open => "open",
        State::Locked if by_passphrases => "locked: ten wrong passphrases were tried",
        State::Locked => "locked: three wrong tokens were tried",
        State::Spent => "spent: its last allowed use was made",
        State::Expired => "expired",
        State::Closed => "closed",
        _ => "in a state that this version does not know",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_passphrases_are_told_once_there_are_any() {
        let open = |proofs_left| sentence(&Status::new(State::Open, 1_440, 3, proofs_left));
        assert_eq!(open(10), "open, 24 minutes left, 3 of 3 attempts left");
        assert_eq!(
            open(9),
            "open, 24 minutes left, 3 of 3 attempts left, 9 of 10 passphrases left"
        );
        let locked = |attempts, proofs| sentence(&Status::new(State::Locked, 0, attempts, proofs));
        assert_eq!(locked(0, 10), "locked: three wrong tokens were tried");
        assert_eq!(locked(3, 0), "locked: ten wrong passphrases were tried");
    }

    #[test]
    fn time_is_told_in_the_unit_that_matters() {
        assert_eq!(time(0), "0 seconds");
        assert_eq!(time(1), "1 second");
        assert_eq!(time(119), "119 seconds");
        assert_eq!(time(120), "2 minutes");
        assert_eq!(time(28_799), "479 minutes");
    }
}
