//! The least that a program does which opens a safe: two requests by a bare hyper client, and the
//! key derivation between them.

use anyhow::Context as _;
use passsafe_client::{account_user, work_memory};
use passsafe_core::wire::Problem;
use passsafe_core::{Passphrase, SealedRecord};

use crate::programs::floors::{self, Sender};
use crate::programs::least;
use crate::programs::target::Target;

/// The record, and the proof that it took.
pub(crate) fn fetch(url: &Target, passphrase: &str, token: &str) -> anyhow::Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut sender: Sender = floors::connect(url).await?;
        let problem = floors::ask(&mut sender, url, token, None).await?;
        let parameters = Problem::from_json(&problem).and_then(|problem| problem.parameters());
        let parameters = parameters.context("no problem with parameters")??;
        let mut memory = work_memory(parameters.cost())?;
        let passphrase = Passphrase::new(passphrase)?;
        let key = parameters.derive(&passphrase, &account_user()?, &mut memory)?;
        let proof = least::written(key.proof());
        SealedRecord::from_json(&floors::fetch(&mut sender, url, token, &proof).await?)?;
        Ok(proof)
    })
}
