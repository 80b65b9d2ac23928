use crate::model::{Link, Timestamp};

/// Short-lived proofs that the holder of a public link has given its password, for URLs that a browser opens by itself.
///
/// Nothing is stored: a proof is authenticated by a key that only the server has.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
pub trait LinkAccess: Send + Sync {
    /// A proof for `link`, with the password that it has now, if any, that is good until `expires_at`. It consists of
    /// characters that stand in a query as they are. It MUST be infeasible to make one without the key.
    fn grant(&self, link: &Link, expires_at: Timestamp) -> String;

    /// Whether `proof` was granted for just this link, with the password that it has now, and is still good at `now`: it ends
    /// at its very time. A password that was set anew has another hash, even if it is the same.
    fn verify(&self, link: &Link, proof: &str, now: Timestamp) -> bool;
}
