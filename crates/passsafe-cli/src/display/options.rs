//! What the display shows, and whether it asks.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// How events are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Show {
    /// A live line with the time left and a log above it; lines alone where the terminal cannot.
    Live,
    /// Log lines on standard error.
    Lines,
    /// Lines of JSON on standard error.
    Json,
    /// Problems, as log lines on standard error: neither fetches, nor the end of the safe when the
    /// program ends.
    Troubles,
    /// Nothing before the safe is over: until then the terminal is a program's.
    Summary,
    /// Nothing, except a question that was asked for (`--confirm`).
    Nothing,
}

/// What a served safe shows to its user, and asks.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct DisplayOptions {
    pub(crate) show: Show,
    /// Whether a person sits at the keyboard, so that keys may be read all the time.
    pub(crate) keys: bool,
    /// Whether the person is asked before each release.
    pub(crate) confirm: bool,
    /// How often the record is handed out at most.
    pub(crate) max_uses: Option<NonZeroU32>,
}
