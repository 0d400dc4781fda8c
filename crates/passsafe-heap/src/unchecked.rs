//! The allocator: all `unsafe` of the crate.
//!
//! unsafe, because handing out memory is what the compiler cannot check. The scheme is as
//! plain as it can be, for the sake of being read: one static region, cut from its front
//! into blocks whose sizes are powers of two; a freed block is wiped and goes to the list of
//! its size, and never changes size again. What does not fit goes to the system's allocator.
//! A spin lock stands over the lists, because std's mutex allocates on some systems; it is
//! held for a few instructions.
#![expect(unsafe_code, reason = "see above")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::fmt;
use std::io;
use std::mem::MaybeUninit;
#[cfg(any(target_os = "linux", target_os = "android"))]
use std::ptr::with_exposed_provenance_mut;
use std::ptr::{null_mut, slice_from_raw_parts_mut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use zeroize::Zeroize as _;

const SIZE: usize = 2 * 1024 * 1024;
const SMALLEST: usize = 16;
const LARGEST: usize = 128 * 1024;
const CLASSES: usize = 14;
const _: () = assert!(SMALLEST << (CLASSES - 1) == LARGEST, "the last class is the largest");
const LARGEST_WIPED: usize = 1024 * 1024;
/// Blocks start at multiples of their size, up to this; the region at a multiple of more
/// than any page.
const ALIGNMENT: usize = 4_096;

/// An allocator for `#[global_allocator]`.
pub struct Heap {
    region: Region,
    busy: AtomicBool,
    lists: UnsafeCell<Lists>,
}

#[repr(C, align(65536))]
struct Region(UnsafeCell<[MaybeUninit<u8>; SIZE]>);

struct Lists {
    /// Bytes cut off the region so far.
    cut: usize,
    /// The first free block of each size; each holds the address of the next.
    free: [*mut u8; CLASSES],
}

// SAFETY: `lists` is touched in `with_lists` alone, under the lock; a byte of `region` is
// touched either by the owner of the block that it is in or, free, under the lock.
unsafe impl Sync for Heap {}

impl Heap {
    /// Bytes that can be locked at once: small against the 8 MiB that Linux allows everybody.
    pub const SIZE: usize = SIZE;
    /// Largest allocation that comes from them, in bytes: a safe's 64 KiB, doubled.
    pub const LARGEST: usize = LARGEST;
    /// Largest allocation that is wiped when freed, in bytes.
    pub const LARGEST_WIPED: usize = LARGEST_WIPED;

    /// Takes no memory until some is asked for.
    #[must_use]
    #[expect(clippy::large_stack_arrays, reason = "a static, made at compile time")]
    pub const fn new() -> Self {
        Self {
            region: Region(UnsafeCell::new([MaybeUninit::uninit(); SIZE])),
            busy: AtomicBool::new(false),
            lists: UnsafeCell::new(Lists { cut: 0, free: [null_mut(); CLASSES] }),
        }
    }

    /// Keeps the heap, and on Linux the first thread's stack, from swap and from dumps.
    ///
    /// # Errors
    ///
    /// What the system says: on Linux `ENOMEM` or `EPERM` where `ulimit -l` is below 3 MiB.
    /// What was left out of dumps stays so.
    pub fn lock(&'static self) -> io::Result<()> {
        let start = self.region.0.get().cast::<u8>();
        // SAFETY: the region is this static's, whole pages, and never unmapped.
        let heap = unsafe { keep(start, SIZE) };
        #[cfg(any(target_os = "linux", target_os = "android"))]
        {
            let stack = crate::stack::addresses()?;
            // The lowest page stays as it is: what the stack grows by takes after it, and a
            // locked stack that grows beyond the limit would be killed.
            let start = stack.start + rustix::param::page_size();
            let_go_below(start);
            // SAFETY: the first thread's stack is mapped until the process ends, and neither
            // call changes what is in it.
            unsafe {
                keep(with_exposed_provenance_mut(start), stack.end.saturating_sub(start))?;
            }
        }
        heap
    }

    fn with_lists<T>(&self, work: impl FnOnce(&mut Lists) -> T) -> T {
        while self.busy.swap(true, Ordering::Acquire) {
            thread::yield_now();
        }
        // SAFETY: whoever set `busy` is alone here, and `work` does not allocate.
        let result = work(unsafe { &mut *self.lists.get() });
        self.busy.store(false, Ordering::Release);
        result
    }

    /// A block for `layout`, or null if the region has none.
    fn take(&self, layout: Layout) -> *mut u8 {
        let Some((class, size)) = class(layout) else { return null_mut() };
        self.with_lists(|lists| {
            let Some(first) = lists.free.get_mut(class) else { return null_mut() };
            if first.is_null() {
                let start = lists.cut.next_multiple_of(size.min(ALIGNMENT));
                if start + size > SIZE {
                    return null_mut();
                }
                lists.cut = start + size;
                // SAFETY: start + size was just seen to be within the region.
                return unsafe { self.region.0.get().cast::<u8>().add(start) };
            }
            let block = *first;
            // SAFETY: a free block begins with the address of the next one.
            *first = unsafe { block.cast::<*mut u8>().read_unaligned() };
            block
        })
    }

    /// Takes back a block that [`Heap::take`] gave for `layout`.
    ///
    /// # Safety
    ///
    /// It is such a block, and its owner has done with it.
    unsafe fn give_back(&self, block: *mut u8, layout: Layout) {
        let Some((class, _)) = class(layout) else { return };
        self.with_lists(|lists| {
            if let Some(first) = lists.free.get_mut(class) {
                // SAFETY: the block is free, and at least as large as an address.
                unsafe { block.cast::<*mut u8>().write_unaligned(*first) };
                *first = block;
            }
        });
    }

    fn owns(&self, block: *mut u8) -> bool {
        block.addr().wrapping_sub(self.region.0.get().addr()) < SIZE
    }
}

// SAFETY: a block is handed out once until it is given back, large and aligned enough for
// its layout; none is ever unmapped or shared between layouts of different classes.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let block = self.take(layout);
        // SAFETY: the caller's promise about `layout` is the one that System wants.
        if block.is_null() { unsafe { System.alloc(layout) } } else { block }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let block = self.take(layout);
        if block.is_null() {
            // SAFETY: the caller's promise about `layout` is the one that System wants.
            return unsafe { System.alloc_zeroed(layout) };
        }
        // SAFETY: the block is ours to give, and at least as large as the layout.
        unsafe { block.write_bytes(0, layout.size()) };
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if layout.size() <= LARGEST_WIPED {
            // SAFETY: the caller gives up this memory, as long as the layout says; it may
            // hold anything, which MaybeUninit allows for.
            let bytes = unsafe { &mut *slice_from_raw_parts_mut(block.cast(), layout.size()) };
            let bytes: &mut [MaybeUninit<u8>] = bytes;
            wipe(bytes);
        }
        if self.owns(block) {
            // SAFETY: only `take` gives blocks of the region, and the caller has done with it.
            unsafe { self.give_back(block, layout) };
        } else {
            // SAFETY: what is not of the region is System's, from the same layout.
            unsafe { System.dealloc(block, layout) };
        }
    }
}

/// Eight bytes at a time: each write is one of its own, because the compiler may leave none out.
fn wipe(bytes: &mut [MaybeUninit<u8>]) {
    // SAFETY: both may hold anything.
    let (head, words, tail) = unsafe { bytes.align_to_mut::<MaybeUninit<u64>>() };
    head.zeroize();
    words.zeroize();
    tail.zeroize();
}

/// The list and the size of the blocks for a layout, if the region has such.
fn class(layout: Layout) -> Option<(usize, usize)> {
    let least = layout.size().max(layout.align()).max(SMALLEST);
    if least > LARGEST || layout.align() > ALIGNMENT {
        return None;
    }
    let size = least.next_power_of_two();
    let class = usize::try_from(size.trailing_zeros() - SMALLEST.trailing_zeros()).ok()?;
    Some((class, size))
}

/// Locks pages as they come into use, and leaves them out of dumps.
///
/// # Safety
///
/// The range is mapped, in whole pages, for the life of the process.
#[cfg(any(target_os = "linux", target_os = "android"))]
unsafe fn keep(start: *mut u8, length: usize) -> io::Result<()> {
    use rustix::mm::{Advice, MlockFlags, madvise, mlock_with};
    // SAFETY: neither call changes what is in the pages; they are the caller's.
    unsafe {
        madvise(start.cast(), length, Advice::LinuxDontDump)?;
        mlock_with(start.cast(), length, MlockFlags::ONFAULT)?;
    }
    Ok(())
}

/// Gives back what the stack has grown by and does not use, from `start` to a little below the
/// caller's frame. When it is used it comes again, empty, and locked where it has been.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn let_go_below(start: usize) {
    use rustix::mm::{Advice, madvise};
    /// More than a signal's handler takes.
    const MARGIN: usize = 32 * 1024;
    let frame = 0_u8;
    let page = rustix::param::page_size();
    let end = (std::ptr::from_ref(&frame).addr().saturating_sub(MARGIN)) / page * page;
    // SAFETY: what is below the frame of the function that runs belongs to nobody.
    let _best_effort = unsafe {
        madvise(
            with_exposed_provenance_mut(start),
            end.saturating_sub(start),
            Advice::LinuxDontNeed,
        )
    };
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
unsafe fn keep(start: *mut u8, length: usize) -> io::Result<()> {
    // SAFETY: the call does not change what is in the pages; they are the caller's.
    Ok(unsafe { rustix::mm::mlock(start.cast(), length) }?)
}

#[cfg(not(unix))]
unsafe fn keep(_: *mut u8, _: usize) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

impl Default for Heap {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Heap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Heap")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).unwrap()
    }

    /// A heap of the test's own; too large for a stack.
    macro_rules! heap {
        () => {{
            static HEAP: Heap = Heap::new();
            &HEAP
        }};
    }

    #[test]
    fn what_is_freed_is_wiped() {
        let heap: &Heap = heap!();
        for size in [40, 100_000] {
            let layout = layout(size, 1);
            // SAFETY: allocated, written and freed with one layout. Blocks of the region stay
            // readable after that.
            let left = unsafe {
                let block = heap.alloc(layout);
                assert!(heap.owns(block));
                block.write_bytes(0x5a, size);
                heap.dealloc(block, layout);
                std::slice::from_raw_parts(block, size).to_vec()
            };
            assert!(left.iter().all(|&byte| byte != 0x5a), "{size}");
        }
    }

    #[test]
    fn a_freed_block_is_used_again_and_comes_zeroed_when_asked() {
        let (heap, layout) = (heap!(), layout(300, 8));
        // SAFETY: as above.
        unsafe {
            let first = heap.alloc(layout);
            first.write_bytes(1, 300);
            heap.dealloc(first, layout);
            let second = heap.alloc_zeroed(layout);
            assert_eq!(first, second);
            assert!(std::slice::from_raw_parts(second, 300).iter().all(|&byte| byte == 0));
            assert_ne!(heap.alloc(layout), second);
        }
    }

    #[test]
    fn growing_keeps_the_content_and_wipes_where_it_was() {
        let (heap, small) = (heap!(), layout(16, 1));
        // SAFETY: as above.
        unsafe {
            let block = heap.alloc(small);
            block.copy_from(b"sixteen letters!".as_ptr(), 16);
            let grown = heap.realloc(block, small, 5_000);
            assert_eq!(std::slice::from_raw_parts(grown, 16), b"sixteen letters!");
            assert!(!std::slice::from_raw_parts(block, 16).ends_with(b"letters!"));
        }
    }

    #[test]
    fn what_does_not_fit_comes_from_the_system() {
        let heap: &Heap = heap!();
        let whole = layout(Heap::LARGEST, 1);
        let blocks = Heap::SIZE / Heap::LARGEST;
        // SAFETY: each is freed with its layout.
        unsafe {
            for layout in [layout(Heap::LARGEST + 1, 1), layout(64, 2 * ALIGNMENT)] {
                let block = heap.alloc(layout);
                assert!(!block.is_null() && !heap.owns(block));
                heap.dealloc(block, layout);
            }
            let taken: BTreeSet<_> = (0..blocks).map(|_| heap.alloc(whole)).collect();
            assert!(taken.len() == blocks && taken.iter().all(|&block| heap.owns(block)));
            let beyond = heap.alloc(whole);
            assert!(!beyond.is_null() && !heap.owns(beyond));
            heap.dealloc(beyond, whole);
        }
    }

    #[test]
    fn blocks_are_aligned_and_never_overlap() {
        let heap: &Heap = heap!();
        let mut taken: Vec<(usize, usize)> = Vec::new();
        for number in 1..2_000_usize {
            let layout = layout(number * 37 % 3_000 + 1, 1 << (number % 13));
            // SAFETY: the layout's size is not zero.
            let block = unsafe { heap.alloc(layout) };
            assert_eq!(block.addr() % layout.align(), 0);
            // SAFETY: the block is as large as its layout.
            unsafe { block.write_bytes(1, layout.size()) };
            taken.push((block.addr(), layout.size()));
        }
        taken.sort_unstable();
        assert!(taken.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0));
    }

    #[test]
    fn threads_share_it() {
        let heap: &Heap = heap!();
        thread::scope(|scope| {
            for number in 1..5_u8 {
                scope.spawn(move || {
                    for size in (1..2_000).cycle().take(20_000) {
                        let layout = layout(size, 1);
                        // SAFETY: allocated, written, read and freed with one layout.
                        unsafe {
                            let block = heap.alloc(layout);
                            block.write_bytes(number, size);
                            let bytes = std::slice::from_raw_parts(block, size);
                            assert!(bytes.iter().all(|&byte| byte == number));
                            heap.dealloc(block, layout);
                        }
                    }
                });
            }
        });
    }
}
