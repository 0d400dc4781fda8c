//! Sealed records and the answers that carry them.

use passsafe_core::{
    Cost, Entries, EntryName, Passphrase, RandomError, Sealed, SealedRecord, Secret, User,
    WorkMemory,
};

use crate::rogue::Reply;

pub(crate) const PASSPHRASE: &str = "clip zebra mango";
pub(crate) const TOKEN: &str = "936 265";
pub(crate) const USER: &str = "ana";
/// The proof of [`sealed`].
pub(crate) const PROOF: &str = "fX2DsgHuJjKm5-AAdPAdlmG0StM51pdcCNzGhGCm7ag";

/// A record of one password, sealed for [`PASSPHRASE`] and [`USER`].
pub(crate) fn sealed(password: &str) -> String {
    sealed_as(PASSPHRASE, 0, &[("password", password.as_bytes())])
}

/// A record whose salt and nonce follow from `seed`: the same one makes the same safe.
pub(crate) fn sealed_as(passphrase: &str, seed: u8, named: &[(&str, &[u8])]) -> String {
    seal_as(passphrase, seed, named).record.to_json()
}

/// The same, with what a real safe needs besides.
pub(crate) fn seal_as(passphrase: &str, seed: u8, named: &[(&str, &[u8])]) -> Sealed {
    let cost = Cost::new(Cost::MIN_MEMORY_KIB, Cost::MIN_ITERATIONS).unwrap();
    let entries = named
        .iter()
        .map(|&(name, value)| (EntryName::new(name).unwrap(), Secret::from(value.to_vec())));
    let mut random = |out: &mut [u8]| -> Result<(), RandomError> {
        out.fill(seed);
        Ok(())
    };
    SealedRecord::seal(
        &Entries::new(entries).unwrap(),
        &Passphrase::new(passphrase).unwrap(),
        &User::new(USER).unwrap(),
        cost,
        &mut random,
        &mut WorkMemory::for_cost(cost).unwrap(),
    )
    .unwrap()
}

/// The answer of a safe that has `seconds` left, to whatever proof.
pub(crate) fn with_record(record: &str, seconds: u64) -> Reply {
    let ends = format!("Passsafe-Expires-In: {seconds}\r\n");
    answer("200 OK", &format!("Content-Type: application/json\r\n{ends}"), record)
        .after_proof(wanting_proof(record))
}

/// The answer of this record's safe to a request without a proof.
pub(crate) fn wanting_proof(record: &str) -> Reply {
    let fields = record.split_once(r#","kdf":"#).unwrap().1.split_once(r#","nonce":"#).unwrap().0;
    let problem = format!(r#"{{"code":"proof_required","title":"","status":403,"kdf":{fields}}}"#);
    with_problem("403 Forbidden", &problem)
}

/// The status of an open safe.
pub(crate) fn with_status() -> Reply {
    let status = r#"{"protocol":1,"state":"open","expires_in_seconds":1450,"attempts_left":3,"proofs_left":10}"#;
    answer("200 OK", "Content-Type: application/json\r\n", status)
}

pub(crate) fn with_problem(status: &str, body: &str) -> Reply {
    answer(status, "Content-Type: application/problem+json\r\n", body)
}

pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Reply {
    let length = body.len();
    Reply::new(format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n{body}"))
}

pub(crate) fn client(url: &str) -> passsafe_client::blocking::Client {
    client_for(PASSPHRASE, url)
}

pub(crate) fn client_for(passphrase: &str, url: &str) -> passsafe_client::blocking::Client {
    passsafe_client::blocking::Client::parse(passphrase, TOKEN)
        .unwrap()
        .with_user(User::new(USER).unwrap())
        .with_url(url.parse().unwrap())
}

pub(crate) fn async_client(url: &str) -> passsafe_client::Client {
    passsafe_client::Client::parse(PASSPHRASE, TOKEN)
        .unwrap()
        .with_user(User::new(USER).unwrap())
        .with_url(url.parse().unwrap())
}
