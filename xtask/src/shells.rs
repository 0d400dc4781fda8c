//! What the command writes for other programs: completions, which real shells load and are
//! asked for, and manual pages, which two formatters read.
//!
//! PowerShell is in no package of Debian: its script is generated and not run.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};

use rexpect::reader::Options;
use rexpect::session::spawn_with_options;

use crate::binary;
use crate::repository::Repository;

const FOLDER: &str = "target/shells";

/// What is typed before the Tab key, and what has to come of it.
const QUESTIONS: [(&str, &str); 3] =
    [("passsafe g", "get"), ("passsafe get --ur", "--url"), ("passsafe completions zs", "zsh")];

/// How a shell is asked without a person: its arguments, and a line that loads `$SCRIPT` and
/// prints what could follow `$LINE`, whose words are the arguments.
struct Asked {
    name: &'static str,
    arguments: &'static [&'static str],
    line: &'static str,
}

const ASKED: [Asked; 2] = [
    Asked {
        name: "bash",
        arguments: &["--norc", "--noprofile", "-c"],
        line: r#"source "$SCRIPT" && complete -p passsafe >/dev/null || exit 1
read -ra COMP_WORDS <<<"$LINE"
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_passsafe passsafe "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}""#,
    },
    Asked {
        name: "fish",
        arguments: &["--no-config", "-c"],
        line: "source $SCRIPT; complete -C $LINE | string replace -r '\t.*' ''",
    },
];

/// Loads each script and asks for completions, and has each page read.
pub(crate) fn check(repository: &Repository) -> anyhow::Result<()> {
    let binary = binary::debug(repository)?;
    let folder = repository.path(FOLDER);
    fs::create_dir_all(&folder)?;
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = printed(&binary, &["completions", shell])?;
        ensure!(script.len() > 1_000, "{shell}: an empty script");
        fs::write(folder.join(shell), script)?;
    }
    for shell in &ASKED {
        ask(shell, &folder).with_context(|| format!("completions for {}", shell.name))?;
    }
    ask_elvish(&folder).context("completions for elvish")?;
    ask_zsh(&folder).context("completions for zsh")?;
    read_pages(&binary, &folder.join("man"))
}

fn printed(binary: &Path, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
    let output = Command::new(binary).args(arguments).output()?;
    ensure!(output.status.success(), "passsafe {} failed", arguments.join(" "));
    Ok(output.stdout)
}

fn ask(shell: &Asked, folder: &Path) -> anyhow::Result<()> {
    for (line, wanted) in QUESTIONS {
        let mut command = Command::new(shell.name);
        command.args(shell.arguments).arg(shell.line);
        command.env("SCRIPT", folder.join(shell.name)).env("LINE", line);
        answer(&mut command, line, wanted)?;
    }
    Ok(())
}

fn answer(command: &mut Command, line: &str, wanted: &str) -> anyhow::Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    let answer = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    let answered: Vec<&str> = answer.split_whitespace().collect();
    ensure!(complaint.is_empty(), "{complaint}");
    ensure!(answered.contains(&wanted), "`{line}` has {answered:?}, and not {wanted}");
    Ok(())
}

/// Where elvish registers completions there is at a terminal only, so a module stands in.
fn ask_elvish(folder: &Path) -> anyhow::Result<()> {
    const MODULE: &str = "var completion: = (ns [&arg-completer=[&]])\n\
        fn complex-candidate {|word @_ &display='' &code-suffix=''| put $word }\n";
    let script = fs::read_to_string(folder.join("elvish"))?;
    let folder = folder.join("elvish.d");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("edit.elv"), MODULE)?;
    for (line, wanted) in QUESTIONS {
        // It is given what stands before the word that is completed, and tells all.
        let before = line.rsplit_once(' ').map_or("", |(before, _)| before);
        let ask = format!(
            "use ./edit\n{script}\n$edit:completion:arg-completer[passsafe] {before} '' | each $echo~\n"
        );
        fs::write(folder.join("ask.elv"), ask)?;
        let ask = folder.join("ask.elv");
        // Fixed values of an argument without a flag are nothing that its generator knows.
        let wanted = if before.ends_with("completions") { "--help" } else { wanted };
        answer(Command::new("elvish").arg("-norc").arg(ask), line, wanted)?;
    }
    Ok(())
}

/// zsh completes at a terminal only. What is typed is run then, by a function in the command's
/// place, which says what it was given.
fn ask_zsh(folder: &Path) -> anyhow::Result<()> {
    let mut zsh = Command::new("zsh");
    zsh.args(["-f", "-i"]).env_clear().envs([("TERM", "xterm"), ("PATH", "/usr/bin:/bin")]);
    let options = Options::default().timeout_ms(Some(20_000));
    let mut terminal = spawn_with_options(zsh, options)?;
    // In two words, so that the prompt is not found in the echo of this line.
    terminal.send_line(&format!(
        "PS1='rea''dy> '; autoload -U compinit; compinit -D; source '{}'; \
         passsafe() {{ print ran:$*; }}; print loaded:$_comps[passsafe]",
        folder.join("zsh").display()
    ))?;
    terminal.exp_string("loaded:_passsafe")?;
    for (line, wanted) in QUESTIONS {
        terminal.exp_string("ready> ")?;
        terminal.send_line(&format!("{line}\t"))?;
        let words = line.trim_start_matches("passsafe ");
        let kept = words.rsplit_once(' ').map_or(String::new(), |(kept, _)| format!("{kept} "));
        terminal.exp_string(&format!("ran:{kept}{wanted}"))?;
    }
    Ok(())
}

/// `mandoc` finds more to complain about, `groff` is what most systems format with.
fn read_pages(binary: &Path, folder: &Path) -> anyhow::Result<()> {
    let into = folder.to_str().context("a path that is not UTF-8")?;
    printed(binary, &["man", "--into", into])?;
    let mut pages: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder)? {
        pages.push(entry?.path());
    }
    ensure!(pages.len() > 6, "only {} manual pages", pages.len());
    for page in pages {
        let lint: [OsString; 4] = ["-T".into(), "lint".into(), "-W".into(), "warning".into()];
        let found = complaints(Command::new("mandoc").args(lint).arg(&page))?;
        // A date would make two builds of one source differ.
        let found: Vec<&str> = found.lines().filter(|it| !it.contains("missing date")).collect();
        if let [first, ..] = found.as_slice() {
            bail!("{first}");
        }
        let found =
            complaints(Command::new("groff").args(["-man", "-ww", "-Tutf8", "-z"]).arg(&page))?;
        ensure!(found.is_empty(), "{found}");
    }
    Ok(())
}

fn complaints(command: &mut Command) -> anyhow::Result<String> {
    let output = command.stdin(Stdio::null()).output()?;
    Ok(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}
