//! What people type, and what travels for it: token, proof, passphrase, names, minutes.

use data_encoding::BASE64URL_NOPAD;
use passsafe_core::{EntryName, Lifetime, Passphrase, Proof, Token, User};

pub fn token(input: &[u8]) {
    let is_wire = input.len() == 6 && input.iter().all(u8::is_ascii_digit);
    let wire = Token::from_wire(input);
    assert_eq!(wire.is_ok(), is_wire);
    if let Ok(token) = wire {
        assert_eq!(token.expose().as_bytes(), input);
    }
    if let Ok(typed) = str::from_utf8(input) {
        let digits: String = typed.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
        let is_token = digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
        let token = Token::parse(typed);
        assert_eq!(token.is_ok(), is_token);
        if let Ok(token) = token {
            assert_eq!(token.expose(), digits);
            assert!(Token::parse(&token.grouped()).expect("grouped").matches(&token));
        }
    }
    if let Some(bytes) = input.first_chunk() {
        let number = u32::from_le_bytes(*bytes);
        match Token::from_integer(number) {
            Ok(token) => assert_eq!(token.expose(), format!("{number:06}")),
            Err(_) => assert!(number > 999_999),
        }
    }
}

pub fn proof(input: &[u8]) {
    let decoded = BASE64URL_NOPAD.decode(input).ok().filter(|bytes| bytes.len() == Proof::LEN);
    let read = Proof::from_wire(input).ok();
    assert_eq!(read.as_ref().map(|proof| proof.expose().to_vec()), decoded);
    if let Some(proof) = read {
        let mut written = [0; Proof::WIRE_LEN];
        proof.write_wire(&mut written);
        assert_eq!(written, input);
        assert!(proof.hash().matches(&proof));
    }
}

pub fn passphrase(input: &[u8]) {
    let Ok(typed) = str::from_utf8(input) else { return };
    let is_space = |byte: &u8| matches!(byte, 9..=13 | 32);
    match Passphrase::new(typed) {
        Err(_) => assert!(input.iter().all(|byte| is_space(byte))),
        Ok(passphrase) => {
            let normal = passphrase.expose();
            let words = |text: &[u8]| -> Vec<Vec<u8>> {
                let words = text.split(is_space).filter(|word| !word.is_empty());
                words.map(<[u8]>::to_ascii_lowercase).collect()
            };
            assert_eq!(normal.as_bytes(), words(input).join(&b' '));
            assert!(!normal.is_empty());
            assert_eq!(Passphrase::new(normal).expect("normal").expose(), normal);
        }
    }
}

pub fn name(input: &[u8]) {
    let user = User::new(input);
    assert_eq!(user.is_ok(), (1..=255).contains(&input.len()) && !input.contains(&0));
    if let Ok(user) = user {
        assert_eq!(user.as_bytes(), input);
        assert!(!user.to_string().chars().any(char::is_control));
    }
    let Ok(text) = str::from_utf8(input) else { return };
    let head = |byte: u8| byte == b'_' || byte.is_ascii_alphabetic();
    let tail = |byte: u8| head(byte) || byte.is_ascii_digit() || byte == b'.' || byte == b'-';
    let is_name = (1..=64).contains(&input.len())
        && head(input[0])
        && input[1..].iter().all(|&byte| tail(byte));
    let name = EntryName::new(text);
    assert_eq!(name.is_ok(), is_name);
    if let Ok(name) = name {
        assert_eq!(name.as_str(), text);
    }
}

pub fn minutes(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    if let Ok(lifetime) = text.parse::<Lifetime>() {
        assert!((1..=480).contains(&lifetime.minutes()));
        let digits = text.trim().trim_start_matches('+').trim_start_matches('0');
        assert_eq!(lifetime.minutes().to_string(), digits);
    }
}
