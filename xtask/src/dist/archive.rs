//! The archive for people without a Rust toolchain: the command, its manual pages and
//! completions, licences and what to read first.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Context as _;

use super::{Build, TARGET, files};
use crate::published;
use crate::repository::run;

/// Not to be read by other accounts, so that the kernel keeps what they start from being traced
/// and dumped from the first instruction on; see docs/threat-model.md.
pub(super) const MODE: u32 = 0o711;

const SHELLS: [(&str, &str); 5] = [
    ("bash", "passsafe.bash"),
    ("elvish", "passsafe.elv"),
    ("fish", "passsafe.fish"),
    ("powershell", "_passsafe.ps1"),
    ("zsh", "_passsafe"),
];
const DOCUMENTS: [(&str, &str); 6] = [
    ("README.md", "README.md"),
    ("CHANGELOG.md", "CHANGELOG.md"),
    ("SECURITY.md", "SECURITY.md"),
    ("LICENSE-MIT", "LICENSE-MIT"),
    ("LICENSE-APACHE", "LICENSE-APACHE"),
    // The list of words is inside the command.
    ("wordlists/README.md", "LICENSE-WORDLIST.md"),
];

/// `passsafe-VERSION-x86_64-linux.tar.gz`: sorted, owned by root, all of one time.
pub(super) fn write(build: &Build<'_>, binary: &Path, list: &str) -> anyhow::Result<()> {
    let name = format!("passsafe-{}-x86_64-linux", build.version);
    let folder = build.target.join(&name);
    let _none_yet = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("man/man1"))?;
    fs::create_dir(folder.join("completions"))?;
    for (from, to) in DOCUMENTS {
        fs::copy(build.tree.path(from), folder.join(to)).with_context(|| from.to_owned())?;
    }
    fs::write(folder.join("LICENSE-THIRD-PARTY.txt"), notices(build, list)?)?;
    let mut man = build.tree.command(binary);
    man.args(["man", "--into"]).arg(folder.join("man/man1"));
    run(man)?;
    for (shell, file) in SHELLS {
        let mut completions = build.tree.command(binary);
        completions.args(["completions", shell]);
        completions.stdout(fs::File::create(folder.join("completions").join(file))?);
        run(completions)?;
    }
    let mut readable = build.tree.command("chmod");
    readable.args(["--recursive", "u=rwX,go=rX"]).arg(&folder);
    run(readable)?;
    fs::copy(binary, folder.join("passsafe"))?;
    fs::set_permissions(folder.join("passsafe"), fs::Permissions::from_mode(MODE))?;
    let mut tar = build.tree.command("tar");
    tar.args(["--create", "--sort=name", "--owner=0", "--group=0", "--numeric-owner"]);
    tar.args(["--format=ustar", "--use-compress-program=gzip -9n"]);
    tar.arg(format!("--mtime=@{}", build.epoch)).arg("--file");
    tar.arg(build.out.join(format!("{name}.tar.gz"))).arg(name).current_dir(&build.target);
    run(tar)
}

/// The licences of the crates in the list, each text but once: most ask that it goes wherever the
/// code does. (cargo-about takes five minutes to read those of ring.)
fn notices(build: &Build<'_>, list: &str) -> anyhow::Result<String> {
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let metadata = published::metadata(build.tree, &["--filter-platform", TARGET])?;
    for package in metadata.packages.iter().filter(|one| one.source.is_some()) {
        let (name, version) = (package.name.as_str(), &package.version);
        if !list.contains(&format!("\"pkg:cargo/{name}@{version}\"")) {
            continue;
        }
        let name = format!("{name} {version}");
        let folder = package.manifest_path.parent().context("a manifest without a folder")?;
        for file in files(folder.as_std_path(), "")?.iter().filter(|file| file.is_file()) {
            let upper = file.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
            if ["LICEN", "COPY", "NOTICE"].iter().any(|start| upper.starts_with(start)) {
                texts.entry(fs::read_to_string(file)?).or_default().push(name.clone());
            }
        }
        if !texts.values().flatten().any(|one| *one == name) {
            let declared =
                package.license.as_ref().with_context(|| format!("{name}: no licence"))?;
            texts.entry(format!("(no text in the crate: {declared})")).or_default().push(name);
        }
    }
    let section = |(text, names): (String, Vec<String>)| {
        format!("\n{}\n{}\n\n{}\n", "=".repeat(80), names.join(", "), text.trim())
    };
    let sections: String = texts.into_iter().map(section).collect();
    Ok(format!("Licences of the crates that are linked into passsafe.\n{sections}"))
}
