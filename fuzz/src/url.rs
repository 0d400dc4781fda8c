//! Addresses of safes.

use std::net::{Ipv4Addr, Ipv6Addr};

use passsafe_client::{BaseUrl, ErrorKind};

pub fn url(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let (here, anywhere) = (BaseUrl::parse(text), BaseUrl::parse_plain_http(text));
    for error in [here.as_ref().err(), anywhere.as_ref().err()].into_iter().flatten() {
        assert_eq!(error.kind(), ErrorKind::Usage);
        // Nothing of the text, which may have contained a password.
        assert!(error.to_string().len() < 80);
    }
    let Ok(url) = anywhere else {
        assert!(here.is_err());
        return;
    };
    let shown = url.to_string();
    assert!(BaseUrl::parse_plain_http(&shown).expect("what is shown is read") == url);
    if let Some(path) = shown.strip_prefix("unix://") {
        assert!(here.is_ok() && path.starts_with('/') && path.len() <= 107);
        assert!(
            !path.contains(['?', '#']) && !path.contains(char::is_control) && !path.ends_with('/')
        );
        return;
    }
    assert!(shown.is_ascii() && !shown.contains(['?', '#', ' ']) && !shown.ends_with('/'));
    assert!(!authority(&shown).contains('@'));
    assert_eq!(here.is_ok(), is_loopback(&shown));
}

/// Judged from what is shown, by the standard library.
fn is_loopback(shown: &str) -> bool {
    let authority = authority(shown);
    if let Some(bracketed) = authority.strip_prefix('[') {
        let (host, _) = bracketed.split_once(']').expect("a closing bracket");
        host.parse::<Ipv6Addr>().expect("an address").is_loopback()
    } else {
        let host = authority.split(':').next().expect("a host");
        host == "localhost" || host.parse::<Ipv4Addr>().is_ok_and(|it| it.is_loopback())
    }
}

fn authority(shown: &str) -> &str {
    let rest = shown.strip_prefix("http://").expect("plain HTTP");
    rest.split('/').next().expect("an authority")
}
