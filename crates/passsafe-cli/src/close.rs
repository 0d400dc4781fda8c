//! `passsafe close`: ends a safe before its time.

use crate::args::CloseArgs;
use crate::explain::explain;
use crate::failure::Failure;
use crate::open::Address;
use crate::{credentials, hardened, open, output};

pub(crate) fn close(args: &CloseArgs) -> Result<(), Failure> {
    hardened::harden().warn();
    let address = Address::of(&args.safe)?;
    let url = address.url();
    let token = credentials::for_closing(|| open::must_be_open(&address))?;
    address.endpoint().close_safe(&token).map_err(|error| explain(&error, url))?;
    output::note(&format!(
        "closed: the safe at {url} is gone
"
    ));
    Ok(())
}
