//! That the files work where there is nothing else: the archive in an empty root, the crates
//! in a place that is no clone, the wheel in a new Python.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use flate2::read::GzDecoder;
use tempfile::TempDir;

use super::python::MODULE;
use crate::published::{self, Published};
use crate::repository::Repository;
use crate::safe::Safe;
use crate::stranger::Stranger;
use crate::{packages, venv};

const SECRET: &str = "S3kr!t";
/// An account that no machine has.
const NOBODY: u32 = 48_151;

const FETCHES: &str =
    "from passsafe import Client; print('{}'.format(Client.from_env().password()), end='')";

pub(super) fn works(repository: &Repository, dist: &Path) -> anyhow::Result<()> {
    let archive = only(dist, |name| name.ends_with("-linux.tar.gz"))?;
    let unpacked = TempDir::new()?;
    tar::Archive::new(GzDecoder::new(File::open(&archive)?)).unpack(unpacked.path())?;
    let folder = unpacked.path().join(super::name(&archive).replace(".tar.gz", ""));
    let binary = folder.join("passsafe");
    for account in [0, NOBODY] {
        in_an_empty_root(&binary, account)?;
    }
    println!("the command: stored and fetched in an empty root, as root and as account {NOBODY}");
    let crates = published::all(repository)?;
    let file = |one: &Published| dist.join(format!("{}-{}.crate", one.name, one.version));
    let files: Vec<_> = crates.iter().map(file).collect();
    packages::stands_alone(&Stranger::with_files(repository, crates, &files)?)?;
    if repository.path(super::python::CRATE).exists() {
        let wheel = only(dist, |name| name.contains("-abi3-"))?;
        let source = only(dist, |name| name.starts_with(MODULE) && name.contains(".tar."))?;
        for (package, what) in [(wheel, "wheel"), (source, "source")] {
            from_python(repository, &package, what, &binary)?;
            println!("the Python package's {what}: fetched from a new Python");
        }
    }
    Ok(())
}

/// Nothing there but the command, and what a kernel gives every container: no library, no
/// shell, no list of accounts.
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

fn from_python(
    repository: &Repository,
    package: &Path,
    what: &str,
    binary: &Path,
) -> anyhow::Result<()> {
    let name = package.to_str().context("a path that is not UTF-8")?;
    let environment = format!("python-{what}");
    // Made anew: a package of the same name may be another.
    let _none_yet = fs::remove_dir_all(repository.path("target/tools").join(&environment));
    let python = venv::provide(repository, &environment, &[name])?;
    let safe = Safe::open(Command::new(binary), SECRET)?;
    let mut program = Command::new(python);
    let elsewhere = TempDir::new()?;
    program.args(["-c", FETCHES]).current_dir(elsewhere.path());
    let fetched = safe.answer(program)?;
    ensure!(fetched == SECRET, "from Python: {fetched:?}");
    Ok(())
}

fn only(folder: &Path, is_it: impl Fn(&str) -> bool) -> anyhow::Result<PathBuf> {
    let mut files = super::files(folder)?.into_iter().filter(|file| is_it(&super::name(file)));
    match (files.next(), files.next()) {
        (Some(file), None) => Ok(file),
        _ => bail!("there is not one such file in {}", folder.display()),
    }
}
