//! What a document shows of a terminal, typed into one.
//!
//! A line that starts with `$ ` is a command, what stands below it is what it shows. Questions
//! are answered as the example's person answers them. Credentials, ports and times differ from
//! run to run, and are not compared; every other line must be shown, in this order.

use anyhow::{Context as _, bail, ensure};
use regex::Regex;
use rexpect::reader::{Options, ReadUntil};
use rexpect::session::{PtySession, spawn_with_options};

use super::scene::{Open, SECRET, Scene};
use crate::Arguments;

/// Installing takes a network that is not ours; the steps `packages` and `tests in Python` do it.
const ELSEWHERE: [&str; 4] = ["cargo install ", "pip install ", "maturin ", "git clone "];
/// What builds the command in a clone, and starts it.
const BUILT: &str = "cargo run --release --bin passsafe";
const PATIENCE: u64 = 120_000;

struct Typed {
    command: String,
    shown: Vec<String>,
}

pub(super) fn run(code: &str, scene: &mut Scene<'_>) -> anyhow::Result<()> {
    for typed in parse(code)? {
        if ELSEWHERE.iter().any(|start| typed.command.starts_with(start)) {
            continue;
        }
        if let Some(chore) = typed.command.strip_prefix("cargo xtask ") {
            is_a_chore(chore)?;
            continue;
        }
        let command = typed.command.replace(BUILT, "passsafe");
        let said = in_a_terminal(&command, &typed.shown, scene)
            .with_context(|| format!("`{}`", typed.command))?;
        compare(&typed.shown, &said)
            .with_context(|| format!("`{}` said:\n{said}", typed.command))?;
    }
    Ok(())
}

fn parse(code: &str) -> anyhow::Result<Vec<Typed>> {
    let mut all: Vec<Typed> = Vec::new();
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        if let Some(first) = line.strip_prefix("$ ") {
            let mut command = first.to_owned();
            while command.ends_with('\\') {
                command.push('\n');
                command.push_str(lines.next().unwrap_or_default());
            }
            all.push(Typed { command, shown: Vec::new() });
        } else {
            let last = all.last_mut().context("it shows an answer before a command")?;
            last.shown.push(line.to_owned());
        }
    }
    ensure!(!all.is_empty(), "it shows no command");
    Ok(all)
}

fn is_a_chore(words: &str) -> anyhow::Result<()> {
    use clap::Parser as _;
    let words = words.split('#').next().unwrap_or_default().split_whitespace();
    let words: Vec<_> = words.filter(|word| !word.starts_with('[')).collect();
    Arguments::try_parse_from(std::iter::once("xtask").chain(words))?;
    Ok(())
}

/// Whether a command opens a safe and stays.
fn serves(command: &str) -> bool {
    let command = command.split("  #").next().unwrap_or_default().trim_end();
    let last = command.rsplit('|').next().unwrap_or_default().trim();
    last == "passsafe"
        || last.starts_with("passsafe serve") && !last.contains(" -- ")
        || last.starts_with("passsafe --")
            && !last.contains("--help")
            && !last.contains("--version")
}

/// Types the command and answers what it asks, until it ends or serves.
fn in_a_terminal(command: &str, shown: &[String], scene: &mut Scene<'_>) -> anyhow::Result<String> {
    let serves = serves(command);
    if serves {
        scene.close();
    } else if command.contains("passsafe ") || command.contains("$url") {
        scene.safe()?;
    }
    let mut bash = scene.command("bash");
    let script = format!("{command}\nprintf '\\n{ENDED}%s\\n' $?");
    bash.args(["--noprofile", "--norc", "-c", &script]);
    let options = Options::default().timeout_ms(Some(PATIENCE)).strip_ansi_escape_codes(true);
    let mut terminal = spawn_with_options(bash, options)?;
    let (questions, open) = (Regex::new(QUESTIONS)?, Regex::new(OPEN)?);
    let mut said = String::new();
    loop {
        let mut awaited = vec![ReadUntil::Regex(questions.clone()), ReadUntil::EOF];
        if serves {
            awaited.insert(0, ReadUntil::Regex(open.clone()));
        }
        let (before, found) = terminal.exp_any(awaited).map_err(|error| {
            anyhow::anyhow!("it neither ends nor asks nor serves: {error}; so far: {said}")
        })?;
        said.push_str(&before);
        said.push_str(&found);
        if let Some(answer) = answer(&found, shown, scene)? {
            terminal.send_line(&answer)?;
            // As the terminal of a person would show it; this one does not echo.
            if found.trim_start().starts_with("Minutes") {
                said.push_str(&answer);
            }
            said.push('\n');
        } else if serves && !found.is_empty() {
            scene.open = Some(credentials(&said, terminal)?);
            return Ok(said);
        } else {
            return ended(&said, shown);
        }
    }
}

/// What was said before the shell told how the command ended, which must be well unless the
/// document shows an error.
fn ended(said: &str, shown: &[String]) -> anyhow::Result<String> {
    let (said, code) = said.rsplit_once(ENDED).with_context(|| format!("cut off: {said}"))?;
    let shows_error = shown.iter().any(|line| line.starts_with("error:"));
    let ended_well = code.trim() == "0";
    ensure!(ended_well != shows_error, "it ended with {}: {said}", code.trim());
    Ok(said.to_owned())
}

/// What the shell says at the end, before the exit code.
const ENDED: &str = "-- ended with ";
const QUESTIONS: &str =
    r"Minutes to serve[^\n]*\]: ?|Password[^\n:]*: ?|Passphrase[^\n:]*: ?|Token[^\n:]*: ?";
/// How a safe shows that it is open, on a terminal and as JSON.
const OPEN: &str = r"token +\d{3} \d{3}\s|\x22expires_at\x22:\x22[^\n]*\n";

fn answer(asked: &str, shown: &[String], scene: &Scene<'_>) -> anyhow::Result<Option<String>> {
    let open = || scene.open.as_ref().context("it asks for credentials of no safe");
    let question = asked.trim_start();
    Ok(Some(if question.starts_with("Minutes") {
        let line = shown.iter().find(|line| line.starts_with("Minutes"));
        line.and_then(|line| line.split("]: ").nth(1)).unwrap_or_default().to_owned()
    } else if question.starts_with("Password") {
        SECRET.to_owned()
    } else if question.starts_with("Passphrase") {
        open()?.passphrase.clone()
    } else if question.starts_with("Token") {
        open()?.token.clone()
    } else {
        return Ok(None);
    }))
}

fn credentials(said: &str, terminal: PtySession) -> anyhow::Result<Open> {
    let find = |patterns: [&str; 2]| {
        let found = patterns.iter().find_map(|pattern| {
            Some(Regex::new(pattern).ok()?.captures(said)?.get(1)?.as_str().to_owned())
        });
        found.with_context(|| format!("no credentials in {said}"))
    };
    Ok(Open {
        passphrase: find([r"passphrase +([a-z-]+(?: [a-z-]+){5})", r#""passphrase":"([^"]+)""#])?,
        token: find([r"token +(\d{3} \d{3})", r#""token":"(\d{6})""#])?.replace(' ', ""),
        url: find([r"(http://localhost:\d+)", r#""url":"([^"]+)""#])?,
        _terminal: terminal,
    })
}

/// Fails unless each line that the document shows was said, in this order.
fn compare(shown: &[String], said: &str) -> anyhow::Result<()> {
    let said: Vec<_> = said.lines().map(loosely).collect();
    let mut rest = said.iter();
    for line in shown.iter().filter(|line| !line.trim().is_empty()) {
        let expected = loosely(line);
        let pieces: Vec<_> = expected.split('…').collect();
        if !rest.any(|said| has_in_order(said, &pieces)) {
            bail!("it does not say `{}`", line.trim());
        }
    }
    Ok(())
}

fn has_in_order(said: &str, pieces: &[&str]) -> bool {
    let mut rest = said;
    pieces.iter().all(|piece| match rest.find(piece.trim()) {
        Some(at) => {
            rest = rest.get(at + piece.trim().len()..).unwrap_or_default();
            true
        }
        None => false,
    })
}

/// Without what differs from run to run: numbers, days, and words that are drawn.
fn loosely(line: &str) -> String {
    let mut line = line.trim().to_owned();
    for (pattern, instead) in [
        (r#"(passphrase"?[: ]+"?)[a-z-]+(?: [a-z-]+){5}"#, "${1}W"),
        (r#"("(?:salt|nonce|commitment|ciphertext|user)":")[^"]*"#, "${1}…"),
        (r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d+ [A-Z][a-z]{2} ", "D "),
        (r"\d+", "N"),
        (r"\s+", " "),
    ] {
        if let Ok(pattern) = Regex::new(pattern) {
            line = pattern.replace_all(&line, instead).into_owned();
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_from_what_they_show() {
        let typed = parse("$ a \\\n  b\nx\n\ny\n$ c\n").unwrap();
        assert_eq!((typed[0].command.as_str(), typed[0].shown.len()), ("a \\\n  b", 3));
        assert_eq!((typed[1].command.as_str(), typed[1].shown.len()), ("c", 0));
        assert!(parse("x\n$ a\n").is_err());
        assert!(parse("\n").is_err());
    }

    #[test]
    fn what_differs_from_run_to_run_is_not_compared_and_the_rest_is() {
        let shown = ["token 936 265".to_owned(), String::new(), "open for … now".to_owned()];
        compare(&shown, "token 000 111\r\nmore\r\nopen for 30 minutes now\r\n").unwrap();
        assert!(compare(&shown, "open for 30 minutes now\ntoken 000 111\n").is_err());
        assert!(compare(&shown, "token 000 111\nclosed\n").is_err());
        let phrase = ["  passphrase  clip zebra mango attic prone duty".to_owned()];
        compare(&phrase, "  passphrase  a b c d e f\n").unwrap();
        assert!(compare(&phrase, "  passphrase  a b\n").is_err());
    }

    #[test]
    fn a_command_that_fails_is_found_unless_that_is_what_is_shown() {
        let error = ["error: no".to_owned()];
        assert_eq!(ended("x\r\n-- ended with 0\r\n", &[]).unwrap(), "x\r\n");
        assert!(ended("x\n-- ended with 1\n", &[]).is_err());
        assert!(ended("error: no\n-- ended with 77\n", &error).is_ok());
        assert!(ended("error: no\n-- ended with 0\n", &error).is_err());
        assert!(ended("x\n", &[]).is_err());
    }

    #[test]
    fn a_command_that_stays_is_known() {
        for command in [
            "passsafe",
            "printf x | passsafe serve --json",
            "passsafe serve  # a word",
            "passsafe --port 0",
        ] {
            assert!(serves(command), "{command}");
        }
        for command in ["passsafe get", "passsafe --help", "passsafe serve -- psql", "curl $url"] {
            assert!(!serves(command), "{command}");
        }
    }

    #[test]
    fn a_chore_that_there_is_not_is_found() {
        is_a_chore("test --quick   # the inner loop").unwrap();
        assert!(is_a_chore("tset").is_err());
    }
}
