//! Several secrets in one safe: from files, pipes and standard input, and out again.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{BINARY, Safe, assert_failure, assert_output, passsafe, with_input};

const JSON: [&str; 6] = ["serve", "--json", "--port", "0", "--minutes", "5"];

fn serve(args: &[&str]) -> Command {
    let mut command = passsafe(JSON);
    // What is said besides events.
    command.args(args).arg("--quiet");
    command
}

/// A file that only its owner can read.
fn file(folder: &TempDir, name: &str, bytes: &[u8]) -> String {
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path.to_str().unwrap().to_owned()
}

fn object(output: &Output) -> Value {
    assert_eq!((output.status.code(), &output.stderr[..]), (Some(0), &b""[..]));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn what_goes_in_comes_out_to_the_byte() {
    let folder = TempDir::new().unwrap();
    let all: Vec<u8> = (0..=255).collect();
    let bytes = file(&folder, "bytes", &all);
    let line = file(&folder, "lines", b"a\nb\r\n");
    let mut command = serve(&[
        "--secret-file",
        &format!("BYTES={bytes}"),
        &format!("--secret-file=LINES={line}"),
        "--secret-stdin",
        "PIPED",
    ]);
    command.stderr(Stdio::piped());
    let safe = Safe::start_as_it_is(b"pip\xc3\xa4d\r\n", command);
    assert_eq!(safe.run(["get", "--raw", "BYTES"]).stdout, all);
    assert_eq!(safe.run(["get", "BYTES"]).stdout, [&all[..], b"\n"].concat());
    assert_eq!(safe.run(["get", "--raw", "LINES"]).stdout, b"a\nb\r\n");
    assert_output(&safe.run(["get", "PIPED"]), 0, "pipäd\n", "");
    assert_output(&safe.run(["get", "--list"]), 0, "BYTES\nLINES\nPIPED\n", "");
    assert_output(&safe.run(["get", "--base64", "PIPED"]), 0, "cGlww6Rk\n", "");
    assert_output(&safe.run(["get", "--base64", "--raw", "PIPED"]), 0, "cGlww6Rk", "");
    assert_eq!(object(&safe.run(["get", "--json", "LINES"])), json!({"LINES": "a\nb\r\n"}));
    let encoded = object(&safe.run(["get", "--json", "--base64"]));
    assert_eq!(encoded["PIPED"], "cGlww6Rk");
    let decoded = data_encoding::BASE64.decode(encoded["BYTES"].as_str().unwrap().as_bytes());
    assert_eq!(decoded.unwrap(), all);
    assert_failure(
        &safe.run(["get", "--json"]),
        65,
        "the secret BYTES is not UTF-8, and JSON holds text only",
        "add --base64 for all values, or fetch it alone: passsafe get --raw BYTES",
    );
    for verb in [&["get"][..], &["get", "--json", "password"]] {
        assert_failure(
            &safe.run(verb),
            65,
            "the safe holds no secret named password",
            "it holds BYTES, LINES and PIPED",
        );
    }
    safe.signal(rustix::process::Signal::INT);
    // Nothing else was ever said.
    assert_output(&safe.end(), 0, "", "");
}

#[test]
fn the_longest_secret_fits_and_one_byte_more_does_not() {
    let folder = TempDir::new().unwrap();
    let longest: Vec<u8> = (0..65_536_u32).flat_map(u32::to_le_bytes).take(65_536).collect();
    let path = file(&folder, "longest", &longest);
    let source = format!("KEY={path}");
    let safe = Safe::start_as_it_is(b"", serve(&["--secret-file", &source]));
    assert!(safe.run(["get", "--raw", "KEY"]).stdout == longest);
    let read = safe.run(["run", "--stdin", "KEY", "--", "cat"]);
    assert!(read.stdout == longest && read.stderr.is_empty());
    let read = safe.run(["run", "--file", "K=KEY", "--", "sh", "-c", "cat \"$K\""]);
    assert!(cfg!(not(target_os = "linux")) || read.stdout == longest);

    let hint = "a safe holds 65,536 bytes of secrets";
    let too_long = "the secrets are longer than 65,536 bytes together";
    assert_failure(
        &with_input(serve(&["--secret-file", &source, "--secret-stdin", "MORE"]), b"x"),
        2,
        too_long,
        hint,
    );
    let one_more = file(&folder, "more", b"x");
    assert_failure(
        &serve(&["--secret-file", &source, "--secret-file", &format!("MORE={one_more}")])
            .output()
            .unwrap(),
        2,
        &format!("with {one_more}, {too_long}"),
        hint,
    );
    // Sparse, and far too long to be read to its end.
    let huge = file(&folder, "huge", b"");
    fs::File::options().write(true).open(&huge).unwrap().set_len(1 << 40).unwrap();
    assert_failure(
        &serve(&["--secret-file", &format!("KEY={huge}")]).output().unwrap(),
        2,
        &format!("with {huge}, {too_long}"),
        hint,
    );
}

#[test]
fn a_safe_holds_1024_secrets() {
    let folder = TempDir::new().unwrap();
    let sources: Vec<String> = (0..1_025)
        .map(|n| {
            let name = format!("n{n:063}");
            format!("{name}={}", file(&folder, &n.to_string(), format!("v{n}").as_bytes()))
        })
        .collect();
    let with = |count: usize| {
        let mut command = serve(&[]);
        for source in &sources[..count] {
            command.args(["--secret-file", source]);
        }
        command
    };
    let safe = Safe::start_as_it_is(b"", with(1_024));
    let list = String::from_utf8(safe.run(["get", "--list"]).stdout).unwrap();
    assert_eq!((list.lines().count(), safe.names().len()), (1_024, 1_024));
    assert_eq!(list.lines().last().unwrap(), sources[1_023].split('=').next().unwrap());
    let all = object(&safe.run(["get", "--json"]));
    assert!(
        all.as_object().unwrap().values().enumerate().all(|(n, value)| *value == format!("v{n}"))
    );
    let count = safe.run(["run", "--all", "--", "sh", "-c", "env | grep -c ^n0"]);
    assert_output(&count, 0, "1024\n", "");
    assert_failure(
        &with(1_025).output().unwrap(),
        2,
        "more than 1,024 secrets",
        "a safe holds 1,024 secrets; start a second one on another port",
    );
}

#[test]
fn the_line_of_json_names_the_secrets_unless_there_is_only_the_password() {
    let folder = TempDir::new().unwrap();
    let path = file(&folder, "a", b"x");
    assert_eq!(Safe::start(b"S3kr!t").names(), [""; 0]);
    let stdin = ["--secret-stdin", "password"];
    assert_eq!(Safe::start_as_it_is(b"x", serve(&stdin)).names(), [""; 0]);
    let both = ["--secret-file", &format!("B.2={path}"), "--secret-stdin", "A-1"];
    assert_eq!(Safe::start_as_it_is(b"x", serve(&both)).names(), ["A-1", "B.2"]);
}

#[test]
fn a_pipe_is_a_file_too() {
    let folder = TempDir::new().unwrap();
    let fifo = folder.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let source = format!("KEY={}", fifo.display());
    let writer = std::thread::spawn({
        let fifo = fifo.clone();
        move || fs::write(fifo, b"S3kr!t\n").unwrap()
    });
    let safe = Safe::start_as_it_is(b"", serve(&["--secret-file", &source]));
    writer.join().unwrap();
    assert_eq!(safe.run(["get", "--raw", "KEY"]).stdout, b"S3kr!t\n");
    drop(safe);
    assert_failure(
        &serve(&["--secret-file", &source]).output().unwrap(),
        66,
        &format!("{} cannot be read: no program writes to it", fifo.display()),
        "check its path and permissions",
    );
    // As a shell hands it over.
    let line = "exec \"$0\" serve --json --port 0 -m 5 --secret-file KEY=<(printf %s 'S3 kr!t')";
    let mut bash = Command::new("bash");
    bash.args(["-c", line, BINARY]);
    let safe = Safe::start_as_it_is(b"", bash);
    assert_output(&safe.run(["get", "KEY"]), 0, "S3 kr!t\n", "");
}

#[test]
fn what_cannot_be_a_secret_is_refused_before_anything_is_served() {
    let folder = TempDir::new().unwrap();
    let empty = file(&folder, "empty", b"");
    let missing = folder.path().join("missing").to_str().unwrap().to_owned();
    let directory = folder.path().to_str().unwrap();
    let refused = |path: &str, code, error: &str, hint: &str| {
        let output = serve(&["--secret-file", &format!("KEY={path}")]).output().unwrap();
        assert_failure(&output, code, error, hint);
    };
    let permissions = "check its path and permissions";
    refused(
        &missing,
        66,
        &format!("{missing} cannot be read: No such file or directory (os error 2)"),
        permissions,
    );
    refused(
        "~/key",
        66,
        "~/key cannot be read: No such file or directory (os error 2)",
        "the shell replaces ~ only where a word begins: write \"$HOME\" in its place",
    );
    let kinds = "name a file or a named pipe";
    refused(directory, 66, &format!("{directory} cannot be read: it is a directory"), kinds);
    for device in ["/dev/zero", "/dev/null", "/dev/tty"] {
        let error = format!("{device} cannot be read: it is neither a file nor a pipe");
        refused(device, 66, &error, kinds);
    }
    refused(
        &empty,
        2,
        &format!("{empty} is empty, and so is the secret KEY"),
        "a safe holds no empty secrets; check the path",
    );
    for input in [&b""[..], b"\n", b"\r\n"] {
        assert_failure(
            &with_input(serve(&["--secret-stdin", "KEY"]), input),
            2,
            "the secret KEY is empty",
            "pipe the secret itself into passsafe serve --secret-stdin KEY",
        );
    }
}

/// The log of the kernel is a regular file, and a reader waits for the next message.
#[cfg(target_os = "linux")]
#[test]
fn a_file_without_an_end_is_given_up() {
    let output = serve(&["--secret-file", "KEY=/proc/kmsg"]).output().unwrap();
    assert!([Some(2), Some(66)].contains(&output.status.code()), "{output:?}");
    let told = String::from_utf8(output.stderr).unwrap();
    let [error, hint] = told.lines().collect::<Vec<_>>()[..] else { panic!("{told}") };
    assert!(error.starts_with("error: ") && error.contains("/proc/kmsg"), "{told}");
    assert!(hint.starts_with("hint: "), "{told}");
}

#[test]
fn each_name_has_one_source() {
    for args in [
        &["A", "B", "A"][..],
        &["--show", "A", "--secret-file", "A=x"],
        &["--secret-stdin", "A", "--secret-file", "A=x"],
        &["--password-stdin", "--show", "A", "--show", "A"],
    ] {
        assert_failure(
            &serve(args).output().unwrap(),
            2,
            "the name A is given twice",
            "name each secret once, and once more at most in a flag that says where it comes from",
        );
    }
    for (source, reason) in [
        ("KEY", "give the name of the secret too: NAME=PATH"),
        ("KEY=", "the path is empty"),
        (
            "9=x",
            "a name is 1 to 64 letters, digits, '_', '.' or '-', and starts with a letter or '_'",
        ),
    ] {
        assert_failure(
            &serve(&["--secret-file", source]).output().unwrap(),
            2,
            &format!("invalid value '{source}' for '--secret-file <NAME=PATH>': {reason}"),
            "see 'passsafe serve --help'",
        );
    }
    assert_failure(
        &serve(&["--secret-stdin", "A", "--password-stdin"]).output().unwrap(),
        2,
        "the argument '--secret-stdin <NAME>' cannot be used with '--password-stdin'",
        "see 'passsafe serve --help'",
    );
}

#[test]
fn without_a_terminal_the_flag_that_replaces_it_is_named() {
    let nobody = |args: &[&str], what: &str, hint: &str| {
        let error = format!("there is no terminal to ask for {what}");
        assert_failure(&serve(args).output().unwrap(), 66, &error, hint);
    };
    let either = "take it from a file or a pipe: --secret-file A=PATH, or --secret-stdin A";
    nobody(&["A", "B"], "A", either);
    nobody(&["--show", "A"], "A", either);
    let stdin_is_taken = "take it from a file: --secret-file A=PATH";
    nobody(&["A", "--secret-stdin", "B"], "A", stdin_is_taken);
    nobody(&["A", "--password-stdin"], "A", stdin_is_taken);
    let output = passsafe(["serve", "--secret-file", "A=x", "--clear"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "standard output is no terminal either");
}

#[test]
fn a_file_that_every_account_can_read_is_named() {
    let folder = TempDir::new().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let path = file(&folder, "k\x1bey", b"x");
    let link = folder.path().join("link");
    symlink(&path, &link).unwrap();
    let said = |path: &Path| {
        let source = format!("KEY={}", path.display());
        let safe = Safe::start_as_it_is(b"", serve(&["--secret-file", &source]));
        assert!(safe.run(["get", "KEY"]).status.success());
        safe.signal(rustix::process::Signal::INT);
        String::from_utf8(safe.end().stderr).unwrap()
    };
    assert_eq!(said(Path::new(&path)), "");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).unwrap();
    for (path, shown) in
        [(Path::new(&path), path.replace('\x1b', "\\u{1b}")), (&link, link.display().to_string())]
    {
        let warning =
            format!("warning: every account can read {shown}; 'chmod 600' keeps the others out\n");
        assert_eq!(said(path), warning);
    }
    // Nobody else gets there.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(said(&link), "");
}

#[test]
fn a_line_feed_that_nobody_meant_is_named() {
    let folder = TempDir::new().unwrap();
    for (bytes, is_named) in [(&b"S3kr!t\n"[..], true), (b"a\nb\n", false), (b"\xff\n", false)] {
        let source = format!("KEY={}", file(&folder, "key", bytes));
        let safe = Safe::start_as_it_is(b"", serve(&["--secret-file", &source]));
        assert_eq!(safe.run(["get", "--raw", "KEY"]).stdout, bytes);
        safe.signal(rustix::process::Signal::INT);
        let note = "note: KEY ends in a line feed, and files are taken as they are; \
                    --secret-stdin drops one\n";
        assert_output(&safe.end(), 0, "", if is_named { note } else { "" });
    }
}

#[test]
fn ways_to_get_exclude_each_other() {
    for (args, error) in [
        (&["--list", "--json"][..], "'--list' cannot be used with '--json'"),
        (&["--list", "--raw"], "'--list' cannot be used with '--raw'"),
        (&["--list", "--base64"], "'--list' cannot be used with '--base64'"),
        (&["--list", "A"], "'--list' cannot be used with '[NAME]'"),
        (&["--json", "--raw"], "'--json' cannot be used with '--raw'"),
    ] {
        let output = passsafe(["get"].iter().chain(args)).output().unwrap();
        assert_failure(&output, 2, &format!("the argument {error}"), "see 'passsafe get --help'");
    }
}
