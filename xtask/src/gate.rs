//! The gate: what must hold before a change goes in, step by step.
//!
//! It stops at the first step that fails. The order is that of cost, so that most faults
//! show within seconds.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::repository::{Repository, run};
use crate::tidy;
#[cfg(target_os = "linux")]
use crate::{bench, debian, deny, documents, packages, prove, python, shells, systems};

type Check = fn(&Repository) -> anyhow::Result<()>;

struct Step {
    name: &'static str,
    check: Check,
    /// What it needs of Debian, as `debian::install` has it.
    needs: &'static [&'static str],
}

const fn step(name: &'static str, check: Check) -> Step {
    Step { name, check, needs: &[] }
}

const FORMAT: Step = step("format", format);
const RULES: Step = step("repository rules", tidy::check);
const CLIPPY: Step = step("clippy", clippy);

#[cfg(target_os = "linux")]
const WHOLE: &[Step] = &[
    FORMAT,
    RULES,
    CLIPPY,
    step("documentation", documentation),
    step("dependency policy", deny::check),
    step("test vectors", |repository| python::vectors(repository, &["--check"])),
    step("tests", all_tests),
    Step {
        name: "shells and manual pages",
        check: shells::check,
        needs: &[
            "bash=bash",
            "elvish=elvish",
            "fish=fish",
            "groff=groff",
            "mandoc=mandoc",
            "zsh=zsh",
        ],
    },
    Step {
        name: "tests in Python",
        check: python::check,
        needs: &["postgresql", "odbc-postgresql", "libodbc2"],
    },
    step("fuzz targets, short", prove::fuzz::short),
    step("packages", packages::check),
    Step {
        name: "documents",
        check: documents::check,
        needs: &["curl=curl", "nodejs=node", "npm=npm", "r-base-core=Rscript"],
    },
    step("bench, smoke", bench::smoke),
    Step { name: "other systems", check: systems::check, needs: &systems::PACKAGES },
];

/// Everything: `cargo xtask test`.
#[cfg(target_os = "linux")]
pub(crate) fn whole(repository: &Repository) -> anyhow::Result<()> {
    walk(repository, WHOLE)
}

/// One step of it: `cargo xtask test --only NAME`.
#[cfg(target_os = "linux")]
pub(crate) fn only(repository: &Repository, name: &str) -> anyhow::Result<()> {
    let known: Vec<_> = WHOLE.iter().map(|step| step.name).collect();
    let step = WHOLE.iter().position(|step| step.name == name);
    let step = step.and_then(|at| WHOLE.get(at..=at));
    walk(repository, step.with_context(|| format!("the steps are: {}", known.join(", ")))?)
}

/// The inner loop: `cargo xtask test --quick`.
pub(crate) fn quick(repository: &Repository) -> anyhow::Result<()> {
    walk(repository, &[FORMAT, RULES, CLIPPY, step("unit tests", unit_tests)])
}

fn walk(repository: &Repository, steps: &[Step]) -> anyhow::Result<()> {
    let gate_started = Instant::now();
    #[cfg(target_os = "linux")]
    let missing = provide(repository, steps)?;
    #[cfg(not(target_os = "linux"))]
    let missing: [&str; 0] = [];
    let lacks = |step: &Step| step.needs.iter().any(|need| missing.contains(&package(need)));
    let mut left_out = Vec::new();
    for (number, step) in (1..).zip(steps) {
        let label = format!("[{number}/{}] {}", steps.len(), step.name);
        if lacks(step) {
            println!("{label}: left out");
            left_out.push(step.name);
            continue;
        }
        println!("{label} …");
        let started = Instant::now();
        (step.check)(repository)
            .with_context(|| format!("{label} failed after {}", seconds(started.elapsed())))?;
        println!("{label}: passed in {}", seconds(started.elapsed()));
    }
    let passed = steps.len() - left_out.len();
    println!("{passed} of {} steps passed in {}", steps.len(), seconds(gate_started.elapsed()));
    ensure!(left_out.is_empty(), "not run: {}", left_out.join(", "));
    Ok(())
}

/// Installs what the steps need of the system, all at once; returns what is missing still.
#[cfg(target_os = "linux")]
fn provide(repository: &Repository, steps: &[Step]) -> anyhow::Result<Vec<&'static str>> {
    let steps = steps.iter();
    // Debian's compiler is for those who have not told rustup to bring what is needed.
    let steps =
        steps.filter(|it| it.needs != systems::PACKAGES || !systems::in_toolchain(repository));
    let needs: Vec<_> = steps.flat_map(|step| step.needs).copied().collect();
    let missing = debian::install(repository, &needs)?;
    if !missing.is_empty() {
        println!("not there, and to install them takes root: {}", missing.join(" "));
        println!("the steps that need them are left out, and the gate fails at its end");
    }
    Ok(missing)
}

fn package(need: &'static str) -> &'static str {
    need.split('=').next().unwrap_or(need)
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
    let mut tests = repository.cargo(&["test", "--workspace", "--locked"]);
    // Many wait for a process or a clock: two for each processor of a small machine keep it busy.
    if std::env::var_os("RUST_TEST_THREADS").is_none() {
        tests.env("RUST_TEST_THREADS", "4");
    }
    run(tests)
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
            step("good", |_| Ok(())),
            step("bad", |_| bail!("it rains")),
            step("never", |_| {
                REACHED.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }),
        ];
        let error = format!("{:#}", walk(&Repository::from_env(), &steps).unwrap_err());
        assert!(error.starts_with("[2/3] bad failed after "), "{error}");
        assert!(error.ends_with(": it rains"), "{error}");
        assert_eq!(REACHED.load(Ordering::Relaxed), 0);
    }
}
