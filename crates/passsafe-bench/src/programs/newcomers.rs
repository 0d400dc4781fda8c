//! How long a newcomer waits for its answer while many others are connected.

use std::time::Instant;

use anyhow::ensure;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::programs::samples::{Samples, Summary};
use crate::programs::target::{Answer, Target};

/// Connects so many times, one less, and stays silent; then fetches `count` times, each time
/// on a connection of its own.
pub(crate) fn measure(
    url: &Target,
    token: &str,
    proof: &str,
    connections: usize,
    count: usize,
) -> anyhow::Result<Summary> {
    let descriptors = u64::try_from(connections)? + 64;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_some_and(|current| current < descriptors) {
        let maximum = maximum.map(|maximum| maximum.max(descriptors));
        setrlimit(Resource::Nofile, Rlimit { current: Some(descriptors), maximum })?;
    }
    let request = url.request(token, proof);
    let mut answer = Answer::with_room();
    let mut others = Vec::with_capacity(connections);
    for _ in 1..connections {
        others.push(url.connect()?);
    }
    let mut samples = Samples::with_room_for(count);
    for _ in 0..count {
        let start = Instant::now();
        answer.exchange(&mut *url.connect()?, &request)?;
        samples.push_since(start);
        ensure!(answer.status() == b"200");
    }
    drop(others);
    Ok(samples.summary())
}
