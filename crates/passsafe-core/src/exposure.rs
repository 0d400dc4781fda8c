//! What holds a secret cannot be copied, compared, printed or serialized, by derive or by hand.
//! What `Debug` shows is tested beside each type; the plain key has none.

use std::fmt::{Debug, Display};
use std::hash::Hash;

use serde::Serialize;
use static_assertions::assert_not_impl_any;

use crate::kdf::Key;
use crate::{Entries, Passphrase, Proof, RecordKey, Secret, SecretText, Token, WorkMemory};

assert_not_impl_any!(Entries: Clone, Copy, Display, Hash, PartialEq, PartialOrd, Serialize);
assert_not_impl_any!(Key: Clone, Copy, Debug, Display, Hash, PartialEq, PartialOrd, Serialize);
assert_not_impl_any!(Passphrase: Clone, Copy, Display, Hash, PartialEq, PartialOrd, Serialize);
assert_not_impl_any!(Proof: Clone, Copy, Display, Hash, PartialEq, PartialOrd, Serialize);
assert_not_impl_any!(RecordKey: Clone, Copy, Display, Hash, PartialEq, PartialOrd, Serialize);
assert_not_impl_any!(Secret: Clone, Copy, Display, Hash, PartialEq, PartialOrd, Serialize);
assert_not_impl_any!(SecretText: Clone, Copy, Display, Hash, PartialEq, PartialOrd, Serialize);
assert_not_impl_any!(Token: Clone, Copy, Display, Hash, PartialEq, PartialOrd, Serialize);
assert_not_impl_any!(WorkMemory: Clone, Copy, Display, Hash, PartialEq, PartialOrd, Serialize);
#[cfg(feature = "totp")]
assert_not_impl_any!(crate::Seed: Clone, Copy, Display, Hash, PartialEq, PartialOrd, Serialize);
