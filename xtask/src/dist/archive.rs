//! The archive for people without a Rust toolchain: the command, its manual pages and
//! completions, licences and what to read first.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use flate2::{Compression, GzBuilder};

use super::{Build, notices};
use crate::repository::run;

const SHELLS: [(&str, &str); 5] = [
    ("bash", "passsafe.bash"),
    ("elvish", "passsafe.elv"),
    ("fish", "passsafe.fish"),
    ("powershell", "_passsafe.ps1"),
    ("zsh", "_passsafe"),
];
const DOCUMENTS: [&str; 6] = [
    "README.md",
    "CHANGELOG.md",
    "SECURITY.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "wordlists/README.md",
];

struct Entry {
    /// Below the archive's one folder.
    path: String,
    content: Vec<u8>,
    mode: u32,
}

/// `passsafe-VERSION-x86_64-linux.tar.gz`.
pub(super) fn write(build: &Build<'_>, binary: &Path) -> anyhow::Result<()> {
    let folder = format!("passsafe-{}-x86_64-linux", build.version);
    let mut entries =
        vec![Entry { path: "passsafe".to_owned(), content: fs::read(binary)?, mode: 0o755 }];
    let plain = |path: String, content: Vec<u8>| Entry { path, content, mode: 0o644 };
    for document in DOCUMENTS {
        let content = fs::read(build.tree.path(document)).with_context(|| document.to_owned())?;
        // The list of words is inside the command.
        entries
            .push(plain(document.replace("wordlists/README.md", "LICENSE-WORDLIST.md"), content));
    }
    entries
        .push(plain("LICENSE-THIRD-PARTY.txt".to_owned(), notices::collect(build)?.into_bytes()));
    for page in manual(binary)? {
        entries.push(plain(format!("man/man1/{}", page.0), page.1));
    }
    for (shell, file) in SHELLS {
        let output = Command::new(binary).args(["completions", shell]).output()?;
        ensure!(output.status.success(), "no completions for {shell}");
        entries.push(plain(format!("completions/{file}"), output.stdout));
    }
    let packed = pack(&folder, entries, build.epoch)?;
    Ok(fs::write(build.out.join(format!("{folder}.tar.gz")), packed)?)
}

/// Each manual page with the name of its file.
fn manual(binary: &Path) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let folder = tempfile::tempdir()?;
    let mut man = Command::new(binary);
    man.args(["man", "--into"]).arg(folder.path());
    run(man)?;
    let files = super::files(folder.path())?;
    files.iter().map(|file| Ok((super::name(file), fs::read(file)?))).collect()
}

/// Sorted, owned by root, all of one time.
fn pack(folder: &str, mut entries: Vec<Entry>, epoch: u64) -> anyhow::Result<Vec<u8>> {
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    let mut archive = tar::Builder::new(Vec::new());
    for Entry { path, content, mode } in entries {
        let mut header = tar::Header::new_ustar();
        header.set_mode(mode);
        header.set_mtime(epoch);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(u64::try_from(content.len())?);
        archive.append_data(&mut header, format!("{folder}/{path}"), content.as_slice())?;
    }
    let tar = archive.into_inner()?;
    let mut gzip = GzBuilder::new().write(Vec::new(), Compression::best());
    gzip.write_all(&tar)?;
    Ok(gzip.finish()?)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn entry(path: &str) -> Entry {
        Entry { path: path.to_owned(), content: path.as_bytes().to_vec(), mode: 0o644 }
    }

    #[test]
    fn the_order_of_entries_and_the_clock_make_no_difference() {
        let one = pack("a", vec![entry("x"), entry("b/y")], 7).unwrap();
        let other = pack("a", vec![entry("b/y"), entry("x")], 7).unwrap();
        assert_eq!(one, other);
        assert_ne!(one, pack("a", vec![entry("x"), entry("b/y")], 8).unwrap());
        let mut tar = Vec::new();
        flate2::read::GzDecoder::new(one.as_slice()).read_to_end(&mut tar).unwrap();
        let mut archive = tar::Archive::new(tar.as_slice());
        let paths: Vec<_> = archive
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().to_string_lossy().into_owned())
            .collect();
        assert_eq!(paths, ["a/b/y", "a/x"]);
    }
}
