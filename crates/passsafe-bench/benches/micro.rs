//! What one call into passsafe costs, step by step, so that a regression has an address.
//!
//! `cargo bench --package passsafe-bench`. The whole, against floors and other programs, is
//! `cargo xtask bench`.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark that cannot run has failed")]

use std::future::pending;
use std::hint::black_box;
use std::os::unix::net::UnixListener;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use passsafe_core::{
    Cost, Deadline, Entries, EntryName, Lifetime, Passphrase, Proof, RecordKey, Sealed,
    SealedRecord, Secret, Token, User, WorkMemory,
};
use passsafe_server::{Admission, AllowedHosts, Clock as _, Safe, SystemClock, run};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::runtime::{Builder, Runtime};

const TOKEN: u32 = 936_265;

fn entries() -> Entries {
    Entries::new([(EntryName::password(), Secret::from("S3kr!t"))]).unwrap()
}

fn passphrase() -> Passphrase {
    Passphrase::new("clip zebra mango attic prone duty").unwrap()
}

fn seal(cost: Cost, memory: &mut WorkMemory) -> Sealed {
    let mut random = |out: &mut [u8]| {
        out.fill(7);
        Ok(())
    };
    let user = User::new("ana").unwrap();
    SealedRecord::seal(&entries(), &passphrase(), &user, cost, &mut random, memory).unwrap()
}

fn derive_key(record: &SealedRecord, memory: &mut WorkMemory) -> RecordKey {
    record.derive_key(&passphrase(), &User::new("ana").unwrap(), memory).unwrap()
}

fn least() -> (Cost, WorkMemory) {
    let cost = Cost::new(Cost::MIN_MEMORY_KIB, Cost::MIN_ITERATIONS).unwrap();
    (cost, WorkMemory::for_cost(cost).unwrap())
}

/// Key derivations are nearly all of sealing, and have a group of their own for it.
fn derivations(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("derivation");
    group.sample_size(10);
    let (cost, mut memory) = least();
    group.bench_function("seal_at_least_cost", |bencher| {
        bencher.iter(|| seal(cost, &mut memory));
    });
    let mut memory = passsafe_client::work_memory(Cost::DEFAULT).unwrap();
    let Sealed { record, .. } = seal(Cost::DEFAULT, &mut memory);
    group.bench_function("derive_key_at_default_cost", |bencher| {
        bencher.iter(|| derive_key(&record, &mut memory));
    });
    group.finish();
}

fn opening(criterion: &mut Criterion) {
    let (cost, mut memory) = least();
    let Sealed { record, .. } = seal(cost, &mut memory);
    let key = derive_key(&record, &mut memory);
    let json = record.to_json();
    criterion.bench_function("read_record", |bencher| {
        bencher.iter(|| SealedRecord::from_json(black_box(json.as_bytes())).unwrap());
    });
    criterion.bench_function("open_record", |bencher| {
        bencher.iter(|| record.open(black_box(&key)).unwrap());
    });
}

fn safe() -> (Arc<Safe>, RecordKey) {
    let (cost, mut memory) = least();
    let clock = Arc::new(SystemClock);
    let deadline = Deadline::new(clock.now(), Lifetime::DEFAULT);
    let token = Token::from_integer(TOKEN).unwrap();
    let sealed = seal(cost, &mut memory);
    let key = derive_key(&sealed.record, &mut memory);
    (Arc::new(Safe::new(&sealed, token, deadline, clock)), key)
}

fn tokens(criterion: &mut Criterion) {
    let (safe, key) = safe();
    criterion.bench_function("check_token_and_proof", |bencher| {
        let right = Token::from_integer(TOKEN).unwrap();
        bencher.iter(|| safe.fetch(black_box(&right), Some(key.proof())).unwrap());
    });
}

/// From the bytes of a request to those of its answer, over a Unix socket, with client and
/// server taking turns on one thread.
fn requests(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("safe.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let (hosts, admission) = (AllowedHosts::default(), Admission::default());
    let (safe, key) = safe();
    let mut proof = [0; Proof::WIRE_LEN];
    key.proof().write_wire(&mut proof);
    let proof = std::str::from_utf8(&proof).unwrap();
    runtime.spawn(run([listener], safe, hosts, admission, pending()));
    let mut stream = runtime.block_on(UnixStream::connect(&path)).unwrap();
    for (name, request, status) in [
        (
            "answer_fetch",
            format!(
                "POST /v1/secret HTTP/1.1\r\nhost: localhost\r\npasssafe-token: {TOKEN}\r\npasssafe-proof: {proof}\r\n\r\n"
            ),
            b"HTTP/1.1 200",
        ),
        (
            "answer_status",
            "GET /v1/status HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned(),
            b"HTTP/1.1 200",
        ),
        (
            "refuse_web_page",
            "GET /v1/status HTTP/1.1\r\nhost: localhost\r\norigin: https://e.example\r\n\r\n"
                .to_owned(),
            b"HTTP/1.1 403",
        ),
    ] {
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| {
                let answer = exchange(&runtime, &mut stream, request.as_bytes());
                assert!(answer.starts_with(status));
            });
        });
    }
}

/// Answers of one record fit into one read.
fn exchange(runtime: &Runtime, stream: &mut UnixStream, request: &[u8]) -> Vec<u8> {
    runtime.block_on(async {
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::with_capacity(16 * 1024);
        stream.read_buf(&mut answer).await.unwrap();
        answer
    })
}

criterion_group!(benches, derivations, opening, tokens, requests);
criterion_main!(benches);
