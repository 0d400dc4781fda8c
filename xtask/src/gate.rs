//! The gate: what must hold before a change goes in, step by step.
//!
//! It stops at the first step that fails. The order is that of cost, so that most faults
//! show within seconds.

use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::repository::{Repository, run};
use crate::tidy;
#[cfg(unix)]
use crate::{bench, deny, documents, packages, prove, python, shells, vectors};

type Check = fn(&Repository) -> anyhow::Result<()>;

struct Step {
    name: &'static str,
    check: Check,
}

#[cfg(unix)]
const WHOLE: &[Step] = &[
    Step { name: "format", check: format },
    Step { name: "repository rules", check: tidy::check },
    Step { name: "clippy", check: clippy },
    Step { name: "documentation", check: documentation },
    Step { name: "dependency policy", check: deny::check },
    Step { name: "test vectors", check: vectors::check },
    Step { name: "tests", check: all_tests },
    Step { name: "shells and manual pages", check: shells::check },
    Step { name: "tests in Python", check: python::check },
    Step { name: "fuzz targets, short", check: prove::fuzz::short },
    Step { name: "packages", check: packages::check },
    Step { name: "documents", check: documents::check },
    Step { name: "bench, smoke", check: bench::smoke },
];

/// Everything: `cargo xtask test`.
#[cfg(unix)]
pub(crate) fn whole(repository: &Repository) -> anyhow::Result<()> {
    walk(repository, WHOLE)
}

/// One step of it: `cargo xtask test --only NAME`.
#[cfg(unix)]
pub(crate) fn only(repository: &Repository, name: &str) -> anyhow::Result<()> {
    let known: Vec<_> = WHOLE.iter().map(|step| step.name).collect();
    let step = WHOLE.iter().position(|step| step.name == name);
    let step = step.and_then(|at| WHOLE.get(at..=at));
    walk(repository, step.with_context(|| format!("the steps are: {}", known.join(", ")))?)
}

/// The inner loop: `cargo xtask test --quick`.
pub(crate) fn quick(repository: &Repository) -> anyhow::Result<()> {
    walk(
        repository,
        &[
            Step { name: "format", check: format },
            Step { name: "repository rules", check: tidy::check },
            Step { name: "clippy", check: clippy },
            Step { name: "unit tests", check: unit_tests },
        ],
    )
}

fn walk(repository: &Repository, steps: &[Step]) -> anyhow::Result<()> {
    let gate_started = Instant::now();
    for (number, Step { name, check }) in (1..).zip(steps) {
        let label = format!("[{number}/{}] {name}", steps.len());
        println!("{label} …");
        let started = Instant::now();
        check(repository)
            .with_context(|| format!("{label} failed after {}", seconds(started.elapsed())))?;
        println!("{label}: passed in {}", seconds(started.elapsed()));
    }
    println!("all {} steps passed in {}", steps.len(), seconds(gate_started.elapsed()));
    Ok(())
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f32())
}

fn format(repository: &Repository) -> anyhow::Result<()> {
    run(repository.cargo(&["fmt", "--all", "--check"])).context("`cargo fmt --all` mends it")
}

fn clippy(repository: &Repository) -> anyhow::Result<()> {
    let scope = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    run(repository.cargo(&scope))
}

fn documentation(repository: &Repository) -> anyhow::Result<()> {
    let mut doc = repository.cargo(&["doc", "--workspace", "--no-deps", "--locked"]);
    doc.env("RUSTDOCFLAGS", "-D warnings");
    run(doc)
}

fn all_tests(repository: &Repository) -> anyhow::Result<()> {
    run(repository.cargo(&["test", "--workspace", "--locked"]))
}

fn unit_tests(repository: &Repository) -> anyhow::Result<()> {
    run(repository.cargo(&["test", "--workspace", "--lib", "--bins", "--locked"]))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use anyhow::bail;

    use super::*;

    static REACHED: AtomicU32 = AtomicU32::new(0);

    #[test]
    fn the_first_step_that_fails_ends_the_gate_and_is_named() {
        let steps = [
            Step { name: "good", check: |_| Ok(()) },
            Step { name: "bad", check: |_| bail!("it rains") },
            Step {
                name: "never",
                check: |_| {
                    REACHED.fetch_add(1, Ordering::Relaxed);
                    Ok(())
                },
            },
        ];
        let error = format!("{:#}", walk(&Repository::from_env(), &steps).unwrap_err());
        assert!(error.starts_with("[2/3] bad failed after "), "{error}");
        assert!(error.ends_with(": it rains"), "{error}");
        assert_eq!(REACHED.load(Ordering::Relaxed), 0);
    }
}
