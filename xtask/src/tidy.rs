//! Rules of this repository that no compiler, lint or policy of cargo-deny keeps.
//!
//! Each is a function from what it judges to its findings, so that its tests can show it a
//! violation. What else must stay true is kept by tools: who may depend on what by `deny.toml`,
//! what code may name and call by `clippy.toml` and the lints in `Cargo.toml`, what a secret may
//! implement by passsafe-core's `exposure`.

mod documents;

use std::fs;

use anyhow::{Context as _, bail};
use cargo_metadata::{Metadata, Package};
use data_encoding::HEXLOWER;
use ignore::WalkBuilder;
use regex::Regex;
use ring::digest::{SHA256, digest};

use crate::published::metadata;
use crate::repository::Repository;

/// Nothing unfinished is left in the code, and no test is skipped. Spelled so that this file does
/// not find itself.
const MARKERS: &str = r"TO[D]O|FIX[M]E|#\[[i]gnore|```[i]gnore";
/// Where a lint's exception allows what the compiler cannot check.
const UNCHECKED: [&str; 3] = [
    "crates/passsafe-cli/src/os/inherited.rs",
    "crates/passsafe-client/src/work_memory.rs",
    "crates/passsafe-heap/src/unchecked.rs",
];
const LIST: &str = "wordlists/eff_large_wordlist.txt";
const CHECKSUM: &str = "addd35536511597a02fa0a9ff1e5284677b8883b83e986e43f15a3db996b903e";
/// What every crate takes from the workspace.
const INHERITED: [&str; 5] = [
    "\nversion.workspace = true\n",
    "\nedition.workspace = true\n",
    "\nrust-version.workspace = true\n",
    "\nlicense.workspace = true\n",
    "\n[lints]\nworkspace = true\n",
];
/// What every published crate says, too.
const PUBLISHED: [&str; 5] = [
    "\ndescription = \"",
    "\nkeywords",
    "\ncategories = [",
    "\nreadme = \"README.md\"\n",
    "\n[package.metadata.docs.rs]\nall-features = true\nrustdoc-args = [\"--cfg\", \"docsrs\"]\n",
];

/// A text of the repository.
struct File {
    /// Relative to the root, with slashes.
    path: String,
    text: String,
}

impl File {
    fn is(&self, extension: &str) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, is)| is == extension)
    }
}

/// Applies every rule; all findings are shown, not only the first.
pub(crate) fn check(repository: &Repository) -> anyhow::Result<()> {
    let files = files(repository)?;
    let mut findings = documents::check(repository, &files)?;
    for file in &files {
        if file.is("rs") {
            findings.extend(code(&file.path, &file.text)?);
        }
        findings.extend(manifest(&file.path, &file.text));
    }
    let metadata = metadata(repository, &[])?;
    findings.extend(compilers(&metadata));
    for package in metadata.workspace_packages() {
        let folder = package.manifest_path.parent().context("a manifest without a folder")?;
        // Published as a wheel, with the files of its folder.
        if is_published(package) || package.name == "passsafe-python" {
            for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
                findings.extend(copy(repository, licence, folder.join(licence).as_str()));
            }
        }
    }
    findings.extend(copy(repository, LIST, &format!("crates/passsafe-core/{LIST}")));
    findings.extend(checksum(&fs::read(repository.path(LIST))?));
    for finding in &findings {
        eprintln!("{finding}");
    }
    if !findings.is_empty() {
        bail!("violations of the repository's rules: {}", findings.len());
    }
    println!("{} files keep the rules", files.len());
    Ok(())
}

/// Every text that git would see, and the workflows.
fn files(repository: &Repository) -> anyhow::Result<Vec<File>> {
    let root = repository.path("");
    let mut files = Vec::new();
    for top in [root.clone(), repository.path(".github")] {
        for entry in WalkBuilder::new(top).require_git(false).build() {
            let entry = entry?;
            let extension = entry.path().extension().and_then(|it| it.to_str());
            if !matches!(extension, Some("rs" | "py" | "md" | "toml" | "yml")) {
                continue;
            }
            let relative = entry.path().strip_prefix(&root)?;
            let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
            files.push(File { path: parts.join("/"), text: fs::read_to_string(entry.path())? });
        }
    }
    Ok(files)
}

fn code(path: &str, text: &str) -> anyhow::Result<Vec<String>> {
    let (markers, unchecked) =
        (Regex::new(MARKERS)?, Regex::new(r"(?:allow|expect)\(unsafe_code")?);
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if let Some(marker) = markers.find(line) {
            findings.push(format!("{path}:{number}: `{}` is left in the code", marker.as_str()));
        }
        if unchecked.is_match(line) && !UNCHECKED.contains(&path) {
            findings.push(format!("{path}:{number}: `unsafe` has its files, and this is none"));
        }
    }
    Ok(findings)
}

fn manifest(path: &str, text: &str) -> Vec<String> {
    let Some(name) = path.strip_prefix("crates/").and_then(|it| it.strip_suffix("/Cargo.toml"))
    else {
        return Vec::new();
    };
    let published: &[&str] = if text.contains("\npublish = false\n") { &[] } else { &PUBLISHED };
    let missing = INHERITED.iter().chain(published).filter(|line| !text.contains(**line));
    missing.map(|line| format!("{name}: its manifest does not say {:?}", line.trim())).collect()
}

fn is_published(package: &Package) -> bool {
    package.publish.as_deref() != Some(&[])
}

/// No compiler that old is here to build with: what each crate declares is compared instead.
/// What the standard library had, clippy's `incompatible_msrv` knows.
fn compilers(metadata: &Metadata) -> Vec<String> {
    let ours = metadata.workspace_packages();
    let Some(promised) = ours.iter().filter_map(|one| one.rust_version.clone()).min() else {
        return vec!["no crate promises a compiler".to_owned()];
    };
    let newer = metadata.packages.iter().filter_map(|one| Some((one, one.rust_version.as_ref()?)));
    newer
        .filter(|(_, needed)| **needed > promised)
        .map(|(one, needed)| format!("{} needs Rust {needed}, {promised} is promised", one.name))
        .collect()
}

fn copy(repository: &Repository, original: &str, copy: &str) -> Option<String> {
    let read = |path: &str| fs::read(repository.path(path)).ok();
    (read(original) != read(copy)).then(|| format!("{copy}: is no copy of {original}"))
}

/// The list is the published one, as wordlists/README.md has it.
fn checksum(list: &[u8]) -> Option<String> {
    let is = HEXLOWER.encode(digest(&SHA256, list).as_ref());
    (is != CHECKSUM).then(|| format!("{LIST}: is not the published list ({CHECKSUM})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_marker_and_a_further_file_of_unchecked_code_is_found() {
        for marker in ["TO_DO", "FIX_ME", "#[ig_nore]", "```ig_nore"] {
            let marker = marker.replace('_', "");
            assert_eq!(code("a.rs", &format!("//! T.\n // {marker}\n")).unwrap().len(), 1);
        }
        for line in ["#![expect", "#[allow"].map(|start| format!("{start}(unsafe_code)]")) {
            assert_eq!(code("crates/passsafe-cli/src/a.rs", &line).unwrap().len(), 1);
            assert_eq!(code(UNCHECKED[0], &line).unwrap().len(), 0);
        }
        assert!(code("a.rs", "//! Nothing to do. #![forbid(unsafe_code)]").unwrap().is_empty());
    }

    #[test]
    fn each_line_that_a_manifest_lacks_is_found() {
        let whole = INHERITED.iter().chain(&PUBLISHED).copied().collect::<String>();
        let findings = |text: &str| manifest("crates/a/Cargo.toml", text).len();
        assert_eq!(findings(&whole), 0);
        for line in INHERITED.iter().chain(&PUBLISHED) {
            assert_eq!(findings(&whole.replace(line, "\n")), 1, "{line}");
        }
        assert_eq!(findings(&(INHERITED.concat() + "\npublish = false\n")), 0);
        assert_eq!(findings("\npublish = false\n"), INHERITED.len());
    }

    #[test]
    fn a_dependency_that_needs_a_newer_compiler_is_found() {
        let mut metadata = metadata(&Repository::from_env(), &[]).unwrap();
        assert_eq!(compilers(&metadata), Vec::<String>::new());
        let other = metadata.packages.iter_mut().find(|one| one.name == "ring").unwrap();
        other.rust_version = Some("1.99.0".parse().unwrap());
        assert_eq!(compilers(&metadata).len(), 1);
    }

    #[test]
    fn a_changed_list_and_a_changed_copy_are_found() {
        assert!(checksum(include_bytes!("../../wordlists/eff_large_wordlist.txt")).is_none());
        assert!(checksum(b"11111\tabacus\n").is_some());
        let repository = Repository::from_env();
        assert!(copy(&repository, "LICENSE-MIT", "crates/passsafe-core/LICENSE-MIT").is_none());
        assert!(copy(&repository, "LICENSE-MIT", "LICENSE-APACHE").is_some());
        assert!(copy(&repository, "LICENSE-MIT", "no/such/file").is_some());
    }
}
