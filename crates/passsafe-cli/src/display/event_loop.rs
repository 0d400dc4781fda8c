//! The loop between the safe, the terminal and the model.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use passsafe_core::wire::State;
use passsafe_server::{Caller, Event, Events, ExtendError, Question, Questions, Safe};
use rustix::process::Signal;
use tokio::sync::oneshot;
use tokio::time::{sleep_until, timeout};

use super::local_time::LocalTime;
use super::log_writer::LogWriter;
use super::model::{Action, Model, Snapshot};
use super::options::{DisplayOptions, Show};
use super::renderer::Renderer;
use super::style::Style;
use super::tty::{CTRL_Z, Tty};
use crate::os::accounts;
use crate::os::signals::Signals;

/// Pause between two events, so that a flood costs the safe little: the safe's queue counts what
/// comes in between.
const FRAME: Duration = Duration::from_millis(5);
/// Time that one key press adds.
const EXTENSION: Duration = Duration::from_secs(15 * 60);
/// Time for the name service; after that the account's number is shown.
const NAME_PATIENCE: Duration = Duration::from_secs(1);
/// Time for the last lines; after that the process ends, even if they were not written.
const LAST_WORDS: Duration = Duration::from_millis(250);

/// A safe, its events and its questions.
pub(crate) struct Subscriptions {
    pub(crate) safe: Arc<Safe>,
    pub(crate) events: Events,
    pub(crate) questions: Option<Questions>,
}

/// The screen of a served safe.
pub(crate) struct Screen {
    subscriptions: Subscriptions,
    model: Model,
    tty: Option<Tty>,
    /// Where the log goes that does not go to the terminal.
    lines: Option<LogWriter>,
    renderer: Renderer,
    signals: Signals,
    /// Taken from the safe, and not in the model yet.
    backlog: Option<Event>,
    /// When the next events are taken from it.
    next_frame: Instant,
}

/// What the loop waited for.
enum LoopEvent {
    Event(Option<Event>),
    Question(Option<Question>),
    Withdrawn,
    Keys,
    Room,
    Signal(Signal),
    Due,
}

impl Screen {
    /// Opens the terminal, if there is one to use. Needs the runtime.
    pub(crate) fn open(
        options: DisplayOptions,
        style: Style,
        local: LocalTime,
        whole: Duration,
        subscriptions: Subscriptions,
    ) -> io::Result<Self> {
        let stderr_is_terminal = Tty::is_stderr();
        let tty = (stderr_is_terminal || options.confirm).then(Tty::open).and_then(Result::ok);
        let log_is_terminal = stderr_is_terminal && tty.is_some();
        let lines = !log_is_terminal && options.show != Show::Nothing;
        let lines = lines.then(LogWriter::start).transpose()?;
        Ok(Self {
            subscriptions,
            model: Model::new(options, style, local, log_is_terminal, whole),
            tty,
            lines,
            renderer: Renderer::default(),
            signals: Signals::listen(&[Signal::CONT, Signal::WINCH])?,
            backlog: None,
            next_frame: Instant::now(),
        })
    }

    /// Shows, tells and asks until it is dropped, which loses nothing.
    pub(crate) async fn watch(&mut self) -> Infallible {
        loop {
            self.learn_names_and_tell().await;
            let snapshot = self.snapshot();
            self.act(snapshot);
            self.show(snapshot);
            match self.next_event(snapshot).await {
                LoopEvent::Event(Some(event)) => {
                    self.next_frame = Instant::now() + FRAME;
                    self.backlog = Some(event);
                }
                LoopEvent::Event(None) => pending().await,
                LoopEvent::Question(Some(question)) => self.asked(question).await,
                LoopEvent::Question(None) => self.subscriptions.questions = None,
                LoopEvent::Withdrawn => self.model.withdrawn(self.snapshot()),
                LoopEvent::Keys => self.read_keys().await,
                LoopEvent::Room => self.tty.iter_mut().for_each(Tty::write_pending),
                LoopEvent::Signal(Signal::CONT) => self.continued(),
                LoopEvent::Signal(_resized) => self.renderer.redraw(),
                LoopEvent::Due => {}
            }
        }
    }

    /// Says how it ended, and gives the terminal back.
    pub(crate) async fn end(mut self, state: State) {
        let snapshot = Snapshot { state, ..self.snapshot() };
        let deadline = Instant::now() + LAST_WORDS;
        while let Some(event) = self.backlog.take().or_else(|| self.subscriptions.events.try_next())
        {
            let patience = deadline.saturating_duration_since(Instant::now());
            self.learn_name(caller(&event).as_ref(), patience).await;
            self.model.happened(&event, snapshot);
        }
        self.model.end(state, snapshot);
        self.show(Snapshot { in_foreground: false, ..snapshot });
        if let Some(tty) = &mut self.tty {
            let all_written = async {
                while tty.is_held() {
                    tty.writable().await;
                    tty.write_pending();
                }
            };
            let _or_timeout = timeout(LAST_WORDS, all_written).await;
        }
        if let Some(lines) = self.lines {
            lines.finish(LAST_WORDS);
        }
    }

    async fn next_event(&mut self, snapshot: Snapshot) -> LoopEvent {
        let Self {
            subscriptions: Subscriptions { events, questions, .. },
            model,
            tty,
            signals,
            next_frame,
            ..
        } = self;
        let due = model.due(snapshot);
        let keys = tty.as_ref().filter(|tty| tty.reads_keys() && !tty.is_gone());
        let held = tty.as_ref().filter(|tty| tty.is_held());
        tokio::select! {
            biased;
            () = async { match keys { Some(tty) => tty.readable().await, None => pending().await } } => {
                LoopEvent::Keys
            }
            () = async { match held { Some(tty) => tty.writable().await, None => pending().await } } => {
                LoopEvent::Room
            }
            signal = signals.next() => LoopEvent::Signal(signal),
            () = async {
                match model.question() {
                    Some(question) => question.withdrawn().await,
                    None => pending().await,
                }
            } => LoopEvent::Withdrawn,
            event = async {
                if *next_frame > snapshot.now {
                    sleep_until((*next_frame).into()).await;
                }
                events.next().await
            } => LoopEvent::Event(event),
            question = async {
                match questions {
                    Some(questions) => questions.next().await,
                    None => pending().await,
                }
            } => LoopEvent::Question(question),
            () = async {
                match due {
                    Some(due) => sleep_until(due.into()).await,
                    None => pending().await,
                }
            } => LoopEvent::Due,
        }
    }

    fn snapshot(&self) -> Snapshot {
        let tty = self.tty.as_ref();
        Snapshot {
            now: Instant::now(),
            time: SystemTime::now(),
            state: self.subscriptions.safe.status().state,
            remaining: self.subscriptions.safe.remaining().unwrap_or_default(),
            in_foreground: tty.is_some_and(Tty::in_foreground),
            columns: tty.map_or(usize::MAX, Tty::columns),
        }
    }

    /// Handles keys, questions and counts that are due.
    fn act(&mut self, snapshot: Snapshot) {
        let begins_to_listen = self.model.begins_to_listen(snapshot);
        if self.model.action(snapshot) == Some(Action::Extend) {
            match self.subscriptions.safe.extend(EXTENSION) {
                Ok(remaining) => self.model.extended(snapshot.remaining, remaining),
                Err(ExtendError::Longest) => {
                    self.model.not_extended(
                        "not extended: no safe lives longer than 480 minutes",
                        snapshot,
                    );
                }
                // A safe that is over is reported by its own event.
                Err(_) => {}
            }
        }
        self.model.tell_counts(snapshot);
        if let Some(tty) = &mut self.tty {
            tty.read_keys(self.model.wants_keys(snapshot));
            if begins_to_listen {
                tty.discard_input();
            }
        }
    }

    fn show(&mut self, snapshot: Snapshot) {
        if let Some(lines) = self.lines.as_ref().filter(|lines| lines.takes_output()) {
            let text = self.model.take_log(snapshot.time);
            if !text.is_empty() {
                lines.write(text);
            }
        }
        let Some(tty) = self.tty.as_mut().filter(|tty| tty.takes_output()) else { return };
        let above =
            if self.lines.is_some() { String::new() } else { self.model.take_log(snapshot.time) };
        let above = above + &self.model.take_aside();
        tty.write(&self.renderer.show(&above, self.model.live(snapshot)));
    }

    /// It was stopped for a while. A shell that gives the terminal back leaves the cursor in the
    /// first column of an empty line; one that keeps it, behind a prompt of its own.
    fn continued(&mut self) {
        self.model.was_away();
        if self.tty.as_ref().is_some_and(Tty::in_foreground) {
            self.renderer.redraw();
        } else {
            self.renderer.forget();
        }
    }

    async fn read_keys(&mut self) {
        let Some(tty) = &mut self.tty else { return };
        let keys = tty.keys().await;
        if keys == [CTRL_Z] {
            tty.write(&self.renderer.show("", None));
            tty.suspend();
            self.renderer.forget();
        } else {
            self.model.keys_came(&keys, Instant::now());
        }
    }

    async fn asked(&mut self, question: Question) {
        let now = Instant::now();
        self.learn_name(Some(&question.caller), NAME_PATIENCE).await;
        self.model.asked(question, now);
    }

    /// Logs the event that ended the wait, and those that came since.
    async fn learn_names_and_tell(&mut self) {
        while let Some(event) = self.backlog.clone() {
            self.learn_name(caller(&event).as_ref(), NAME_PATIENCE).await;
            let snapshot = self.snapshot();
            self.model.happened(&event, snapshot);
            self.backlog = self.subscriptions.events.try_next();
        }
    }

    /// On a thread of its own: a name service may take as long as it likes, and this process
    /// waits for it neither now nor at its end.
    async fn learn_name(&mut self, caller: Option<&Caller>, patience: Duration) {
        let uid = caller.and_then(|caller| caller.account);
        let Some(uid) = uid.filter(|&uid| self.model.names.lacks(uid)) else { return };
        let (sender, name) = oneshot::channel();
        // Without a thread the account goes by its number.
        let _without = thread::Builder::new().spawn(move || {
            let _too_late = sender.send(accounts::name(uid));
        });
        let name = timeout(patience, name).await;
        self.model
            .names
            .learn(uid, name.ok().and_then(Result::ok).unwrap_or_else(|| uid.to_string()));
    }
}

/// Whom an event names.
fn caller(event: &Event) -> Option<Caller> {
    match event {
        Event::Fetched { caller, .. }
        | Event::InvalidToken { caller, .. }
        | Event::WrongPassphrase { caller, .. }
        | Event::RefusedPage { caller }
        | Event::RefusedHost { caller }
        | Event::Denied { caller }
        | Event::Unanswered { caller }
        | Event::Withdrawn { caller } => Some(caller.clone()),
        Event::RefusedAccount { account } => {
            Some(Caller { account: *account, ..Caller::default() })
        }
        Event::Closed { caller } => caller.clone(),
        _ => None,
    }
}
