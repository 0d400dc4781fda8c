//! Connections: kept, replaced, given up; and answers that are none.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use passsafe_client::{BaseUrl, Endpoint, ErrorKind, State, Token};
use tokio::net::TcpSocket;
use tokio::runtime::Builder;

use crate::records::{
    PROOF, answer, async_client, client, sealed, with_problem, with_record, with_status,
};
use crate::rogue::{Reply, Rogue};

/// A port that stays taken, and where nobody listens.
fn dead_port() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

#[test]
fn requests_are_the_documented_ones() {
    let record = sealed("S3kr!t");
    let rogue = Rogue::start(move |number| match number {
        0 => with_status(),
        1 => with_record(&record, 1_450),
        _ => Reply::new("HTTP/1.1 204 No Content\r\n\r\n"),
    });
    let client = client(&format!("{}/hub/", rogue.url()));
    assert_eq!(client.status().unwrap().state, State::Open);
    assert_eq!(client.password().unwrap().expose(), "S3kr!t");
    client.close_safe().unwrap();

    let host = rogue.url().replace("http://", "host: ");
    assert_eq!(
        rogue.requests(),
        [
            format!("GET /hub/v1/status HTTP/1.1\r\n{host}\r\n\r\n"),
            format!(
                "POST /hub/v1/secret HTTP/1.1\r\n{host}\r\npasssafe-token: 936265\r\n\
                 passsafe-proof: {PROOF}\r\n\r\n"
            ),
            format!("POST /hub/v1/close HTTP/1.1\r\n{host}\r\npasssafe-token: 936265\r\n\r\n"),
        ]
    );
}

#[test]
fn an_endpoint_asks_and_closes_without_a_passphrase() {
    let rogue = Rogue::start(|number| match number {
        0 => with_status(),
        _ => Reply::new("HTTP/1.1 204 No Content\r\n\r\n"),
    });
    let endpoint = Endpoint::new(BaseUrl::parse(&rogue.url()).unwrap());
    Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        assert_eq!(endpoint.status().await.unwrap().expires_in_seconds, 1_450);
        endpoint.close_safe(&Token::parse("000001").unwrap()).await.unwrap();
    });
    assert!(rogue.requests()[1].contains("passsafe-token: 000001\r\n"));
}

#[test]
fn one_connection_serves_many_calls() {
    let rogue = Rogue::start(|_| with_status());
    let client = client(&rogue.url());
    for _ in 0..20 {
        client.status().unwrap();
    }
    assert_eq!((rogue.accepts(), rogue.requests().len()), (1, 20));
}

#[test]
fn a_connection_that_the_server_closed_is_replaced() {
    let rogue = Rogue::start(|_| with_status().then_hang_up());
    let client = client(&rogue.url());
    for _ in 0..3 {
        client.status().unwrap();
        rogue.wait_until_hung_up();
    }
    assert_eq!((rogue.accepts(), rogue.requests().len()), (3, 3));
}

#[test]
fn a_connection_on_which_something_came_unasked_is_replaced() {
    let rogue = Rogue::start(|number| match number {
        0 => with_status().followed_by("HTTP/1.1 200 OK\r\n\r\n"),
        _ => with_status(),
    });
    let client = client(&rogue.url());
    client.status().unwrap();
    client.status().unwrap();
    assert_eq!((rogue.accepts(), rogue.requests().len()), (2, 2));
}

#[test]
fn a_connection_on_which_something_came_unasked_is_replaced_on_a_runtime() {
    let rogue = Rogue::start(|number| match number {
        0 => with_status().followed_by("HTTP/1.1 200 OK\r\n\r\n"),
        _ => with_status(),
    });
    let client = async_client(&rogue.url());
    Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        client.status().await.unwrap();
        client.status().await.unwrap();
    });
    assert_eq!((rogue.accepts(), rogue.requests().len()), (2, 2));
}

#[test]
fn a_call_that_waits_for_an_answer_is_interrupted() {
    let rogue = Rogue::start(|_| Reply::new("HTTP/1.1 2").then_fall_silent());
    let asked = AtomicU32::new(0);
    let client =
        client(&rogue.url()).with_timeout(Duration::from_secs(3_600)).with_interrupt(move || {
            match asked.fetch_add(1, Ordering::Relaxed) {
                2 => Err("enough".into()),
                _ => Ok(()),
            }
        });
    assert_eq!(client.password().unwrap_err().kind(), ErrorKind::Interrupted);
}

#[test]
fn a_written_request_is_never_sent_again() {
    let rogue = Rogue::start(|number| match number {
        0 => with_status(),
        _ => Reply::new("").then_hang_up(),
    });
    let client = client(&rogue.url());
    client.status().unwrap();
    // On a kept connection, then on a fresh one.
    for accepts in [1, 2] {
        let error = client.password().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::HungUp, "{error}");
        assert_eq!(error.to_string(), format!("{} hung up without an answer", rogue.url()));
        assert_eq!((rogue.accepts(), rogue.requests().len()), (accepts, accepts + 1));
    }
}

#[test]
fn an_answer_that_breaks_off_is_no_answer() {
    let rogue = Rogue::start(|_| {
        Reply::new("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{").then_hang_up()
    });
    let error = client(&rogue.url()).password().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokeOff, "{error}");
    assert_eq!(error.to_string(), format!("the answer of {} broke off", rogue.url()));
    assert_eq!(rogue.requests().len(), 1);
}

#[test]
fn silence_is_a_timeout() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    for said in ["", "HTTP/1.1 2", head] {
        let rogue = Rogue::start(move |_| Reply::new(said).then_fall_silent());
        let client = client(&rogue.url()).with_timeout(Duration::from_millis(50));
        let error = client.password().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{said:?}: {error}");
        assert_eq!(error.to_string(), "no answer within 50ms");
    }
}

#[test]
fn no_time_at_all_is_a_timeout() {
    let rogue = Rogue::start(|_| Reply::new("").then_fall_silent());
    let client = client(&rogue.url()).with_timeout(Duration::ZERO);
    assert_eq!(client.status().unwrap_err().kind(), ErrorKind::Timeout);
}

#[test]
fn the_longest_time_of_all_is_waited_like_any_other() {
    let (status, json) = ("200 OK", "Content-Type: application/json\r\n");
    let open = r#"{"protocol":1,"state":"open","expires_in_seconds":9,"attempts_left":3,"proofs_left":10}"#;
    let rogue = Rogue::start(move |_| answer(status, json, open));
    for timeout in [Duration::MAX, Duration::from_secs(u64::MAX), Duration::from_secs(1 << 40)] {
        assert!(client(&rogue.url()).with_timeout(timeout).status().is_ok());
    }
}

#[test]
fn a_timeout_set_before_the_url_holds_too() {
    let rogue = Rogue::start(|_| Reply::new("").then_fall_silent());
    let client = passsafe_client::blocking::Client::parse("zoom", "936265")
        .unwrap()
        .with_timeout(Duration::from_millis(50))
        .with_url(rogue.url().parse().unwrap());
    assert_eq!(client.status().unwrap_err().kind(), ErrorKind::Timeout);
}

#[test]
fn answers_of_more_than_256_kib_are_not_a_safes() {
    let json = "Content-Type: application/json\r\n";
    let long = " ".repeat(256 * 1024 + 1);
    let chunked = format!(
        "HTTP/1.1 200 OK\r\n{json}Transfer-Encoding: chunked\r\n\r\n{}",
        format!("400\r\n{}\r\n", " ".repeat(1_024)).repeat(257)
    );
    let endless = format!("HTTP/1.1 200 OK\r\n{json}\r\n{long}");
    let many_headers = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(100_000));
    for sent in [
        answer("200 OK", json, &long),
        Reply::new(chunked).then_fall_silent(),
        Reply::new(endless).then_fall_silent(),
        Reply::new(many_headers).then_fall_silent(),
    ] {
        let sent = std::sync::Mutex::new(Some(sent));
        let rogue = Rogue::start(move |_| sent.lock().unwrap().take().unwrap());
        let error = client(&rogue.url()).password().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotASafe, "{error}");
    }
}

#[test]
fn redirects_are_not_followed() {
    let other = Rogue::start(|_| with_status());
    let location = format!("Location: {}/v1/secret\r\n", other.url());
    for code in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        let location = location.clone();
        let rogue = Rogue::start(move |_| answer(code, &location, ""));
        let error = client(&rogue.url()).password().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotASafe, "{error}");
        assert_eq!(rogue.requests().len(), 1);
    }
    assert_eq!(other.accepts(), 0);
}

#[test]
fn what_does_not_speak_http_is_not_a_safe() {
    for said in [
        "ERR unknown command\r\n\r\n",
        "\x15\x03\x01\x00\x02\x02\x0a",
        "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot a chunk\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    ] {
        let rogue = Rogue::start(move |_| Reply::new(said).then_fall_silent());
        let error = client(&rogue.url()).password().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotASafe, "{said:?}: {error}");
    }
}

#[test]
fn what_speaks_before_it_is_asked_is_not_a_safe() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"SSH-2.0-OpenSSH_10.0\r\n").unwrap();
        // Until the client leaves, whichever way.
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let error = client(&url).password().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotASafe, "{error}");
    server.join().unwrap();
}

#[test]
fn where_nobody_listens_nothing_is_reachable() {
    let (_taken, address) = dead_port();
    let error = client(&format!("http://{address}")).password().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    assert_ne!(error.kind(), ErrorKind::Expired);
    assert_eq!(error.to_string(), format!("nothing answers at http://{address}"));
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn localhost_is_tried_by_both_protocols_in_turn() {
    // The same port on [::1] may be taken: look for one that is free on both.
    let (_taken, listener) = std::iter::repeat_with(dead_port)
        .find_map(|(socket, address)| {
            let listener = TcpListener::bind((Ipv6Addr::LOCALHOST, address.port())).ok()?;
            Some((socket, listener))
        })
        .unwrap();
    let port = listener.local_addr().unwrap().port();
    let rogue = Rogue::start_on(listener, |_| with_status());
    client(&format!("http://LOCALHOST:{port}")).status().unwrap();
    assert!(rogue.requests()[0].contains(&format!("host: localhost:{port}\r\n")));

    let only_v4 = client(&format!("http://127.0.0.1:{port}"));
    assert_eq!(only_v4.status().unwrap_err().kind(), ErrorKind::Unreachable);
}

#[test]
fn refusals_keep_the_connection() {
    let rogue = Rogue::start(|number| match number {
        0 => with_problem(
            "401 Unauthorized",
            r#"{"code":"invalid_token","title":"","status":401,"attempts_left":2}"#,
        ),
        _ => with_problem("423 Locked", r#"{"code":"locked","title":"","status":423}"#),
    });
    let client = client(&rogue.url());
    let error = client.password().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidToken);
    assert_eq!(error.attempts_left(), Some(2));
    assert_eq!(client.close_safe().unwrap_err().kind(), ErrorKind::Locked);
    assert_eq!(rogue.accepts(), 1);
}
