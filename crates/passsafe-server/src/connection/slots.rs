//! Who is connected, and who has to go for a newcomer when all places are taken.
//!
//! A flood of connections may take every place and still not keep the owner out: whoever
//! comes is let in, and the connection goes that has asked nothing for the longest time.
//! Only a complete request makes a connection young again; a dripping one does not. So each
//! newcomer may take its time until a hundred others and more have come after it, whatever
//! they do, and for a moment in any case.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::connection::timeouts::Pace;

/// Most connections at a time. Each costs less than 50 KiB.
pub(crate) const PLACES: usize = 256;
/// Most places for answers that wait to be read, so that the others do turn over.
const UNREAD_ANSWERS: usize = PLACES / 2;

/// For a newcomer to say what it wants before its place is another's: on a busy machine its
/// program may have to wait for a processor between connecting and asking. It bounds what
/// is accepted to 25,000 connections a second.
pub(crate) const GRACE: Duration = Duration::from_millis(10);

/// All who are connected.
#[derive(Default)]
pub(crate) struct Crowd {
    members: Vec<Member>,
}

struct Member {
    pace: Pace,
    /// Closed from the other side when the connection is over.
    farewell: oneshot::Sender<Farewell>,
}

/// Why a connection is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Farewell {
    /// Its place is needed for another.
    Evicted,
    /// The safe is over: after the answer under way.
    Drain,
}

/// A connection's place. Whoever drops it has left.
pub(crate) struct Place {
    pub(crate) pace: Pace,
    /// Completes when the connection is to end.
    pub(crate) farewell: oneshot::Receiver<Farewell>,
}

impl Crowd {
    /// Gives a newcomer a place, if need be another's.
    pub(crate) fn admit(&mut self) -> Place {
        self.members.retain(|member| !member.farewell.is_closed());
        if self.members.len() >= PLACES {
            self.evict();
        }
        let pace = Pace::new();
        let (sender, farewell) = oneshot::channel();
        self.members.push(Member { pace: pace.clone(), farewell: sender });
        Place { pace, farewell }
    }

    /// Takes the place of the connection that has asked nothing for the longest time.
    ///
    /// One that is being answered keeps its place, unless more than half of all places are
    /// taken by answers: then it is the answer that has been waiting longest to be read.
    pub(crate) fn evict(&mut self) {
        if let Some(at) = self.oldest() {
            let _already_over = self.members.swap_remove(at).farewell.send(Farewell::Evicted);
        }
    }

    /// Ends all connections, each after the answer under way.
    pub(crate) fn drain(&mut self) {
        for member in self.members.drain(..) {
            let _already_over = member.farewell.send(Farewell::Drain);
        }
    }

    /// When all places are taken, and whoever would have to go is a newcomer that has not had
    /// its moment yet: until when. Having been answered gives no such claim, or a crowd that
    /// keeps asking would keep newcomers out.
    pub(crate) fn full_until(&mut self) -> Option<Instant> {
        if self.members.len() < PLACES {
            return None;
        }
        let oldest = self.oldest().filter(|_| self.members.len() >= PLACES)?;
        let pace = &self.members.get(oldest)?.pace;
        let until = pace.born() + GRACE;
        (pace.is_unanswered() && until > Instant::now()).then_some(until)
    }

    fn oldest(&mut self) -> Option<usize> {
        self.members.retain(|member| !member.farewell.is_closed());
        let answers = self.members.iter().filter(|member| member.pace.is_answering()).count();
        self.members
            .iter()
            .enumerate()
            .filter(|(_, member)| member.pace.is_answering() == (answers > UNREAD_ANSWERS))
            .min_by_key(|(_, member)| member.pace.since())
            .map(|(at, _)| at)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    /// As many as there are places, a millisecond apart.
    async fn full(crowd: &mut Crowd) -> Vec<Place> {
        let mut places = Vec::new();
        for _ in 0..PLACES {
            places.push(crowd.admit());
            advance(Duration::from_millis(1)).await;
        }
        places
    }

    /// Asks something, now.
    fn ask(place: &Place) {
        place.pace.turn();
        place.pace.answering();
    }

    fn evicted(places: &mut [Place]) -> Vec<usize> {
        let gone = |place: &mut Place| place.farewell.try_recv().is_ok();
        (0..).zip(places).filter_map(|(at, place)| gone(place).then_some(at)).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_goes_while_there_is_a_place() {
        let mut crowd = Crowd::default();
        let mut places = full(&mut crowd).await;
        drop(places.remove(100));
        let _newcomer = crowd.admit();
        assert!(evicted(&mut places).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_has_asked_nothing_for_the_longest_time_goes_first() {
        let mut crowd = Crowd::default();
        let mut places = full(&mut crowd).await;
        // The first asks and is answered, the second drips, the third is being answered.
        ask(&places[0]);
        places[0].pace.flushed();
        places[1].pace.received();
        ask(&places[2]);
        let mut newcomers = vec![crowd.admit()];
        assert_eq!(evicted(&mut places), [1]);
        newcomers.push(crowd.admit());
        assert_eq!(evicted(&mut places), [3]);
        // All the others are older than the first by now, and newcomers are younger.
        while newcomers.len() < PLACES - 2 {
            advance(Duration::from_millis(1)).await;
            newcomers.push(crowd.admit());
        }
        assert_eq!(evicted(&mut places), (4..PLACES).collect::<Vec<_>>());
        newcomers.push(crowd.admit());
        assert_eq!(evicted(&mut places), [0]);
        newcomers.push(crowd.admit());
        assert_eq!((evicted(&mut places), evicted(&mut newcomers)), (vec![], vec![0]));
    }

    #[tokio::test(start_paused = true)]
    async fn dripping_makes_nobody_young() {
        let mut crowd = Crowd::default();
        let mut places = full(&mut crowd).await;
        ask(&places[0]);
        places[0].pace.flushed();
        for place in &places[1..] {
            ask(place);
            place.pace.flushed();
            advance(Duration::from_millis(1)).await;
        }
        // Bytes of a next request, and never its end.
        places[0].pace.received();
        let _newcomer = crowd.admit();
        assert_eq!(evicted(&mut places), [0]);
    }

    #[tokio::test(start_paused = true)]
    async fn unread_answers_keep_half_of_the_places_at_most() {
        let mut crowd = Crowd::default();
        let mut places = full(&mut crowd).await;
        for place in places[..UNREAD_ANSWERS].iter().rev() {
            ask(place);
            advance(Duration::from_millis(1)).await;
        }
        let _newcomer = crowd.admit();
        assert_eq!(evicted(&mut places), [UNREAD_ANSWERS], "half of them may stay");
        ask(&places[UNREAD_ANSWERS + 1]);
        let _newcomer = crowd.admit();
        assert_eq!(evicted(&mut places), [UNREAD_ANSWERS - 1], "the first that was asked for");
    }

    #[tokio::test(start_paused = true)]
    async fn a_newcomer_has_a_moment_to_ask() {
        let mut crowd = Crowd::default();
        let start = Instant::now();
        let mut places: Vec<Place> = (1..PLACES).map(|_| crowd.admit()).collect();
        assert_eq!(crowd.full_until(), None);
        places.push(crowd.admit());
        assert_eq!(crowd.full_until(), Some(start + GRACE));
        drop(places.pop());
        assert_eq!(crowd.full_until(), None);
        places.push(crowd.admit());
        advance(Duration::from_millis(1)).await;
        for place in &places {
            ask(place);
            place.pace.flushed();
        }
        assert_eq!(crowd.full_until(), None, "they have asked");
        let mut newcomers = Vec::new();
        for _ in 0..PLACES {
            newcomers.push(crowd.admit());
        }
        assert_eq!(crowd.full_until(), Some(Instant::now() + GRACE));
        advance(GRACE).await;
        assert_eq!(crowd.full_until(), None);
    }
}
