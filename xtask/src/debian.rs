//! Programs that a chore needs, from Debian's packages where they are missing.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::repository::{Repository, run};

const FOLDERS: [&str; 3] = ["/usr/bin", "/usr/local/bin", "/bin"];

/// Where the program is, installed first from the package of the same name if need be.
pub(crate) fn program(repository: &Repository, name: &str) -> anyhow::Result<PathBuf> {
    if let Some(found) = look(name) {
        return Ok(found);
    }
    println!("installing Debian's {name}");
    let install = ["install", "--quiet", "--yes", "--no-install-recommends", name];
    for arguments in [&["update", "--quiet"][..], &install] {
        let mut apt = repository.command("apt-get");
        apt.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        run(apt).with_context(|| format!("install {name}, then try again"))?;
    }
    look(name).with_context(|| format!("Debian's {name} installs no {name}"))
}

fn look(name: &str) -> Option<PathBuf> {
    FOLDERS.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_found_and_what_is_not_is_not() {
        assert!(look("sh").is_some());
        assert!(look("no-such-program").is_none());
    }
}
