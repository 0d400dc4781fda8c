//! The process and the account that act on a safe, as the operating system names them.

/// Most characters of a name. The system keeps 15 bytes of a command, a file's name has more.
const MAX_NAME_LEN: usize = 64;

/// Who is at the other end of a connection, as the operating system says.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Caller {
    /// The user id of the account, if it is known.
    pub account: Option<u32>,
    /// The one process that holds the connection, if it is known.
    pub process: Option<Process>,
    /// Without a process: there is one of the account that hides its descriptors, as passsafe's
    /// own commands do, so it may be that.
    pub is_protected: bool,
}

/// A process of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// What the system calls it, in printable characters. The user of a process can
    /// choose it.
    pub name: String,
}

impl Process {
    /// A process whose names may consist of any bytes.
    #[cfg_attr(
        not(any(target_os = "linux", test)),
        expect(dead_code, reason = "no process can be found")
    )]
    pub(crate) fn new(pid: u32, command: &[u8], program: Option<&[u8]>) -> Self {
        let name = match program {
            None => printable(command),
            // The command is the program's name, cut short.
            Some(program) if program.starts_with(command) => printable(program),
            Some(program) => format!("{} ({})", printable(command), printable(program)),
        };
        Self { pid, name }
    }
}

/// Letters of Hangul that take room and show nothing.
const FILLERS: [char; 4] = ['\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}'];

/// Letters, digits and ASCII signs alone: a name is shown on a terminal, and should neither
/// control it nor look like another name.
fn printable(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    let is_seen = |c: char| c.is_ascii_graphic() || c.is_alphanumeric() && !FILLERS.contains(&c);
    let shown = |c: char| if c == ' ' || is_seen(c) { c } else { '?' };
    let name: String = name.trim_ascii().chars().take(MAX_NAME_LEN).map(shown).collect();
    if name.is_empty() { "?".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_programs_unless_the_process_has_another() {
        let name = |command: &str, program| Process::new(1, command.as_bytes(), program).name;
        assert_eq!(name("python3", Some(b"python3.13")), "python3.13");
        assert_eq!(name("a_very_long_nam", Some(b"a_very_long_name")), "a_very_long_name");
        assert_eq!(name("etl.py", Some(b"python3.13")), "etl.py (python3.13)");
        assert_eq!(name("passsafe", None), "passsafe");
        assert_eq!(name("", Some(b"psql")), "psql");
        assert_eq!(name("", None), "?");
    }

    #[test]
    fn a_name_is_printable_whatever_it_was() {
        let name = |command: &[u8]| Process::new(1, command, None).name;
        assert_eq!(name(b"\x1b]0;evil\x07"), "?]0;evil?");
        assert_eq!(name(b"two\nlines\r"), "two?lines");
        assert_eq!(name("käse 7".as_bytes()), "käse 7");
        assert_eq!(name("left\u{202e}thgir\u{200b}\u{7f}\u{9b}".as_bytes()), "left?thgir???");
        assert_eq!(name("a\u{3164}b\u{ffa0}".as_bytes()), "a?b?");
        assert_eq!(name(b"\xff\xfe"), "??");
        assert_eq!(name(&[b'x'; 4_096]).len(), MAX_NAME_LEN);
    }
}
