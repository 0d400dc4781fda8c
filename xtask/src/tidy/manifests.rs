//! Every crate takes lints, edition, compiler, licence and version from the workspace.

use std::fs;

use anyhow::Context as _;
use toml::{Table, Value};

use crate::repository::Repository;

const CHORES: &str = "xtask/Cargo.toml";
const INHERITED: [&str; 4] = ["edition", "rust-version", "license", "version"];

/// A crate's `Cargo.toml`.
pub(super) struct Manifest {
    /// Relative to the root, with slashes.
    path: String,
    table: Table,
}

pub(super) fn all(repository: &Repository) -> anyhow::Result<Vec<Manifest>> {
    let mut paths = vec![CHORES.to_owned()];
    for entry in fs::read_dir(repository.path("crates"))? {
        let name = entry?.file_name();
        let path = format!("crates/{}/Cargo.toml", name.to_string_lossy());
        if repository.path(&path).exists() {
            paths.push(path);
        }
    }
    paths.sort();
    let read = |path: String| {
        let text = fs::read_to_string(repository.path(&path))
            .with_context(|| format!("cannot read {path}"))?;
        let table = text.parse().with_context(|| format!("{path} is no TOML"))?;
        Ok(Manifest { path, table })
    };
    paths.into_iter().map(read).collect()
}

pub(super) fn check(manifests: &[Manifest]) -> Vec<String> {
    let mut findings = Vec::new();
    for Manifest { path, table } in manifests {
        let at = |keys: &[&str]| lookup(table, keys);
        if at(&["lints", "workspace"]) != Some(&Value::Boolean(true)) {
            findings.push(format!("{path}: has no `[lints] workspace = true`"));
        }
        for key in INHERITED {
            let exempt = path == CHORES && key == "version";
            if !exempt && at(&["package", key, "workspace"]) != Some(&Value::Boolean(true)) {
                findings.push(format!("{path}: has no `{key}.workspace = true`"));
            }
        }
        if path == CHORES {
            if at(&["package", "version"]).and_then(Value::as_str) != Some("0.0.0") {
                findings.push(format!("{path}: is never released, so its version is 0.0.0"));
            }
            if at(&["package", "publish"]) != Some(&Value::Boolean(false)) {
                findings.push(format!("{path}: has no `publish = false`"));
            }
        }
    }
    findings
}

fn lookup<'a>(table: &'a Table, keys: &[&str]) -> Option<&'a Value> {
    let (last, parents) = keys.split_last()?;
    let mut table = table;
    for parent in parents {
        table = table.get(*parent)?.as_table()?;
    }
    table.get(*last)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[package]\nname = \"a\"\nversion.workspace = true\n\
        edition.workspace = true\nrust-version.workspace = true\nlicense.workspace = true\n\
        [lints]\nworkspace = true\n";

    fn findings(path: &str, text: &str) -> Vec<String> {
        check(&[Manifest { path: path.to_owned(), table: text.parse().unwrap() }])
    }

    #[test]
    fn each_line_that_is_missing_is_found() {
        assert_eq!(findings("crates/a/Cargo.toml", GOOD), Vec::<String>::new());
        for line in GOOD.lines().filter(|line| line.ends_with("workspace = true")) {
            let without = GOOD.replacen(&format!("\n{line}\n"), "\n", 1);
            assert_eq!(findings("crates/a/Cargo.toml", &without).len(), 1, "{line}");
        }
    }

    #[test]
    fn a_value_of_ones_own_is_found() {
        let own = GOOD.replace("license.workspace = true", "license = \"MIT\"");
        assert_eq!(findings("crates/a/Cargo.toml", &own).len(), 1);
        let off = GOOD.replace("[lints]\nworkspace = true", "[lints]\nworkspace = false");
        assert_eq!(findings("crates/a/Cargo.toml", &off).len(), 1);
    }

    #[test]
    fn the_chores_have_no_version_and_are_not_published() {
        let good =
            GOOD.replace("version.workspace = true\ne", "version = \"0.0.0\"\npublish = false\ne");
        assert_eq!(findings(CHORES, &good), Vec::<String>::new());
        assert_eq!(findings(CHORES, &good.replace("publish = false\n", "")).len(), 1);
        assert_eq!(findings(CHORES, &good.replace("0.0.0", "0.1.0")).len(), 1);
        assert_eq!(findings("crates/a/Cargo.toml", &good).len(), 1);
    }
}
