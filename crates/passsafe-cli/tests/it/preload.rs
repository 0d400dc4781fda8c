//! Libraries that change what the system does to the real binary, made from C at hand.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles the `name`d file next to this one, for `LD_PRELOAD`.
pub(crate) fn library(name: &str) -> PathBuf {
    let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name).with_extension("so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(name);
    let output = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
        .args([library.as_os_str(), source.as_os_str(), "-ldl".as_ref()])
        .output()
        .expect("a C compiler is needed, as for ring");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    library
}
