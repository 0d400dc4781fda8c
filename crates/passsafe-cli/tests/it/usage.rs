//! Wrong usage: two lines, exit code 2, nothing on stdout.

use crate::support::{assert_failure, passsafe, with_input};

#[track_caller]
fn assert_usage(args: &[&str], error: &str, hint: &str) {
    assert_failure(&passsafe(args).output().unwrap(), 2, error, hint);
}

#[test]
fn minutes_are_1_to_480() {
    for minutes in ["0", "481", "-5", "x", "1.5", ""] {
        assert_usage(
            &["serve", "--minutes", minutes],
            &format!(
                "invalid value '{minutes}' for '--minutes <N>': \
                 the lifetime is a whole number of minutes from 1 to 480"
            ),
            "see 'passsafe serve --help'",
        );
    }
    assert_usage(
        &["serve", "--minutes"],
        "a value is required for '--minutes <N>' but none was supplied",
        "see 'passsafe serve --help'",
    );
}

#[test]
fn an_empty_password_is_never_accepted() {
    for input in [&b""[..], b"\n", b"\r\n"] {
        let serve = passsafe(["serve", "--password-stdin", "--json", "--port", "0"]);
        assert_failure(
            &with_input(serve, input),
            2,
            "the password is empty",
            "pipe the password itself into passsafe serve --password-stdin",
        );
    }
}

#[test]
fn credentials_go_to_a_terminal_or_become_json() {
    for args in [&["serve", "--password-stdin"][..], &["--password-stdin", "--port", "0"], &[]] {
        assert_usage(
            args,
            "standard output is not a terminal, and credentials are shown on a terminal only",
            "add --json to print them as one line of JSON",
        );
    }
}

#[test]
fn addresses_are_checked_before_anything_is_sent() {
    let looks_like = "an address looks like http://localhost:8051";
    let tunnel = "use a tunnel (ssh -L), or add --allow-plain-http if the way there is protected";
    for (url, error, hint) in [
        (
            "http://192.0.2.1:8051",
            "plain HTTP to another machine is refused unless asked for by name",
            tunnel,
        ),
        (
            "http://safe.example",
            "plain HTTP to another machine is refused unless asked for by name",
            tunnel,
        ),
        (
            "http://localhost.safe.example",
            "plain HTTP to another machine is refused unless asked for by name",
            tunnel,
        ),
        (
            "http://ana:hunter2@localhost:8051",
            "the url of a safe contains no user information",
            looks_like,
        ),
        ("http://localhost:8051/?token=936265", "the url of a safe has no query", looks_like),
        ("http://localhost:8051/#x", "the url of a safe has no fragment", looks_like),
        ("ftp://localhost", "the url of a safe starts with http:// or unix:///", looks_like),
        ("localhost:8051", "the url of a safe starts with http:// or unix:///", looks_like),
        ("", "the url of a safe starts with http:// or unix:///", looks_like),
        ("http://localhost:99999", "the url of the safe is malformed", looks_like),
    ] {
        for verb in ["get", "status", "close"] {
            assert_usage(&[verb, "--url", url], error, hint);
        }
    }
}

#[test]
fn mistyped_words_are_corrected() {
    for (args, word, meant) in [
        (&["gte"][..], "subcommand 'gte'", "get"),
        (&["srve"], "subcommand 'srve'", "serve"),
        (&["statsu", "--json"], "subcommand 'statsu'", "status"),
        (&["comp"], "subcommand 'comp'", "completions"),
    ] {
        let error = format!("unrecognized {word}");
        assert_usage(args, &error, &format!("did you mean '{meant}'?"));
    }
    for (args, flag, meant) in [
        (&["get", "--raws"][..], "--raws", "--raw"),
        (&["get", "--ulr", "x"], "--ulr", "--url"),
        (&["get", "--ulr=x"], "--ulr", "--url"),
        (&["--pasword-stdin"], "--pasword-stdin", "--password-stdin"),
        (&["serve", "--minuts", "5"], "--minuts", "--minutes"),
        (&["--pass"], "--pass", "--password-stdin"),
    ] {
        let error = format!("unexpected argument '{flag}' found");
        assert_usage(args, &error, &format!("did you mean '{meant}'?"));
    }
    let verbs = "serve, get, run, status, close, help, man, completions";
    for verb in ["help", "man"] {
        let error = format!("invalid value 'gte' for '[COMMAND]' [possible values: {verbs}]");
        assert_usage(&[verb, "gte"], &error, "did you mean 'get'?");
    }
    assert_usage(
        &["completions", "bsh"],
        "invalid value 'bsh' for '<SHELL>' [possible values: bash, elvish, fish, powershell, zsh]",
        "did you mean 'bash'?",
    );
    assert_usage(
        &["get", "9"],
        "invalid value '9' for '[NAME]': a name is 1 to 64 letters, digits, '_', '.' or '-', and starts with a letter or '_'",
        "see 'passsafe get --help'",
    );
    assert_usage(
        &["serve", "--port", "65536"],
        "invalid value '65536' for '--port <N>': 65536 is not in 0..=65535",
        "see 'passsafe serve --help'",
    );
    assert_usage(
        &["--user", "", "--password-stdin", "--json", "--port=0"],
        "invalid value '' for '--user <NAME>': the user name is empty",
        "see 'passsafe --help'",
    );
}

#[test]
fn the_commands_of_other_programs_are_told_what_does_it_here() {
    for (typed, here) in [
        ("stop", "'passsafe close'"),
        ("list", "'passsafe status' or 'passsafe get --list'"),
        ("version", "'passsafe --version'"),
    ] {
        for args in [&[typed][..], &["--minutes", "5", typed]] {
            let hint = format!("did you mean {here}?");
            assert_usage(args, &format!("unrecognized subcommand '{typed}'"), &hint);
        }
    }
}

#[test]
fn a_flag_of_another_verb_is_sent_there() {
    for (args, flag, hint) in [
        (&["--raw"][..], "--raw", "--raw goes with 'passsafe get'"),
        (&["close", "--env", "A"], "--env", "--env goes with 'passsafe run'"),
        (
            &["status", "--user", "ana"],
            "--user",
            "--user goes with 'passsafe serve', 'passsafe get' and 'passsafe run'",
        ),
    ] {
        assert_usage(args, &format!("unexpected argument '{flag}' found"), hint);
    }
    assert_usage(
        &["get", "one", "two"],
        "unexpected argument 'two' found",
        "see 'passsafe get --help'",
    );
}

#[test]
fn a_name_without_a_verb_is_told_its_place() {
    assert_usage(
        &["DB_USER"],
        "unrecognized subcommand 'DB_USER'",
        "a secret's name comes after the verb: passsafe serve DB_USER",
    );
    assert_usage(
        &["--minutes", "5", "DB_USER"],
        "unrecognized subcommand 'DB_USER'",
        "a secret's name comes after the verb: passsafe serve DB_USER",
    );
    assert_usage(
        &["--minutes", "5", "get"],
        "the command 'get' comes before all options",
        "see 'passsafe get --help'",
    );
    // What can be no name is not repeated.
    assert_usage(&["9 lives"], "unrecognized subcommand '9 lives'", "see 'passsafe --help'");
}

#[test]
fn hosts_are_names_or_addresses() {
    for host in ["", "http://x", "a b", "x/y"] {
        assert_usage(
            &["serve", "--allow-host", host],
            &format!(
                "invalid value '{host}' for '--allow-host <HOST[:PORT]>': \
                 a host is a name or an address, and a port: safe.example:8051"
            ),
            "see 'passsafe serve --help'",
        );
    }
}

#[test]
fn the_serving_verb_is_of_no_use_by_hand() {
    for (handover, listener) in [("5", "5"), ("2", "98")] {
        assert_usage(
            &["__serving", "--handover", handover, "--listener", listener],
            "the handover to the serving process is broken: invalid input parameter",
            "start a safe with 'passsafe serve'",
        );
    }
    for (handover, error) in
        [("0", "invalid input parameter"), ("99", "Bad file descriptor (os error 9)")]
    {
        assert_usage(
            &["__serving", "--handover", handover, "--listener", "98"],
            &format!("the handover to the serving process is broken: {error}"),
            "start a safe with 'passsafe serve'",
        );
    }
}

#[test]
fn help_and_completions_are_answers() {
    for args in [
        &["--help"][..],
        &["get", "--help"],
        &["--version"],
        &["completions", "bash"],
        &["completions", "zsh"],
        &["completions", "fish"],
        &["completions", "elvish"],
        &["completions", "powershell"],
    ] {
        let output = passsafe(args).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{args:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("passsafe") && !text.contains("__serving"), "{args:?}");
    }
}

#[test]
fn help_never_shows_the_value_of_a_variable() {
    for args in [&["--help"][..], &["get", "--help"], &["run", "--help"], &["close", "-h"]] {
        let output = passsafe(args)
            .env("PASSSAFE_USER", "needle")
            .env("PASSSAFE_URL", "http://needle")
            .env("PASSSAFE_PASSPHRASE", "needle")
            .env("PASSSAFE_TOKEN", "needle")
            .output()
            .unwrap();
        assert!(output.status.success());
        assert!(!String::from_utf8(output.stdout).unwrap().contains("needle"), "{args:?}");
    }
}
