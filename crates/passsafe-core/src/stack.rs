//! What a cipher and a hash leave on the stack: blocks of plaintext and key on their way
//! through registers and buffers that nobody owns any more.

use std::hint::black_box;

/// Deeper than the calls that are made through [`wiped_after`], and small against any stack.
const DEPTH: usize = 16 * 1024;

/// Does `work`, and overwrites the part of the stack that it used. What it returns should
/// hold secrets behind pointers only: the value itself is moved.
pub(crate) fn wiped_after<T>(work: impl FnOnce() -> T) -> T {
    let result = below(work);
    overwrite();
    result
}

/// A frame of its own, so that `work` is not inlined into one that stays.
#[inline(never)]
fn below<T>(work: impl FnOnce() -> T) -> T {
    work()
}

#[inline(never)]
fn overwrite() {
    black_box(&mut [0_u8; DEPTH]);
}
