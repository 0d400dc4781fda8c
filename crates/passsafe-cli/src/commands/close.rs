//! `passsafe close`: ends a safe before its time.

use crate::cli::args::CloseArgs;
use crate::commands::open::Address;
use crate::commands::{credentials, open};
use crate::os::{hardening, streams};
use crate::text::failure::Failure;

pub(crate) fn close(args: &CloseArgs) -> Result<(), Failure> {
    hardening::harden().warn();
    let address = Address::of(&args.safe)?;
    let url = address.url();
    let token = credentials::for_closing(|| open::must_be_open(&address))?;
    address.endpoint().close_safe(&token).map_err(|error| open::explained(&error, url))?;
    streams::note(&format!("closed: the safe at {url} is gone\n"));
    Ok(())
}
