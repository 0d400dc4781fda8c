//! `passsafe get`: one secret on stdout, and nothing else.

use zeroize::Zeroizing;

use crate::args::GetArgs;
use crate::failure::Failure;
use crate::{hardened, open, output};

pub(crate) fn get(args: &GetArgs) -> Result<(), Failure> {
    hardened::harden().warn();
    let secrets = open::secrets(&args.safe, &args.user, std::slice::from_ref(&args.name))?;
    let end: &[u8] = if args.raw { b"" } else { b"\n" };
    let room = secrets.iter().map(|secret| secret.len() + end.len()).sum();
    let mut answer = Zeroizing::new(Vec::with_capacity(room));
    for secret in &secrets {
        answer.extend_from_slice(secret.expose());
        answer.extend_from_slice(end);
    }
    output::write(&answer)
}
