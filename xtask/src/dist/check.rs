//! That the files work where there is nothing else: the archive in an empty root, the crates
//! in a place that is no clone, the wheel in a new Python, and a wheel built of the source
//! without a network.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use tempfile::TempDir;

use super::archive::MODE;
use super::{MODULE, files, maturin};
use crate::repository::{Repository, run};
use crate::safe::Safe;
use crate::stranger::Stranger;
use crate::{packages, venv};

const SECRET: &str = "S3kr!t";
/// An account that no machine has.
const NOBODY: u32 = 48_151;

const FETCHES: &str =
    "from passsafe import Client; print('{}'.format(Client.from_env().password()), end='')";

pub(super) fn works(repository: &Repository, dist: &Path) -> anyhow::Result<()> {
    let unpacked = TempDir::new()?;
    let mut tar = Command::new("tar");
    tar.arg("--extract").arg("--file").arg(only(dist, "-linux.tar.gz")?);
    tar.args(["--strip-components=1", "--directory"]).arg(unpacked.path());
    run(tar)?;
    let binary = unpacked.path().join("passsafe");
    let mode = fs::metadata(&binary)?.permissions().mode() & 0o7777;
    ensure!(mode == MODE, "the command has the mode {mode:o}");
    for account in [0, NOBODY] {
        in_an_empty_root(&binary, account)?;
    }
    println!("the command: stored and fetched in an empty root, as root and as account {NOBODY}");
    packages::stands_alone(repository, &Stranger::with_files(repository, dist)?)?;
    from_python(repository, &only(dist, ".whl")?, &binary)?;
    println!("the Python package's wheel: fetched from a new Python");
    let built = TempDir::new()?;
    let mut pip = Command::new(maturin(repository, repository)?);
    pip.args(["-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]);
    pip.arg("--wheel-dir").arg(built.path()).arg(source(dist)?).env("CARGO_NET_OFFLINE", "true");
    run(pip)?;
    from_python(repository, &only(built.path(), ".whl")?, &binary)?;
    println!("the Python package's source: built without a network, and fetched");
    Ok(())
}

/// Nothing there but the command, and what a kernel gives every container: no library, no
/// shell, no list of accounts. The account may run the command and not read it.
const ENTER: &str = "mount -t proc proc \"$1/proc\" && mount --bind /dev/null \"$1/dev/null\" && \
    root=$1 account=$2 && shift 2 && exec chroot --userspec=\"$account\" \"$root\" /passsafe \"$@\"";

fn in_an_empty_root(binary: &Path, account: u32) -> anyhow::Result<()> {
    ensure!(rustix::process::geteuid().is_root(), "an empty root takes root: start this as root");
    let root = TempDir::new()?;
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755))?;
    fs::copy(binary, root.path().join("passsafe"))?;
    fs::create_dir(root.path().join("proc"))?;
    fs::create_dir(root.path().join("dev"))?;
    fs::write(root.path().join("dev/null"), "")?;
    let inside = |arguments: &[&str]| {
        let mut unshare = Command::new("unshare");
        unshare.args(["--mount", "sh", "-c", ENTER, "sh"]).arg(root.path());
        unshare.arg(format!("{account}:{account}")).args(arguments);
        unshare.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        unshare
    };
    let safe = Safe::open(inside(&[]), SECRET)?;
    let fetched = safe.answer(inside(&["get", "--raw"]))?;
    ensure!(fetched == SECRET, "in an empty root: {fetched:?}");
    safe.answer(inside(&["close"]))?;
    safe.has_ended()
}

fn from_python(repository: &Repository, wheel: &Path, binary: &Path) -> anyhow::Result<()> {
    let name = wheel.to_str().context("a path that is not UTF-8")?;
    // Made anew: a package of the same name may be another.
    let _none_yet = fs::remove_dir_all(repository.path("target/tools/python-dist"));
    let python = venv::provide(repository, "python-dist", &["--no-index", name])?;
    let safe = Safe::open(Command::new(binary), SECRET)?;
    let mut program = Command::new(python);
    program.args(["-c", FETCHES]).current_dir(wheel.parent().context("no folder")?);
    let fetched = safe.answer(program)?;
    ensure!(fetched == SECRET, "from Python: {fetched:?}");
    Ok(())
}

fn source(dist: &Path) -> anyhow::Result<PathBuf> {
    let mut archives = files(dist, ".tar.gz")?;
    archives
        .retain(|file| file.file_name().is_some_and(|it| it.to_string_lossy().starts_with(MODULE)));
    archives.pop().context("no Python source")
}

fn only(folder: &Path, end: &str) -> anyhow::Result<PathBuf> {
    match files(folder, end)?.as_slice() {
        [file] => Ok(file.clone()),
        others => bail!("not one file {end} in {}, but {}", folder.display(), others.len()),
    }
}
