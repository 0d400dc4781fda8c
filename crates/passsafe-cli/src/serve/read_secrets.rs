//! Reading secrets: from files and standard input first, then from the person.

use std::io::{self, IsTerminal as _, Read, stdin};

use passsafe_core::{Entries, EntriesError, EntryName, Secret};
use zeroize::{Zeroize as _, Zeroizing};

use super::secret_file;
use super::sources::{Question, Sources, Stdin, too_much};
use crate::cli::args::SecretFile;
use crate::os::streams::{note, unbuffered_stdin};
use crate::prompt::{Terminal, no_terminal};
use crate::text::failure::{Failure, code};

impl Sources {
    /// Checks that standard input is not a terminal, and that there is one to ask at.
    pub(crate) fn check(&self, terminal: Option<&Terminal>) -> Result<(), Failure> {
        if let Some(Stdin { name, flag }) = self.stdin.as_ref().filter(|_| stdin().is_terminal()) {
            let hint = if is_default(name) {
                "leave the flag out to be asked for the password, hidden".to_owned()
            } else {
                format!("to be asked for it, hidden: passsafe serve {name}")
            };
            return Err(Failure::new(
                code::USAGE,
                format!("{flag} wants a pipe or a file, and standard input is a terminal"),
                hint,
            ));
        }
        match (self.questions.first(), terminal) {
            (Some(question), None) => Err(self.no_terminal(&question.name)),
            _ => Ok(()),
        }
    }

    fn no_terminal(&self, name: &EntryName) -> Failure {
        if self.stdin.is_some() {
            let hint = format!("take it from a file: --secret-file {name}=PATH");
            no_terminal(&spoken(name), hint)
        } else if is_default(name) {
            let hint =
                "pass it through a pipe: passsafe serve --password-stdin, with --json or -- CMD";
            no_terminal("the password", hint)
        } else {
            let flags = format!("--secret-file {name}=PATH, or --secret-stdin {name}");
            no_terminal(name.as_str(), format!("take it from a file or a pipe: {flags}"))
        }
    }

    /// Reads files and standard input; an empty one is an error.
    pub(crate) fn read(&self) -> Result<Reading, Failure> {
        let mut reading = Reading { room: Room::new(), read: Vec::new() };
        for file in &self.files {
            reading.add_file(file)?;
        }
        if let Some(stdin) = &self.stdin {
            reading.add_stdin(stdin)?;
        }
        Ok(reading)
    }
}

/// What has been read so far.
pub(crate) struct Reading {
    room: Room,
    read: Vec<(EntryName, Secret)>,
}

impl Reading {
    /// Asks for the rest. Empty answers are not accepted.
    pub(crate) fn ask(
        mut self,
        sources: &Sources,
        terminal: Option<&Terminal>,
    ) -> Result<Entries, Failure> {
        for question in &sources.questions {
            let terminal = terminal.ok_or_else(|| sources.no_terminal(&question.name))?;
            let secret = question.ask(terminal)?;
            self.room.take(secret.len()).map_err(|error| too_much(&error))?;
            self.read.push((question.name.clone(), secret));
        }
        Entries::new(self.read).map_err(|error| too_much(&error))
    }

    fn add_file(&mut self, SecretFile { name, path }: &SecretFile) -> Result<(), Failure> {
        let file = secret_file::open(path)?;
        let mut room = std::mem::take(&mut self.room);
        let read = secret_file::in_time(file, secret_file::PATIENCE, move |file| {
            let secret = room.read(file, LineEnd::Kept);
            (room, secret)
        });
        let (room, secret) = read.map_err(|error| secret_file::unreadable(path, &error))?;
        self.room = room;
        let secret = match secret {
            Ok(secret) => secret,
            Err(Unread::TooLong) => {
                let message = format!("with {}, {}", path.display(), EntriesError::TooLong);
                return Err(too_much(&EntriesError::TooLong).with_message(message));
            }
            Err(Unread::Io(error)) => return Err(secret_file::unreadable(path, &error)),
        };
        if secret.is_empty() {
            return Err(Failure::new(
                code::USAGE,
                format!("{} is empty, and so is the secret {name}", path.display()),
                "a safe holds no empty secrets; check the path",
            ));
        }
        if is_one_line(secret.expose()) {
            note(&format!(
                "note: {name} ends in a line feed, and files are taken as they are; \
                 --secret-stdin drops one\n"
            ));
        }
        self.read.push((name.clone(), secret));
        Ok(())
    }

    fn add_stdin(&mut self, Stdin { name, flag }: &Stdin) -> Result<(), Failure> {
        let command = match *flag {
            "--secret-stdin" => format!("passsafe serve --secret-stdin {name}"),
            flag => format!("passsafe serve {flag}"),
        };
        let unreadable = |error: &io::Error| {
            let hint = format!("pipe {} into {command}", spoken(name));
            Failure::new(code::NO_INPUT, format!("standard input cannot be read: {error}"), hint)
        };
        let mut input = unbuffered_stdin().map_err(|error| unreadable(&error))?;
        let secret = match self.room.read(&mut input, LineEnd::Dropped) {
            Ok(secret) => secret,
            Err(Unread::TooLong) => return Err(too_much(&EntriesError::TooLong)),
            Err(Unread::Io(error)) => return Err(unreadable(&error)),
        };
        if secret.is_empty() {
            return Err(Failure::new(
                code::USAGE,
                format!("{} is empty", subject(name)),
                format!("pipe the {} itself into {command}", noun(name)),
            ));
        }
        self.read.push((name.clone(), secret));
        Ok(())
    }
}

impl Question {
    fn ask(&self, terminal: &Terminal) -> Result<Secret, Failure> {
        let Self { name, shown } = self;
        let question = if is_default(name) { "Password" } else { name.as_str() };
        let answer = if *shown {
            terminal.ask_shown(question)
        } else {
            terminal.ask_hidden_twice(question, &format!("{question}, once more"))
        };
        let mut line = answer.map_err(|failure| self.name_the_other_way(failure))?;
        Ok(Secret::from(std::mem::take(&mut *line).into_bytes()))
    }

    /// Names a file as the way for what a terminal cannot deliver.
    fn name_the_other_way(&self, failure: Failure) -> Failure {
        let name = &self.name;
        match failure.code() {
            code::USAGE if !is_default(name) => failure
                .with_hint(format!("take it from a file or a pipe: --secret-file {name}=PATH")),
            _ => failure,
        }
    }
}

fn is_default(name: &EntryName) -> bool {
    *name == EntryName::password()
}

fn spoken(name: &EntryName) -> String {
    if is_default(name) { "the password".to_owned() } else { name.to_string() }
}

fn subject(name: &EntryName) -> String {
    if is_default(name) { "the password".to_owned() } else { format!("the secret {name}") }
}

fn noun(name: &EntryName) -> &'static str {
    if is_default(name) { "password" } else { "secret" }
}

/// A line and its end, as an editor or `echo` leaves it: hardly what a password ends in.
fn is_one_line(bytes: &[u8]) -> bool {
    let text = std::str::from_utf8(bytes).ok();
    text.and_then(|text| text.strip_suffix('\n')).is_some_and(|line| !line.contains('\n'))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum LineEnd {
    Kept,
    /// One of them, LF or CRLF.
    Dropped,
}

enum Unread {
    TooLong,
    Io(io::Error),
}

/// What a safe has room for; none by default. Longer input is refused as soon as that shows, not read to its
/// end, and through one buffer that never moves.
#[derive(Default)]
struct Room {
    left: usize,
    buffer: Zeroizing<Vec<u8>>,
}

impl Room {
    fn new() -> Self {
        // One byte more than allowed shows that the input is too long.
        let most = Entries::MAX_VALUE_BYTES + b"\r\n".len() + 1;
        Self { left: Entries::MAX_VALUE_BYTES, buffer: Zeroizing::new(vec![0; most]) }
    }

    fn take(&mut self, bytes: usize) -> Result<(), EntriesError> {
        self.left = self.left.checked_sub(bytes).ok_or(EntriesError::TooLong)?;
        Ok(())
    }

    fn read(&mut self, input: &mut impl Read, line_end: LineEnd) -> Result<Secret, Unread> {
        let mut filled = 0;
        while let Some(rest) = self.buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match input.read(rest) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Unread::Io(error)),
            }
        }
        let read = self.buffer.get(..filled).unwrap_or_default();
        let kept = match line_end {
            LineEnd::Kept => read,
            LineEnd::Dropped => without_line_end(read),
        };
        let secret = Secret::from(kept.to_vec());
        if let Some(used) = self.buffer.get_mut(..filled) {
            used.zeroize();
        }
        self.take(secret.len()).map_err(|_| Unread::TooLong)?;
        Ok(secret)
    }
}

fn without_line_end(bytes: &[u8]) -> &[u8] {
    match bytes.strip_suffix(b"\n") {
        Some(line) => line.strip_suffix(b"\r").unwrap_or(line),
        None => bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(room: &mut Room, input: &[u8], line_end: LineEnd) -> Option<Vec<u8>> {
        room.read(&mut &*input, line_end).ok().map(|secret| secret.expose().to_vec())
    }

    #[test]
    fn one_line_end_is_dropped_where_it_is_no_part_of_the_secret() {
        for (input, dropped) in [
            (&b"a\n"[..], &b"a"[..]),
            (b"a\r\n", b"a"),
            (b"a\n\n", b"a\n"),
            (b"a\r", b"a\r"),
            (b"\n", b""),
            (b"a\nb", b"a\nb"),
        ] {
            let mut room = Room::new();
            assert_eq!(read(&mut room, input, LineEnd::Dropped).unwrap(), dropped);
            assert_eq!(read(&mut room, input, LineEnd::Kept).unwrap(), input);
        }
    }

    #[test]
    fn all_secrets_share_the_room_and_it_is_exact() {
        let mut room = Room::new();
        assert!(read(&mut room, &vec![7; 65_535], LineEnd::Kept).is_some());
        assert!(read(&mut room, b"1\r\n", LineEnd::Dropped).is_some());
        assert!(room.take(0).is_ok() && room.take(1).is_err());
        assert!(read(&mut room, b"1", LineEnd::Kept).is_none());
        for (length, line_end) in [(65_537, LineEnd::Kept), (65_539, LineEnd::Dropped)] {
            assert!(read(&mut Room::new(), &vec![7; length], line_end).is_none());
        }
    }

    #[test]
    fn endless_input_is_read_no_further_than_needed() {
        let mut count = Count(0);
        assert!(Room::new().read(&mut count, LineEnd::Kept).is_err());
        assert_eq!(count.0, 65_539);
    }

    struct Count(usize);

    impl Read for Count {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0 += buffer.len();
            Ok(buffer.len())
        }
    }

    #[test]
    fn what_was_read_is_wiped_from_the_buffer() {
        let mut room = Room::new();
        assert!(read(&mut room, b"hunter2", LineEnd::Kept).is_some());
        assert!(room.buffer.iter().all(|&byte| byte == 0));
    }

    #[test]
    fn one_line_with_its_end_is_recognised() {
        assert!(is_one_line(b"a\n") && is_one_line(b"\n"));
        assert!(!is_one_line(b"a") && !is_one_line(b"") && !is_one_line(b"a\nb\n"));
        assert!(!is_one_line(b"\xff\n"));
    }
}
