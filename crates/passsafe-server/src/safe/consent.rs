//! Asking the user before each release: the questions that wait, and their answers.
//!
//! A question belongs to the process that asked, where the system tells which one that is,
//! and else to its connection: no other one can collect the answer. Knows neither token nor
//! record; the safe asks only after both were judged.

use std::num::NonZeroU32;
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{mpsc, oneshot};

use crate::safe::caller::Caller;
use crate::safe::events::{Event, Reporter};

/// Most questions at a time.
const MAX_WAITING: usize = 16;
/// How long an asker may be silent before the question is withdrawn.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between a question that was not granted and the next one of the same asker.
const PAUSE: Duration = Duration::from_secs(3);

/// May this one have the record?
///
/// Dropped without an answer, it is answered with [`Decision::No`].
#[derive(Debug)]
pub struct Question {
    /// Who asks.
    pub caller: Caller,
    reply: oneshot::Sender<Decision>,
}

/// What the user says to a [`Question`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the answers to one question, which programs give and never read"
)]
pub enum Decision {
    /// This once.
    Yes,
    /// Not this time.
    No,
    /// This time and from now on, without another question: to this process, or, where the
    /// system does not tell which process it is, on this connection.
    Always,
}

impl Question {
    /// How long the user has, from when it was asked. No answer is no.
    pub const TIMEOUT: Duration = Duration::from_secs(60);

    /// Answers. An answer to a question that was withdrawn changes nothing.
    pub fn answer(self, decision: Decision) {
        let _withdrawn = self.reply.send(decision);
    }

    /// Whether an answer would come too late.
    #[must_use]
    pub fn is_withdrawn(&self) -> bool {
        self.reply.is_closed()
    }

    /// Completes when an answer would come too late: the time is up, the asker has gone,
    /// or the safe is over.
    pub async fn withdrawn(&mut self) {
        self.reply.closed().await;
    }
}

/// The questions of a safe, one after the other.
#[derive(Debug)]
pub struct Questions(mpsc::Receiver<Question>);

impl Questions {
    /// The next question that is not withdrawn yet; `None` when the safe is over. Dropping
    /// the future loses nothing. Dropping this refuses every request.
    pub async fn next(&mut self) -> Option<Question> {
        loop {
            let question = self.0.recv().await?;
            if !question.is_withdrawn() {
                return Some(question);
            }
        }
    }
}

#[cfg(test)]
impl Questions {
    /// A question that waits already.
    pub(crate) fn try_next(&mut self) -> Option<Question> {
        self.0.try_recv().ok()
    }
}

/// The caller of a request, and what the answer to a question is tied to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asker {
    pub(crate) caller: Caller,
    pub(crate) identity: Identity,
}

/// What tells two askers apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identity {
    /// A process, by its number and when it was started: numbers are used again.
    #[cfg_attr(
        not(any(target_os = "linux", test)),
        expect(dead_code, reason = "no process can be found")
    )]
    Process { pid: u32, started: u64 },
    /// Where the process is not known.
    Connection(u64),
}

impl Default for Identity {
    /// The embedding program itself.
    fn default() -> Self {
        Self::Connection(0)
    }
}

/// The decision on a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ruling {
    Allowed,
    Awaiting,
    Denied,
    Busy { retry_after: Duration },
}

/// All questions of an open safe. Dropping it withdraws them.
pub(crate) struct Consent {
    questions: mpsc::Sender<Question>,
    waiting: Vec<Waiting>,
    always: Vec<Identity>,
    pausing: Vec<(Pausing, Duration)>,
}

struct Waiting {
    asker: Asker,
    answer: Answer,
    asked: Duration,
    /// The last request for the answer.
    seen: Duration,
}

enum Answer {
    Open(oneshot::Receiver<Decision>),
    Granted { always: bool },
    Refused,
}

/// What has to pause: processes that cannot be told apart pause together.
#[derive(PartialEq, Eq)]
enum Pausing {
    Process(Identity),
    Account(Option<u32>),
}

impl Consent {
    pub(crate) fn new() -> (Self, Questions) {
        let (questions, receiver) = mpsc::channel(MAX_WAITING);
        let consent =
            Self { questions, waiting: Vec::new(), always: Vec::new(), pausing: Vec::new() };
        (consent, Questions(receiver))
    }

    /// Judges a request that has the right token, at `now` of the boot-time clock.
    pub(crate) fn judge(
        &mut self,
        asker: &Asker,
        now: Duration,
        uses_left: Option<NonZeroU32>,
        reporter: &Reporter,
    ) -> Ruling {
        self.sweep(now, reporter);
        let waits = self.waiting.iter().position(|it| it.asker.identity == asker.identity);
        if let Some(at) = waits {
            return self.collect(at, now);
        }
        let reserved = self.waiting.iter().filter(|it| !matches!(it.answer, Answer::Refused));
        let reserved = reserved.count();
        let all_waited_for =
            |uses: NonZeroU32| usize::try_from(uses.get()).is_ok_and(|uses| uses <= reserved);
        if uses_left.is_some_and(all_waited_for) {
            return Ruling::Busy { retry_after: Duration::from_secs(1) };
        }
        if self.always.contains(&asker.identity) {
            return Ruling::Allowed;
        }
        self.ask(asker, now)
    }

    /// Takes answers that came, and withdraws questions whose time is up.
    pub(crate) fn sweep(&mut self, now: Duration, reporter: &Reporter) {
        self.pausing.retain(|(_, until)| *until > now);
        for waiting in &mut self.waiting {
            waiting.update(now, reporter);
        }
        let mut gone = Vec::new();
        self.waiting.retain(|waiting| {
            let stays = now.saturating_sub(waiting.seen) < PATIENCE;
            if !stays {
                gone.push(waiting.asker.clone());
                if !matches!(waiting.answer, Answer::Refused) {
                    reporter.report(|| Event::Withdrawn { caller: waiting.asker.caller.clone() });
                }
            }
            stays
        });
        for asker in gone {
            self.pause(&asker, now);
        }
    }

    /// Withdraws what was tied to a connection that has ended.
    pub(crate) fn connection_ended(&mut self, connection: u64, now: Duration, reporter: &Reporter) {
        let identity = Identity::Connection(connection);
        self.always.retain(|it| *it != identity);
        if let Some(at) = self.waiting.iter().position(|it| it.asker.identity == identity) {
            let Waiting { asker, answer, .. } = self.waiting.swap_remove(at);
            self.pause(&asker, now);
            if !matches!(answer, Answer::Refused) {
                reporter.report(|| Event::Withdrawn { caller: asker.caller });
            }
        }
    }

    fn collect(&mut self, at: usize, now: Duration) -> Ruling {
        let Some(waiting) = self.waiting.get_mut(at) else { return Ruling::Denied };
        waiting.seen = now;
        let ruling = match waiting.answer {
            Answer::Open(_) => return Ruling::Awaiting,
            Answer::Granted { always } => {
                if always {
                    self.always.push(waiting.asker.identity);
                }
                Ruling::Allowed
            }
            Answer::Refused => Ruling::Denied,
        };
        let Waiting { asker, .. } = self.waiting.swap_remove(at);
        if ruling == Ruling::Denied {
            self.pause(&asker, now);
        }
        ruling
    }

    fn ask(&mut self, asker: &Asker, now: Duration) -> Ruling {
        let pausing = Pausing::of(asker);
        if let Some((_, until)) = self.pausing.iter().find(|(it, _)| *it == pausing) {
            return Ruling::Busy { retry_after: until.saturating_sub(now) };
        }
        let busy = Ruling::Busy { retry_after: Duration::from_secs(1) };
        if self.waiting.len() >= MAX_WAITING {
            return busy;
        }
        let (reply, answer) = oneshot::channel();
        match self.questions.try_send(Question { caller: asker.caller.clone(), reply }) {
            Ok(()) => {
                self.waiting.push(Waiting {
                    asker: asker.clone(),
                    answer: Answer::Open(answer),
                    asked: now,
                    seen: now,
                });
                Ruling::Awaiting
            }
            Err(TrySendError::Full(_)) => busy,
            Err(TrySendError::Closed(_)) => Ruling::Denied,
        }
    }

    fn pause(&mut self, asker: &Asker, now: Duration) {
        self.pausing.push((Pausing::of(asker), now + PAUSE));
    }
}

impl Waiting {
    fn update(&mut self, now: Duration, reporter: &Reporter) {
        let Answer::Open(answer) = &mut self.answer else { return };
        let caller = || self.asker.caller.clone();
        self.answer = match answer.try_recv() {
            Ok(Decision::Yes) => Answer::Granted { always: false },
            Ok(Decision::Always) => Answer::Granted { always: true },
            Ok(Decision::No) | Err(TryRecvError::Closed) => {
                reporter.report(|| Event::Denied { caller: caller() });
                Answer::Refused
            }
            Err(TryRecvError::Empty) if now.saturating_sub(self.asked) >= Question::TIMEOUT => {
                reporter.report(|| Event::Unanswered { caller: caller() });
                Answer::Refused
            }
            Err(TryRecvError::Empty) => return,
        };
    }
}

impl Pausing {
    fn of(asker: &Asker) -> Self {
        match asker.identity {
            identity @ Identity::Process { .. } => Self::Process(identity),
            Identity::Connection(_) => Self::Account(asker.caller.account),
        }
    }
}
