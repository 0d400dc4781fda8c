//! `passsafe run`: secrets in variables, on standard input and in files in memory.

use std::fs;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::support::{Safe, assert_failure, assert_output, passsafe};

/// A safe with these secrets.
fn safe_with(secrets: &[(&str, &[u8])]) -> Safe {
    let folder = TempDir::new().unwrap();
    let mut serve = passsafe(["serve", "--json", "--port", "0", "--minutes", "5"]);
    for (name, value) in secrets {
        let path = folder.path().join(name);
        fs::write(&path, value).unwrap();
        serve.args(["--secret-file", &format!("{name}={}", path.display())]);
    }
    serve.stderr(Stdio::null());
    Safe::start_as_it_is(b"", serve)
}

fn database() -> Safe {
    safe_with(&[("DB_USER", b"ana"), ("DB_PASSWORD", b"hunter2"), ("KEY", b"\0\xff\n")])
}

#[test]
fn several_variables_have_a_secret_each() {
    let script = "printf '%s %s %s' \"$PGUSER\" \"$PGPASSWORD\" \"$AGAIN\"";
    let env = ["--env", "PGUSER=DB_USER", "--env", "PGPASSWORD=DB_PASSWORD", "-e", "AGAIN=DB_USER"];
    let program = ["--", "sh", "-c", script];
    let args = ["run"].iter().chain(&env).chain(&program);
    assert_output(&database().run(args), 0, "ana hunter2 ana", "");
}

#[test]
fn all_secrets_that_no_other_flag_names_go_by_their_own_name() {
    let script = "env | grep -E '^(DB_|A=|KEY|K=)' | sed 's,/proc/.*/fd/,PATH,' | sort; wc -c";
    let run = |args: &[&str]| {
        database().run(["run", "--all"].iter().chain(args).chain(&["--", "sh", "-c", script]))
    };
    let both = "DB_PASSWORD=hunter2\nDB_USER=ana\n";
    assert_output(&run(&["--stdin", "KEY"]), 0, &format!("{both}3\n"), "");
    assert_output(
        &run(&["--stdin", "KEY", "--env", "A=DB_USER"]),
        0,
        "A=ana\nDB_PASSWORD=hunter2\n3\n",
        "",
    );
    assert_failure(
        &run(&[]),
        125,
        "the secret KEY contains a NUL byte, which no variable can hold",
        "hand it over with --stdin KEY, or with --file VAR=KEY",
    );
    assert_failure(
        &run(&["--stdin", "KEY", "--env", "DB_USER=DB_PASSWORD"]),
        125,
        "the variable DB_USER is given twice",
        "name each variable once",
    );
}

#[test]
fn a_name_that_is_no_variable_is_refused() {
    for name in ["a.b", "a-b"] {
        let safe = safe_with(&[(name, b"x")]);
        assert_failure(
            &safe.run(["run", "--all", "--", "env"]),
            125,
            &format!(
                "the secret {name} cannot become a variable: shells allow no '.' or '-' in its name"
            ),
            &format!("name one for it as well: --env VAR={name}"),
        );
        let mapping = format!("A={name}");
        let output = safe.run(["run", "--all", "--env", &mapping, "--", "printenv", "A"]);
        assert_output(&output, 0, "x\n", "");
    }
    assert_failure(
        &safe_with(&[("PASSSAFE_TOKEN", b"x")]).run(["run", "--all", "--", "env"]),
        125,
        "PASSSAFE_TOKEN is a variable of passsafe itself, which is never passed on",
        "name another one for it as well: --env VAR=PASSSAFE_TOKEN",
    );
}

#[test]
fn standard_input_is_the_secret_and_then_ends() {
    let safe = database();
    let script = "[ -p /dev/stdin ] && od -An -c; env | grep -c -e hunter2 -e ana; tr '\\0' ' ' </proc/self/cmdline | grep -c hunter2";
    let output = safe.run(["run", "--stdin", "KEY", "--", "sh", "-c", script]);
    assert_output(&output, 1, "  \\0 377  \\n\n0\n0\n", "");
    assert_failure(
        &safe.run(["run", "--stdin", "NAME", "--", "true"]),
        125,
        "the safe holds no secret named NAME",
        "it holds DB_PASSWORD, DB_USER and KEY",
    );
    assert_failure(
        &safe.run(["run", "--stdin", "KEY", "--stdin", "DB_USER", "--", "true"]),
        125,
        "the argument '--stdin <NAME>' cannot be used multiple times",
        "see 'passsafe run --help'",
    );
}

#[test]
fn our_own_variables_are_there_for_who_asks() {
    let safe = Safe::start(b"S3kr!t");
    let script = "env | grep ^PASSSAFE_ | cut -d= -f1 | sort | tr '\\n' ' '";
    let stripped = safe.run(["run", "--env", "A", "--", "sh", "-c", script]);
    assert_output(&stripped, 0, "", "");
    let kept = safe.run(["run", "--env", "A", "--keep-credentials", "--", "sh", "-c", script]);
    assert_output(&kept, 0, "PASSSAFE_PASSPHRASE PASSSAFE_TOKEN PASSSAFE_URL ", "");
}

#[test]
fn a_mistyped_program_is_found_out_before_the_safe_is_asked() {
    // There is no safe at all.
    let (_held, port) = crate::support::dead_port();
    let folder = TempDir::new().unwrap();
    let script = folder.path().join("script");
    let run = |program: &str| {
        passsafe(["run", "--env", "A", "--url", &format!("http://127.0.0.1:{port}"), "--", program])
            .output()
            .unwrap()
    };
    for program in ["no-such-program", "./no-such-program", "/no/such/program"] {
        let error = format!("there is no program {program}");
        assert_failure(&run(program), 127, &error, "check its name and the PATH");
    }
    assert_eq!(run("true").status.code(), Some(125));
    // The system alone knows what it takes to start it.
    // Written by another process: a child that another test starts meanwhile would inherit the
    // descriptor, and a file that is open for writing cannot be executed.
    let write = "echo '#!/no/such/interpreter' >\"$0\" && chmod 755 \"$0\"";
    assert!(Command::new("sh").args(["-c", write]).arg(&script).status().unwrap().success());
    let script = script.to_str().unwrap();
    assert_failure(
        &Safe::start(b"x").run(["run", "--env", "A", "--", script]),
        126,
        &format!("{script} cannot be executed: its interpreter was not found"),
        "check its first line",
    );
}

#[test]
fn a_variable_is_given_once() {
    let safe = Safe::start(b"x");
    for flags in [
        ["--env", "A", "--env", "A"],
        ["--env", "A", "--file", "A"],
        ["--file", "A", "--file", "A"],
    ] {
        assert_failure(
            &safe.run(["run"].iter().chain(&flags).chain(&["--", "true"])),
            125,
            "the variable A is given twice",
            "name each variable once",
        );
    }
    for flag in ["--env", "--file"] {
        assert_failure(
            &safe.run(["run", flag, "PASSSAFE_URL", "--", "true"]),
            125,
            "PASSSAFE_URL is a variable of passsafe itself, which is never passed on",
            "choose another name with --env NAME=SECRET",
        );
        for (value, reason) in [
            ("=A", "the variable has no name"),
            (
                "A=9",
                "a name is 1 to 64 letters, digits, '_', '.' or '-', and starts with a letter or '_'",
            ),
        ] {
            assert_failure(
                &safe.run(["run", flag, value, "--", "true"]),
                125,
                &format!("invalid value '{value}' for '{flag} <VAR[=NAME]>': {reason}"),
                "see 'passsafe run --help'",
            );
        }
    }
}

#[cfg(target_os = "linux")]
mod files {
    use super::*;

    #[test]
    fn a_file_in_memory_holds_the_secret_and_is_the_owners_alone() {
        let script = "cat \"$KEY\" \"$USER_FILE\"; stat -L -c ' %a %F %u %s' \"$KEY\"; readlink \"$KEY\"; \
                      env | grep -c -e hunter2 -e ana";
        let output = database().run([
            "run",
            "--file",
            "KEY",
            "--file",
            "USER_FILE=DB_USER",
            "--file",
            "KEY2=KEY",
            "--",
            "true",
        ]);
        assert_failure(
            &output,
            125,
            "the safe holds no secret named password",
            "it holds DB_PASSWORD, DB_USER and KEY",
        );
        let output = database().run([
            "run",
            "--file",
            "KEY=KEY",
            "--file",
            "USER_FILE=DB_USER",
            "--",
            "sh",
            "-c",
            script,
        ]);
        let uid = rustix::process::getuid().as_raw();
        let expected =
            format!("\0\u{fffd}\nana 400 regular file {uid} 3\n/memfd:passsafe (deleted)\n0\n");
        assert_output(&output, 1, &expected, "");
    }

    /// Whoever they are, root included, and by whatever way they came by the descriptor.
    #[test]
    fn nobody_changes_a_file_in_memory() {
        let script = r#"
            for way in "echo x >\"$F\"" "echo x >&${F##*/}" "truncate -s 1 \"$F\"" "truncate -s 99 \"$F\""; do
                if eval "$way" 2>/dev/null; then echo "$way"; fi
            done
            cat "$F""#;
        let output = database().run(["run", "--file", "F=DB_USER", "--", "sh", "-c", script]);
        assert_output(&output, 0, "ana", "");
    }

    /// A child that closes what it inherits, a child of a child, and another program in the
    /// first one's place.
    #[test]
    fn programs_that_the_program_starts_can_read_the_file() {
        let safe = database();
        let read =
            |command: &[&str]| safe.run(["run", "--file", "F=DB_USER", "--"].iter().chain(command));
        let closed =
            r#"for n in {3..255}; do eval "exec $n>&-"; done; ls /proc/self/fd | xargs; cat "$F""#;
        let within = format!("bash -c '{closed}'; :");
        assert_output(&read(&["sh", "-c", &within]), 0, "0 1 2 3\nana", "");
        assert_output(&read(&["sh", "-c", "sh -c 'sh -c \"cat $F; :\"; :'; :"]), 0, "ana", "");
        assert_output(&read(&["sh", "-c", "exec sh -c 'exec cat \"$F\"'"]), 0, "ana", "");
        assert_output(&read(&["env", "sh", "-c", "cat <\"$F\" \"$F\""]), 0, "ana", "");
        assert_output(&read(&["timeout", "60", "sh", "-c", "cat \"$F\""]), 0, "ana", "");
    }
}
