//! What Python cannot do for itself: fetching and opening, without its lock and interruptibly.
//!
//! The package `passsafe` (in `python/`) is what people import; this module is its inside. The
//! split is that no secret is ever a variable of a Python function of ours: tracebacks and
//! debuggers show those. Arguments go straight into Rust, and what comes back is masked.
//!
//! Knows nothing of prompts, variables and notebooks, which are Python's.

#![forbid(unsafe_code)]

mod arguments;
mod client;
mod failure;

/// The inside of the package `passsafe`.
#[pyo3::pymodule]
mod _passsafe {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::client::{Client, Credential};

    /// Of this package, and of the crates that it is made of.
    #[pymodule_export]
    #[allow(non_upper_case_globals, reason = "Python's name for it")]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    /// Raises `UsageError` if this cannot be a token. Nothing is sent.
    #[pyfunction]
    fn check_token(token: &Bound<'_, PyAny>) -> PyResult<()> {
        super::arguments::token(token).map(drop)
    }

    /// Raises `UsageError` if this cannot be a passphrase. Nothing is sent.
    #[pyfunction]
    fn check_passphrase(passphrase: &Bound<'_, PyAny>) -> PyResult<()> {
        super::arguments::passphrase(passphrase).map(drop)
    }
}
