//! A safe from its start to each of its ends.

use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use rustix::process::Signal;

use crate::support::{Safe, assert_failure, assert_output, assert_told, passsafe};

#[test]
fn a_program_gets_the_password_back() {
    let safe = Safe::start(b"S3kr!t\n");
    assert_output(&safe.run(["get"]), 0, "S3kr!t\n", "");
    assert_output(&safe.run(["get", "password", "--raw"]), 0, "S3kr!t", "");
}

#[test]
fn the_line_of_json_has_all_that_opens_the_safe() {
    let safe = Safe::start(b"S3kr!t");
    let credentials = &safe.credentials;
    assert!(credentials.url.starts_with("http://localhost:"));
    assert_eq!(credentials.passphrase.split(' ').count(), 6);
    assert!(credentials.token.len() == 6 && credentials.token.bytes().all(|b| b.is_ascii_digit()));
    assert!(!credentials.user.is_empty());
    let expires_at = humantime::parse_rfc3339(&credentials.expires_at).unwrap();
    let left = expires_at.duration_since(SystemTime::now()).unwrap();
    assert!(left > Duration::from_secs(200) && left <= Duration::from_secs(300), "{left:?}");
}

#[test]
fn one_final_line_end_is_dropped_from_piped_input() {
    for (input, password) in [
        (&b"S3kr!t\n"[..], &b"S3kr!t"[..]),
        (b"S3kr!t\r\n", b"S3kr!t"),
        (b"S3kr!t\n\n", b"S3kr!t\n"),
        (b"S3kr!t\r", b"S3kr!t\r"),
        (b" \xff\0\n", b" \xff\0"),
    ] {
        let safe = Safe::start(input);
        assert_eq!(safe.run(["get", "--raw"]).stdout, password);
    }
}

#[test]
fn a_secret_of_64_kib_goes_through() {
    let secret: Vec<u8> =
        (0..65_536_u32).map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1]).collect();
    let safe = Safe::start(&secret);
    assert!(safe.run(["get", "--raw"]).stdout == secret);
}

#[test]
fn a_named_user_is_needed_on_both_sides() {
    let safe = Safe::start_with(b"S3kr!t", passsafe(["--user", "ana"]));
    assert_eq!(safe.credentials.user, "ana");
    assert_output(&safe.run(["get", "--user", "ana"]), 0, "S3kr!t\n", "");
    assert_output(
        &safe.command(["get"]).env("PASSSAFE_USER", "ana").output().unwrap(),
        0,
        "S3kr!t\n",
        "",
    );
    assert_failure(
        &safe.run(["get", "--user", "bob"]),
        65,
        "the passphrase is wrong, or the safe was sealed for another user than bob, \
         9 tries are left",
        "type the six words as shown; name the safe's user with --user",
    );
}

#[test]
fn status_tells_without_a_token() {
    let safe = Safe::start(b"S3kr!t");
    let mut command = passsafe(["status", "--url", &safe.credentials.url]);
    assert_output(
        &command.output().unwrap(),
        0,
        "open, 4 minutes left, 3 of 3 attempts left\n",
        "",
    );
    let json = String::from_utf8(safe.run(["status", "--json"]).stdout).unwrap();
    assert!(json.starts_with(r#"{"protocol":1,"state":"open","expires_in_seconds":29"#), "{json}");
    assert!(json.ends_with(",\"attempts_left\":3,\"proofs_left\":10}\n"), "{json}");
}

#[test]
fn three_wrong_tokens_lock_the_safe() {
    let safe = Safe::start(b"S3kr!t");
    let refused = "the token was refused";
    assert_failure(
        &safe.guess(),
        77,
        &format!("{refused} (1 of 3)"),
        "check the six digits; two more wrong tokens lock the safe",
    );
    assert_output(&safe.run(["get"]), 0, "S3kr!t\n", "");
    assert_failure(
        &safe.guess(),
        77,
        &format!("{refused} (2 of 3)"),
        "check the six digits; one more wrong token locks the safe",
    );
    assert_failure(
        &safe.guess(),
        77,
        &format!("{refused} (3 of 3)"),
        "the safe is locked for good; start a new one with 'passsafe'",
    );
    for verb in ["get", "close"] {
        assert_failure(
            &safe.run([verb]),
            77,
            "the safe is locked: three wrong tokens were tried",
            "start a new one with 'passsafe'",
        );
    }
    assert_output(&safe.run(["status"]), 0, "locked: three wrong tokens were tried\n", "");
    safe.signal(Signal::INT);
    assert_told(
        &safe.end(),
        &["wrong_token", "fetched", "wrong_token", "wrong_token", "locked", "ended"],
    );
}

#[test]
fn close_ends_the_safe() {
    let safe = Safe::start(b"S3kr!t");
    let url = safe.credentials.url.clone();
    assert_output(&safe.run(["close"]), 0, "", &format!("closed: the safe at {url} is gone\n"));
    assert_told(&safe.end(), &["closed"]);
}

/// From the moment on at which the credentials are there.
#[test]
fn deadly_signals_close_the_safe() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP].repeat(5) {
        let safe = Safe::start(b"S3kr!t");
        safe.signal(signal);
        assert_told(&safe.end(), &["closed"]);
    }
}

/// A full pipe, or a terminal held by Ctrl-S.
#[test]
fn a_safe_whose_messages_nobody_reads_answers_and_ends_all_the_same() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    rustix::io::ioctl_fionbio(&writer, true).unwrap();
    while writer.write(&[b'x'; 4_096]).is_ok() {}
    rustix::io::ioctl_fionbio(&writer, false).unwrap();
    let mut serve = passsafe(["serve", "--minutes", "5"]);
    serve.stderr(writer);
    let safe = Safe::start_with_own_stderr(b"S3kr!t", serve);
    for _ in 0..3 {
        assert_eq!(safe.guess().status.code(), Some(77));
    }
    assert_output(&safe.run(["status"]), 0, "locked: three wrong tokens were tried\n", "");
    safe.signal(Signal::TERM);
    assert_eq!(safe.end().status.code(), Some(0));
    drop(reader);
}

/// The one test that lives through a whole minute.
#[test]
fn an_expired_safe_says_so_and_is_gone_within_a_second() {
    let safe = Safe::start_with(b"S3kr!t", passsafe(["serve", "--minutes=1"]));
    let deadline = humantime::parse_rfc3339(&safe.credentials.expires_at).unwrap();
    assert_told(&safe.end(), &["expired"]);
    let end = SystemTime::now();
    // The time that is shown leaves out the fraction of its second.
    assert!(end >= deadline && end < deadline + Duration::from_secs(2), "{end:?} {deadline:?}");
}

#[test]
fn the_bare_command_serves() {
    let safe = Safe::start_with(b"S3kr!t", passsafe(["--minutes", "480"]));
    assert_output(&safe.run(["status"]), 0, "open, 479 minutes left, 3 of 3 attempts left\n", "");
}

#[test]
fn a_tunnel_may_have_another_host() {
    let safe = Safe::start_with(b"S3kr!t", passsafe(["--allow-host", "tunnel.example"]));
    let port = safe.port();
    for (host, status) in [("tunnel.example", "200"), ("other.example", "421")] {
        let answer = crate::rogue::raw(
            port,
            &format!("GET /v1/status HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
        );
        assert_eq!(&answer[9..12], status);
    }
}

#[test]
fn a_busy_port_is_found_before_anything_is_asked() {
    let safe = Safe::start(b"S3kr!t");
    let port = safe.port().to_string();
    let mut serve = passsafe(["serve", "--password-stdin", "--json", "--port", &port]);
    // Standard input stays open: a safe that reads it would block.
    serve.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = serve.spawn().unwrap();
    let held = child.stdin.take();
    assert_failure(
        &child.wait_with_output().unwrap(),
        69,
        &format!("port {port} is held by another safe: open, 4 minutes left, 3 of 3 attempts left"),
        &format!(
            "close that one with 'passsafe close --url {}', or start this one with --port 0",
            safe.credentials.url
        ),
    );
    drop(held);
}
