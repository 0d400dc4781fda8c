//! Errors that say one thing.

/// Makes a type an error with this text.
macro_rules! error_text {
    ($error:ident, $text:literal) => {
        impl std::fmt::Display for $error {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str($text)
            }
        }

        impl std::error::Error for $error {}
    };
}
