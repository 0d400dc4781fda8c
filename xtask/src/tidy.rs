//! Rules of this repository that no compiler keeps, as code.
//!
//! Each rule is a pure function from what it judges to its findings, so that its tests can
//! show it a violation. Reading the files is done here, once.

mod closed;
mod dependencies;
mod environment;
mod exposure;
mod links;
mod manifests;
mod markers;
mod promises;
mod prose;
mod published;
mod server;
mod shipped;
mod source;
mod unsafety;
mod wordlists;
mod workflow;

use std::fs;

use anyhow::{Context as _, bail};

use crate::repository::Repository;

/// Applies every rule; all findings are shown, not only the first.
pub(crate) fn check(repository: &Repository) -> anyhow::Result<()> {
    let sources = source::all(repository)?;
    let manifests = manifests::all(repository)?;
    let mut findings = Vec::new();
    findings.extend(markers::check(&sources));
    findings.extend(server::check(&sources));
    findings.extend(environment::check(&sources));
    findings.extend(unsafety::check(&sources));
    findings.extend(exposure::check(&sources));
    findings.extend(closed::check(&sources));
    findings.extend(manifests::check(&manifests));
    findings.extend(dependencies::check(&dependencies::all(repository)?));
    findings.extend(check_wordlists(repository)?);
    findings.extend(links::check(repository)?);
    findings.extend(promises::check(repository, &sources)?);
    findings.extend(published::check(repository)?);
    findings.extend(check_workflow(repository)?);
    for finding in &findings {
        eprintln!("{finding}");
    }
    if !findings.is_empty() {
        bail!("violations of the repository's rules: {}", findings.len());
    }
    println!("{} source files and {} manifests keep the rules", sources.len(), manifests.len());
    Ok(())
}

fn check_wordlists(repository: &Repository) -> anyhow::Result<Vec<String>> {
    let read = |relative: &str| {
        fs::read(repository.path(relative)).with_context(|| format!("cannot read {relative}"))
    };
    Ok(wordlists::check(
        &read(wordlists::ORIGINAL)?,
        &read(wordlists::EMBEDDED)?,
        &String::from_utf8_lossy(&read(wordlists::README)?),
    ))
}

fn check_workflow(repository: &Repository) -> anyhow::Result<Vec<String>> {
    let read = |relative: &str| {
        fs::read_to_string(repository.path(relative))
            .with_context(|| format!("cannot read {relative}"))
    };
    let documents = workflow::DOCUMENTS.map(read).into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(workflow::check(&read(workflow::FILE)?, &documents.join("\n")))
}
