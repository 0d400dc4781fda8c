//! Both clients, under every kind of runtime and none.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use passsafe_client::{Client, EntryName, Error, blocking};
use tokio::runtime::{Builder, Runtime};

use crate::records::{async_client, client, sealed, with_record, with_status};
use crate::rogue::{Reply, Rogue};

fn safe() -> Rogue {
    let record = sealed("S3kr!t");
    Rogue::start(move |_| with_record(&record, 1_450))
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn multi_thread() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

async fn assert_opens(client: &Client) {
    assert_eq!(client.password().await.unwrap().expose(), "S3kr!t");
}

#[test]
fn the_async_client_has_the_same_verbs() {
    let record = sealed("S3kr!t");
    let rogue = Rogue::start(move |number| match number {
        4 | 5 => with_status(),
        6 => Reply::new("HTTP/1.1 204 No Content\r\n\r\n"),
        _ => with_record(&record, 1_450),
    });
    let client = async_client(&rogue.url());
    current_thread().block_on(async {
        assert_opens(&client).await;
        assert_eq!(client.secret("password").await.unwrap().expose(), "S3kr!t");
        assert_eq!(client.secret_bytes("password").await.unwrap().expose(), b"S3kr!t");
        assert_eq!(client.names().await.unwrap(), [EntryName::password()]);
        assert_eq!(client.status().await.unwrap().attempts_left, 3);
        assert_eq!(client.remaining().await.unwrap().as_secs(), 1_450);
        client.close_safe().await.unwrap();
    });
    assert_eq!((rogue.accepts(), rogue.requests().len()), (1, 7));
}

#[test]
fn the_blocking_client_works_and_is_dropped_inside_a_runtime() {
    let rogue = safe();
    let opens = |client: blocking::Client| {
        assert_eq!(client.password().unwrap().expose(), "S3kr!t");
        assert_eq!(client.password().unwrap().expose(), "S3kr!t");
    };
    let url = rogue.url();
    current_thread().block_on(async { opens(client(&url)) });
    multi_thread().block_on(async move {
        tokio::spawn(async move { opens(client(&url)) }).await.unwrap();
    });
    assert_eq!(rogue.accepts(), 2);
}

#[test]
fn many_threads_share_a_blocking_client() {
    let rogue = safe();
    let client = client(&rogue.url());
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..5 {
                    assert_eq!(client.password().unwrap().expose(), "S3kr!t");
                }
            });
        }
    });
    assert_eq!(rogue.requests().len(), 40);
}

#[test]
fn many_tasks_share_an_async_client() {
    let rogue = safe();
    let client = Arc::new(async_client(&rogue.url()));
    for runtime in [current_thread(), multi_thread()] {
        runtime.block_on(async {
            let tasks: Vec<_> = (0..8)
                .map(|_| {
                    let client = Arc::clone(&client);
                    tokio::spawn(async move { assert_opens(&client).await })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
    }
    assert_eq!(rogue.requests().len(), 16);
}

#[test]
fn an_async_client_outlives_the_runtime_of_its_connection() {
    let rogue = safe();
    let client = async_client(&rogue.url());
    current_thread().block_on(assert_opens(&client));
    current_thread().block_on(assert_opens(&client));
    multi_thread().block_on(assert_opens(&client));
    assert_eq!(rogue.requests().len(), 3);
}

/// A reactor that nobody turns would never report the answer.
#[test]
fn an_async_client_may_be_passed_between_runtimes_that_rest() {
    let rogue = safe();
    let client = async_client(&rogue.url());
    let (first, second) = (current_thread(), current_thread());
    for runtime in [&first, &second, &first] {
        runtime.block_on(assert_opens(&client));
    }
    assert_eq!(rogue.requests().len(), 3);
}

#[test]
fn a_dropped_call_leaves_the_client_usable() {
    let record = sealed("S3kr!t");
    let rogue = Rogue::start(move |number| match number {
        0 => Reply::new("").then_fall_silent(),
        _ => with_record(&record, 1_450),
    });
    let client = Arc::new(async_client(&rogue.url()));
    current_thread().block_on(async {
        let lent = Arc::clone(&client);
        let call = tokio::spawn(async move { lent.names().await });
        while rogue.requests().is_empty() {
            tokio::task::yield_now().await;
        }
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
        assert_opens(&client).await;
    });
}

/// The thread that drives this runtime is the test's; every other one that starts is of the
/// blocking pool.
#[test]
fn the_key_is_derived_off_the_reactor_and_used_on_it() {
    let rogue = safe();
    let client = async_client(&rogue.url());
    let started = || {
        let count = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&count);
        let runtime = Builder::new_current_thread()
            .enable_all()
            .on_thread_start(move || {
                counter.fetch_add(1, Ordering::SeqCst);
            })
            .build()
            .unwrap();
        runtime.block_on(assert_opens(&client));
        drop(runtime);
        count.load(Ordering::SeqCst)
    };
    assert_eq!(started(), 1);
    assert_eq!(started(), 0);
}

#[test]
fn everything_can_be_shared_between_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Client>();
    shared::<blocking::Client>();
    shared::<passsafe_client::Endpoint>();
    shared::<Error>();
}
