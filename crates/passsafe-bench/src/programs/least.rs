//! A safe whose record was sealed at the least cost that is allowed.
//!
//! The command seals at one cost only, and is given no switch for the sake of a measurement.
//! So the library serves here what core sealed, with every guard on.

use std::future::pending;
use std::num::NonZeroUsize;
use std::sync::Arc;

use passsafe_client::account_user;
use passsafe_core::{
    Cost, Deadline, Entries, EntryName, Lifetime, Passphrase, Proof, RandomError, RecordKey,
    Sealed, SealedRecord, Secret, Seed, WorkMemory,
};
use passsafe_server::{
    Admission, AllowedHosts, Clock as _, Safe, SystemClock, bind_localhost, run,
};
use ring::rand::{SecureRandom as _, SystemRandom};

/// What is served, and what opens it.
pub(crate) struct Opened {
    pub(crate) sealed: Sealed,
    pub(crate) key: RecordKey,
    pub(crate) passphrase: Passphrase,
    seed: Seed,
}

impl Opened {
    /// Seals `entries` values of that many bytes each, one of them named `password`.
    pub(crate) fn new(entries: NonZeroUsize, value: usize) -> anyhow::Result<Self> {
        let system = SystemRandom::new();
        let mut random = |out: &mut [u8]| system.fill(out).map_err(|_| RandomError);
        let secret = || Secret::from(vec![b'x'; value]);
        let mut named = vec![(EntryName::password(), secret())];
        for number in 1..entries.get() {
            named.push((EntryName::new(&format!("entry-{number}"))?, secret()));
        }
        let cost = Cost::new(Cost::MIN_MEMORY_KIB, Cost::MIN_ITERATIONS)?;
        let passphrase = Passphrase::generate(&mut random)?;
        let (user, mut memory) = (account_user()?, WorkMemory::for_cost(cost)?);
        let named = Entries::new(named)?;
        let sealed =
            SealedRecord::seal(&named, &passphrase, &user, cost, &mut random, &mut memory)?;
        let key = sealed.record.derive_key(&passphrase, &user, &mut memory)?;
        Ok(Self { sealed, key, passphrase, seed: Seed::generate(&mut random)? })
    }

    pub(crate) fn proof(&self) -> String {
        written(self.key.proof())
    }

    pub(crate) fn token(&self) -> String {
        self.seed.token(Lifetime::DEFAULT).expose().to_owned()
    }

    /// A new safe around it.
    pub(crate) fn safe(&self) -> Arc<Safe> {
        let clock = Arc::new(SystemClock);
        let deadline = Deadline::new(clock.now(), Lifetime::DEFAULT);
        Arc::new(Safe::new(&self.sealed, self.seed.token(Lifetime::DEFAULT), deadline, clock))
    }
}

/// As it travels.
pub(crate) fn written(proof: &Proof) -> String {
    let mut text = [0; Proof::WIRE_LEN];
    proof.write_wire(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// Prints the credentials, and serves until it is killed.
pub(crate) fn serve(entries: NonZeroUsize, value: usize) -> anyhow::Result<()> {
    let sealed = Opened::new(entries, value)?;
    let listeners = bind_localhost(0)?;
    let port = listeners.first().map(std::net::TcpListener::local_addr).transpose()?;
    let credentials = serde_json::json!({
        "url": format!("http://localhost:{}", port.map_or(0, |address| address.port())),
        "passphrase": sealed.passphrase.expose(),
        "token": sealed.token(),
    });
    println!("{credentials}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (hosts, admission) = (AllowedHosts::default(), Admission::default());
    runtime.block_on(run(listeners, sealed.safe(), hosts, admission, pending()))?;
    Ok(())
}
