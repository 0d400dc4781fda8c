//! passsafe's own clients, as programs use them.

use std::num::NonZeroUsize;
use std::time::Instant;

use passsafe_client::{Client, blocking};
use passsafe_core::SealedRecord;

use crate::programs::least::Opened;
use crate::programs::samples::{self, Samples, Summary};

/// `password()`, the key being there.
pub(crate) fn warm(
    url: &str,
    passphrase: &str,
    token: &str,
    count: usize,
) -> anyhow::Result<Summary> {
    let client = Client::parse(passphrase, token)?.with_url(url.parse()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut samples = Samples::with_room_for(count);
        for number in 0..samples::warm_up(count) + count {
            let start = Instant::now();
            let password = client.password().await?;
            if number >= samples::warm_up(count) {
                samples.push_since(start);
            }
            drop(password);
        }
        Ok(samples.summary())
    })
}

/// The same by the blocking client, in no runtime.
pub(crate) fn warm_blocking(
    url: &str,
    passphrase: &str,
    token: &str,
    count: usize,
) -> anyhow::Result<Summary> {
    let client = blocking::Client::parse(passphrase, token)?.with_url(url.parse()?);
    samples::measure(count, || {
        client.password()?;
        Ok(())
    })
}

/// What a call does besides the round trip: from the text of a record to the secrets.
pub(crate) fn open(count: usize) -> anyhow::Result<Summary> {
    let Opened { sealed, key, .. } = Opened::new(NonZeroUsize::MIN, 24)?;
    let text = sealed.record.to_json();
    samples::measure(count, || {
        drop(SealedRecord::from_json(text.as_bytes())?.open(&key)?);
        Ok(())
    })
}

/// The first `password()` of this process, the making of the client included.
pub(crate) fn first(url: &str, passphrase: &str, token: &str) -> anyhow::Result<Summary> {
    let mut samples = Samples::default();
    let start = Instant::now();
    let client = blocking::Client::parse(passphrase, token)?.with_url(url.parse()?);
    drop(client.password()?);
    samples.push_since(start);
    Ok(samples.summary())
}
