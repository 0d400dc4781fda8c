//! What a cipher and a hash leave on the stack: blocks of plaintext and key on their way
//! through registers and buffers that nobody owns any more.

use std::hint::black_box;

/// Deeper than a key derivation, which uses 11 KiB when optimised, and small against any stack.
pub(crate) const DERIVATION: usize = 16 * 1024;
/// Deeper than encryption and decryption, which use less than 4 KiB. What is overwritten is also
/// taken out of the processor's cache, so this is no deeper than it has to be.
pub(crate) const CIPHER: usize = 8 * 1024;

/// Does `work`, and overwrites the part of the stack that it used, which is less than `DEPTH`
/// bytes. What it returns should hold secrets behind pointers only: the value itself is moved.
pub(crate) fn wiped_after<const DEPTH: usize, T>(work: impl FnOnce() -> T) -> T {
    let result = below(work);
    overwrite::<DEPTH>();
    result
}

/// A frame of its own, so that `work` is not inlined into one that stays.
#[inline(never)]
fn below<T>(work: impl FnOnce() -> T) -> T {
    work()
}

#[inline(never)]
fn overwrite<const DEPTH: usize>() {
    black_box(&mut [0_u8; DEPTH]);
}
