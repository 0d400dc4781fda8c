//! What the speed of passsafe is measured against, and with: floors, and programs that measure.
//!
//! `cargo xtask bench` starts these programs, side by side with the released `passsafe` and
//! with other people's programs, and judges what they print. A floor is what the work costs
//! at least: the same bytes over the same kind of connection by the same HTTP library, with
//! nothing of passsafe in it. Nothing here is given to users, and it is for Unix alone.
#![cfg_attr(
    unix,
    allow(clippy::print_stdout, reason = "figures go to the program that asked for them")
)]

#[cfg(unix)]
mod programs;

#[cfg(unix)]
fn main() -> anyhow::Result<()> {
    programs::run()
}

#[cfg(not(unix))]
fn main() {}
