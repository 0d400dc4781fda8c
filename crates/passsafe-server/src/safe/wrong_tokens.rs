//! Judging a token and counting a wrong one, in one step.
//!
//! The safe calls this under its lock, so no other token is judged between the two.

use passsafe_core::Token;
use passsafe_core::wire::MAX_ATTEMPTS;

/// Wrong tokens that may still come.
pub(super) struct Attempts {
    left: u8,
}

impl Default for Attempts {
    fn default() -> Self {
        Self { left: MAX_ATTEMPTS }
    }
}

impl Attempts {
    pub(super) fn left(&self) -> u8 {
        self.left
    }

    /// Compares a token with the right one. `Err` is what is left after counting a wrong one.
    pub(super) fn check(&mut self, right: &Token, token: &Token) -> Result<(), u8> {
        if right.matches(token) {
            return Ok(());
        }
        self.left = self.left.saturating_sub(1);
        Err(self.left)
    }

    pub(super) fn use_up(&mut self) {
        self.left = 0;
    }
}
