//! The real `passsafe serve` under attack from this machine, and its owner beside it.
//!
//! Each proof starts a safe of its own, attacks it over loopback with what one process may
//! hold, and asks as its owner would, all the time: at least 999 of 1,000 fetches must
//! succeed, each within the five seconds that a client waits, and the serving process must
//! not have had more than 32 MiB of memory at any moment.

mod crowd;
mod end;
mod http;
mod idle;
mod owner;
mod served;
mod slow;
mod tokens;
mod unread;

pub(super) use end::PROOF as END;
pub(super) use idle::PROOF as IDLE;
pub(super) use slow::PROOF as SLOW;
pub(super) use tokens::PROOF as TOKENS;
