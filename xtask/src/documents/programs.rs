//! Blocks that an interpreter runs: each as a program of its own, with the open safe's
//! credentials.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::ensure;

use super::scene::{SECRET, Scene, finish};
use crate::repository::run as run_command;
use crate::{debian, python, venv};

const PYNACL: &str = "pynacl==1.6.2";
const NODE: [&str; 1] = ["libsodium-wrappers-sumo@0.8.4"];

/// What a client prints is the secret: nothing is compared but that.
fn prints_the_secret(said: &str) -> anyhow::Result<()> {
    ensure!(said.contains(SECRET), "it does not print the password, but {said:?}");
    Ok(())
}

/// A block without a call is what the next one is about: both are run as one.
pub(super) fn python(code: &str, scene: &mut Scene<'_>) -> anyhow::Result<()> {
    let ours = code.contains("from passsafe ") || code.contains("import passsafe");
    let (python, file) = if ours {
        (python::with_wheel(scene.repository)?, "with_the_wheel.py")
    } else {
        (venv::provide(scene.repository, "pynacl", &[PYNACL])?, "by_hand.py")
    };
    let file = scene.home().join(file);
    let before = fs::read_to_string(&file).unwrap_or_default();
    let whole = before + &scene.filled(code)?;
    fs::write(&file, &whole)?;
    let mut command = scene.command(&python.to_string_lossy());
    scene.with_credentials(command.arg(&file))?;
    let said = finish(command)?;
    if whole.contains("\nprint(") { prints_the_secret(&said) } else { Ok(()) }
}

pub(super) fn javascript(code: &str, scene: &mut Scene<'_>) -> anyhow::Result<()> {
    debian::provide(scene.repository, &["nodejs", "npm"], || there("npm"))?;
    let folder = scene.repository.path("target/tools/node");
    if !NODE.iter().all(|package| is_installed(&folder, package)) {
        fs::create_dir_all(&folder)?;
        let mut npm = scene.repository.command("npm");
        npm.args(["install", "--silent", "--no-save", "--no-audit", "--no-fund", "--prefix"]);
        run_command({
            npm.arg(&folder).args(NODE);
            npm
        })?;
    }
    let file = folder.join("example.mjs");
    fs::write(&file, scene.filled(code)?)?;
    let mut command = scene.command("node");
    scene.with_credentials(command.arg(&file))?;
    prints_the_secret(&finish(command)?)
}

fn is_installed(folder: &Path, package: &str) -> bool {
    let Some((name, version)) = package.rsplit_once('@') else { return false };
    let manifest = folder.join("node_modules").join(name).join("package.json");
    fs::read_to_string(manifest)
        .is_ok_and(|text| text.contains(&format!("\"version\": \"{version}\"")))
}

pub(super) fn r(code: &str, scene: &mut Scene<'_>) -> anyhow::Result<()> {
    debian::provide(scene.repository, &["r-base-core"], || there("Rscript"))?;
    let file = scene.home().join("example.R");
    fs::write(&file, scene.filled(code)?)?;
    let mut command = scene.command("Rscript");
    scene.with_credentials(command.arg(&file))?;
    prints_the_secret(&finish(command)?)
}

fn there(program: &str) -> Option<()> {
    Command::new(program)
        .arg("--version")
        .output()
        .is_ok_and(|it| it.status.success())
        .then_some(())
}
