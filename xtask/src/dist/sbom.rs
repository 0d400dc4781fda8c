//! What is inside: lists in the JSON of `CycloneDX`, one for the command and one for the wheel.
//!
//! Written here and not by cargo-cyclonedx: that one writes the folders of the machine that it
//! runs on into its list, so two builds would differ, and it writes beside each manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::Context as _;
use cargo_metadata::{DependencyKind, Metadata, Package, PackageId};
use serde_json::{Value, json};
use toml::Table;

use super::{Build, binary, python};
use crate::published;

/// Writes the lists beside what they are about.
pub(super) fn write(build: &Build<'_>) -> anyhow::Result<()> {
    let roots = [("passsafe-cli", "passsafe"), ("passsafe-python", python::MODULE)];
    let lock: Table = fs::read_to_string(build.tree.path("Cargo.lock"))?.parse()?;
    let hashes = hashes(&lock);
    for (root, name) in roots {
        if root == "passsafe-python" && !build.tree.path(python::CRATE).exists() {
            continue;
        }
        let list = list(&graph(build, root)?, &hashes);
        let text = serde_json::to_string_pretty(&list)? + "\n";
        fs::write(build.out.join(self::name(name, &build.version)), text)?;
    }
    Ok(())
}

/// The file of a list.
pub(super) fn name(what: &str, version: &str) -> String {
    format!("{what}-{version}.cdx.json")
}

/// A crate and all that is compiled into it.
pub(super) struct Graph {
    metadata: Metadata,
    root: PackageId,
    edges: BTreeMap<PackageId, BTreeSet<PackageId>>,
}

impl Graph {
    /// Those of the root included.
    pub(super) fn packages(&self) -> Vec<&Package> {
        let mut packages: Vec<_> =
            self.metadata.packages.iter().filter(|one| self.edges.contains_key(&one.id)).collect();
        packages.sort_by_key(|one| (one.name.to_string(), one.version.clone()));
        packages
    }
}

pub(super) fn graph(build: &Build<'_>, root: &str) -> anyhow::Result<Graph> {
    let arguments =
        ["metadata", "--format-version", "1", "--locked", "--filter-platform", binary::TARGET];
    reach(published::metadata(build.tree.cargo(&arguments))?, root)
}

fn reach(metadata: Metadata, root: &str) -> anyhow::Result<Graph> {
    let is_root = |package: &&Package| package.name.as_str() == root && package.source.is_none();
    let root = metadata.packages.iter().find(is_root).context("no such crate")?.id.clone();
    let resolve = metadata.resolve.as_ref().context("no resolved graph")?;
    let mut edges = BTreeMap::new();
    let mut waiting = vec![root.clone()];
    while let Some(id) = waiting.pop() {
        let node = resolve.nodes.iter().find(|node| node.id == id).context("no such node")?;
        let linked = node
            .deps
            .iter()
            .filter(|other| other.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal));
        let linked: BTreeSet<_> = linked.map(|other| other.pkg.clone()).collect();
        waiting.extend(linked.iter().filter(|other| !edges.contains_key(*other)).cloned());
        edges.insert(id, linked);
    }
    Ok(Graph { metadata, root, edges })
}

/// SHA-256 of each crate's file, by name and version.
fn hashes(lock: &Table) -> BTreeMap<(String, String), String> {
    let packages = lock.get("package").and_then(toml::Value::as_array);
    let text = |package: &toml::Value, key| Some(package.get(key)?.as_str()?.to_owned());
    packages
        .into_iter()
        .flatten()
        .filter_map(|package| {
            Some(((text(package, "name")?, text(package, "version")?), text(package, "checksum")?))
        })
        .collect()
}

fn list(graph: &Graph, hashes: &BTreeMap<(String, String), String>) -> Value {
    let packages = graph.packages();
    let purl = |id: &PackageId| {
        packages.iter().find(|one| one.id == *id).map(|one| reference(one)).unwrap_or_default()
    };
    let is_root = |package: &Package| package.id == graph.root;
    let components: Vec<_> = packages
        .iter()
        .filter(|one| !is_root(one))
        .map(|one| component(one, "library", hashes))
        .collect();
    let dependencies: Vec<_> = packages
        .iter()
        .map(|one| {
            let mut on: Vec<_> = graph.edges.get(&one.id).into_iter().flatten().map(purl).collect();
            on.sort();
            json!({ "ref": reference(one), "dependsOn": on })
        })
        .collect();
    let root =
        packages.iter().find(|one| is_root(one)).map(|one| component(one, "application", hashes));
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": { "component": root },
        "components": components,
        "dependencies": dependencies,
    })
}

fn component(package: &Package, kind: &str, hashes: &BTreeMap<(String, String), String>) -> Value {
    let version = package.version.to_string();
    let mut component = json!({
        "type": kind,
        "bom-ref": reference(package),
        "purl": reference(package),
        "name": package.name,
        "version": version,
        // Some crates still write `MIT/Apache-2.0`.
        "licenses": [{ "expression": package.license.as_deref().unwrap_or("NOASSERTION").replace('/', " OR ") }],
    });
    if let (Some(hash), Some(fields)) =
        (hashes.get(&(package.name.to_string(), version)), component.as_object_mut())
    {
        fields.insert("hashes".to_owned(), json!([{ "alg": "SHA-256", "content": hash }]));
    }
    component
}

/// Its package URL, which serves as its name too.
fn reference(package: &Package) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository::Repository;

    fn of(root: &str) -> Graph {
        let arguments = ["metadata", "--format-version", "1", "--locked"];
        reach(published::metadata(Repository::from_env().cargo(&arguments)).unwrap(), root).unwrap()
    }

    #[test]
    fn what_is_linked_is_listed_with_its_hash_and_what_only_tests_need_is_not() {
        let lock: Table =
            fs::read_to_string(Repository::from_env().path("Cargo.lock")).unwrap().parse().unwrap();
        let list = list(&of("passsafe-cli"), &hashes(&lock));
        let components = list["components"].as_array().unwrap();
        let find = |name: &str| components.iter().find(|one| one["name"] == name);
        assert_eq!(find("ring").unwrap()["hashes"][0]["content"].as_str().unwrap().len(), 64);
        assert!(find("passsafe-core").unwrap().get("hashes").is_none());
        assert!(find("proptest").is_none() && find("passsafe-cli").is_none());
        let references: Vec<_> = components.iter().map(|one| &one["bom-ref"]).collect();
        for dependency in list["dependencies"].as_array().unwrap() {
            for on in dependency["dependsOn"].as_array().unwrap() {
                assert!(references.contains(&on), "{on}");
            }
        }
    }
}
