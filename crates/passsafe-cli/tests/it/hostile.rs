//! Servers and surroundings that mean harm to the command.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Output};
use std::thread;

use crate::support::{BINARY, Safe, assert_output, passsafe};

/// Three times what the program maps to say that nobody is there.
const ADDRESS_SPACE_KIB: u32 = 64 * 1_024;

const PROXY_VARIABLES: [&str; 6] =
    ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

#[test]
fn proxy_variables_are_ignored() {
    let safe = Safe::start(b"S3kr!t");
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let through = |mut command: Command| {
        command.envs(PROXY_VARIABLES.map(|name| (name, &address))).env("no_proxy", "");
        command.output().unwrap()
    };
    assert_output(&through(safe.command(["get"])), 0, "S3kr!t\n", "");
    assert!(through(safe.command(["status"])).status.success());
    assert!(through(safe.command(["close"])).status.success());
    assert_eq!(proxy.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

/// `passsafe get` with little memory, from a server that sends `start` and then `again`
/// without end.
fn get_with_little_memory(start: String, again: &'static str) -> Output {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
    // Not joined: it ends when the client has had enough.
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _request = stream.read(&mut [0; 4_096]).unwrap();
        let again = again.repeat(1_024);
        let mut sent = stream.write_all(start.as_bytes());
        while sent.is_ok() && !again.is_empty() {
            sent = stream.write_all(again.as_bytes());
        }
    });
    let mut limited = passsafe(["get"]);
    limited.env("PASSSAFE_URL", url).env("PASSSAFE_PASSPHRASE", "zoom zoom");
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("ulimit -v {ADDRESS_SPACE_KIB} && exec \"$0\" get")).arg(BINARY);
    shell.env_clear().envs(limited.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.env("PASSSAFE_TOKEN", "936265").env("PASSSAFE_USER", "ana").output().unwrap()
}

#[test]
fn a_flood_fits_into_little_memory() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nPasssafe-Expires-In: 60\r\n";
    for (start, again) in [
        (format!("{head}\r\n"), " "),
        (format!("{head}Transfer-Encoding: chunked\r\n\r\n"), "1\r\n[\r\n"),
        (format!("{head}Content-Length: 99999999999\r\n\r\n"), "["),
        (head.to_owned(), "x: y\r\n"),
    ] {
        let output = get_with_little_memory(start, again);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(76), "{again}: {stderr}");
    }
}

/// The limit is real: the same program has not the memory to derive a key at the highest cost
/// that is allowed, and says so; beyond that cost it does not try.
#[test]
fn an_absurd_cost_takes_no_memory() {
    for (memory_kib, error) in [
        (262_144, "not enough memory to derive the key"),
        (4_194_304, "key derivation cost out of bounds: 4194304 KiB, 3 iterations"),
    ] {
        let body = format!(
            r#"{{"code":"proof_required","title":"","status":403,"kdf":{{"algorithm":"argon2id","version":19,"memory_kib":{memory_kib},"iterations":3,"parallelism":1}},"salt":"AAAAAAAAAAAAAAAAAAAAAA"}}"#
        );
        let head = "HTTP/1.1 403 Forbidden\r\nContent-Type: application/problem+json\r\n";
        let length = body.len();
        let output =
            get_with_little_memory(format!("{head}Content-Length: {length}\r\n\r\n{body}"), "");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.starts_with(&format!("error: {error}\nhint: ")), "{stderr}");
    }
}
