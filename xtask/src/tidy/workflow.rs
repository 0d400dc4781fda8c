//! The workflow file runs what people are told to run, and nothing else.

use yaml_rust2::{Yaml, YamlLoader};

pub(super) const FILE: &str = ".github/workflows/test.yml";
/// Where people are told.
pub(super) const DOCUMENTS: [&str; 2] = ["README.md", "CONTRIBUTING.md"];
/// Its only actions: a third party's can be changed under us.
const ACTIONS: &str = "actions/";

pub(super) fn check(text: &str, documents: &str) -> Vec<String> {
    let found = |message: String| format!("{FILE}: {message}");
    let parsed = match YamlLoader::load_from_str(text) {
        Ok(parsed) => parsed,
        Err(error) => return vec![found(format!("is no YAML: {error}"))],
    };
    let jobs = parsed.first().and_then(|file| file["jobs"].as_hash());
    let steps: Vec<&Yaml> = jobs
        .into_iter()
        .flat_map(|jobs| jobs.values())
        .flat_map(|job| job["steps"].as_vec().into_iter().flatten())
        .collect();
    let mut findings = Vec::new();
    let mut gates = 0;
    for step in steps {
        if let Some(action) = step["uses"].as_str().filter(|action| !action.starts_with(ACTIONS)) {
            findings.push(found(format!("uses {action}, which is a third party's")));
        }
        for line in step["run"].as_str().into_iter().flat_map(str::lines) {
            let command = plain(line);
            gates += usize::from(command == "cargo xtask test");
            let is_told = documents.lines().any(|told| told.trim_start_matches("$ ") == command)
                || documents.contains(&format!("`{command}`"));
            if !is_told {
                findings.push(found(format!("runs `{command}`, which no document tells")));
            }
        }
    }
    if gates == 0 {
        findings.push(found("does not run the gate".to_owned()));
    }
    findings
}

/// A command without what only makes it run as root.
fn plain(line: &str) -> String {
    let cargo = "\"$(command -v cargo)\"";
    line.split_once(cargo).map_or(line.to_owned(), |(_, rest)| format!("cargo{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GATE: &str = "jobs:\n  a:\n    steps:\n      - uses: actions/checkout@v4\n      - run: sudo \"$(command -v cargo)\" xtask test\n";
    const README: &str = "run:\n$ cargo xtask test\nor `cargo xtask test --quick`\n";

    #[test]
    fn it_runs_what_people_are_told_and_nothing_else() {
        assert_eq!(check(GATE, README), Vec::<String>::new());
        for step in ["run: cargo xtask test --quick", "uses: actions/cache@v4"] {
            assert_eq!(check(&format!("{GATE}      - {step}\n"), README), Vec::<String>::new());
        }
        for step in [
            "run: cargo test",
            "uses: somebody/rust@v1",
            "run: |\n          cargo xtask test\n          curl x",
        ] {
            assert_eq!(check(&format!("{GATE}      - {step}\n"), README).len(), 1, "{step}");
        }
        assert_eq!(check("jobs: {}", README).len(), 1);
        assert_eq!(check("jobs: [", README).len(), 1);
    }
}
