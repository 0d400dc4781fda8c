//! The state of a safe in words.

use passsafe_client::{State, Status};
use passsafe_core::wire::MAX_ATTEMPTS;

/// The state in words, without a subject: `open, 24 minutes left, …`.
pub(crate) fn sentence(status: &Status) -> String {
    if status.state == State::Open {
        let time = time(status.expires_in_seconds);
        format!("open, {time} left, {} of {MAX_ATTEMPTS} attempts left", status.attempts_left)
    } else {
        how(status.state).to_owned()
    }
}

fn time(seconds: u64) -> String {
    let (count, unit) = if seconds < 120 { (seconds, "second") } else { (seconds / 60, "minute") };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// A state in words, without a subject.
pub(crate) fn how(state: State) -> &'static str {
    match state {
        State::Open => "open",
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
    fn time_is_told_in_the_unit_that_matters() {
        assert_eq!(time(0), "0 seconds");
        assert_eq!(time(1), "1 second");
        assert_eq!(time(119), "119 seconds");
        assert_eq!(time(120), "2 minutes");
        assert_eq!(time(28_799), "479 minutes");
    }
}
