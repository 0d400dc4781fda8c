//! That what programs hand from thread to thread can be handed on: the compiler infers it from
//! private fields, so nothing else would notice a change.

use passsafe_server::{Admission, AllowedHosts, Listener, Refusal, Release, Safe, SystemClock};

fn is_shared_between_threads<T: Send + Sync + Unpin + 'static>() {}

#[test]
fn a_safe_and_what_it_is_served_with_are_shared_between_threads() {
    is_shared_between_threads::<Admission>();
    is_shared_between_threads::<AllowedHosts>();
    is_shared_between_threads::<Listener>();
    is_shared_between_threads::<Refusal>();
    is_shared_between_threads::<Release>();
    is_shared_between_threads::<Safe>();
    is_shared_between_threads::<SystemClock>();
}
