//! What keeps a program from being started.

use super::{Case, Refusal};
use crate::support::Safe;

pub(super) const CASES: &[Case] = &[programs, variables, zero_bytes];

fn programs() -> Vec<Refusal> {
    let safe = Safe::start(b"S3kr!t");
    ["/no/such/program", "/etc/passwd"]
        .map(|program| Refusal::of(&safe.run(["run", "--env", "A", "--", program])))
        .into()
}

fn variables() -> Vec<Refusal> {
    let safe = Safe::start(b"S3kr!t");
    vec![
        Refusal::of(&safe.run(["run", "--env", "PASSSAFE_TOKEN", "--", "true"])),
        Refusal::of(&safe.run(["run", "--env", "A", "--env", "A", "--", "true"])),
    ]
}

fn zero_bytes() -> Vec<Refusal> {
    let safe = Safe::start(b"S3\0kr!t");
    vec![Refusal::of(&safe.run(["run", "--env", "A", "--", "true"]))]
}
