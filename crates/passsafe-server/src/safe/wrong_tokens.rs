//! Counting wrong tokens, and wrong proofs apart from them, in one step with their judgement.
//!
//! The safe calls this under its lock, so nothing else is judged between the two.

/// How many wrong ones may still come.
pub(super) struct Tries {
    left: u8,
}

impl Tries {
    pub(super) fn new(most: u8) -> Self {
        Self { left: most }
    }

    pub(super) fn left(&self) -> u8 {
        self.left
    }

    /// Passes what is right. `Err` is what is left after counting what is wrong.
    pub(super) fn judge(&mut self, is_right: bool) -> Result<(), u8> {
        if is_right {
            return Ok(());
        }
        self.left = self.left.saturating_sub(1);
        Err(self.left)
    }

    pub(super) fn use_up(&mut self) {
        self.left = 0;
    }
}
