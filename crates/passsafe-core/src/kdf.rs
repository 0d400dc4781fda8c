//! From passphrase to key: Argon2id version 0x13 (RFC 9106) with one lane.
//!
//! One lane as in libsodium's `crypto_pwhash`, so that every libsodium binding can be a
//! client, and so that no thread pool appears in somebody else's process. Argon2's working
//! memory is as good as the key: whoever reads it can finish the hash. It is therefore the
//! caller's buffer, and wiped.

use std::fmt;

pub use argon2::Block;
use argon2::{Algorithm, Argon2, Params, Version};
use ctutils::CtEq as _;
use ring::digest::{Context, SHA256};
use zeroize::{Zeroize as _, ZeroizeOnDrop, Zeroizing};

use crate::passphrase::Passphrase;
use crate::proof::Proof;
use crate::user::User;

/// Bytes of the salt that stands in a record.
pub(crate) const SALT_LEN: usize = 16;
/// Bytes of the commitment that stands in a record.
pub(crate) const COMMITMENT_LEN: usize = 32;
/// The only degree of parallelism of record version 1.
pub(crate) const PARALLELISM: u32 = 1;
/// Argon2 version 0x13, in decimal as the record has it.
pub(crate) const ARGON2_VERSION: u32 = 19;

/// Bytes of the AEAD's key.
pub(crate) const KEY_LEN: usize = 32;
/// Separates this use of SHA-256 from every other.
const USER_CONTEXT: &[u8] = b"passsafe-user-v1";

/// What deriving a key costs: memory in KiB and passes over it.
///
/// The bounds protect the client: a hostile server cannot make it allocate gigabytes or
/// compute for minutes, nor talk it into a key that is cheap to guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    memory_kib: u32,
    iterations: u32,
}

impl Cost {
    /// Least memory, in KiB (19 MiB).
    pub const MIN_MEMORY_KIB: u32 = 19_456;
    /// Most memory, in KiB (256 MiB).
    pub const MAX_MEMORY_KIB: u32 = 262_144;
    /// Fewest passes.
    pub const MIN_ITERATIONS: u32 = 1;
    /// Most passes.
    pub const MAX_ITERATIONS: u32 = 10;
    /// 64 MiB and three passes: the second recommended option of RFC 9106, section 4, on
    /// one lane.
    pub const DEFAULT: Self = Self { memory_kib: 65_536, iterations: 3 };

    /// Checks a cost against the bounds.
    ///
    /// # Errors
    ///
    /// [`CostError`] if either number is outside its bounds.
    pub fn new(memory_kib: u32, iterations: u32) -> Result<Self, CostError> {
        let memory_fits = (Self::MIN_MEMORY_KIB..=Self::MAX_MEMORY_KIB).contains(&memory_kib);
        let iterations_fit = (Self::MIN_ITERATIONS..=Self::MAX_ITERATIONS).contains(&iterations);
        if memory_fits && iterations_fit {
            Ok(Self { memory_kib, iterations })
        } else {
            Err(CostError { memory_kib, iterations })
        }
    }

    /// Memory in KiB.
    #[must_use]
    pub fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    /// Passes over the memory.
    #[must_use]
    pub fn iterations(self) -> u32 {
        self.iterations
    }
}

/// A cost outside the bounds of [`Cost`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CostError {
    memory_kib: u32,
    iterations: u32,
}

impl fmt::Display for CostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { memory_kib, iterations } = self;
        write!(f, "key derivation cost out of bounds: {memory_kib} KiB, {iterations} iterations")
    }
}

impl std::error::Error for CostError {}

/// Argon2's working memory: allocated once, wiped after each use.
pub struct WorkMemory {
    blocks: Box<dyn AsMut<[Block]> + Send + Sync>,
    len: usize,
    is_wiped: bool,
}

impl WorkMemory {
    /// The caller's own blocks, one for each KiB. They are wiped after each use, and before the
    /// first one they hold no secret.
    pub fn new(mut blocks: impl AsMut<[Block]> + Send + Sync + 'static) -> Self {
        let len = blocks.as_mut().len();
        Self { blocks: Box::new(blocks), len, is_wiped: true }
    }

    /// Allocates as much as `cost` needs: [`Cost::memory_kib`] KiB.
    ///
    /// # Errors
    ///
    /// [`KdfError`] if the system has not that much memory.
    pub fn for_cost(cost: Cost) -> Result<Self, KdfError> {
        let len = usize::try_from(cost.memory_kib).map_err(|_| KdfError)?;
        let mut blocks = Vec::new();
        blocks.try_reserve_exact(len).map_err(|_| KdfError)?;
        blocks.resize(len, Block::default());
        Ok(Self::new(blocks))
    }

    /// Lends the blocks for one derivation, and wipes them; allocates only if a former cost was
    /// lower.
    fn lend<T>(
        &mut self,
        cost: Cost,
        work: impl FnOnce(&mut [Block]) -> Result<T, KdfError>,
    ) -> Result<T, KdfError> {
        let len = usize::try_from(cost.memory_kib).map_err(|_| KdfError)?;
        if self.len < len {
            *self = Self::for_cost(cost)?;
        }
        let blocks = (*self.blocks).as_mut().get_mut(..len).ok_or(KdfError)?;
        self.is_wiped = false;
        let result = work(blocks);
        self.wipe();
        result
    }

    fn wipe(&mut self) {
        if !self.is_wiped {
            (*self.blocks).as_mut().iter_mut().for_each(Block::zeroize);
            self.is_wiped = true;
        }
    }
}

impl Drop for WorkMemory {
    /// Whatever a panic has left.
    fn drop(&mut self) {
        self.wipe();
    }
}

impl ZeroizeOnDrop for WorkMemory {}

impl fmt::Debug for WorkMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WorkMemory({} KiB)", self.len)
    }
}

/// There is not enough memory to derive a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KdfError;

error_text!(KdfError, "not enough memory to derive the key");

/// The 256-bit key of the AEAD. Wiped on drop, and boxed so that moving it leaves no copy.
pub(crate) struct Key(Box<Zeroizing<[u8; KEY_LEN]>>);

impl Key {
    pub(crate) fn expose(&self) -> &[u8; KEY_LEN] {
        &self.0
    }

    /// Copies the bytes; wiping the original is the caller's.
    pub(crate) fn copied(bytes: &[u8; KEY_LEN]) -> Self {
        let mut key = Self(Box::new(Zeroizing::new([0; KEY_LEN])));
        key.0.copy_from_slice(bytes);
        key
    }
}

/// What ties a key to a record, and tells a wrong passphrase from a damaged record.
///
/// Public once it stands in a record, but compared in constant time all the same.
#[derive(Clone)]
pub(crate) struct Commitment(pub(crate) [u8; COMMITMENT_LEN]);

impl Commitment {
    pub(crate) fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).to_bool()
    }
}

/// What one derivation gives: the three thirds of a 96-byte Argon2id output.
pub(crate) struct Derived {
    pub(crate) key: Key,
    pub(crate) commitment: Commitment,
    pub(crate) proof: Proof,
}

/// Derives key, commitment and proof.
///
/// The salt that Argon2 sees is the first 16 bytes of
/// SHA-256(`passsafe-user-v1` ‖ `salt` ‖ `user`).
pub(crate) fn derive(
    passphrase: &Passphrase,
    user: &User,
    salt: &[u8; SALT_LEN],
    cost: Cost,
    memory: &mut WorkMemory,
) -> Result<Derived, KdfError> {
    let mut output = Zeroizing::new([[0; KEY_LEN], [0; COMMITMENT_LEN], [0; Proof::LEN]]);
    let (password, salt) = (passphrase.expose().as_bytes(), bind_user(user, salt));
    memory
        .lend(cost, |blocks| argon2id(password, &salt, cost, blocks, output.as_flattened_mut()))?;
    let [key, commitment, proof] = &*output;
    Ok(Derived {
        key: Key::copied(key),
        commitment: Commitment(*commitment),
        proof: Proof::copied(proof),
    })
}

fn bind_user(user: &User, salt: &[u8; SALT_LEN]) -> [u8; SALT_LEN] {
    let mut context = Context::new(&SHA256);
    context.update(USER_CONTEXT);
    context.update(salt);
    context.update(user.as_bytes());
    let mut bound = [0; SALT_LEN];
    for (to, from) in bound.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    bound
}

fn argon2id(
    password: &[u8],
    salt: &[u8],
    cost: Cost,
    memory: &mut [Block],
    output: &mut [u8],
) -> Result<(), KdfError> {
    // The bounds of `Cost` lie well inside Argon2's own, so what can still fail is a
    // passphrase of four gigabytes.
    let params = Params::new(cost.memory_kib, cost.iterations, PARALLELISM, Some(output.len()))
        .map_err(|_| KdfError)?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(password, salt, output, memory)
        .map_err(|_| KdfError)
}

#[cfg(test)]
mod tests {
    use argon2::AssociatedData;
    use data_encoding::HEXLOWER;
    use serde::Deserialize;

    use super::*;

    const LEAST: Cost = Cost { memory_kib: Cost::MIN_MEMORY_KIB, iterations: 1 };

    #[derive(Deserialize)]
    struct OneLane {
        iterations: u32,
        memory_kib: u32,
        password: String,
        salt: String,
        tag: String,
    }

    #[derive(Deserialize)]
    struct Rfc9106 {
        password: String,
        salt: String,
        secret: String,
        associated_data: String,
        memory_kib: u32,
        iterations: u32,
        parallelism: u32,
        tag: String,
    }

    fn hex(text: &str) -> Vec<u8> {
        HEXLOWER.decode(text.as_bytes()).unwrap()
    }

    #[test]
    fn the_vectors_of_the_reference_implementation_hold() {
        let vectors: Vec<OneLane> =
            serde_json::from_str(include_str!("../tests/vectors/argon2id-reference.json")).unwrap();
        assert_eq!(vectors.len(), 6);
        for vector in vectors {
            let cost = Cost::new(vector.memory_kib, vector.iterations).unwrap();
            let mut memory = WorkMemory::for_cost(cost).unwrap();
            let mut tag = [0; 32];
            let (password, salt) = (vector.password.as_bytes(), vector.salt.as_bytes());
            memory.lend(cost, |blocks| argon2id(password, salt, cost, blocks, &mut tag)).unwrap();
            assert_eq!(HEXLOWER.encode(&tag), vector.tag);
        }
    }

    /// The RFC's only Argon2id vector has four lanes, which records never have: it vouches
    /// for the library, not for the parameters.
    #[test]
    fn the_vector_of_rfc_9106_holds() {
        let vector: Rfc9106 =
            serde_json::from_str(include_str!("../tests/vectors/rfc9106.json")).unwrap();
        let params = argon2::ParamsBuilder::new()
            .m_cost(vector.memory_kib)
            .t_cost(vector.iterations)
            .p_cost(vector.parallelism)
            .data(AssociatedData::new(&hex(&vector.associated_data)).unwrap())
            .build()
            .unwrap();
        let secret = hex(&vector.secret);
        let argon2 =
            Argon2::new_with_secret(&secret, Algorithm::Argon2id, Version::V0x13, params).unwrap();
        let mut memory = vec![Block::default(); 32];
        let mut tag = [0; 32];
        argon2
            .hash_password_into_with_memory(
                &hex(&vector.password),
                &hex(&vector.salt),
                &mut tag,
                &mut memory,
            )
            .unwrap();
        assert_eq!(HEXLOWER.encode(&tag), vector.tag);
    }

    fn derive_for(passphrase: &str, user: &str, salt: [u8; 16]) -> [[u8; 32]; 3] {
        let mut memory = WorkMemory::for_cost(LEAST).unwrap();
        let passphrase = Passphrase::new(passphrase).unwrap();
        let user = User::new(user).unwrap();
        let derived = derive(&passphrase, &user, &salt, LEAST, &mut memory).unwrap();
        [*derived.key.expose(), derived.commitment.0, *derived.proof.expose()]
    }

    #[test]
    fn key_depends_on_passphrase_user_and_salt() {
        let base = derive_for("zoom", "ana", [0; 16]);
        assert_eq!(base, derive_for(" ZOOM ", "ana", [0; 16]));
        assert!(base[0] != base[1] && base[1] != base[2] && base[0] != base[2]);
        for other in [
            derive_for("zoo", "ana", [0; 16]),
            derive_for("zoom", "anb", [0; 16]),
            derive_for("zoom", "ana", [1; 16]),
        ] {
            assert!(base.iter().zip(&other).all(|(base, other)| base != other));
        }
    }

    #[test]
    fn work_memory_is_zero_after_a_derivation() {
        let mut memory = WorkMemory::for_cost(LEAST).unwrap();
        let passphrase = Passphrase::new("zoom").unwrap();
        let user = User::new("ana").unwrap();
        derive(&passphrase, &user, &[0; 16], LEAST, &mut memory).unwrap();
        let blocks = (*memory.blocks).as_mut();
        assert_eq!(blocks.len(), 19_456);
        assert!(blocks.iter().all(|block| block.as_ref().iter().all(|&word| word == 0)));
    }

    #[test]
    fn used_memory_serves_a_higher_cost_too() {
        let mut memory = WorkMemory::for_cost(LEAST).unwrap();
        let passphrase = Passphrase::new("zoom").unwrap();
        let user = User::new("ana").unwrap();
        let more = Cost::new(Cost::MIN_MEMORY_KIB + 8, 1).unwrap();
        derive(&passphrase, &user, &[0; 16], LEAST, &mut memory).unwrap();
        let reused = derive(&passphrase, &user, &[0; 16], more, &mut memory).unwrap();
        let mut fresh = WorkMemory::for_cost(more).unwrap();
        let expected = derive(&passphrase, &user, &[0; 16], more, &mut fresh).unwrap();
        assert_eq!(reused.key.expose(), expected.key.expose());
    }

    #[test]
    fn cost_outside_its_bounds_is_refused() {
        for (memory_kib, iterations) in [(19_456, 1), (262_144, 10), (65_536, 3)] {
            assert!(Cost::new(memory_kib, iterations).is_ok());
        }
        for (memory_kib, iterations) in
            [(19_455, 3), (262_145, 3), (u32::MAX, 3), (0, 3), (65_536, 0), (65_536, 11)]
        {
            assert!(Cost::new(memory_kib, iterations).is_err());
        }
    }
}
