//! `passsafe status`: how a safe is doing. Needs no token and changes nothing.

use passsafe_client::Status;

use crate::cli::args::StatusArgs;
use crate::commands::open;
use crate::os::streams;
use crate::text::failure::Failure;
use crate::text::state::sentence;

pub(crate) fn status(args: &StatusArgs) -> Result<(), Failure> {
    let status = open::status(&open::Address::of(&args.safe)?)?;
    let line = if args.json { json(&status) } else { sentence(&status) };
    streams::write(format!("{line}\n").as_bytes())
}

#[expect(clippy::expect_used, reason = "a status is a struct of numbers and a word")]
fn json(status: &Status) -> String {
    serde_json::to_string(status).expect("a status serialises")
}
