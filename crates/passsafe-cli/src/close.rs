//! `passsafe close`: ends a safe before its time.

use crate::args::CloseArgs;
use crate::failure::Failure;
use crate::open::Address;
use crate::{credentials, open, output};

pub(crate) fn close(args: &CloseArgs) -> Result<(), Failure> {
    let address = Address::of(&args.safe)?;
    let token = credentials::for_closing(|| open::status(&address).map(drop))?;
    open::wait_for(address.endpoint().close(&token), address.url())?;
    output::note(&format!("closed: the safe at {} is gone\n", address.url()));
    Ok(())
}
