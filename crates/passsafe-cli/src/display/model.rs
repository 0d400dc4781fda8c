//! Model of the display: turns events, questions, keys and time into text.
//!
//! It does no input or output, so that a test can be the terminal.

use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime};

use passsafe_core::wire::State;
use passsafe_server::{Caller, Decision, Event, Question};

use super::caller_name::{Names, who};
use super::consent::{self, Asking};
use super::counts::Counts;
use super::keys::Keys;
use super::live_line::{self, View};
use super::local_time::LocalTime;
use super::log_json;
use super::log_text::{self, Tone};
use super::options::{DisplayOptions, Show};
use super::rate_limit::{Class, RateLimit};
use super::style::Style;
use crate::text::wrap;

/// Bytes of log that are kept for a terminal that takes no output.
const MOST_WAITING: usize = 16 * 1024;
/// How often the live line is drawn anew.
const SECOND: Duration = Duration::from_secs(1);

/// One reading of clocks, safe and terminal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Snapshot {
    pub(super) now: Instant,
    pub(super) time: SystemTime,
    pub(super) state: State,
    pub(super) remaining: Duration,
    /// Whether this program has the terminal.
    pub(super) in_foreground: bool,
    pub(super) columns: usize,
}

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Extends the life of the safe.
    Extend,
}

/// Everything that is to be shown, and what is on the screen.
pub(super) struct Model {
    options: DisplayOptions,
    style: Style,
    local: LocalTime,
    /// Whether the log goes to the terminal, with the live line below it.
    log_is_terminal: bool,
    pub(super) names: Names,
    counts: Counts,
    rate_limit: RateLimit,
    keys: Keys,
    whole: Duration,
    uses_left: Option<u32>,
    asking: Option<Asking>,
    waiting: VecDeque<(Question, Instant)>,
    closed_by: Option<Caller>,
    /// Text for the log, and text for the terminal if the log goes elsewhere.
    log: String,
    aside: String,
    unshown: u64,
    was_in_foreground: bool,
}

impl Model {
    pub(super) fn new(
        options: DisplayOptions,
        style: Style,
        local: LocalTime,
        log_is_terminal: bool,
        whole: Duration,
    ) -> Self {
        Self {
            options,
            style,
            local,
            log_is_terminal,
            names: Names::default(),
            counts: Counts::default(),
            rate_limit: RateLimit::default(),
            keys: Keys::default(),
            whole,
            uses_left: options.max_uses.map(Into::into),
            asking: None,
            waiting: VecDeque::new(),
            closed_by: None,
            log: String::new(),
            aside: String::new(),
            unshown: 0,
            was_in_foreground: true,
        }
    }

    /// Logs an event.
    pub(super) fn happened(&mut self, event: &Event, snapshot: Snapshot) {
        self.counts.count(event, &self.names);
        match event {
            Event::Fetched { uses_left, .. } => self.uses_left = *uses_left,
            Event::Spent => self.uses_left = Some(0),
            Event::Closed { caller } => self.closed_by.clone_from(caller),
            _ => {}
        }
        if !self.rate_limit.admits(event, snapshot.now) {
            return;
        }
        let is_routine = matches!(event, Event::Fetched { .. } | Event::Spent);
        if self.options.show == Show::Troubles && is_routine {
            return;
        }
        if self.options.show == Show::Json {
            if let Some(line) = log_json::line(event, &self.names, &self.counts, snapshot.time) {
                self.log_raw(&line);
            }
        } else {
            let most = self.options.max_uses.map(Into::into);
            if let Some((tone, text)) = log_text::line(event, &self.names, &self.counts, most) {
                self.log_line(tone, &text, snapshot);
            }
        }
    }

    /// The safe got more time: a full bar stands for more.
    pub(super) fn extended(&mut self, before: Duration, after: Duration) {
        self.whole += after.saturating_sub(before);
    }

    /// The safe got no more time, for this reason.
    pub(super) fn not_extended(&mut self, reason: &str, snapshot: Snapshot) {
        self.log_line(Tone::Odd, reason, snapshot);
    }

    /// A client asks for the secrets.
    pub(super) fn asked(&mut self, question: Question, now: Instant) {
        self.waiting.push_back((question, now));
    }

    /// The question on screen, so that the loop can wait for its withdrawal.
    pub(super) fn question(&mut self) -> Option<&mut Question> {
        self.asking.as_mut().map(|asking| &mut asking.question)
    }

    /// The question on screen was withdrawn. If no event says why, this does.
    pub(super) fn withdrawn(&mut self, snapshot: Snapshot) {
        self.keys.forget();
        let Some(asking) = self.asking.take() else { return };
        let is_told = self.log_is_terminal && matches!(self.options.show, Show::Live | Show::Lines);
        if !is_told {
            let text = format!("{} waits no longer", who(&asking.question.caller, &self.names));
            self.show_line(Tone::Plain, &text, snapshot);
        }
    }

    /// Takes keys that were pressed.
    pub(super) fn keys_came(&mut self, keys: &[u8], now: Instant) {
        self.keys.came(keys, now);
    }

    /// Whether keys should come one by one and unseen.
    pub(super) fn wants_keys(&self, snapshot: Snapshot) -> bool {
        self.asking.is_some() || (self.is_live() && self.can_extend(snapshot.state))
    }

    /// Whether what was typed so far should be thrown away now: a question begins to listen.
    pub(super) fn begins_to_listen(&mut self, snapshot: Snapshot) -> bool {
        self.next_question(snapshot);
        if snapshot.in_foreground && !self.was_in_foreground {
            self.ask_again(snapshot);
        }
        self.was_in_foreground = snapshot.in_foreground;
        let last = self.keys.last();
        let Some(asking) = &mut self.asking else { return false };
        let begins =
            snapshot.in_foreground && !asking.listens && snapshot.now >= asking.listens_at(last);
        if begins {
            asking.listens = true;
            self.keys.forget();
            if !self.style.moves {
                let prompt = consent::lasting_prompt(asking.left(snapshot.now));
                self.show(&wrap::message(&prompt, snapshot.columns));
            }
        }
        begins
    }

    /// What the pressed key asks for, if it does not answer a question.
    pub(super) fn action(&mut self, snapshot: Snapshot) -> Option<Action> {
        let key = self.keys.pressed(snapshot.now)?;
        if let Some(asking) = self.asking.take() {
            match consent::decision(key).filter(|_| asking.listens) {
                Some(decision) => self.answer(asking, decision, snapshot),
                None => self.asking = Some(asking),
            }
            return None;
        }
        let extends = key.eq_ignore_ascii_case(&b'e') && self.is_live();
        (extends && self.can_extend(snapshot.state)).then_some(Action::Extend)
    }

    /// All that joined the log since the last call.
    pub(super) fn take_log(&mut self, time: SystemTime) -> String {
        let mut text = std::mem::take(&mut self.log);
        match std::mem::take(&mut self.unshown) {
            0 => {}
            count if self.options.show == Show::Json => {
                text += &log_json::more(Class::Lost, count, &self.names, time);
                text.push('\n');
            }
            count => {
                let note =
                    format!("({count} more lines were left out, because these were not read)\n");
                text.push_str(&note);
            }
        }
        text
    }

    /// The same for the terminal, where the log goes elsewhere.
    pub(super) fn take_aside(&mut self) -> String {
        std::mem::take(&mut self.aside)
    }

    /// The line below the log.
    pub(super) fn live(&self, snapshot: Snapshot) -> Option<String> {
        if !snapshot.in_foreground || !self.style.moves {
            return None;
        }
        if let Some(asking) = &self.asking {
            let caller = &asking.question.caller;
            let others = self.waiting.iter().filter(|(it, _)| !it.is_withdrawn()).count();
            let left = asking.left(snapshot.now);
            return asking
                .listens
                .then(|| consent::prompt(caller, left, others, snapshot.columns, self.style));
        }
        let most = self.options.max_uses.map(Into::into);
        self.is_live().then(|| {
            let view = View {
                state: snapshot.state,
                remaining: snapshot.remaining,
                whole: self.whole,
                uses: self.uses_left.zip(most),
                can_extend: self.can_extend(snapshot.state),
            };
            live_line::line(view, snapshot.columns, self.style)
        })
    }

    /// When time alone changes what is shown.
    pub(super) fn due(&self, snapshot: Snapshot) -> Option<Instant> {
        let Snapshot { now, remaining, .. } = snapshot;
        let listens = self.asking.as_ref().filter(|asking| !asking.listens);
        let listens = listens.map(|asking| asking.listens_at(self.keys.last()));
        // Right after a second has passed, so that none is skipped.
        let moves = self.asking.is_some() || self.is_live();
        let moves = moves.then(|| now + subsecond(remaining) + Duration::from_millis(1));
        let unseen = !self.log.is_empty() || !self.aside.is_empty();
        let counts = (unseen || !self.rate_limit.is_empty()).then(|| now + SECOND);
        [self.keys.due(), listens, moves, counts].into_iter().flatten().min()
    }

    /// Logs counts of events that were left out, once they are due.
    pub(super) fn tell_counts(&mut self, snapshot: Snapshot) {
        for (class, count) in self.rate_limit.due(snapshot.now) {
            self.tell_count(class, count, snapshot);
        }
    }

    /// Says how the safe ended.
    pub(super) fn end(&mut self, state: State, snapshot: Snapshot) {
        self.asking = None;
        self.waiting.clear();
        for (class, count) in self.rate_limit.rest() {
            self.tell_count(class, count, snapshot);
        }
        if self.options.show == Show::Summary {
            self.options.show = Show::Lines;
        }
        let by = self.closed_by.take();
        if self.options.show == Show::Json {
            self.log_raw(&log_json::end(
                state,
                by.as_ref(),
                &self.names,
                &self.counts,
                snapshot.time,
            ));
        } else {
            self.log_line(Tone::Final, &log_text::end(state, by.as_ref(), &self.names), snapshot);
            self.log_line(Tone::Plain, &self.counts.summary(), snapshot);
        }
    }

    /// Whether there is a live line when no question is open.
    fn is_live(&self) -> bool {
        self.options.show == Show::Live && self.log_is_terminal && self.style.moves
    }

    fn can_extend(&self, state: State) -> bool {
        self.options.keys && state == State::Open
    }

    /// Another program may have used the terminal meanwhile.
    pub(super) fn was_away(&mut self) {
        self.was_in_foreground = false;
    }

    /// Says once more who asks: the shell has written below the question since. Keys that are
    /// pressed right after `fg` were meant for the shell.
    fn ask_again(&mut self, snapshot: Snapshot) {
        let Some(asking) = &mut self.asking else { return };
        if asking.shown == snapshot.now {
            return;
        }
        (asking.shown, asking.listens) = (snapshot.now, false);
        let text = consent::words(&asking.question.caller, &self.names);
        self.show_line(Tone::Odd, &text, snapshot);
    }

    /// Brings the next question to the screen, if there is none.
    fn next_question(&mut self, snapshot: Snapshot) {
        while self.asking.is_none() {
            let Some((question, asked)) = self.waiting.pop_front() else { return };
            if question.is_withdrawn() {
                continue;
            }
            let mut text = consent::words(&question.caller, &self.names);
            if !snapshot.in_foreground {
                text.push_str("; answer in the foreground (fg)");
            }
            // The bell: a client waits for an answer.
            self.show("\x07");
            self.show_line(Tone::Odd, &text, snapshot);
            self.asking = Some(Asking::new(question, asked, snapshot.now));
        }
    }

    fn answer(&mut self, asking: Asking, decision: Decision, snapshot: Snapshot) {
        if decision == Decision::Always {
            let who = who(&asking.question.caller, &self.names);
            let text = format!("from now on without asking: {who}");
            self.show_line(Tone::Plain, &text, snapshot);
        }
        asking.question.answer(decision);
    }

    fn tell_count(&mut self, class: Class, count: u64, snapshot: Snapshot) {
        if self.options.show == Show::Json {
            self.log_raw(&log_json::more(class, count, &self.names, snapshot.time));
        } else {
            self.log_line(Tone::Odd, &log_text::more(class, count, &self.names), snapshot);
        }
    }

    fn log_line(&mut self, tone: Tone, text: &str, snapshot: Snapshot) {
        if matches!(self.options.show, Show::Nothing | Show::Summary) {
            return;
        }
        let stamp = self.local.stamp(snapshot.time);
        let columns = if self.log_is_terminal { snapshot.columns } else { usize::MAX };
        let style = Style { colour: self.style.colour && self.log_is_terminal, ..self.style };
        let line = style.log(&stamp, tone, text, columns);
        self.keep(&line);
    }

    fn log_raw(&mut self, line: &str) {
        self.keep(&format!("{line}\n"));
    }

    fn keep(&mut self, line: &str) {
        if self.log.len() + line.len() > MOST_WAITING {
            self.unshown += 1;
        } else {
            self.log.push_str(line);
        }
    }

    fn show_line(&mut self, tone: Tone, text: &str, snapshot: Snapshot) {
        let stamp = self.local.stamp(snapshot.time);
        self.show(&self.style.log(&stamp, tone, text, snapshot.columns));
    }

    /// For the person at the terminal, wherever the log goes.
    fn show(&mut self, text: &str) {
        if self.log_is_terminal {
            self.log.push_str(text);
        } else {
            self.aside.push_str(text);
        }
    }
}

fn subsecond(time: Duration) -> Duration {
    Duration::from_nanos(time.subsec_nanos().into())
}

#[cfg(test)]
mod tests;
