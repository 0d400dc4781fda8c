//! The licences of the crates that are linked into the command: most ask that their text goes
//! wherever the code does.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::ensure;

use super::{Build, sbom};

/// All of them as one text, each but once.
pub(super) fn collect(build: &Build<'_>) -> anyhow::Result<String> {
    let graph = sbom::graph(build, "passsafe-cli")?;
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in graph.packages() {
        let name = format!("{} {}", package.name, package.version);
        if package.source.is_none() {
            continue;
        }
        let folder =
            package.manifest_path.parent().map(cargo_metadata::camino::Utf8Path::as_std_path);
        let found = licences(folder.unwrap_or(Path::new("")))?;
        let declared = package.license.clone().unwrap_or_default();
        ensure!(!declared.is_empty(), "{name} declares no licence");
        if found.is_empty() {
            let text = format!("(no text in the crate; it declares {declared})\n");
            texts.entry(text).or_default().push(name.clone());
        }
        for text in found {
            texts.entry(text).or_default().push(name.clone());
        }
    }
    let mut notices = String::from("Licences of the crates that are linked into passsafe.\n");
    for (text, names) in texts {
        notices.extend([
            "
",
            &"=".repeat(80),
            "
",
            &names.join(", "),
            "

",
            text.trim(),
            "
",
        ]);
    }
    Ok(notices)
}

fn licences(folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut texts = Vec::new();
    for file in super::files(folder)? {
        let name = super::name(&file).to_uppercase();
        let is_one = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "COPYRIGHT"];
        if is_one.iter().any(|start| name.starts_with(start)) && file.is_file() {
            texts.push(fs::read_to_string(&file)?);
        }
    }
    Ok(texts)
}
