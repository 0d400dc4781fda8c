//! What the fuzz targets reach and programs do not. Compiled under `--cfg fuzzing` only,
//! which no release and no dependent sets.

use http_body_util::Empty;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::answer::{self, Fetching};
use crate::connection::{self, Failure, Request};
use crate::error::{Error, Kind};

/// What was asked for.
#[derive(Debug, Clone, Copy)]
pub enum Asked {
    /// The sealed record.
    Record,
    /// The status.
    Status,
    /// To close the safe.
    Close,
}

/// Asks whoever is at the other end of `stream`, and judges the answer as a client does. Of
/// what was read, the record is returned, written again.
pub async fn ask(
    asked: Asked,
    stream: impl AsyncRead + AsyncWrite + Unpin,
) -> Result<Option<String>, Error> {
    let (mut sender, driver) =
        connection::handshake(stream).await.map_err(|_| Kind::NotASafe("no handshake"))?;
    let answer = connection::exchange(&mut sender, &mut Some(driver), Request::new(Empty::new()))
        .await
        .map_err(|failure| match failure {
            Failure::Unsent(..) => Kind::NotASafe("it speaks before it is asked"),
            Failure::HungUp(source) => Kind::HungUp { at: String::new(), source },
            Failure::NotHttp => Kind::NotASafe("it does not speak HTTP"),
            Failure::TooLong => Kind::NotASafe("its answer is too long"),
        })?;
    match asked {
        Asked::Record => Ok(match answer::fetched(&answer)? {
            Fetching::Done(fetched) => Some(fetched.record.to_json()),
            Fetching::Later(_) => None,
        }),
        Asked::Status => Ok(answer::status(&answer).map(|_| None)?),
        Asked::Close => Ok(answer::closed(&answer).map(|()| None)?),
    }
}
