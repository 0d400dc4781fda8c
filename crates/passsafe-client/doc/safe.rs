// For the examples in the documentation, which include it: a safe that answers whatever it is
// asked with one record, sealed for the account that runs the example. The real one, with its
// guards, is `passsafe-server`.

/// Returns the safe's address.
fn open_a_safe() -> Result<String, Box<dyn std::error::Error>> {
    use std::io::{BufRead as _, BufReader, Write as _};

    use passsafe_core::{Cost, Entries, EntryName, Passphrase, SealedRecord, Secret, WorkMemory};

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
    let record = SealedRecord::seal(&entries, &passphrase, &user, cost, &mut random, &mut memory)?;
    let body = record.to_json();

    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://localhost:{}", listener.local_addr()?.port());
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let mut lines = BufReader::new(&connection).lines().map_while(Result::ok);
            while lines.any(|line| line.is_empty()) {
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\npasssafe-expires-in: 60";
                let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                if (&connection).write_all(answer.as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    Ok(url)
}
