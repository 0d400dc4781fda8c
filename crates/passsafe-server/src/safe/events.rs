//! The events of a safe: what happened, and which process and account did it.
//!
//! No event contains any part of a request. Events of one safe come in the order in which
//! they were judged. They wait in a bounded queue: a listener that does not read neither blocks
//! the safe nor makes it grow, and is told how many were lost.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::safe::caller::Caller;

/// Most events in the queue. Memory is taken as they come.
const CAPACITY: usize = 1_024;
/// From so many on, what one caller fetches in a row is one event.
const CROWDED: usize = 16;
/// Room in the queue that is kept from refusals: they come in floods, and should not displace
/// what was judged.
const FOR_JUDGED: usize = CAPACITY / 2;

/// What happened to a safe.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The record was handed out.
    Fetched {
        /// To whom.
        caller: Caller,
        /// How often it may still be, where that is limited.
        uses_left: Option<u32>,
        /// How often in a row: more than once where it came faster than it was heard.
        times: u64,
    },
    /// A wrong token was counted.
    InvalidToken {
        /// Whose it was.
        caller: Caller,
        /// Wrong tokens that may still come.
        attempts_left: u8,
    },
    /// A wrong proof was counted: the token was right, the passphrase or the user was not.
    WrongPassphrase {
        /// Whose it was.
        caller: Caller,
        /// Wrong proofs that may still come.
        proofs_left: u8,
    },
    /// A web page asked. Nothing was counted.
    RefusedPage {
        /// The browser.
        caller: Caller,
    },
    /// The safe was called by a name that is not its own: by a web page that has a name of its
    /// own point here, or through a tunnel. Nothing was counted.
    RefusedHost {
        /// Who asked.
        caller: Caller,
    },
    /// A connection was closed unread, because its account is not admitted.
    RefusedAccount {
        /// The user id, if the system tells it.
        account: Option<u32>,
    },
    /// The user said no.
    Denied {
        /// To whom.
        caller: Caller,
    },
    /// The user did not answer in time, which means no.
    Unanswered {
        /// The asker.
        caller: Caller,
    },
    /// The asker did not wait for the user's answer, or did not collect the record.
    Withdrawn {
        /// The asker.
        caller: Caller,
    },
    /// The user gave the safe more time.
    Extended {
        /// All that is left of it.
        remaining: Duration,
    },
    /// The third wrong token or the tenth wrong proof locked the safe.
    Locked,
    /// The last allowed use was made.
    Spent,
    /// The safe was closed.
    Closed {
        /// By whom; `None` is the user.
        caller: Option<Caller>,
    },
    /// The deadline has passed.
    Expired,
    /// Here events are missing, because they came faster than they were heard.
    Lost {
        /// How often the record was handed out in between.
        fetched: u64,
        /// Everything else.
        others: u64,
    },
}

impl Event {
    /// Any client that can connect can cause it, at any rate.
    fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::RefusedPage { .. } | Self::RefusedHost { .. } | Self::RefusedAccount { .. }
        )
    }
}

/// A safe's events, in the order in which they were judged.
#[derive(Debug)]
pub struct Events {
    post: Arc<Post>,
    /// Comes after the loss that was told before it.
    held: Option<Event>,
}

impl Events {
    /// The next event; `None` when the safe is gone. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.try_next() {
                return Some(event);
            }
            if self.post.is_over.load(Ordering::Acquire) {
                // Events between the two looks.
                return self.try_next();
            }
            self.post.news.notified().await;
        }
    }

    /// The next event that has happened already.
    pub fn try_next(&mut self) -> Option<Event> {
        if let Some(event) = self.held.take() {
            return Some(event);
        }
        let mut waiting = lock(&self.post.waiting);
        let Some(Queued { lost, event }) = waiting.queue.pop_front() else {
            return waiting.lost.take();
        };
        match lost {
            None => Some(event),
            Some(lost) => {
                self.held = Some(event);
                Some(lost)
            }
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.post.is_listened_to.store(false, Ordering::Release);
    }
}

/// The queue between a safe and its listener.
#[derive(Debug)]
struct Post {
    waiting: Mutex<Waiting>,
    news: Notify,
    is_listened_to: AtomicBool,
    is_over: AtomicBool,
}

#[derive(Debug, Default)]
struct Waiting {
    queue: VecDeque<Queued>,
    lost: Lost,
}

impl Waiting {
    /// Counts an event that repeats the last one, where many wait.
    fn repeats(&mut self, event: &Event) -> bool {
        let is_crowded = self.queue.len() >= CROWDED && self.lost.is_none();
        match (event, self.queue.back_mut().filter(|_| is_crowded)) {
            (
                Event::Fetched { caller, uses_left: None, times: more },
                Some(Queued {
                    event: Event::Fetched { caller: last, uses_left: None, times }, ..
                }),
            ) if caller == last => {
                *times = times.saturating_add(*more);
                true
            }
            _ => false,
        }
    }

    /// Adds an event, or counts it: the one place where events become fewer. Returns whether
    /// there is something new to wake the listener for.
    fn push(&mut self, event: Event) -> bool {
        if self.repeats(&event) {
            return false;
        }
        let room = CAPACITY.saturating_sub(self.queue.len());
        if room == 0 || (room <= FOR_JUDGED && event.is_refusal()) {
            self.lost.count(&event);
            return false;
        }
        self.queue.push_back(Queued { lost: self.lost.take(), event });
        true
    }
}

#[derive(Debug)]
struct Queued {
    /// What is missing before it.
    lost: Option<Event>,
    event: Event,
}

#[derive(Debug, Default)]
struct Lost {
    fetched: u64,
    others: u64,
}

impl Lost {
    fn count(&mut self, event: &Event) {
        let (count, more) = match event {
            Event::Fetched { times, .. } => (&mut self.fetched, *times),
            _ => (&mut self.others, 1),
        };
        *count = count.saturating_add(more);
    }

    fn is_none(&self) -> bool {
        self.fetched == 0 && self.others == 0
    }

    fn take(&mut self) -> Option<Event> {
        let some = !self.is_none();
        let Self { fetched, others } = std::mem::take(self);
        some.then_some(Event::Lost { fetched, others })
    }
}

/// The safe's end of its events.
#[derive(Debug, Default)]
pub(crate) struct Reporter(Option<Arc<Post>>);

impl Reporter {
    /// A reporter and its listener.
    pub(crate) fn with_listener() -> (Self, Events) {
        let post = Arc::new(Post {
            waiting: Mutex::default(),
            news: Notify::new(),
            is_listened_to: AtomicBool::new(true),
            is_over: AtomicBool::new(false),
        });
        (Self(Some(post.clone())), Events { post, held: None })
    }

    /// Whether there is a listener, so that looking callers up is worth while.
    pub(crate) fn has_listener(&self) -> bool {
        self.listening().is_some()
    }

    pub(crate) fn report(&self, event: impl FnOnce() -> Event) {
        let Some(post) = self.listening() else { return };
        if lock(&post.waiting).push(event()) {
            post.news.notify_one();
        }
    }

    fn listening(&self) -> Option<&Post> {
        self.0.as_deref().filter(|post| post.is_listened_to.load(Ordering::Acquire))
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        if let Some(post) = &self.0 {
            post.is_over.store(true, Ordering::Release);
            post.news.notify_one();
        }
    }
}

/// What is guarded is whole at every moment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNT: u32 = 1_024;

    fn fetched(uid: u32, times: u64) -> Event {
        let caller = Caller { account: Some(uid), ..Caller::default() };
        Event::Fetched { caller, uses_left: None, times }
    }

    #[test]
    fn what_is_lost_is_told_in_its_place() {
        let (reporter, mut events) = Reporter::with_listener();
        for uid in 0..COUNT + 3 {
            // Each to another account, so that none repeats the one before.
            reporter.report(|| fetched(uid, 1));
        }
        reporter.report(|| Event::Locked);
        assert_eq!(events.try_next(), Some(fetched(0, 1)));
        reporter.report(|| Event::Spent);
        for uid in 1..COUNT {
            assert_eq!(events.try_next(), Some(fetched(uid, 1)));
        }
        assert_eq!(events.try_next(), Some(Event::Lost { fetched: 3, others: 1 }));
        assert_eq!(events.try_next(), Some(Event::Spent));
        assert_eq!(events.try_next(), None);
    }

    #[test]
    fn what_one_caller_fetches_in_a_row_is_counted_where_many_wait() {
        let (reporter, mut events) = Reporter::with_listener();
        let limited = |left| Event::Fetched {
            caller: Caller { account: Some(1), ..Caller::default() },
            uses_left: Some(left),
            times: 1,
        };
        for _ in 0..CROWDED + 1_000_000 {
            reporter.report(|| fetched(1, 1));
        }
        for uid in [2, 1, 1] {
            reporter.report(|| fetched(uid, 1));
        }
        reporter.report(|| limited(7));
        reporter.report(|| limited(6));
        let told: Vec<Event> = std::iter::from_fn(|| events.try_next()).collect();
        let (first, rest) = told.split_at(CROWDED - 1);
        assert_eq!(first, vec![fetched(1, 1); CROWDED - 1]);
        let times = 1_000_001;
        assert_eq!(rest, [fetched(1, times), fetched(2, 1), fetched(1, 2), limited(7), limited(6)]);
    }

    #[tokio::test]
    async fn the_last_events_are_told_after_the_end() {
        let (reporter, mut events) = Reporter::with_listener();
        reporter.report(|| Event::Locked);
        drop(reporter);
        assert_eq!(events.next().await, Some(Event::Locked));
        assert_eq!(events.next().await, None);
    }

    #[test]
    fn a_flood_of_refusals_leaves_room_for_the_rest() {
        let (reporter, mut events) = Reporter::with_listener();
        for _ in 0..CAPACITY {
            reporter.report(|| Event::RefusedAccount { account: Some(1) });
        }
        reporter.report(|| Event::Locked);
        let told: Vec<Event> = std::iter::from_fn(|| events.try_next()).collect();
        let refused = CAPACITY - FOR_JUDGED;
        assert_eq!(told.len(), refused + 2);
        let lost = u64::try_from(FOR_JUDGED).unwrap();
        assert_eq!(told[refused..], [Event::Lost { fetched: 0, others: lost }, Event::Locked]);
    }

    #[test]
    fn without_a_listener_nothing_is_put_together() {
        let unheard = || -> Event { panic!("there is no listener") };
        Reporter::default().report(unheard);
        let (reporter, events) = Reporter::with_listener();
        assert!(reporter.has_listener());
        drop(events);
        assert!(!reporter.has_listener());
        reporter.report(unheard);
    }
}
