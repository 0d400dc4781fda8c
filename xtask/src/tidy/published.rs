//! Each published crate says what it is, carries its licences, and needs no newer compiler
//! than it promises, nor does anything below it.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use cargo_metadata::{Metadata, Package};
use serde_json::Value;

use crate::published::metadata;
use crate::repository::Repository;

/// Published as a wheel, with the files of its folder.
const PYTHON: &str = "passsafe-python";
const LICENCES: [&str; 2] = ["LICENSE-MIT", "LICENSE-APACHE"];

pub(super) fn check(repository: &Repository) -> anyhow::Result<Vec<String>> {
    let arguments = ["metadata", "--format-version", "1", "--locked"];
    let metadata = metadata(repository.cargo(&arguments))?;
    let mut findings = compilers(&metadata);
    let members = metadata.workspace_packages();
    let is_published = |package: &Package| package.publish.as_deref() != Some(&[]);
    for package in members.iter().filter(|one| is_published(one) || one.name == PYTHON) {
        if is_published(package) {
            findings.extend(says_what_it_is(package));
        }
        let folder = package.manifest_path.parent().context("a manifest without a folder")?;
        for licence in LICENCES {
            if !is_copy(&repository.path(licence), folder.join(licence).as_std_path())? {
                findings.push(format!("{}: {licence} is missing or another", package.name));
            }
        }
        if !folder.join("README.md").exists() {
            findings.push(format!("{}: has no README.md", package.name));
        }
    }
    Ok(findings)
}

fn is_copy(original: &Path, copy: &Path) -> anyhow::Result<bool> {
    let original = fs::read(original).with_context(|| original.display().to_string())?;
    Ok(fs::read(copy).is_ok_and(|copy| copy == original))
}

fn says_what_it_is(package: &Package) -> Vec<String> {
    let documented = |key: &str| package.metadata.pointer(&format!("/docs/rs/{key}"));
    let arguments = documented("rustdoc-args").and_then(Value::as_array);
    let marks_features =
        arguments.is_some_and(|arguments| arguments.iter().any(|argument| argument == "docsrs"));
    let all_features = documented("all-features").and_then(Value::as_bool) == Some(true);
    let missing = [
        ("description", package.description.is_none()),
        ("keywords", package.keywords.is_empty() || package.keywords.len() > 5),
        ("categories", package.categories.is_empty()),
        ("readme", package.readme.is_none()),
        ("license", package.license.is_none()),
        ("rust-version", package.rust_version.is_none()),
        ("package.metadata.docs.rs", !marks_features || !all_features),
    ];
    let missing = missing.into_iter().filter(|(_, is_missing)| *is_missing);
    missing
        .map(|(what, _)| format!("{}: `{what}` is not as it is published", package.name))
        .collect()
}

/// No compiler that old is here to build with: what each crate declares is compared instead.
/// What the standard library had, clippy's `incompatible_msrv` knows.
fn compilers(metadata: &Metadata) -> Vec<String> {
    let ours = metadata.workspace_packages();
    let Some(promised) = ours.iter().filter_map(|one| one.rust_version.clone()).min() else {
        return vec!["no crate promises a compiler".to_owned()];
    };
    let newer = metadata
        .packages
        .iter()
        .filter(|one| one.rust_version.as_ref().is_some_and(|needed| *needed > promised));
    newer
        .map(|one| {
            let needed = one.rust_version.as_ref().map(ToString::to_string).unwrap_or_default();
            format!("{} {}: needs Rust {needed}, and {promised} is promised", one.name, one.version)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn package(change: impl Fn(&mut Value)) -> Metadata {
        let mut package = json!({
            "name": "a", "version": "0.1.0", "id": "path+file:///a#0.1.0", "source": null,
            "dependencies": [], "targets": [], "features": {}, "manifest_path": "/a/Cargo.toml",
            "authors": [], "edition": "2024", "description": "x", "keywords": ["x"],
            "categories": ["x"], "readme": "README.md", "license": "MIT", "rust_version": "1.88",
            "metadata": { "docs": { "rs": { "all-features": true, "rustdoc-args": ["--cfg", "docsrs"] } } }
        });
        change(&mut package);
        let other = json!({
            "name": "b", "version": "0.1.0", "id": "b 0.1.0", "source": "registry+x",
            "dependencies": [], "targets": [], "features": {}, "manifest_path": "/b/Cargo.toml",
            "edition": "2024", "rust_version": package["metadata"]["other"],
        });
        let members = json!([package["id"]]);
        serde_json::from_value(json!({
            "packages": [package, other], "workspace_members": members, "version": 1,
            "workspace_root": "/", "target_directory": "/t", "resolve": null, "metadata": null
        }))
        .unwrap()
    }

    #[test]
    fn each_word_that_is_missing_is_found() {
        let whole = package(|_| {});
        assert_eq!(says_what_it_is(&whole.packages[0]), Vec::<String>::new());
        for word in ["description", "license", "readme", "rust_version"] {
            let without = package(|package| package[word] = Value::Null);
            assert_eq!(says_what_it_is(&without.packages[0]).len(), 1, "{word}");
        }
        for word in ["keywords", "categories"] {
            let without = package(|package| package[word] = json!([]));
            assert_eq!(says_what_it_is(&without.packages[0]).len(), 1, "{word}");
        }
        let without = package(|package| package["metadata"] = Value::Null);
        assert_eq!(says_what_it_is(&without.packages[0]).len(), 1);
    }

    #[test]
    fn a_dependency_that_needs_a_newer_compiler_is_found() {
        assert_eq!(compilers(&package(|_| {})), Vec::<String>::new());
        let with = |version: &str| {
            compilers(&package(|package| package["metadata"]["other"] = version.into())).len()
        };
        assert_eq!((with("1.88"), with("1.89")), (0, 1));
    }
}
