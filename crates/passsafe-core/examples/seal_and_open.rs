//! Seals two secrets and opens them again, as a tool that embeds passsafe-core would.
//!
//! ```text
//! cargo run --package passsafe-core --example seal_and_open
//! ```

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use passsafe_core::{
    Cost, Entries, EntryName, Passphrase, RandomError, SealedRecord, Secret, User, WorkMemory,
};
use ring::rand::{SecureRandom, SystemRandom};

fn main() -> Result<(), Box<dyn Error>> {
    let system = SystemRandom::new();
    let mut random = |out: &mut [u8]| system.fill(out).map_err(|_| RandomError);
    let user = User::new("ana")?;
    let mut memory = WorkMemory::for_cost(Cost::DEFAULT)?;

    let passphrase = Passphrase::generate(&mut random)?;
    let entries = Entries::new([
        (EntryName::password(), Secret::from("S3kr!t")),
        (EntryName::new("certificate")?, Secret::from(vec![0x30; 300])),
    ])?;
    let sealed =
        SealedRecord::seal(&entries, &passphrase, &user, Cost::DEFAULT, &mut random, &mut memory)?;
    let json = sealed.record.to_json();
    println!("{json}");
    println!("a record of {} bytes, safe to hand to anybody", json.len());

    // From here on as a client, which has the text and what a person typed.
    let received = SealedRecord::from_json(json.as_bytes())?;
    let typed = Passphrase::new(&passphrase.expose().to_uppercase())?;
    let key = received.derive_key(&typed, &user, &mut memory)?;
    let opened = received.open(&key)?;
    for name in opened.names() {
        let length = opened.get(name).map_or(0, Secret::len);
        println!("{name}: {length} bytes");
    }
    Ok(())
}
