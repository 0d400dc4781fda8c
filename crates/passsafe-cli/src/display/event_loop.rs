//! The loop between the safe, the terminal and the board.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use passsafe_core::wire::State;
use passsafe_server::{Caller, Event, Events, ExtendError, Question, Questions, Safe};
use signal_hook::consts::SIGCONT;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::{sleep_until, timeout};

use super::local_time::LocalTime;
use super::log_writer::Lines;
use super::model::{Board, Glance, Wish};
use super::options::{Manner, Show};
use super::renderer::Paint;
use super::style::Style;
use super::tty::{CTRL_Z, Tty};
use crate::os::accounts;

/// Between two events, so that a flood costs the safe next to nothing: what comes in between is
/// counted where it waits.
const FRAME: Duration = Duration::from_millis(5);
/// What one key press gives.
const EXTENSION: Duration = Duration::from_secs(15 * 60);
/// For the name service; then the account goes by its number.
const NAME_PATIENCE: Duration = Duration::from_secs(1);
/// For saying how it ended; then the process is gone, heard or not.
const LAST_WORDS: Duration = Duration::from_millis(250);

/// What the screen hears of a safe.
pub(crate) struct Heard {
    pub(crate) safe: Arc<Safe>,
    pub(crate) events: Events,
    pub(crate) questions: Option<Questions>,
}

/// The screen of a served safe.
pub(crate) struct Screen {
    heard: Heard,
    board: Board,
    tty: Option<Tty>,
    /// Where the log goes that does not go to the terminal.
    lines: Option<Lines>,
    paint: Paint,
    resized: Signal,
    continued: Signal,
    /// Taken from the safe, and not on the board yet.
    backlog: Option<Event>,
    /// When the next events are taken from it.
    next_frame: Instant,
}

/// What ends a wait.
enum News {
    Event(Option<Event>),
    Question(Option<Question>),
    Withdrawn,
    Keys,
    Room,
    Resized,
    Continued,
    Due,
}

impl Screen {
    /// Opens the terminal, if there is one to use. Needs the runtime.
    pub(crate) fn open(
        manner: Manner,
        style: Style,
        local: LocalTime,
        whole: Duration,
        heard: Heard,
    ) -> io::Result<Self> {
        let stderr_is_terminal = Tty::is_stderr();
        let tty = (stderr_is_terminal || manner.confirm).then(Tty::open).and_then(Result::ok);
        let log_is_terminal = stderr_is_terminal && tty.is_some();
        let lines = (!log_is_terminal && manner.show != Show::Nothing).then(Lines::start);
        Ok(Self {
            heard,
            board: Board::new(manner, style, local, log_is_terminal, whole),
            tty,
            lines,
            paint: Paint::default(),
            resized: signal(SignalKind::window_change())?,
            continued: signal(SignalKind::from_raw(SIGCONT))?,
            backlog: None,
            next_frame: Instant::now(),
        })
    }

    /// Shows, tells and asks until it is dropped, which loses nothing.
    pub(crate) async fn watch(&mut self) -> Infallible {
        loop {
            self.learn_names_and_tell().await;
            let glance = self.glance();
            self.act(glance);
            self.show(glance);
            match self.news(glance).await {
                News::Event(Some(event)) => {
                    self.next_frame = Instant::now() + FRAME;
                    self.backlog = Some(event);
                }
                News::Event(None) => pending().await,
                News::Question(Some(question)) => self.asked(question).await,
                News::Question(None) => self.heard.questions = None,
                News::Withdrawn => self.board.withdrawn(self.glance()),
                News::Keys => self.read_keys().await,
                News::Room => self.tty.iter_mut().for_each(Tty::write_pending),
                News::Resized => self.paint.redraw(),
                News::Continued => self.continued(),
                News::Due => {}
            }
        }
    }

    /// Says how it ended, to whoever listens, and gives the terminal back.
    pub(crate) async fn end(mut self, state: State) {
        let glance = Glance { state, ..self.glance() };
        let deadline = Instant::now() + LAST_WORDS;
        while let Some(event) = self.backlog.take().or_else(|| self.heard.events.try_next()) {
            let patience = deadline.saturating_duration_since(Instant::now());
            self.learn_name(caller(&event).as_ref(), patience).await;
            self.board.happened(&event, glance);
        }
        self.board.end(state, glance);
        self.show(Glance { in_foreground: false, ..glance });
        if let Some(tty) = &mut self.tty {
            let all_written = async {
                while tty.is_held() {
                    tty.writable().await;
                    tty.write_pending();
                }
            };
            let _or_nobody_reads = timeout(LAST_WORDS, all_written).await;
        }
        if let Some(lines) = self.lines {
            lines.finish(LAST_WORDS);
        }
    }

    async fn news(&mut self, glance: Glance) -> News {
        let Self {
            heard: Heard { events, questions, .. },
            board,
            tty,
            resized,
            continued,
            next_frame,
            ..
        } = self;
        let due = board.due(glance);
        let keys = tty.as_ref().filter(|tty| tty.reads_keys() && !tty.is_gone());
        let held = tty.as_ref().filter(|tty| tty.is_held());
        tokio::select! {
            biased;
            () = async { match keys { Some(tty) => tty.readable().await, None => pending().await } } => {
                News::Keys
            }
            () = async { match held { Some(tty) => tty.writable().await, None => pending().await } } => {
                News::Room
            }
            Some(()) = resized.recv() => News::Resized,
            Some(()) = continued.recv() => News::Continued,
            () = async {
                match board.question() {
                    Some(question) => question.withdrawn().await,
                    None => pending().await,
                }
            } => News::Withdrawn,
            event = async {
                if *next_frame > glance.now {
                    sleep_until((*next_frame).into()).await;
                }
                events.next().await
            } => News::Event(event),
            question = async {
                match questions {
                    Some(questions) => questions.next().await,
                    None => pending().await,
                }
            } => News::Question(question),
            () = async {
                match due {
                    Some(due) => sleep_until(due.into()).await,
                    None => pending().await,
                }
            } => News::Due,
        }
    }

    fn glance(&self) -> Glance {
        let tty = self.tty.as_ref();
        Glance {
            now: Instant::now(),
            time: SystemTime::now(),
            state: self.heard.safe.status().state,
            remaining: self.heard.safe.remaining().unwrap_or_default(),
            in_foreground: tty.is_some_and(Tty::in_foreground),
            columns: tty.map_or(usize::MAX, Tty::columns),
        }
    }

    /// Keys, questions and counts, as far as it is their time.
    fn act(&mut self, glance: Glance) {
        let begins_to_listen = self.board.begins_to_listen(glance);
        if self.board.wish(glance) == Some(Wish::Extend) {
            match self.heard.safe.extend(EXTENSION) {
                Ok(remaining) => self.board.extended(glance.remaining, remaining),
                Err(ExtendError::Longest) => {
                    self.board.not_extended(
                        "not extended: no safe lives longer than 480 minutes",
                        glance,
                    );
                }
                // What is over says so itself.
                Err(_) => {}
            }
        }
        self.board.tell_counts(glance);
        if let Some(tty) = &mut self.tty {
            tty.read_keys(self.board.wants_keys(glance));
            if begins_to_listen {
                tty.discard_input();
            }
        }
    }

    fn show(&mut self, glance: Glance) {
        if let Some(lines) = self.lines.as_ref().filter(|lines| lines.takes_output()) {
            let text = self.board.take_log(glance.time);
            if !text.is_empty() {
                lines.write(text);
            }
        }
        let Some(tty) = self.tty.as_mut().filter(|tty| tty.takes_output()) else { return };
        let above =
            if self.lines.is_some() { String::new() } else { self.board.take_log(glance.time) };
        let above = above + &self.board.take_aside();
        tty.write(&self.paint.show(&above, self.board.live(glance)));
    }

    /// It was stopped for a while. A shell that gives the terminal back leaves the cursor in the
    /// first column of an empty line; one that keeps it, behind a prompt of its own.
    fn continued(&mut self) {
        self.board.was_away();
        if self.tty.as_ref().is_some_and(Tty::in_foreground) {
            self.paint.redraw();
        } else {
            self.paint.forget();
        }
    }

    async fn read_keys(&mut self) {
        let Some(tty) = &mut self.tty else { return };
        let keys = tty.keys().await;
        if keys == [CTRL_Z] {
            tty.write(&self.paint.show("", None));
            tty.suspend();
            self.paint.forget();
        } else {
            self.board.keys_came(&keys, Instant::now());
        }
    }

    async fn asked(&mut self, question: Question) {
        let now = Instant::now();
        self.learn_name(Some(&question.caller), NAME_PATIENCE).await;
        self.board.asked(question, now);
    }

    /// Tells what has happened, and what has happened besides until then.
    async fn learn_names_and_tell(&mut self) {
        while let Some(event) = self.backlog.clone() {
            self.learn_name(caller(&event).as_ref(), NAME_PATIENCE).await;
            let glance = self.glance();
            self.board.happened(&event, glance);
            self.backlog = self.heard.events.try_next();
        }
    }

    /// On a thread of its own: a name service may take as long as it likes, and this process
    /// waits for it neither now nor at its end.
    async fn learn_name(&mut self, caller: Option<&Caller>, patience: Duration) {
        let uid = caller.and_then(|caller| caller.account);
        let Some(uid) = uid.filter(|&uid| self.board.names.lacks(uid)) else { return };
        let (sender, name) = oneshot::channel();
        thread::spawn(move || {
            let _too_late = sender.send(accounts::name(uid));
        });
        let name = timeout(patience, name).await;
        self.board
            .names
            .learn(uid, name.ok().and_then(Result::ok).unwrap_or_else(|| uid.to_string()));
    }
}

/// Whom an event names.
fn caller(event: &Event) -> Option<Caller> {
    match event {
        Event::Fetched { caller, .. }
        | Event::InvalidToken { caller, .. }
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
