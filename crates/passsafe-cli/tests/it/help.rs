//! Every help screen to the letter, and its examples run for real.
//!
//! `cargo xtask snapshots` writes the screens anew; read the difference.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use expect_test::expect_file;

use crate::support::{BINARY, Safe, passsafe, without_variables};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/help");

/// All verbs, as the manual knows them; the empty one is the command without a verb.
fn verbs() -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().to_str().unwrap();
    assert!(passsafe(["man", "--into", into]).output().unwrap().status.success());
    let mut verbs: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let verb = name.strip_prefix("passsafe").unwrap().strip_suffix(".1").unwrap();
            verb.trim_start_matches('-').to_owned()
        })
        .collect();
    verbs.sort();
    assert!(verbs.len() > 6 && verbs[0].is_empty(), "{verbs:?}");
    verbs
}

/// Exit code, stream and text of a command as one page.
fn screen(args: &[&str]) -> String {
    let mut command = passsafe(args);
    let output = command.env_remove("COLUMNS").output().unwrap();
    let (stdout, stderr) = (String::from_utf8(output.stdout), String::from_utf8(output.stderr));
    format!(
        "$ passsafe {}\n--- stdout\n{}--- stderr\n{}--- exit code {}\n",
        args.join(" "),
        stdout.unwrap(),
        stderr.unwrap(),
        output.status.code().unwrap()
    )
}

#[test]
fn every_help_screen_is_as_committed() {
    let mut known: Vec<PathBuf> = Vec::new();
    for verb in verbs() {
        for (flag, name) in [("-h", "short"), ("--help", "long")] {
            let args: Vec<&str> = [&*verb, flag].into_iter().filter(|it| !it.is_empty()).collect();
            let command = if verb.is_empty() { "passsafe" } else { &verb };
            let path = Path::new(FOLDER).join(format!("{command}-{name}.txt"));
            expect_file![&path].assert_eq(&screen(&args));
            known.push(path);
        }
    }
    for entry in fs::read_dir(FOLDER).unwrap() {
        let path = entry.unwrap().path();
        assert!(known.contains(&path), "{} is of no verb: remove it", path.display());
    }
}

#[test]
fn three_ways_to_help_say_the_same() {
    for verb in verbs().iter().filter(|verb| !verb.is_empty()) {
        let of = |args: [&str; 2]| passsafe(args).output().unwrap().stdout;
        assert_eq!(of(["help", verb]), of([verb, "--help"]), "{verb}");
    }
    let of = |arg: &str| passsafe([arg]).output().unwrap().stdout;
    assert_eq!(of("help"), of("--help"));
}

#[test]
fn help_fits_a_narrow_terminal() {
    for verb in ["serve", "get", "run"] {
        let output = passsafe([verb, "-h"]).env("COLUMNS", "40").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        // The usage is one line, however long.
        let wide: Vec<&str> = text
            .lines()
            .filter(|line| line.chars().count() > 40 && !line.starts_with("Usage: "))
            .collect();
        assert!(wide.is_empty(), "{wide:#?}");
    }
}

/// The examples of a verb's `--help`.
fn examples(verb: &str) -> Vec<String> {
    let output = passsafe([verb, "--help"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix("  $ "));
    lines.map(str::to_owned).collect()
}

/// In a shell that finds this passsafe, and programs of other people that do nothing.
#[test]
fn the_examples_work() {
    let home = tempfile::tempdir().unwrap();
    let stored = home.path().join("stored");
    fs::write(&stored, "ana").unwrap();
    let mut serve = passsafe(["serve", "--minutes", "5"]);
    for name in ["DB_USER", "DB_PASSWORD", "DB_KEY"] {
        serve.arg(format!("--secret-file={name}={}", stored.display()));
    }
    let safe = Safe::start_with(b"S3kr!t", serve);
    let programs = home.path().join("bin");
    fs::create_dir(&programs).unwrap();
    for folder in [".zfunc", ".config/fish/completions"] {
        fs::create_dir_all(home.path().join(folder)).unwrap();
    }
    std::os::unix::fs::symlink(BINARY, programs.join("passsafe")).unwrap();
    for other in ["psql", "docker", "make", "man"] {
        let path = programs.join(other);
        fs::write(&path, "#!/bin/sh\n[ -t 0 ] || cat >/dev/null\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    #[expect(clippy::disallowed_methods, reason = "the programs of the pages are found beside")]
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let mut run = 0;
    for verb in verbs() {
        // Those that open a safe would wait for a person, or serve for an hour; that they are
        // taken is tested where the command line is defined.
        let opens_a_safe = verb.is_empty() || verb == "serve";
        for example in examples(&verb).iter().filter(|_| !opens_a_safe) {
            let line = example.replace("http://localhost:40123", "$PASSSAFE_URL");
            let closing = Safe::start(b"S3kr!t");
            let variables = if verb == "close" { &closing } else { &safe }.variables();
            let output = without_variables(Command::new("bash"), ["-o", "pipefail", "-c", &line])
                .current_dir(home.path())
                .env("HOME", home.path())
                .env("PATH", &path)
                .envs(variables)
                .output()
                .unwrap();
            let stderr = String::from_utf8(output.stderr).unwrap();
            assert!(output.status.success(), "{example}: {stderr}");
            run += 1;
        }
    }
    assert!(run > 10, "{run}");
}
