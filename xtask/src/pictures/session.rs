//! A session: at one terminal a safe is opened, at another one its secret is fetched.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use super::sheet::{self, Look, Row};
use super::svg::{escaped, picture};
use crate::repository::Repository;
use crate::terminal::{Recording, Size, Terminal};

/// More rows than it takes, so that nothing scrolls away.
const ROWS: u16 = 60;
const COLUMNS: u16 = 100;
/// The safe's words, in what stays the same however the screen around them looks.
const SECRET: &str = "S3kr!t";
const PROMPT: &str = "$ ";
/// For a safe to write down who came before it is closed.
const SETTLE: Duration = Duration::from_millis(700);
/// Before a person types an answer.
const THOUGHT: Duration = Duration::from_millis(150);
/// People take longer to think, and what passsafe does takes no time to speak of.
const SLOWER: u32 = 5;
/// A pause of the recording is not longer than this in the picture.
const LONGEST_PAUSE: Duration = Duration::from_millis(900);

/// Pixels.
const LETTER: f64 = 8.4;
const LINE: f64 = 19.0;
const MARGIN: f64 = 18.0;
const HEAD: f64 = 34.0;
const GAP: f64 = 16.0;

const STYLE: &str = "\
.window{fill:#1c2128;stroke:#444c56}
.head{fill:#2d333b}
.dot{fill:#545d68}
.name{font-family:system-ui,Helvetica,sans-serif;font-size:12px;fill:#adbac7}
.row{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:14px;fill:#d6dee6;white-space:pre}
.typed{fill:#ffffff;font-weight:600}
.bold{font-weight:600}.dim{fill:#909dab}
.c1,.c9{fill:#ff938a}.c2,.c10{fill:#6bc46d}.c3,.c11{fill:#daaa3f}.c4,.c12{fill:#6cb6ff}
.c5,.c13{fill:#dcbdfb}.c6,.c14{fill:#76e3ea}.c8{fill:#909dab}
@media (prefers-reduced-motion:no-preference){.row{animation:appear .25s both}}
@keyframes appear{from{opacity:0}}
";

/// Runs it, and draws what was to see.
pub(super) fn record(repository: &Repository, binary: &Path) -> anyhow::Result<String> {
    let folder = repository.path("target/pictures");
    let programs = folder.join("bin");
    let _none_yet = fs::remove_dir_all(&folder);
    fs::create_dir_all(&programs)?;
    std::os::unix::fs::symlink(binary, programs.join("passsafe"))?;
    let mut shell = Command::new("/bin/sh");
    shell.arg("-i").env_clear().envs([
        ("PATH", format!("{}:/usr/bin:/bin", programs.display())),
        ("HOME", folder.display().to_string()),
        ("PS1", PROMPT.to_owned()),
        ("TERM", "xterm-256color".to_owned()),
        ("LANG", "C.UTF-8".to_owned()),
    ]);
    let size = Size::new(ROWS, COLUMNS).context("no size")?;
    let (mut owner, mut program) = (Terminal::start(&shell, size)?, Terminal::start(&shell, size)?);
    let outcome = play(&mut owner, &mut program);
    if outcome.is_err() {
        // Whatever happened, no safe stays behind.
        let _already_gone = owner.press("\u{3}");
    }
    outcome?;
    draw(
        [
            ("Terminal 1: store it", &owner.recording()),
            ("Terminal 2: fetch it", &program.recording()),
        ],
        size,
    )
}

fn play(owner: &mut Terminal, program: &mut Terminal) -> anyhow::Result<()> {
    owner.wait_until("a prompt", is_at_prompt)?;
    answer(owner, "passsafe")?;
    owner.wait_for("Minutes to serve")?;
    answer(owner, "30")?;
    owner.wait_for("Password: ")?;
    answer(owner, SECRET)?;
    owner.wait_for("once more: ")?;
    answer(owner, SECRET)?;
    let shown = owner.wait_until("the credentials", |screen| {
        after(screen, "token").is_some_and(|token| digits(&token) == 6)
    })?;
    let passphrase = after(&shown, "passphrase").context("no passphrase")?;
    ensure!(passphrase.split(' ').count() == 6, "is this a passphrase: {passphrase}");
    let token = after(&shown, "token").context("no token")?;

    program.wait_until("a prompt", is_at_prompt)?;
    answer(program, "passsafe get")?;
    program.wait_for("Passphrase: ")?;
    answer(program, &passphrase)?;
    program.wait_for("Token: ")?;
    answer(program, &token)?;
    let fetched = program.wait_until("the secret", |screen| {
        screen.lines().any(|line| line == SECRET) && is_at_prompt(screen)
    })?;
    ensure!(!fetched.contains(&passphrase), "what was typed hidden is to be seen");

    // What the safe says about it is none of the words that stay the same.
    thread::sleep(SETTLE);
    owner.press("\u{3}")?;
    // Only then is the picture one of a safe that is gone.
    owner.wait_until("the end of the safe", is_at_prompt)?;
    Ok(())
}

fn answer(terminal: &mut Terminal, line: &str) -> anyhow::Result<()> {
    thread::sleep(THOUGHT);
    terminal.type_line(line)
}

/// The shell waits for a command, and nothing else runs.
fn is_at_prompt(screen: &str) -> bool {
    screen.trim_end().lines().last().is_some_and(|line| line == PROMPT.trim_end())
}

/// What follows a word at the beginning of a line.
fn after(screen: &str, word: &str) -> Option<String> {
    screen.lines().find_map(|line| {
        let rest = line.trim_start().strip_prefix(word)?;
        rest.starts_with(' ').then(|| rest.trim().to_owned())
    })
}

fn digits(text: &str) -> usize {
    text.chars().filter(char::is_ascii_digit).count()
}

fn draw(terminals: [(&str, &Recording); 2], size: Size) -> anyhow::Result<String> {
    let sheets = terminals.map(|(name, recording)| (name, rows(recording, size)));
    let rows = sheets.iter().flat_map(|(_, rows)| rows);
    let clock = Clock::of(rows.filter_map(|row| row.since).collect());
    let width = f64::from(size.columns.get()).mul_add(LETTER, 2.0 * MARGIN);
    let mut body = String::new();
    let mut top = 0.0;
    for (name, rows) in &sheets {
        let count = u32::try_from(rows.len()).context("too many rows")?;
        let height = f64::from(count).mul_add(LINE, HEAD + 2.0 * MARGIN - 8.0);
        window(&mut body, name, (top, width, height));
        for (number, row) in (0_u32..).zip(rows) {
            let y = f64::from(number).mul_add(LINE, top + HEAD + MARGIN + 8.0);
            draw_row(&mut body, row, y, clock.delay(row));
        }
        top += height + GAP;
    }
    Ok(picture(
        (whole(width), whole(top - GAP)),
        (
            "A safe is opened at one terminal, and its secret is fetched at another",
            "Terminal 1: passsafe asks for minutes and, hidden, for the password; it shows a passphrase \
             of six words and a token of six digits, and serves until Ctrl-C. Terminal 2: passsafe get asks \
             for both, hidden, and prints the password.",
        ),
        STYLE,
        &body,
    ))
}

/// Without the shell's last prompt, which waits for nobody.
fn rows(recording: &Recording, size: Size) -> Vec<Row> {
    let mut rows = sheet::play(recording, size);
    let is_prompt =
        |row: &Row| matches!(row.runs.as_slice(), [only] if only.text == PROMPT.trim_end());
    while rows.last().is_some_and(|row| row.runs.is_empty() || is_prompt(row)) {
        rows.pop();
    }
    rows
}

fn window(body: &mut String, name: &str, (top, width, height): (f64, f64, f64)) {
    let (inner_width, inner_height) = (width - 1.0, height - 1.0);
    let top = top + 0.5;
    let _infallible = writeln!(
        body,
        "<rect class=\"window\" x=\"0.5\" y=\"{top}\" width=\"{inner_width:.1}\" height=\"{inner_height:.1}\" rx=\"8\"/>\n\
         <path class=\"head\" d=\"M1 {line}V{corner}q0 -7.5 7.5 -7.5H{right:.1}q7.5 0 7.5 7.5V{line}z\"/>",
        line = top + HEAD - 6.0,
        corner = top + 8.0,
        right = width - 8.5,
    );
    for x in [16.0, 32.0, 48.0] {
        let y = top + 14.5;
        let _infallible = writeln!(body, "<circle class=\"dot\" cx=\"{x}\" cy=\"{y}\" r=\"4.5\"/>");
    }
    let y = top + 18.5;
    let _infallible =
        writeln!(body, "<text class=\"name\" x=\"66\" y=\"{y}\">{}</text>", escaped(name));
}

fn draw_row(body: &mut String, row: &Row, y: f64, delay: Duration) {
    if row.runs.is_empty() {
        return;
    }
    let delay = delay.as_secs_f64();
    let _infallible = write!(body, "<g class=\"row\" style=\"animation-delay:{delay:.2}s\">");
    for run in &row.runs {
        // Each has its place and its width, so that another font keeps the columns.
        let x = f64::from(run.column).mul_add(LETTER, MARGIN);
        let letters = u32::try_from(run.text.chars().count()).unwrap_or(u32::MAX);
        let width = f64::from(letters) * LETTER;
        let typed = run.column == 0 && run.text.starts_with(PROMPT);
        let _infallible = write!(
            body,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" textLength=\"{width:.1}\" xml:space=\"preserve\"{}>{}</text>",
            class(run.look, typed),
            escaped(&run.text)
        );
    }
    body.push_str("</g>\n");
}

fn class(look: Look, typed: bool) -> String {
    let mut classes = Vec::new();
    if typed {
        classes.push("typed".to_owned());
    }
    if look.bold {
        classes.push("bold".to_owned());
    }
    if look.dim {
        classes.push("dim".to_owned());
    }
    classes.extend(look.colour.map(|colour| format!("c{colour}")));
    if classes.is_empty() { String::new() } else { format!(" class=\"{}\"", classes.join(" ")) }
}

/// From the time of the recording to that of the picture, whose pauses are short.
struct Clock(Vec<(Instant, Duration)>);

impl Clock {
    fn of(mut moments: Vec<Instant>) -> Self {
        moments.sort();
        let mut shown = Duration::ZERO;
        let mut last = moments.first().copied();
        let marks = moments.into_iter().map(|moment| {
            let pause = last.map_or(Duration::ZERO, |last| moment.duration_since(last));
            shown += (pause * SLOWER).min(LONGEST_PAUSE);
            last = Some(moment);
            (moment, shown)
        });
        Self(marks.collect())
    }

    fn delay(&self, row: &Row) -> Duration {
        let mark = self.0.iter().find(|(moment, _)| Some(*moment) == row.since);
        mark.map_or(Duration::ZERO, |(_, shown)| *shown)
    }
}

fn whole(pixels: f64) -> u32 {
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a picture is neither negative nor a million pixels high"
    )]
    let pixels = pixels.ceil() as u32;
    pixels
}

#[cfg(test)]
mod tests {
    use super::super::judge;
    use super::*;

    #[test]
    fn a_recorded_session_is_drawn_in_the_order_it_happened() {
        let size = Size::new(9, 60).unwrap();
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let owner = vec![
            (at(0), b"$ passsafe\r\n".to_vec()),
            (at(100), b"  passphrase  six \x1b[1m<words>\x1b[m & more\r\n  token\r\n".to_vec()),
            (at(9_000), b"Ctrl-C the safe is gone\r\n$ ".to_vec()),
        ];
        let program = vec![(at(200), b"$ passsafe get\r\nPassphrase: \r\n$ ".to_vec())];
        let text = draw([("one", &owner), ("two", &program)], size).unwrap();
        judge("session.svg", &text).unwrap();
        assert!(text.contains(" class=\"typed\">$ passsafe get</text>"), "{text}");
        assert!(text.contains(" class=\"bold\">&lt;words&gt;</text>"), "{text}");
        // A hundred milliseconds of the recording are half a second, and nine are not a minute.
        for (delay, row) in
            [("0.00", "$ passsafe<"), ("0.50", "token"), ("1.00", "Passphrase:"), ("1.90", "gone")]
        {
            let line =
                text.lines().find(|line| line.starts_with("<g") && line.contains(row)).unwrap();
            assert!(line.contains(&format!("animation-delay:{delay}s")), "{line}");
        }
        // The prompts that wait in the end are no part of it.
        assert!(!text.contains(">$</text>"), "{text}");
    }

    #[test]
    fn credentials_are_read_off_the_screen() {
        let screen = "  passphrase  a b c d e f\n  token       936 265\n  tokens x\n";
        assert_eq!(after(screen, "passphrase").unwrap(), "a b c d e f");
        assert_eq!(after(screen, "token").unwrap(), "936 265");
        assert_eq!(after(screen, "url"), None);
        assert!(is_at_prompt("a\n$ \n\n") && !is_at_prompt("$ passsafe") && !is_at_prompt(""));
    }
}
