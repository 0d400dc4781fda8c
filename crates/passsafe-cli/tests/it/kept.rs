//! Asking a safe many times on one connection, without a client that could get in the way.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use passsafe_core::wire::Problem;
use passsafe_core::{Passphrase, Proof, User, WorkMemory};

use crate::support::{Credentials, Safe, port_of};

/// A kept connection to a safe.
pub(crate) struct Kept {
    stream: BufReader<TcpStream>,
    port: u16,
    /// Sent with every token, where it is known.
    proof: Option<String>,
}

impl Kept {
    /// Asks the safe what its proof is derived with, and derives it.
    pub(crate) fn open(safe: &Safe) -> Self {
        let mut kept = Self::to(&safe.credentials.url);
        let Credentials { passphrase, user, token, .. } = &safe.credentials;
        kept.derive_proof(passphrase, user, token);
        kept
    }

    pub(crate) fn derive_proof(&mut self, passphrase: &str, user: &str, token: &str) {
        let (status, problem) = self.fetch(token);
        assert_eq!(status, 403, "{problem}");
        let parameters = Problem::from_json(problem.as_bytes()).unwrap().parameters();
        let parameters = parameters.unwrap().unwrap();
        let passphrase = Passphrase::new(passphrase).unwrap();
        let user = User::new(user).unwrap();
        let mut memory = WorkMemory::for_cost(parameters.cost()).unwrap();
        let key = parameters.derive(&passphrase, &user, &mut memory).unwrap();
        let mut proof = [0; Proof::WIRE_LEN];
        key.proof().write_wire(&mut proof);
        self.proof = Some(String::from_utf8(proof.to_vec()).unwrap());
    }

    pub(crate) fn to(url: &str) -> Self {
        let port = port_of(url);
        Self {
            stream: BufReader::new(TcpStream::connect(("127.0.0.1", port)).unwrap()),
            port,
            proof: None,
        }
    }

    /// Another connection to the same safe.
    pub(crate) fn another(&self) -> Self {
        let stream = BufReader::new(TcpStream::connect(("127.0.0.1", self.port)).unwrap());
        Self { stream, port: self.port, proof: self.proof.clone() }
    }

    /// Sends a fetch and reads no answer.
    pub(crate) fn send_fetch(&mut self, token: &str) {
        let port = self.port;
        let proof = self.proof.as_ref().map(|proof| format!("Passsafe-Proof: {proof}\r\n"));
        let proof = proof.unwrap_or_default();
        let request = format!(
            "POST /v1/secret HTTP/1.1\r\nHost: localhost:{port}\r\nPasssafe-Token: {token}\r\n{proof}\r\n"
        );
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
    }

    pub(crate) fn send_no_more(&mut self) {
        self.stream.get_ref().shutdown(Shutdown::Write).unwrap();
    }

    /// Status and body of the answer to a fetch.
    pub(crate) fn fetch(&mut self, token: &str) -> (u16, String) {
        self.send_fetch(token);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(self.stream.read_line(&mut head).unwrap(), 0, "{head}");
        }
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok())
            .unwrap();
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
        (head[9..12].parse().unwrap(), String::from_utf8(body).unwrap())
    }

    /// All that comes after a fetch was sent, until the safe hangs up or resets.
    pub(crate) fn rest(mut self) -> String {
        let mut answer = Vec::new();
        // Only what came before it counts.
        let _reset = self.stream.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    }
}
