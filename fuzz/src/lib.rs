//! The fuzz targets: what must hold for every input of every parser.
//!
//! Each target is a function of bytes that panics when its claim does not hold. libFuzzer
//! calls them (`fuzz_targets/`, `cargo xtask prove fuzz`); `tests/replay.rs` calls them with
//! the corpora and with mutations of them, by the stable compiler alone.

mod answer;
mod payload;
mod record;
mod request;
mod typed;
mod url;
mod wire;

pub use answer::answer;
pub use payload::payload;
pub use record::record;
pub use request::request;
pub use typed::{minutes, name, passphrase, proof, token};
pub use url::url;

/// A claim about every input.
pub struct Target {
    /// Of the function, the binary and the folder of its corpus.
    pub name: &'static str,
    pub claim: &'static str,
    pub run: fn(&[u8]),
}

pub const TARGETS: [Target; 10] = [
    Target {
        name: "record",
        claim: "a record that is read is within its bounds, means what generic JSON says it \
                means, and is written in one way",
        run: record,
    },
    Target {
        name: "payload",
        claim: "a genuine plaintext that opens is the only encoding of its entries",
        run: payload,
    },
    Target {
        name: "token",
        claim: "six digits are a token, typed, on the wire and as a number, and nothing else is",
        run: token,
    },
    Target {
        name: "proof",
        claim: "a proof is 43 characters of canonical base64url, and is written as it was read",
        run: proof,
    },
    Target {
        name: "passphrase",
        claim: "a passphrase has one normal form, of single spaces and no capital A to Z",
        run: passphrase,
    },
    Target {
        name: "name",
        claim: "names of entries and users keep to their grammar and cannot move a cursor",
        run: name,
    },
    Target { name: "minutes", claim: "a lifetime is 1 to 480 minutes", run: minutes },
    Target {
        name: "url",
        claim: "an address reads back as it is shown, and without leave names this machine only",
        run: url,
    },
    Target {
        name: "request",
        claim: "whatever is sent, each wrong token is counted once, no other request is, and \
                only the right token is answered with the record",
        run: request,
    },
    Target {
        name: "answer",
        claim: "whatever is answered, the client ends, and no word of it reaches a message",
        run: answer,
    },
];
