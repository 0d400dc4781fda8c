//! Which process holds a socket, with sockets and processes made for it.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio, id};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use passsafe_peer::proc_fd::{Holder, Process, Wanted, holders, process};
use passsafe_peer::{Peers, SocketOwner, own_account};
use rustix::time::{ClockId, clock_gettime};

/// What one test has open is for a moment also its child's that another test starts.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connection, and the number of the socket at its client's end.
fn connection() -> (TcpStream, u64) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, far) = listener.accept().unwrap();
    let socket = Peers::new().client(server.local_addr().unwrap(), far);
    assert_eq!(socket.owner, SocketOwner::Account(own_account()));
    (client, socket.inode.unwrap())
}

fn now() -> Duration {
    clock_gettime(ClockId::Boottime).try_into().unwrap()
}

fn look(inode: u64, connected: Duration) -> Holder {
    look_until(inode, connected, Instant::now() + Duration::from_secs(60))
}

fn look_until(inode: u64, connected: Duration, until: Instant) -> Holder {
    let wanted = Wanted { inode, account: own_account(), connected };
    let mut told = Vec::new();
    holders(&[wanted], until, |inode, holder| told.push((inode, holder)));
    let [(told, holder)] = <[_; 1]>::try_from(told).unwrap();
    assert_eq!(told, inode);
    holder
}

fn is_this_process(holder: &Holder) -> bool {
    matches!(holder, Holder::Process(Process { pid, .. }) if *pid == id())
}

/// Runs until its input ends.
fn cat(input: impl Into<Stdio>) -> Child {
    Command::new("cat").stdin(input).stdout(Stdio::piped()).spawn().unwrap()
}

/// What holds this end of a connection, besides this process if `shared`.
fn inherited(shared: bool) -> (Option<TcpStream>, TcpStream, u64, Child) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, far) = listener.accept().unwrap();
    let inode = Peers::new().client(server.local_addr().unwrap(), far).inode.unwrap();
    let kept = shared.then(|| client.try_clone().unwrap());
    let mut child = cat(OwnedFd::from(client));
    // Its echo proves that it has started its own program.
    (&server).write_all(b"x").unwrap();
    child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    (kept, server, inode, child)
}

#[test]
fn the_holder_is_found_and_described() {
    let _alone = alone();
    let (client, inode) = connection();
    let Holder::Process(found) = look(inode, now()) else { panic!("not found") };
    assert_eq!(found.pid, id());
    let exe = std::env::current_exe().unwrap();
    assert_eq!(found.program.as_deref(), exe.file_name().map(OsStr::as_encoded_bytes));
    assert!(found.program.unwrap().starts_with(&found.command));
    drop(client);
    assert!(!matches!(look(inode, now()), Holder::Process(_)));
}

#[test]
fn who_inherited_the_only_descriptor_is_the_holder() {
    let _alone = alone();
    let (_, server, inode, mut child) = inherited(false);
    assert!(
        matches!(look(inode, now()), Holder::Process(it) if it.pid == child.id() && it.command == b"cat")
    );
    drop(server);
    child.wait().unwrap();
}

/// Either of them may have asked, and one could hand its connection to another to pass for it.
#[test]
fn of_several_holders_none_is_named() {
    let _alone = alone();
    let (kept, server, inode, mut child) = inherited(true);
    assert_eq!(look(inode, now()), Holder::Unknown);
    drop((kept, server));
    child.wait().unwrap();
}

#[test]
fn who_came_after_the_connection_did_not_make_it() {
    let _alone = alone();
    let before = now();
    // A number is given again, and a start counted, in ticks of the system.
    while ticks(now()) <= ticks(before) + 1 {}
    let (kept, server, inode, mut child) = inherited(true);
    assert!(process(child.id(), own_account(), now()).is_some());
    assert_eq!(process(child.id(), own_account(), before), None);
    assert!(is_this_process(&look(inode, before)));
    drop((kept, server));
    child.wait().unwrap();
}

fn ticks(since_boot: Duration) -> u128 {
    since_boot.as_nanos() * u128::from(rustix::param::clock_ticks_per_second()) / 1_000_000_000
}

#[test]
fn a_number_of_another_account_is_nobody() {
    let _alone = alone();
    assert_eq!(process(id(), own_account(), now()).map(|it| it.pid), Some(id()));
    assert_eq!(process(id(), own_account() + 1, now()), None);
    assert_eq!(process(u32::MAX, own_account(), now()), None);
}

#[test]
fn without_time_nobody_is_found() {
    let _alone = alone();
    let (_client, inode) = connection();
    assert_eq!(look_until(inode, now(), Instant::now()), Holder::Unknown);
    assert!(is_this_process(&look(inode, now())));
}

#[test]
fn one_search_is_for_many_sockets() {
    let _alone = alone();
    let (_client, own) = connection();
    let (_none, _server, childs, mut child) = inherited(false);
    let (_kept, _server_too, shared, mut sharing) = inherited(true);
    let (gone, no_more) = connection();
    drop(gone);
    let account = own_account();
    let connected = now();
    let wanted = [own, childs, shared, no_more].map(|inode| Wanted { inode, account, connected });
    // Sockets of another account are not looked for among the processes of this one.
    let other = Wanted { account: account + 1, ..wanted[0] };
    let mut told = HashMap::new();
    let mut tell = |inode, holder| assert_eq!(told.insert(inode, holder), None);
    holders(&wanted, Instant::now() + Duration::from_secs(60), &mut tell);
    assert!(is_this_process(&told[&own]));
    assert!(matches!(&told[&childs], Holder::Process(it) if it.pid == child.id()));
    assert_eq!(told[&shared], Holder::Unknown);
    // Or hidden, where a process of this account hides its descriptors.
    assert!(!matches!(told[&no_more], Holder::Process(_)));
    told.clear();
    // Beside one of this account, so that its processes are looked at.
    holders(&[other, wanted[1]], Instant::now() + Duration::from_secs(60), |inode, holder| {
        told.insert(inode, holder);
    });
    assert!(matches!(&told[&childs], Holder::Process(it) if it.pid == child.id()));
    assert!(!matches!(told[&own], Holder::Process(_)));
    for child in [&mut child, &mut sharing] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
