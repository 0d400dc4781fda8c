//! Where randomness comes from: the caller.
//!
//! ring's `SecureRandom` is sealed, so a test could not give it a seeded implementation;
//! this trait is the smallest thing that both can stand behind.

/// A source of cryptographically secure random bytes.
///
/// Every closure that fills a slice is one. For production use, fill from the operating
/// system's generator; a predictable source makes passphrase, salt, nonce and seed
/// predictable too.
pub trait Random {
    /// Fills `out` completely.
    ///
    /// # Errors
    ///
    /// [`RandomError`] if the source cannot deliver; `out` is then worthless.
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError>;
}

impl<F> Random for F
where
    F: FnMut(&mut [u8]) -> Result<(), RandomError>,
{
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        self(out)
    }
}

/// The source of randomness delivered nothing.
#[derive(Debug, Clone, Copy)]
pub struct RandomError;

error_text!(RandomError, "the random number generator is unavailable");
