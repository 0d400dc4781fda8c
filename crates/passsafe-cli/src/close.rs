//! `passsafe close`: ends a safe before its time.

use passsafe_client::Endpoint;

use crate::args::CloseArgs;
use crate::failure::Failure;
use crate::{credentials, hardened, open, output};

pub(crate) fn close(args: &CloseArgs) -> Result<(), Failure> {
    hardened::harden().warn();
    let url = open::base_url(&args.safe)?;
    let token = credentials::for_closing(|| open::status(&url).map(drop))?;
    open::wait_for(Endpoint::new(url.clone()).close(&token), &url)?;
    output::note(&format!("closed: the safe at {url} is gone\n"));
    Ok(())
}
