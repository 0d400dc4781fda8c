//! Which account may serve the safe.

/// Whose program may be behind a safe on this machine.
///
/// Where the safe is on another machine, or this one is not Linux and the safe is not a Unix
/// socket, the system cannot tell, and this changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TrustedServer {
    /// The account that this program runs as, and no other.
    #[default]
    SameUser,
    /// The account with this user id, and no other.
    Uid(u32),
    /// Any account: the token is sent to whatever listens there.
    Anyone,
}
