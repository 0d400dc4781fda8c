//! Another account of this machine, for tests that run as root.

use std::thread;

use rustix::process::{Gid, Uid, geteuid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

/// `nobody`, which every system has.
pub(crate) const OTHER: u32 = 65_534;

/// Does something as another account: on Linux a thread can be of its own.
pub(crate) fn as_other<T: Send>(work: impl FnOnce() -> T + Send) -> T {
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
