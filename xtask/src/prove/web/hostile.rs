//! The server of the hostile page: hands out its scripts, redirects wherever it is told,
//! rebinds its name, and takes the page's report.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

const ATTACK: &str = include_str!("attack.js");
const PAGE: &str = include_str!("page.js");
const WORKER: &str = include_str!("worker.js");

pub(super) struct Hostile {
    pub(super) address: SocketAddr,
    pub(super) reports: Receiver<String>,
}

impl Hostile {
    /// Serves from now on. `rebind` is called when a page asks for it; `safe_port` is where
    /// violations of its policy are to be reported.
    pub(super) fn start(
        safe_port: u16,
        rebind: impl Fn() + Send + Sync + Clone + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let (report, reports) = channel();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (report, rebind) = (report.clone(), rebind.clone());
                // A connection that the browser gives up is of no interest.
                thread::spawn(move || drop(serve(&stream, safe_port, &rebind, &report)));
            }
        });
        Ok(Self { address, reports })
    }
}

fn serve(
    stream: &TcpStream,
    safe_port: u16,
    rebind: &dyn Fn(),
    report: &Sender<String>,
) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut length = 0;
    while !line.trim_end().is_empty() {
        line.clear();
        reader.read_line(&mut line)?;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body)?;

    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let (head, content) = match path {
        "/" => {
            let policy = format!(
                "Content-Security-Policy-Report-Only: img-src 'none'; \
                 report-uri http://localhost:{safe_port}/v1/secret\r\n"
            );
            ("200 OK\r\nContent-Type: text/html\r\n".to_owned() + &policy, html())
        }
        "/attack.js" => (script(), ATTACK.to_owned()),
        "/page.js" => (script(), PAGE.to_owned()),
        "/sw.js" => (script(), WORKER.to_owned()),
        "/redirect" => (redirect(query), String::new()),
        "/rebind" => {
            rebind();
            ("204 No Content\r\n".to_owned(), String::new())
        }
        "/report" => {
            // Nobody waits for a second one.
            let _unread = report.send(String::from_utf8_lossy(&body).into_owned());
            ("204 No Content\r\n".to_owned(), String::new())
        }
        _ => ("404 Not Found\r\n".to_owned(), String::new()),
    };
    let length = content.len();
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {head}Access-Control-Allow-Origin: *\r\nCache-Control: no-store\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{content}"
    )
}

fn html() -> String {
    "<!doctype html><meta charset=utf-8><title>hostile</title><body>\
     <script src=/attack.js></script><script src=/page.js></script>"
        .to_owned()
}

fn script() -> String {
    "200 OK\r\nContent-Type: text/javascript\r\n".to_owned()
}

/// `code=302&to=…`, percent-encoded as `encodeURIComponent` does it.
fn redirect(query: &str) -> String {
    let value = |name: &str| {
        let found = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        found.unwrap_or_default().replace("%3A", ":").replace("%2F", "/")
    };
    let (code, to) = (value("code"), value("to"));
    format!("{code} Elsewhere\r\nLocation: {to}\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_leads_where_it_is_told() {
        let head = redirect("code=307&to=http%3A%2F%2Flocalhost%3A8051%2Fv1%2Fsecret");
        assert_eq!(head, "307 Elsewhere\r\nLocation: http://localhost:8051/v1/secret\r\n");
    }
}
