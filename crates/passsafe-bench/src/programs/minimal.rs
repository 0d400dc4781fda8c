//! The least that a program does which fetches a record and derives its key: one request by
//! a bare hyper client, and the derivation.

use passsafe_client::{account_user, work_memory};
use passsafe_core::{Passphrase, SealedRecord};

use crate::programs::floors;
use crate::programs::target::Target;

pub(crate) fn fetch(url: &Target, passphrase: &str, token: &str) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let body = runtime.block_on(async {
        let mut sender = floors::connect(url).await?;
        floors::fetch(&mut sender, url, token).await
    })?;
    let record = SealedRecord::from_json(&body)?;
    let mut memory = work_memory(record.cost())?;
    record.derive_key(&Passphrase::new(passphrase)?, &account_user()?, &mut memory)?;
    Ok(())
}
