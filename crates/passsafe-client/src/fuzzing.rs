//! What the fuzz targets reach and programs do not. Compiled under `--cfg fuzzing` only,
//! which no release and no dependent sets.

use crate::answer::{self, Fetching};
use crate::error::Error;
use crate::exchange::Exchange;
use crate::target::{Failure, Target};
use crate::url::BaseUrl;

/// What was asked for.
#[derive(Debug, Clone, Copy)]
pub enum Asked {
    /// What a proof is derived with.
    Parameters,
    /// The sealed record.
    Record,
    /// The status.
    Status,
    /// To close the safe.
    Close,
}

/// Judges what was received, in these pieces and then no more, as a client does. Of what was
/// read, the record is returned, written again.
pub fn judge(
    asked: Asked,
    pieces: impl IntoIterator<Item: AsRef<[u8]>>,
) -> Result<Option<String>, Error> {
    let target = Target::new(BaseUrl::default());
    let mut exchange = Exchange::default();
    let received = pieces.into_iter().find_map(|it| exchange.received(it.as_ref()).transpose());
    let answer = received
        .unwrap_or_else(|| exchange.ended())
        .map_err(|fault| target.failed(Failure::Fault(fault)))?;
    match asked {
        Asked::Record => Ok(match answer::fetched(&answer)? {
            Fetching::Done(fetched) => Some(fetched.record.to_json()),
            Fetching::Later(_) => None,
        }),
        Asked::Parameters => Ok(answer::parameters(&answer).map(|_| None)?),
        Asked::Status => Ok(answer::status(&answer).map(|_| None)?),
        Asked::Close => Ok(answer::closed(&answer).map(|()| None)?),
    }
}
