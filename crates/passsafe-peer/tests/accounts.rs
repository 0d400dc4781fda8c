//! Sockets of this account and of another one, as the running kernel lists them.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

use passsafe_peer::{Peers, SocketOwner, Source, own_account};
use rustix::process::{Gid, Uid, geteuid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

/// `nobody`, which every system has.
const OTHER: u32 = 65_534;
const NETLINK: &[Source<'static>] = &[Source::Netlink];
const TABLES: &[Source<'static>] = &[Source::Tables("/proc/net")];

/// Does something as another account: on Linux a thread can be of its own.
fn as_other<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    assert!(geteuid().is_root(), "a second account is needed: run the tests as root");
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            let (uid, gid) = (Uid::from_raw(OTHER), Gid::from_raw(OTHER));
            set_thread_groups(&[]).unwrap();
            set_thread_res_gid(gid, gid, gid).unwrap();
            set_thread_res_uid(uid, uid, uid).unwrap();
            work()
        });
        other.join().unwrap()
    })
}

fn listen(ip: impl Into<std::net::IpAddr>) -> TcpListener {
    TcpListener::bind(SocketAddr::from((ip.into(), 0))).unwrap()
}

/// Both ends' addresses, from the point of view of the first.
fn ends(stream: &TcpStream) -> (SocketAddr, SocketAddr) {
    (stream.local_addr().unwrap(), stream.peer_addr().unwrap())
}

#[track_caller]
fn assert_client(sources: &[Source<'_>], near: SocketAddr, far: SocketAddr, owner: SocketOwner) {
    assert_eq!(Peers::by(sources).client(near, far).owner, owner, "{sources:?}");
}

#[track_caller]
fn assert_server(sources: &[Source<'_>], near: SocketAddr, far: SocketAddr, owner: SocketOwner) {
    assert_eq!(Peers::by(sources).server(near, far), owner, "{sources:?}");
}

fn for_each_source(check: impl Fn(&[Source<'_>])) {
    check(NETLINK);
    check(TABLES);
}

#[test]
fn the_account_behind_a_connection_is_found() {
    for_each_source(|sources| {
        for ip in [Ipv4Addr::LOCALHOST.into(), std::net::IpAddr::from(Ipv6Addr::LOCALHOST)] {
            let listener = listen(ip);
            let address = listener.local_addr().unwrap();
            let dial = || TcpStream::connect(address).unwrap();
            for (_held, owner) in [(dial(), own_account()), (as_other(dial), OTHER)] {
                let (accepted, _) = listener.accept().unwrap();
                let (near, far) = ends(&accepted);
                assert_client(sources, near, far, SocketOwner::Account(owner));
            }
        }
    });
}

#[test]
fn an_ipv6_socket_that_speaks_ipv4_is_found() {
    for_each_source(|sources| {
        let listener = listen(Ipv4Addr::LOCALHOST);
        let port = listener.local_addr().unwrap().port();
        let mapped = Ipv4Addr::LOCALHOST.to_ipv6_mapped();
        let _held = as_other(|| TcpStream::connect((mapped, port)).unwrap());
        let (accepted, _) = listener.accept().unwrap();
        let (near, far) = ends(&accepted);
        assert_client(sources, near, far, SocketOwner::Account(OTHER));
        let (near, far) = (mapped_address(near), mapped_address(far));
        assert_client(sources, near, far, SocketOwner::Account(OTHER));
    });
}

fn mapped_address(address: SocketAddr) -> SocketAddr {
    let SocketAddr::V4(v4) = address else { return address };
    (v4.ip().to_ipv6_mapped(), v4.port()).into()
}

#[test]
fn a_client_that_has_said_all_is_still_known() {
    for_each_source(|sources| {
        let listener = listen(Ipv4Addr::LOCALHOST);
        let client = as_other(|| {
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            client
        });
        let (mut accepted, _) = listener.accept().unwrap();
        accepted.read_to_end(&mut Vec::new()).unwrap();
        let (near, far) = ends(&accepted);
        assert_client(sources, near, far, SocketOwner::Account(OTHER));
        drop(client);
    });
}

/// The kernel lists what a process left behind as root's, which here is this account.
#[test]
fn a_client_that_is_gone_is_nobody() {
    for_each_source(|sources| {
        let listener = listen(Ipv4Addr::LOCALHOST);
        let client = as_other(|| TcpStream::connect(listener.local_addr().unwrap()).unwrap());
        let (mut accepted, _) = listener.accept().unwrap();
        let (near, far) = ends(&accepted);
        drop(client);
        accepted.read_to_end(&mut Vec::new()).unwrap();
        assert_client(sources, near, far, SocketOwner::Gone);
    });
}

/// Its row is ESTABLISHED, root's, and has no holder.
#[test]
fn an_end_that_nobody_has_accepted_is_nobody() {
    for_each_source(|sources| {
        let listener = as_other(|| listen(Ipv4Addr::LOCALHOST));
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (near, far) = ends(&client);
        assert_client(sources, near, far, SocketOwner::Gone);
    });
}

#[test]
fn the_account_that_listens_is_found_before_and_after_it_accepts() {
    for_each_source(|sources| {
        for ip in [Ipv4Addr::LOCALHOST.into(), std::net::IpAddr::from(Ipv6Addr::LOCALHOST)] {
            for (listener, owner) in [(listen(ip), own_account()), (as_other(|| listen(ip)), OTHER)]
            {
                let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
                let (near, far) = ends(&client);
                assert_server(sources, near, far, SocketOwner::Account(owner));
                let (accepted, _) =
                    if owner == OTHER { as_other(|| listener.accept()) } else { listener.accept() }
                        .unwrap();
                assert_server(sources, near, far, SocketOwner::Account(owner));
                drop(listener);
                assert_server(sources, near, far, SocketOwner::Account(owner));
                drop(accepted);
                assert_server(sources, near, far, SocketOwner::Gone);
            }
        }
    });
}

#[test]
fn a_listener_on_every_address_is_found() {
    for_each_source(|sources| {
        for (any, loopback) in [
            (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::LOCALHOST.into()),
            (Ipv6Addr::UNSPECIFIED.into(), Ipv4Addr::LOCALHOST.into()),
            (std::net::IpAddr::from(Ipv6Addr::UNSPECIFIED), Ipv6Addr::LOCALHOST.into()),
        ] {
            let listener = as_other(|| listen(any));
            let address: (std::net::IpAddr, u16) =
                (loopback, listener.local_addr().unwrap().port());
            let client = TcpStream::connect(address).unwrap();
            let (near, far) = ends(&client);
            assert_eq!(
                Peers::by(sources).server(near, far),
                SocketOwner::Account(OTHER),
                "{sources:?} {any}"
            );
        }
    });
}

/// Whoever accepted it reads it, whoever listens by now.
#[test]
fn the_holder_counts_more_than_the_listener() {
    for_each_source(|sources| {
        let listener = as_other(|| listen(Ipv4Addr::LOCALHOST));
        let address = listener.local_addr().unwrap();
        let mut client = TcpStream::connect(address).unwrap();
        let (accepted, _) = as_other(|| listener.accept()).unwrap();
        drop(listener);
        let successor = TcpListener::bind(address).unwrap();
        let (near, far) = ends(&client);
        assert_server(sources, near, far, SocketOwner::Account(OTHER));
        client.write_all(b"x").unwrap();
        drop((accepted, successor));
    });
}

#[test]
fn where_no_source_answers_nothing_is_known() {
    let listener = listen(Ipv4Addr::LOCALHOST);
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (near, far) = ends(&client);
    for sources in [&[][..], &[Source::Tables("/nowhere")]] {
        assert_eq!(Peers::by(sources).client(near, far).owner, SocketOwner::Unknown);
        assert_eq!(Peers::by(sources).server(near, far), SocketOwner::Unknown);
    }
    let known = SocketOwner::Account(own_account());
    assert_eq!(Peers::by(&[Source::Tables("/nowhere"), Source::Netlink]).server(near, far), known);
    assert_eq!(Peers::new().server(near, far), known);
}

/// A safe may have no descriptor left when it is asked.
#[test]
fn what_was_opened_once_answers_many_times() {
    let peers = Peers::by(NETLINK);
    let listener = listen(Ipv4Addr::LOCALHOST);
    for _ in 0..1_000 {
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        let (near, far) = ends(&accepted);
        assert_eq!(peers.client(near, far).owner, SocketOwner::Account(own_account()));
        drop(client);
        assert_eq!(peers.client(near, far).owner, SocketOwner::Gone);
    }
}
