//! A new version, wherever the version stands.

use anyhow::{Context as _, ensure};
use cargo_metadata::semver::Version;
use toml_edit::{DocumentMut, Item, value};

pub(super) const PYTHON: &str = "crates/passsafe-python/pyproject.toml";

/// The workspace's version, and what its crates require of each other.
pub(super) fn workspace(text: &str, version: &Version) -> anyhow::Result<String> {
    let mut manifest: DocumentMut = text.parse()?;
    let workspace = manifest.get_mut("workspace").context("no [workspace]")?;
    let stands = workspace.get_mut("package").and_then(|package| package.get_mut("version"));
    *stands.context("no [workspace.package] version")? = value(version.to_string());
    let dependencies = workspace.get_mut("dependencies").and_then(Item::as_table_like_mut);
    let mut ours = 0;
    for (_, dependency) in dependencies.context("no [workspace.dependencies]")?.iter_mut() {
        if dependency.get("path").is_some()
            && let Some(required) =
                dependency.as_table_like_mut().and_then(|it| it.get_mut("version"))
        {
            let written = required.as_value_mut().context("a version that is no value")?;
            let decor = written.decor().clone();
            *written = version.to_string().into();
            *written.decor_mut() = decor;
            ours += 1;
        }
    }
    ensure!(ours > 0, "no dependency with a path and a version");
    Ok(manifest.to_string())
}

/// The Python package, should it have a version of its own.
pub(super) fn python(text: &str, version: &Version) -> anyhow::Result<String> {
    let mut manifest: DocumentMut = text.parse()?;
    let project = manifest.get_mut("project").and_then(Item::as_table_like_mut);
    if let Some(stands) = project.context("no [project]")?.get_mut("version") {
        *stands = value(version.to_string());
    }
    Ok(manifest.to_string())
}

/// `passsafe-… = "0.1"` in a document becomes what the version asks for.
pub(super) fn document(text: &str, version: &Version) -> String {
    let required = match (version.major, version.pre.is_empty()) {
        (_, false) => version.to_string(),
        (0, _) => format!("0.{}", version.minor),
        (major, _) => major.to_string(),
    };
    let line = |line: &str| match line.split_once(" = \"") {
        Some((name, rest)) if name.starts_with("passsafe-") && !name.contains(' ') => {
            let behind = rest.split_once('"').map_or("", |(_, behind)| behind);
            format!("{name} = \"{required}\"{behind}")
        }
        _ => line.to_owned(),
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "# Kept.\n[workspace.package]\nversion = \"0.1.0\" # kept\n\n\
        [workspace.dependencies]\n# Ours.\na = { path = \"crates/a\", version = \"0.1.0\" }\n\
        other = { version = \"0.1.0\", features = [\"x\"] }\nplain = \"0.1.0\"\n";

    #[test]
    fn our_versions_move_and_nothing_else_does() {
        let bumped = workspace(MANIFEST, &Version::new(0, 2, 0)).unwrap();
        assert_eq!(
            bumped,
            MANIFEST
                .replacen("version = \"0.1.0\" # kept", "version = \"0.2.0\"", 1)
                .replace("crates/a\", version = \"0.1.0\"", "crates/a\", version = \"0.2.0\"")
        );
        assert!(
            workspace("[workspace.package]\nversion = \"1.0.0\"\n", &Version::new(2, 0, 0))
                .is_err()
        );
    }

    #[test]
    fn a_python_package_that_takes_its_version_from_the_crate_is_left_alone() {
        let dynamic = "[project]\nname = \"a\"\ndynamic = [\"version\"]\n";
        assert_eq!(python(dynamic, &Version::new(2, 0, 0)).unwrap(), dynamic);
        let own = "[project]\nversion = \"1.0.0\"\n";
        assert_eq!(python(own, &Version::new(2, 0, 0)).unwrap(), own.replace('1', "2"));
    }

    #[test]
    fn documents_require_what_is_compatible() {
        let text = "passsafe-core = \"0.1\"\npasssafe-client = \"0.1\" # x\nring = \"0.17\"\n";
        assert_eq!(
            document(text, &Version::new(0, 2, 7)),
            "passsafe-core = \"0.2\"\npasssafe-client = \"0.2\" # x\nring = \"0.17\"\n"
        );
        assert!(document(text, &Version::new(1, 2, 3)).starts_with("passsafe-core = \"1\"\n"));
        let early: Version = "0.2.0-rc.1".parse().unwrap();
        assert!(document(text, &early).starts_with("passsafe-core = \"0.2.0-rc.1\"\n"));
    }
}
