//! Another account of the machine at a served safe, and in its place.
//!
//! The account is `nobody`, and its programs are Python's: nothing of ours speaks for it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::{Finding, Proof};
use crate::binary;
use crate::repository::Repository;

pub(super) const PROOF: Proof = Proof {
    name: "accounts",
    claim: "another account is neither answered nor counted, and is sent no token",
    run,
};

const REQUESTS: usize = 100_000;
const CLIENTS: usize = 200;
const PASSWORD: &str = "Zw0lf-Boxkaempfer/jagen_Viktor";

/// Sends wrong tokens, each on a connection of its own, and counts what comes back.
const STRANGER: &str = r#"
import socket, sys
port, requests, sent, answered = int(sys.argv[1]), int(sys.argv[2]), 0, 0
head = f"POST /v1/secret HTTP/1.1\r\nHost: localhost:{port}\r\nPasssafe-Token: 000000\r\n\r\n"
for _ in range(requests):
    with socket.create_connection(("127.0.0.1", port)) as stream:
        try:
            stream.sendall(head.encode())
            sent += 1
            answered += bool(stream.recv(1))
        except ConnectionError:
            pass
print(sent, answered)
"#;

/// Listens where a safe is expected, and counts what it is sent.
const SQUATTER: &str = r#"
import socket, sys
listener, received = socket.create_server(("127.0.0.1", 0)), 0
print(listener.getsockname()[1], flush=True)
for _ in range(int(sys.argv[1])):
    stream = listener.accept()[0]
    try:
        while got := stream.recv(4096):
            received += len(got)
    except ConnectionError:
        pass
print(received)
"#;

fn run(repository: &Repository) -> anyhow::Result<Vec<Finding>> {
    let binary = binary::release(repository)?;
    let mut safe = start(&binary)?;
    let result = attack(&binary, &safe.credentials);
    safe.child.kill()?;
    safe.child.wait()?;
    result
}

struct Safe {
    child: Child,
    credentials: Value,
}

fn attack(binary: &PathBuf, credentials: &Value) -> anyhow::Result<Vec<Finding>> {
    let text = |name: &str| credentials.get(name).and_then(Value::as_str).unwrap_or_default();
    let passsafe = |verb: &str, url: &str| {
        let mut command = Command::new(binary);
        command
            .args([verb, "--url", url])
            .env("PASSSAFE_PASSPHRASE", text("passphrase"))
            .env("PASSSAFE_TOKEN", text("token"))
            .stdin(Stdio::null());
        command
    };
    let url = text("url");
    let port = url.rsplit(':').next().unwrap_or_default();

    let mut stranger = as_nobody(STRANGER, &[port, &REQUESTS.to_string()]).spawn()?;
    let (mut asked, mut opened) = (0, 0);
    while stranger.try_wait()?.is_none() || asked == 0 {
        let output = passsafe("get", url).output()?;
        asked += 1;
        opened += usize::from(output.stdout == format!("{PASSWORD}\n").as_bytes());
    }
    let mut counts = String::new();
    stranger.stdout.take().context("no output")?.read_to_string(&mut counts)?;
    let (sent, answered) = counts.trim().split_once(' ').context("the stranger failed")?;
    let status = passsafe("status", url).arg("--json").output()?.stdout;
    let status: Value = serde_json::from_slice(&status).context("no status")?;
    let left = status.get("attempts_left").and_then(Value::as_u64).context("no attempts")?;

    let mut squatter = as_nobody(SQUATTER, &[&CLIENTS.to_string()]).spawn()?;
    let mut lines = BufReader::new(squatter.stdout.take().context("no output")?).lines();
    let port = lines.next().context("the squatter failed")??;
    let mut refused = 0;
    for _ in 0..CLIENTS {
        let code = passsafe("get", &format!("http://localhost:{port}")).output()?.status.code();
        refused += usize::from(code == Some(77));
    }
    let received = lines.next().context("the squatter failed")??;
    squatter.wait()?;

    ensure!(answered == "0", "{answered} requests of another account were answered");
    ensure!(left == 3, "requests of another account were counted: {left} attempts are left");
    ensure!(opened == asked, "{opened} of {asked} fetches of the owner succeeded");
    ensure!(refused == CLIENTS, "{refused} of {CLIENTS} clients refused the squatter");
    ensure!(received == "0", "a squatter received {received} bytes");
    Ok(vec![
        Finding::new("connections of another account", REQUESTS.to_string()),
        Finding::new("requests that it could write", sent),
        Finding::new("of these answered / counted", format!("{answered} / {}", 3 - left)),
        Finding::new("the owner's fetches meanwhile / opened", format!("{asked} / {opened}")),
        Finding::new("clients sent to a squatter / refused", format!("{CLIENTS} / {refused}")),
        Finding::new("bytes that it received", received),
    ])
}

fn as_nobody(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .args(["/usr/bin/python3", "-c", program])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    command
}

fn start(binary: &PathBuf) -> anyhow::Result<Safe> {
    let mut child = Command::new(binary)
        .args(["serve", "--password-stdin", "--json", "--port", "0"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start the safe")?;
    child.stdin.take().context("no standard input")?.write_all(PASSWORD.as_bytes())?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("no standard output")?).read_line(&mut line)?;
    let credentials = serde_json::from_str(&line).context("the safe shows no credentials")?;
    Ok(Safe { child, credentials })
}
