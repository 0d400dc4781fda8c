//! A file that exists in memory only and can no longer be changed.

use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::os::fd::OwnedFd;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

/// A descriptor from which `bytes` can be read from their start.
pub(crate) fn sealed(bytes: &[u8]) -> io::Result<OwnedFd> {
    let mut file = created(MemfdFlags::empty())?;
    file.write_all(bytes)?;
    file.rewind()?;
    seal(file)
}

/// What `write` makes of an empty file, to be executed.
pub(crate) fn sealed_program(
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<OwnedFd> {
    // Linux before 6.3 does not know the flag, and needs none.
    let mut file = created(MemfdFlags::EXEC).or_else(|_| created(MemfdFlags::empty()))?;
    write(&mut file)?;
    seal(file)
}

fn created(flags: MemfdFlags) -> io::Result<File> {
    let flags = flags | MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    Ok(memfd_create("passsafe", flags)?.into())
}

fn seal(file: File) -> io::Result<OwnedFd> {
    let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL;
    fcntl_add_seals(&file, seals)?;
    Ok(file.into())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn what_is_written_is_read_and_cannot_be_changed() {
        let written = vec![7; 200_000];
        let mut file = File::from(sealed(&written).unwrap());
        assert!(file.write_all(b"x").is_err());
        assert!(file.set_len(1).is_err());
        let mut read = Vec::new();
        file.read_to_end(&mut read).unwrap();
        assert!(read == written);
    }
}
