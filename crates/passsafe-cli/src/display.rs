//! The open safe, on screen: what the serving process shows, tells and asks.
//!
//! Everything that is shown is computed by pure functions (`live`, `words`, `json`, `question`),
//! from what happened, the time, and the width; one loop (`watch`) moves it between the safe
//! and the terminal. It never waits for a reader: a terminal that is held by Ctrl-S, a pipe that
//! nobody empties, a name service that does not answer keep neither the safe nor its end.

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
