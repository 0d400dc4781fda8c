//! `passsafe status`: how a safe is doing. Needs no token and changes nothing.

use passsafe_client::{State, Status};
use passsafe_core::wire::MAX_ATTEMPTS;

use crate::args::StatusArgs;
use crate::explain::how;
use crate::failure::Failure;
use crate::{open, output};

pub(crate) fn status(args: &StatusArgs) -> Result<(), Failure> {
    let status = open::status(&open::Address::of(&args.safe)?)?;
    let line = if args.json { json(&status) } else { sentence(&status) };
    output::write(format!("{line}\n").as_bytes())
}

#[expect(clippy::expect_used, reason = "a status is a struct of numbers and a word")]
fn json(status: &Status) -> String {
    serde_json::to_string(status).expect("a status serialises")
}

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
