//! Which processor a program runs on.
//!
//! A processor that sleeps takes longer to wake than an answer takes; what is measured is
//! either kept on one, or kept apart from what loads it.

use std::sync::OnceLock;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Processor {
    First,
    Last,
}

/// Those that this process was started with.
static ALL: OnceLock<CpuSet> = OnceLock::new();

/// Does `work`, and has what it starts run, on this processor alone.
pub(super) fn on<T>(
    processor: Processor,
    work: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let before = sched_getaffinity(None)?;
    let all = ALL.get_or_init(|| before);
    let mut allowed = (0..CpuSet::MAX_CPU).filter(|&number| all.is_set(number));
    let chosen = match processor {
        Processor::First => allowed.next(),
        Processor::Last => allowed.next_back(),
    };
    let mut alone = CpuSet::new();
    alone.set(chosen.unwrap_or(0));
    sched_setaffinity(None, &alone)?;
    let result = work();
    sched_setaffinity(None, &before)?;
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_has_one_processor_and_what_follows_has_all() {
        let count = || sched_getaffinity(None).unwrap().count();
        let before = count();
        assert_eq!(on(Processor::Last, || Ok(count())).unwrap(), 1);
        assert_eq!(count(), before);
    }

    #[test]
    fn work_within_work_is_on_its_own_processor() {
        let here = || sched_getaffinity(None).unwrap();
        let (last, first) =
            on(Processor::Last, || Ok((here(), on(Processor::First, || Ok(here())).unwrap())))
                .unwrap();
        assert_eq!(on(Processor::First, || Ok(here())).unwrap(), first);
        assert_eq!(on(Processor::Last, || Ok(here())).unwrap(), last);
    }
}
