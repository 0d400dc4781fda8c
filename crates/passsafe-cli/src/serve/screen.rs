//! The open safe, on screen: what the serving process shows, tells and asks.
//!
//! Everything that is shown is computed by pure functions (`live`, `words`, `json`, `question`),
//! from what happened, the time, and the width; one loop (`watch`) moves it between the safe
//! and the terminal. It never waits for a reader: a terminal that is held by Ctrl-S, a pipe that
//! nobody empties, a name service that does not answer keep neither the safe nor its end.

mod board;
mod flood;
mod json;
mod keys;
mod lines;
mod live;
mod local;
mod paint;
mod question;
mod style;
mod tally;
mod tty;
mod watch;
mod who;
mod words;

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

pub(super) use local::LocalTime;
pub(super) use style::Style;
pub(super) use tty::can_ask;
pub(super) use watch::{Heard, Screen};

/// What becomes of all that happens to the safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Show {
    /// A live line with the time left and a log above it; lines alone where the terminal cannot.
    Live,
    /// Log lines on standard error.
    Lines,
    /// Lines of JSON on standard error.
    Json,
    /// What an owner should know, as log lines on standard error: neither fetches, nor an end
    /// that the program around which the safe is served has brought about.
    Troubles,
    /// Nothing before the safe is over: until then the terminal is a program's.
    Summary,
    /// Nothing, except a question that was asked for (`--confirm`).
    Nothing,
}

/// How a safe behaves towards its owner.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Manner {
    pub(super) show: Show,
    /// Whether a person sits at the keyboard, so that keys may be read all the time.
    pub(super) keys: bool,
    /// Whether the person is asked before each release.
    pub(super) confirm: bool,
    /// How often the record is handed out at most.
    pub(super) max_uses: Option<NonZeroU32>,
}
