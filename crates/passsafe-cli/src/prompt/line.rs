//! One line from the keyboard, in memory that is wiped.

use std::fmt::Display;
use std::io::{ErrorKind, Read as _};

use zeroize::Zeroizing;

use super::echo::PromptModes;
use crate::os::streams::unbuffered_stdin;
use crate::text::failure::{Failure, code};

/// Bytes of the longest line that a terminal in line mode delivers, line feed left out; what
/// is typed beyond is dropped without a word. Linux: 4,095. macOS: 1,023.
const MAX: usize = if cfg!(target_os = "linux") { 4_095 } else { 1_023 };

/// What was typed before the Enter key.
pub(super) struct Line(Zeroizing<Vec<u8>>);

impl Line {
    /// The line as text, if it is UTF-8.
    pub(super) fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// Whether the terminal may have dropped a part of it.
    pub(super) fn is_cut(&self) -> bool {
        self.0.len() >= MAX
    }
}

/// Reads a line while the modes of a prompt are set. A line that is ended by Ctrl-D in place
/// of Enter is the end of input, as is Ctrl-D alone.
pub(super) fn read(_modes: &PromptModes<'_>) -> Result<Line, Failure> {
    // In line mode each read delivers one line at most, and room for one is all it takes.
    let mut bytes = Zeroizing::new(vec![0; MAX + 1]);
    let count = unbuffered_stdin()
        .and_then(|mut keyboard| {
            loop {
                match keyboard.read(&mut bytes) {
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    result => return result,
                }
            }
        })
        .map_err(|error| unusable(&error))?;
    bytes.truncate(count);
    if bytes.pop() == Some(b'\n') { Ok(Line(bytes)) } else { Err(hung_up()) }
}

/// The whole line, or `None` if it is empty.
pub(super) fn typed(line: &Line) -> Result<Option<Zeroizing<String>>, Failure> {
    if line.is_cut() {
        return Err(too_long());
    }
    let text = line.text().ok_or_else(not_text)?;
    Ok(Some(text).filter(|text| !text.is_empty()).map(|text| Zeroizing::new(text.to_owned())))
}

pub(super) fn unusable(error: &dyn Display) -> Failure {
    Failure::new(
        code::NO_INPUT,
        format!("the terminal cannot be used: {error}"),
        "start again at another terminal, or without one (see --help)",
    )
}

fn hung_up() -> Failure {
    Failure::new(code::NO_INPUT, "the input ended at a prompt", "start again and type an answer")
}

fn too_long() -> Failure {
    Failure::new(
        code::USAGE,
        format!("the line is too long: a terminal delivers less than {MAX} bytes"),
        "pass longer secrets through a pipe: passsafe serve --password-stdin",
    )
}

fn not_text() -> Failure {
    Failure::new(
        code::USAGE,
        "what was typed is not UTF-8",
        "pass other bytes through a pipe: passsafe serve --password-stdin",
    )
}
