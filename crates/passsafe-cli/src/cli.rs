//! The command line: its definition, its help, and from arguments to a command.

pub(crate) mod args;
pub(crate) mod help;
#[cfg(unix)]
pub(crate) mod hidden;
mod nearest;
pub(crate) mod parse;
