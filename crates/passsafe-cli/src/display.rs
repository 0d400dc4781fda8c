//! What the serving process shows and asks.
//!
//! Pure functions compute what is shown (`live_line`, `log_text`, `log_json`, `consent`), from
//! what happened, the time and the width; one loop (`event_loop`) moves it between the safe and
//! the terminal. It never waits for a reader: neither a terminal that is held by Ctrl-S, nor a
//! full pipe, nor a slow name service delays the safe or its end.

mod caller_name;
mod consent;
mod counts;
mod event_loop;
mod keys;
mod live_line;
mod local_time;
mod log_json;
mod log_text;
mod log_writer;
mod model;
mod options;
mod rate_limit;
mod renderer;
mod style;
mod tty;

pub(crate) use event_loop::{Screen, Subscriptions};
pub(crate) use local_time::LocalTime;
pub(crate) use options::{DisplayOptions, Show};
pub(crate) use style::Style;
pub(crate) use tty::can_ask;
