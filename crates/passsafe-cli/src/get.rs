//! `passsafe get`: one secret on stdout, and nothing else.

use zeroize::Zeroizing;

use crate::args::GetArgs;
use crate::failure::Failure;
use crate::open::Opener;
use crate::{hardened, output};

pub(crate) fn get(args: &GetArgs) -> Result<(), Failure> {
    hardened::harden().warn();
    let secret = Opener::new(&args.safe, &args.user)?.secret(&args.name)?;
    if args.raw {
        return output::write(secret.expose());
    }
    let mut line = Zeroizing::new(Vec::with_capacity(secret.len() + 1));
    line.extend_from_slice(secret.expose());
    line.push(b'\n');
    output::write(&line)
}
