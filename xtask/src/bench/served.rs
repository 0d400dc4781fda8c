//! Safes and floors that are served while something is measured.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;

/// What all safes hold, unless the length of it is what is measured.
pub(super) const PASSWORD: &str = "Zw0lf-Boxkaempfer/jagen";
/// For a server to come up, or to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server that was started here. Dropping it ends the process.
pub(super) struct Served {
    child: Child,
    pub(super) url: String,
    /// Its Unix socket's address, where it has one beside a port.
    pub(super) socket_url: Option<String>,
    passphrase: String,
    pub(super) token: String,
    /// What shows a safe that its passphrase is known, once that was derived.
    pub(super) proof: String,
    /// When its address was known here.
    pub(super) announced: Instant,
}

/// What a server prints once it listens. A floor has no credentials.
#[derive(Deserialize)]
struct Line {
    url: String,
    socket_url: Option<String>,
    #[serde(default)]
    passphrase: String,
    #[serde(default)]
    token: String,
}

impl Served {
    /// `passsafe serve`, on a port and a Unix socket in `folder`.
    pub(super) fn safe(passsafe: &Path, folder: &Path, minutes: u32) -> anyhow::Result<Self> {
        let mut serve = serve(passsafe);
        serve.arg("--minutes").arg(minutes.to_string());
        let number = std::fs::read_dir(folder)?.count();
        serve.arg("--socket").arg(folder.join(format!("{number}.sock")));
        let served = Self::start(serve, PASSWORD.as_bytes())?;
        served.answers()?;
        Ok(served)
    }

    /// The same on a port alone, and nobody has asked it anything yet.
    pub(super) fn unasked(passsafe: &Path) -> anyhow::Result<Self> {
        Self::start(serve(passsafe), PASSWORD.as_bytes())
    }

    /// Another server that prints its address as one line of JSON.
    pub(super) fn other(command: Command) -> anyhow::Result<Self> {
        Self::start(command, b"")
    }

    fn start(mut command: Command, input: &[u8]) -> anyhow::Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let shown = crate::repository::shown(&command);
        let mut child = command.spawn().with_context(|| format!("cannot start `{shown}`"))?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let mut served = Self {
            child,
            url: String::new(),
            socket_url: None,
            passphrase: String::new(),
            token: String::new(),
            proof: String::new(),
            announced: Instant::now(),
        };
        stdin.context("no standard input")?.write_all(input)?;
        let mut line = String::new();
        BufReader::new(stdout.context("no standard output")?).read_line(&mut line)?;
        served.announced = Instant::now();
        let Line { url, socket_url, passphrase, token } =
            serde_json::from_str(&line).with_context(|| format!("`{shown}` said {line:?}"))?;
        (served.url, served.socket_url) = (url, socket_url);
        (served.passphrase, served.token) = (passphrase, token);
        Ok(served)
    }

    /// A program that gets the credentials from its environment.
    pub(super) fn client(&self, program: &Path) -> Command {
        let mut client = Command::new(program);
        client
            .env("PASSSAFE_PASSPHRASE", &self.passphrase)
            .env("PASSSAFE_TOKEN", &self.token)
            .env("PASSSAFE_PROOF", &self.proof);
        client
    }

    /// Has a program of ours derive the proof that the others send.
    pub(super) fn with_proof(mut self, measuring: &Path) -> anyhow::Result<Self> {
        let output = self.client(measuring).args(["minimal", &self.url]).output()?;
        String::from_utf8(output.stdout)?.trim().clone_into(&mut self.proof);
        ensure!(!self.proof.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(self)
    }

    pub(super) fn port(&self) -> anyhow::Result<u16> {
        let port = self.url.rsplit(':').next().and_then(|port| port.parse().ok());
        port.with_context(|| format!("no port: {}", self.url))
    }

    /// Asks for its state until it answers, and says when that was.
    pub(super) fn answers(&self) -> anyhow::Result<Instant> {
        let port = self.port()?;
        let request = format!(
            "GET /v1/status HTTP/1.1\r\nhost: localhost:{port}\r\nconnection: close\r\n\r\n"
        );
        let answer = ask(port, request.as_bytes())?;
        ensure!(answer.starts_with("HTTP/1.1 200"), "the server says {answer:?}");
        Ok(Instant::now())
    }

    /// Bytes of the body that a fetch gets.
    pub(super) fn body_len(&self) -> anyhow::Result<usize> {
        let port = self.port()?;
        let Self { token, proof, .. } = self;
        let request = format!(
            "POST /v1/secret HTTP/1.1\r\nhost: localhost:{port}\r\npasssafe-token: {token}\r\n\
             passsafe-proof: {proof}\r\nconnection: close\r\n\r\n"
        );
        let answer = ask(port, request.as_bytes())?;
        answer.split_once("\r\n\r\n").map(|(_, body)| body.len()).context("no answer")
    }

    /// Memory of the process that is not swapped out, in bytes.
    pub(super) fn resident(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let kib = status.lines().find_map(|line| {
            line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse::<u32>().ok()
        });
        Ok(1024.0 * f64::from(kib.context("the system does not tell its memory")?))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// `passsafe serve` without its minutes: nothing that a person would have to answer.
pub(super) fn serve(passsafe: &Path) -> Command {
    let mut serve = Command::new(passsafe);
    serve.args(["serve", "--password-stdin", "--json", "--port", "0"]);
    serve
}

/// A port that nobody listens on.
pub(super) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Waits until somebody listens.
pub(super) fn connect(port: u16) -> anyhow::Result<TcpStream> {
    let start = Instant::now();
    loop {
        match TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
            Ok(stream) => return Ok(stream),
            Err(error) if start.elapsed() > PATIENCE => bail!("nobody listens: {error}"),
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}

fn ask(port: u16, request: &[u8]) -> anyhow::Result<String> {
    let mut stream = connect(port)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
