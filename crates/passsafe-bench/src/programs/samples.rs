//! Times of one thing done many times, and the few figures that stand for them.

use std::time::{Duration, Instant};

use serde::Serialize;

/// Times in nanoseconds.
#[derive(Serialize)]
pub(crate) struct Summary {
    pub(crate) count: usize,
    pub(crate) p50: u64,
    pub(crate) p95: u64,
    pub(crate) p99: u64,
}

#[derive(Default)]
pub(crate) struct Samples(Vec<Duration>);

impl Samples {
    pub(crate) fn with_room_for(count: usize) -> Self {
        Self(Vec::with_capacity(count))
    }

    pub(crate) fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    pub(crate) fn push_since(&mut self, start: Instant) {
        self.push(start.elapsed());
    }

    pub(crate) fn summary(mut self) -> Summary {
        self.0.sort_unstable();
        let at = |percent: usize| {
            let time = self.0.get(self.0.len().saturating_sub(1) * percent / 100);
            time.map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
        };
        Summary { count: self.0.len(), p50: at(50), p95: at(95), p99: at(99) }
    }
}

/// Rounds that are not counted, so that caches are warm and connections made.
pub(crate) fn warm_up(count: usize) -> usize {
    count / 10 + 1
}

/// Does it `count` times, after some that do not count.
pub(crate) fn measure(
    count: usize,
    mut once: impl FnMut() -> anyhow::Result<()>,
) -> anyhow::Result<Summary> {
    for _ in 0..warm_up(count) {
        once()?;
    }
    let mut samples = Samples::with_room_for(count);
    for _ in 0..count {
        let start = Instant::now();
        once()?;
        samples.push_since(start);
    }
    Ok(samples.summary())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_tells_the_middle_from_the_tail() {
        let times = (0..=100).rev().map(Duration::from_nanos).collect();
        let Summary { count, p50, p95, p99 } = Samples(times).summary();
        assert_eq!((count, p50, p95, p99), (101, 50, 95, 99));
        assert_eq!(Samples::default().summary().p99, 0);
    }
}
