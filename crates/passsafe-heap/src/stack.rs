//! Where the first thread's stack lies.

use std::fs;
use std::hint::black_box;
use std::io;
use std::ops::Range;

/// Deeper than passsafe's calls go, and far below any limit.
const DEPTH: usize = 256 * 1024;

/// The addresses of the stack, arguments and environment included, after it has grown to a
/// depth that will do.
pub(crate) fn addresses() -> io::Result<Range<usize>> {
    grow();
    fs::read_to_string("/proc/self/maps")?
        .lines()
        .find(|line| line.ends_with("[stack]"))
        .and_then(|line| {
            let (start, end) = line.split_once(' ')?.0.split_once('-')?;
            let address = |text| usize::from_str_radix(text, 16).ok();
            Some(address(start)?..address(end)?)
        })
        .ok_or_else(|| io::ErrorKind::NotFound.into())
}

#[inline(never)]
#[expect(clippy::large_stack_arrays, reason = "a deep stack is what this is for")]
fn grow() {
    black_box([0_u8; DEPTH]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stack_is_found_and_as_deep_as_promised() {
        let stack = addresses().unwrap();
        assert!(stack.len() > DEPTH / 2, "{stack:x?}");
    }
}
