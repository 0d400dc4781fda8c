//! The heap of a program that handles secrets: wiped when freed, and, once it is asked for,
//! locked in memory and left out of dumps.
//!
//! Types that wipe themselves cover what passsafe writes. This covers what libraries copy:
//! prompts, header buffers, strings that grew. It is for a program of its own, as its
//! `#[global_allocator]`; no library of passsafe uses it, because a library changes nothing
//! process-wide.
//!
//! The adversary reads what a process left behind: swap, a dump, freed memory that another
//! allocation brought to light. Who can read the memory of the running process reads this too.
//!
//! ```
//! #[global_allocator]
//! static HEAP: passsafe_heap::Heap = passsafe_heap::Heap::new();
//!
//! if let Err(refused) = HEAP.lock() {
//!     eprintln!("warning: memory cannot be locked ({refused})");
//! }
//! ```
//!
//! # What is not locked
//!
//! - Allocations above [`Heap::LARGEST`], and all that come when the [`Heap::SIZE`] bytes are
//!   taken. They come from the system, and are wiped when freed all the same.
//! - Allocations above [`Heap::LARGEST_WIPED`] are not wiped either: the only one that
//!   passsafe makes is Argon2's, which its owner wipes.
//! - Memory that C libraries allocate, and stacks other than the first thread's.

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(any(target_os = "linux", target_os = "android"))]
mod stack;
mod unchecked;

pub use unchecked::Heap;
