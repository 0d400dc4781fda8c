//! What keeps a program from being started.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::{Case, Refusal};
use crate::support::{Safe, passsafe};

pub(super) const CASES: &[Case] = &[programs, variables, names, zero_bytes];

fn programs() -> Vec<Refusal> {
    let safe = Safe::start(b"S3kr!t");
    ["/no/such/program", "/etc/passwd"]
        .into_iter()
        .flat_map(|program| [vec!["run", "--env", "A", "--", program], vec!["--", program]])
        .map(|args| Refusal::of(&safe.run(args)))
        .collect()
}

fn variables() -> Vec<Refusal> {
    let safe = Safe::start(b"S3kr!t");
    vec![
        Refusal::of(&safe.run(["run", "--env", "PASSSAFE_TOKEN", "--", "true"])),
        Refusal::of(&safe.run(["run", "--env", "A", "--env", "A", "--", "true"])),
    ]
}

fn names() -> Vec<Refusal> {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script");
    fs::write(&script, "#!/no/such/interpreter\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let key = |name: &str| {
        let mut serve = passsafe(["serve"]);
        serve.arg(format!("--secret-file={name}={}", script.display()));
        Safe::start_with(b"S3kr!t", serve)
    };
    let all = ["run", "--all", "--", "true"];
    vec![
        Refusal::of(&key("A.B").run(all)),
        Refusal::of(&key("PASSSAFE_KEY").run(all)),
        Refusal::of(&key("A").run(["run", "--env", "A", "--", script.to_str().unwrap()])),
    ]
}

fn zero_bytes() -> Vec<Refusal> {
    let safe = Safe::start(b"S3\0kr!t");
    vec![Refusal::of(&safe.run(["run", "--env", "A", "--", "true"]))]
}
