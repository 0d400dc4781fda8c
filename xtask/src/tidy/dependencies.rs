//! Which way the crates of the workspace point.

use anyhow::Context as _;
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

use crate::repository::Repository;

/// What each crate may depend on. xtask depends on none of them: the gate must run when they
/// do not compile.
const ALLOWED: [(&str, &[&str]); 9] = [
    ("passsafe-core", &[]),
    ("passsafe-peer", &[]),
    ("passsafe-heap", &[]),
    ("passsafe-server", &["passsafe-core", "passsafe-peer"]),
    ("passsafe-client", &["passsafe-core", "passsafe-peer"]),
    ("passsafe-cli", &["passsafe-core", "passsafe-server", "passsafe-client", "passsafe-heap"]),
    ("passsafe-python", &["passsafe-core", "passsafe-client"]),
    ("passsafe-bench", &["passsafe-core", "passsafe-server", "passsafe-client"]),
    ("xtask", &[]),
];
/// The tests of each talk to the other.
const ALLOWED_IN_TESTS: [(&str, &str); 2] =
    [("passsafe-server", "passsafe-client"), ("passsafe-client", "passsafe-server")];

/// The crates of the workspace, and what they want of each other.
pub(super) struct Graph {
    crates: Vec<String>,
    edges: Vec<Edge>,
}

struct Edge {
    from: String,
    to: String,
    for_tests: bool,
}

pub(super) fn all(repository: &Repository) -> anyhow::Result<Graph> {
    let arguments = ["metadata", "--format-version", "1", "--no-deps", "--locked"];
    let output = repository.cargo(&arguments).output().context("cannot start cargo")?;
    let json = String::from_utf8_lossy(&output.stdout);
    let metadata = MetadataCommand::parse(json).with_context(|| {
        format!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr))
    })?;
    Ok(graph(&metadata))
}

fn graph(metadata: &Metadata) -> Graph {
    let packages = metadata.workspace_packages();
    let crates: Vec<String> = packages.iter().map(|package| package.name.to_string()).collect();
    let edges = packages
        .iter()
        .flat_map(|package| {
            package.dependencies.iter().map(|dependency| Edge {
                from: package.name.to_string(),
                to: dependency.name.clone(),
                for_tests: dependency.kind == DependencyKind::Development,
            })
        })
        .filter(|edge| crates.contains(&edge.to))
        .collect();
    Graph { crates, edges }
}

pub(super) fn check(graph: &Graph) -> Vec<String> {
    let mut findings = Vec::new();
    for name in &graph.crates {
        if !ALLOWED.iter().any(|(known, _)| known == name) {
            findings.push(format!("{name}: has no place among the crates' directions yet"));
        }
    }
    for Edge { from, to, for_tests } in &graph.edges {
        let pair = (from.as_str(), to.as_str());
        let allowed = ALLOWED.iter().any(|(name, to)| *name == pair.0 && to.contains(&pair.1))
            || *for_tests && ALLOWED_IN_TESTS.contains(&pair);
        if !allowed {
            findings.push(format!("{from}: may not depend on {to}"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(from: &str, to: &str, for_tests: bool) -> usize {
        let edge = Edge { from: from.to_owned(), to: to.to_owned(), for_tests };
        check(&Graph { crates: Vec::new(), edges: vec![edge] }).len()
    }

    #[test]
    fn every_edge_against_the_direction_is_found() {
        let names = ALLOWED.map(|(name, _)| name);
        let mut allowed = 0;
        for from in names {
            for to in names {
                allowed += 1 - findings(from, to, false);
            }
        }
        assert_eq!(allowed, 17);
        for (from, to) in [
            ("passsafe-core", "passsafe-client"),
            ("passsafe-server", "passsafe-client"),
            ("passsafe-client", "passsafe-server"),
            ("passsafe-client", "passsafe-cli"),
            ("passsafe-client", "passsafe-heap"),
            ("passsafe-python", "passsafe-server"),
            ("passsafe-cli", "xtask"),
            ("passsafe-peer", "passsafe-core"),
            ("passsafe-core", "passsafe-peer"),
            ("passsafe-cli", "passsafe-peer"),
            ("xtask", "passsafe-core"),
        ] {
            assert_eq!(findings(from, to, false), 1, "{from} -> {to}");
        }
    }

    #[test]
    fn tests_of_server_and_client_may_use_each_other_and_no_more() {
        assert_eq!(findings("passsafe-server", "passsafe-client", true), 0);
        assert_eq!(findings("passsafe-client", "passsafe-server", true), 0);
        assert_eq!(findings("passsafe-core", "passsafe-client", true), 1);
        assert_eq!(findings("passsafe-client", "passsafe-cli", true), 1);
    }

    #[test]
    fn a_crate_without_a_place_is_found() {
        let graph = Graph { crates: vec!["passsafe-extra".to_owned()], edges: Vec::new() };
        assert_eq!(check(&graph).len(), 1);
    }

    #[test]
    fn edges_are_read_from_what_cargo_says() {
        let package = |name: &str, dependencies: &str| {
            format!(
                r#"{{"name":"{name}","version":"0.1.0","id":"{name}","dependencies":[{dependencies}],
                "targets":[],"features":{{}},"manifest_path":"/w/{name}/Cargo.toml"}}"#
            )
        };
        let dependency = |name: &str, kind: &str| {
            format!(
                r#"{{"name":"{name}","req":"^0.1","kind":{kind},"optional":false,
                "uses_default_features":true,"features":[],"rename":"alias"}}"#
            )
        };
        let wanted = [
            dependency("passsafe-client", "null"),
            dependency("passsafe-server", "\"dev\""),
            dependency("serde", "null"),
        ];
        let json = format!(
            r#"{{"packages":[{},{},{}],
            "workspace_members":["passsafe-core","passsafe-client","passsafe-server"],
            "version":1,"workspace_root":"/w","target_directory":"/w/target"}}"#,
            package("passsafe-core", &wanted.join(",")),
            package("passsafe-client", ""),
            package("passsafe-server", ""),
        );
        let graph = graph(&MetadataCommand::parse(json).unwrap());
        assert_eq!(graph.crates.len(), 3);
        assert_eq!(
            check(&graph),
            [
                "passsafe-core: may not depend on passsafe-client",
                "passsafe-core: may not depend on passsafe-server"
            ]
        );
    }
}
