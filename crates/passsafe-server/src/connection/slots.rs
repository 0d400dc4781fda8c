//! The connection table: its slots, and which connection is closed for a new one.
//!
//! A flood may fill every slot without keeping the user out: a new connection is always let
//! in, and the one without a complete request for the longest time is closed. Only a complete
//! request resets that age; the bytes of an incomplete one do not. So a new connection has
//! until more than a hundred others have come after it, and a grace period in any case.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::connection::timeouts::Timeouts;

/// Most connections at a time. Each costs less than 50 KiB.
pub(crate) const MAX_CONNECTIONS: usize = 256;
/// Most slots for answers that wait to be read, so that the others change hands.
const UNREAD_ANSWERS: usize = MAX_CONNECTIONS / 2;

/// For the first request of a new connection, before its slot can be taken: on a busy machine
/// a program may wait for a processor between connecting and asking. Bounds the rate of
/// accepted connections to 25,000 a second.
pub(crate) const GRACE: Duration = Duration::from_millis(10);

/// All open connections.
#[derive(Default)]
pub(crate) struct Connections {
    entries: Vec<Entry>,
}

struct Entry {
    timeouts: Timeouts,
    /// The receiver is dropped when the connection is over.
    close: oneshot::Sender<CloseReason>,
}

/// Why a connection is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CloseReason {
    /// The slot is needed for another connection.
    Evicted,
    /// The safe is over: after the answer under way.
    Drain,
}

/// A connection's slot. Dropping it frees the slot.
pub(crate) struct Slot {
    pub(crate) timeouts: Timeouts,
    /// Completes when the connection is to end.
    pub(crate) close: oneshot::Receiver<CloseReason>,
}

impl Connections {
    /// Gives a new connection a slot, if need be that of another one.
    pub(crate) fn add(&mut self) -> Slot {
        self.entries.retain(|entry| !entry.close.is_closed());
        if self.entries.len() >= MAX_CONNECTIONS {
            self.evict();
        }
        let timeouts = Timeouts::new();
        let (sender, close) = oneshot::channel();
        self.entries.push(Entry { timeouts: timeouts.clone(), close: sender });
        Slot { timeouts, close }
    }

    /// Closes the connection without a complete request for the longest time.
    ///
    /// One that is being answered keeps its slot, unless more than half of all slots are
    /// taken by answers: then it is the answer that has been waiting longest to be read.
    pub(crate) fn evict(&mut self) {
        if let Some(at) = self.oldest() {
            let _already_over = self.entries.swap_remove(at).close.send(CloseReason::Evicted);
        }
    }

    /// Ends all connections, each after the answer under way.
    pub(crate) fn drain(&mut self) {
        for entry in self.entries.drain(..) {
            let _already_over = entry.close.send(CloseReason::Drain);
        }
    }

    /// The end of the grace period, when all slots are taken and the next one to be closed is
    /// in it. Connections that were answered have none: otherwise a flood that keeps asking
    /// would keep new connections out.
    pub(crate) fn grace_until(&mut self) -> Option<Instant> {
        if self.entries.len() < MAX_CONNECTIONS {
            return None;
        }
        let oldest = self.oldest().filter(|_| self.entries.len() >= MAX_CONNECTIONS)?;
        let timeouts = &self.entries.get(oldest)?.timeouts;
        let until = timeouts.opened() + GRACE;
        (timeouts.is_unanswered() && until > Instant::now()).then_some(until)
    }

    fn oldest(&mut self) -> Option<usize> {
        self.entries.retain(|entry| !entry.close.is_closed());
        let answers = self.entries.iter().filter(|entry| entry.timeouts.is_answering()).count();
        self.entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| entry.timeouts.is_answering() == (answers > UNREAD_ANSWERS))
            .min_by_key(|(_, entry)| entry.timeouts.last_activity())
            .map(|(at, _)| at)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    /// As many as there are slots, a millisecond apart.
    async fn full(connections: &mut Connections) -> Vec<Slot> {
        let mut slots = Vec::new();
        for _ in 0..MAX_CONNECTIONS {
            slots.push(connections.add());
            advance(Duration::from_millis(1)).await;
        }
        slots
    }

    /// Asks something, now.
    fn ask(slot: &Slot) {
        slot.timeouts.poll_started();
        slot.timeouts.answering();
    }

    fn evicted(slots: &mut [Slot]) -> Vec<usize> {
        let gone = |slot: &mut Slot| slot.close.try_recv().is_ok();
        (0..).zip(slots).filter_map(|(at, slot)| gone(slot).then_some(at)).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn no_connection_is_closed_while_a_slot_is_free() {
        let mut connections = Connections::default();
        let mut slots = full(&mut connections).await;
        drop(slots.remove(100));
        let _new = connections.add();
        assert!(evicted(&mut slots).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_without_a_request_is_closed_first() {
        let mut connections = Connections::default();
        let mut slots = full(&mut connections).await;
        // The first asks and is answered, the second drips, the third is being answered.
        ask(&slots[0]);
        slots[0].timeouts.flushed();
        slots[1].timeouts.received();
        ask(&slots[2]);
        let mut new = vec![connections.add()];
        assert_eq!(evicted(&mut slots), [1]);
        new.push(connections.add());
        assert_eq!(evicted(&mut slots), [3]);
        // All the others are older than the first by now, and the new ones are younger.
        while new.len() < MAX_CONNECTIONS - 2 {
            advance(Duration::from_millis(1)).await;
            new.push(connections.add());
        }
        assert_eq!(evicted(&mut slots), (4..MAX_CONNECTIONS).collect::<Vec<_>>());
        new.push(connections.add());
        assert_eq!(evicted(&mut slots), [0]);
        new.push(connections.add());
        assert_eq!((evicted(&mut slots), evicted(&mut new)), (vec![], vec![0]));
    }

    #[tokio::test(start_paused = true)]
    async fn an_incomplete_request_does_not_reset_the_age() {
        let mut connections = Connections::default();
        let mut slots = full(&mut connections).await;
        ask(&slots[0]);
        slots[0].timeouts.flushed();
        for slot in &slots[1..] {
            ask(slot);
            slot.timeouts.flushed();
            advance(Duration::from_millis(1)).await;
        }
        // Bytes of a next request, and never its end.
        slots[0].timeouts.received();
        let _new = connections.add();
        assert_eq!(evicted(&mut slots), [0]);
    }

    #[tokio::test(start_paused = true)]
    async fn unread_answers_keep_half_of_the_slots_at_most() {
        let mut connections = Connections::default();
        let mut slots = full(&mut connections).await;
        for slot in slots[..UNREAD_ANSWERS].iter().rev() {
            ask(slot);
            advance(Duration::from_millis(1)).await;
        }
        let _new = connections.add();
        assert_eq!(evicted(&mut slots), [UNREAD_ANSWERS], "half of them may stay");
        ask(&slots[UNREAD_ANSWERS + 1]);
        let _new = connections.add();
        assert_eq!(evicted(&mut slots), [UNREAD_ANSWERS - 1], "the first that was asked for");
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_connection_has_a_grace_period() {
        let mut connections = Connections::default();
        let start = Instant::now();
        let mut slots: Vec<Slot> = (1..MAX_CONNECTIONS).map(|_| connections.add()).collect();
        assert_eq!(connections.grace_until(), None);
        slots.push(connections.add());
        assert_eq!(connections.grace_until(), Some(start + GRACE));
        drop(slots.pop());
        assert_eq!(connections.grace_until(), None);
        slots.push(connections.add());
        advance(Duration::from_millis(1)).await;
        for slot in &slots {
            ask(slot);
            slot.timeouts.flushed();
        }
        assert_eq!(connections.grace_until(), None, "they have asked");
        let mut new = Vec::new();
        for _ in 0..MAX_CONNECTIONS {
            new.push(connections.add());
        }
        assert_eq!(connections.grace_until(), Some(Instant::now() + GRACE));
        advance(GRACE).await;
        assert_eq!(connections.grace_until(), None);
    }
}
