//! Serves a safe whose credentials, port and secret are chosen, and not drawn.
//!
//! The examples of the documents name credentials; this is the safe that they are run against.
//! Credentials that stand anywhere protect nothing: what is in such a safe is no secret.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "it seals what it serves")]

use std::env;
use std::error::Error;
use std::future::pending;
use std::sync::Arc;

use passsafe_core::{
    Cost, Deadline, Entries, EntryName, Lifetime, Passphrase, RandomError, SealedRecord, Secret,
    Token, User, WorkMemory,
};
use passsafe_server::{
    Admission, AllowedHosts, Clock as _, Safe, SystemClock, bind_localhost, run,
};
use ring::rand::{SecureRandom as _, SystemRandom};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [user, port, passphrase, token, secret] = arguments.as_slice() else {
        return Err("the arguments are USER PORT PASSPHRASE TOKEN SECRET".into());
    };
    let system = SystemRandom::new();
    let mut random = |out: &mut [u8]| system.fill(out).map_err(|_| RandomError);
    let cost = Cost::new(Cost::MIN_MEMORY_KIB, Cost::MIN_ITERATIONS)?;
    let entries = Entries::new([(EntryName::password(), Secret::from(secret.as_str()))])?;
    let (passphrase, user) = (Passphrase::new(passphrase)?, User::new(user)?);
    let mut memory = WorkMemory::for_cost(cost)?;
    let sealed = SealedRecord::seal(&entries, &passphrase, &user, cost, &mut random, &mut memory)?;
    let clock = Arc::new(SystemClock);
    let deadline = Deadline::new(clock.now(), Lifetime::DEFAULT);
    let safe = Arc::new(Safe::new(&sealed, Token::parse(token)?, deadline, clock));
    let listeners = bind_localhost(port.parse()?)?;
    #[expect(clippy::print_stdout, reason = "who started it waits for this line")]
    {
        println!("open on http://localhost:{port}");
    }
    run(listeners, safe, AllowedHosts::default(), Admission::default(), pending()).await?;
    Ok(())
}
