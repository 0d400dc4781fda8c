// For the examples in the documentation, which include it: a safe of `passsafe-server`, sealed for
// the account that runs the example.

/// Returns the safe's address.
fn open_a_safe() -> Result<String, Box<dyn std::error::Error>> {
    use std::sync::Arc;

    use passsafe_core::{
        Cost, Deadline, Entries, EntryName, Lifetime, Passphrase, SealedRecord, Secret, Token,
        WorkMemory,
    };
    use passsafe_server::{
        Admission, AllowedHosts, Clock as _, Safe, SystemClock, bind_localhost, run,
    };

    let cost = Cost::new(Cost::MIN_MEMORY_KIB, Cost::MIN_ITERATIONS)?;
    let secrets = [("api_key", "k3y"), ("password", "S3kr!t")];
    let secrets = secrets.map(|(name, secret)| Ok((EntryName::new(name)?, Secret::from(secret))));
    let entries = Entries::new(secrets.into_iter().collect::<Result<Vec<_>, Box<dyn std::error::Error>>>()?)?;
    let passphrase = Passphrase::new("clip zebra mango attic prone duty")?;
    let user = passsafe_client::account_user()?;
    // Not random, and of no use to anybody.
    let mut random = |out: &mut [u8]| {
        out.fill(7);
        Ok(())
    };
    let mut memory = WorkMemory::for_cost(cost)?;
    let sealed = SealedRecord::seal(&entries, &passphrase, &user, cost, &mut random, &mut memory)?;

    let clock = Arc::new(SystemClock);
    let deadline = Deadline::new(clock.now(), Lifetime::DEFAULT);
    let safe = Arc::new(Safe::new(&sealed, Token::parse("936 265")?, deadline, clock));
    let listeners = bind_localhost(0)?;
    let url = format!("http://localhost:{}", listeners[0].local_addr()?.port());
    let (hosts, admission) = (AllowedHosts::default(), Admission::default());
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(run(listeners, safe, hosts, admission, std::future::pending()))
    });
    Ok(url)
}
