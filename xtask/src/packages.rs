//! That the published crates stand alone: from their `.crate` files, in a place that is no
//! clone, the command installs and works, and programs build against client and core.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::published;
use crate::repository::{Repository, run, said};
use crate::safe::Safe;
use crate::stranger::Stranger;

const SECRET: &str = "S3kr!t";

/// A program that a stranger writes against the client.
const FETCHES: &str = r#"
use passsafe_client::blocking::Client;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let read = |name: &str| std::env::var(name);
    let safe = Client::parse(&read("PASSSAFE_PASSPHRASE")?, &read("PASSSAFE_TOKEN")?)?;
    let safe = safe.with_url(read("PASSSAFE_URL")?.parse()?);
    print!("{}", safe.password()?.expose());
    Ok(())
}
"#;
/// What no program gets with the client.
const APART: [&str; 3] = ["passsafe-cli", "passsafe-heap", "passsafe-server"];

/// Installs, stores and fetches as a stranger would: a step of the gate.
pub(crate) fn check(repository: &Repository) -> anyhow::Result<()> {
    stands_alone(repository, &Stranger::new(repository)?)
}

/// The same with any files of crates.
pub(crate) fn stands_alone(repository: &Repository, stranger: &Stranger<'_>) -> anyhow::Result<()> {
    let crates = published::all(repository)?;
    let command = crates.iter().find(|one| one.name == "passsafe-cli").context("no command")?;
    let example = repository.path("crates/passsafe-core/examples/seal_and_open.rs");
    project(&stranger.home(), "fetches", FETCHES, &["passsafe-client"])?;
    project(&stranger.home(), "embeds", &fs::read_to_string(example)?, &["passsafe-core", "ring"])?;
    let members = "[workspace]\nresolver = \"3\"\nmembers = [\"fetches\", \"embeds\"]\n";
    fs::write(stranger.home().join("Cargo.toml"), members)?;
    run(stranger.cargo(&["build", "--quiet"]))?;
    stranger.ensure_no_path_leads_back()?;
    let built_of = said(stranger.cargo(&["tree", "--prefix", "none", "--package", "fetches"]))?;
    let apart =
        built_of.lines().find(|line| APART.iter().any(|name| line.split(' ').next() == Some(name)));
    ensure!(apart.is_none(), "with the client comes {apart:?}");
    let binary = stranger.install_command(&command.version.to_string())?;
    stores_and_fetches(&binary, stranger.cargo(&["run", "--quiet", "--package", "fetches"]))?;
    let embeds = said(stranger.cargo(&["run", "--quiet", "--package", "embeds"]))?;
    ensure!(embeds.contains("password: 6 bytes"), "a program that embeds core says {embeds:?}");
    println!("from their files alone: the command, and programs with client and core");
    Ok(())
}

/// One safe, from both ends.
fn stores_and_fetches(binary: &Path, program: Command) -> anyhow::Result<()> {
    let safe = Safe::open(Command::new(binary), SECRET)?;
    let fetched = safe.ask(binary, &["get", "--raw"])?;
    ensure!(fetched == SECRET, "the installed command fetched {fetched:?}");
    let fetched = safe.answer(program)?;
    ensure!(fetched == SECRET, "a program with the client fetched {fetched:?}");
    safe.ask(binary, &["close"])?;
    safe.has_ended()
}

/// A package with one program, written by somebody who has the names of crates and no more.
fn project(home: &Path, name: &str, program: &str, needs: &[&str]) -> anyhow::Result<()> {
    let folder = home.join(name);
    fs::create_dir_all(folder.join("src"))?;
    let needs: String = needs.iter().flat_map(|need| [*need, " = \"*\"\n"]).collect();
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n{needs}"
    );
    fs::write(folder.join("Cargo.toml"), manifest)?;
    Ok(fs::write(folder.join("src/main.rs"), program)?)
}
