//! Writes anew what is made of the definitions of the command line: the help screens that
//! its tests compare, and the parts of `docs/cli.md` between markers.

use crate::repository::{Repository, run};

/// Runs the tests that compare, and lets them write.
pub(crate) fn write(repository: &Repository) -> anyhow::Result<()> {
    for target in [&["--bin", "passsafe"][..], &["--test", "it"]] {
        let mut tests = repository.cargo(&["test", "--quiet", "--package", "passsafe-cli"]);
        tests.args(target).args(["--", "help::"]).env("UPDATE_EXPECT", "1");
        run(tests)?;
    }
    println!("written: crates/passsafe-cli/tests/help, docs/cli.md; read the difference");
    Ok(())
}
