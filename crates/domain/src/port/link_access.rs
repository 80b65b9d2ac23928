use crate::model::{Link, Timestamp};

/// Short-lived proofs that the holder of a public link has given its password, for URLs that browsers open directly.
///
/// Nothing is stored: proofs are authenticated with a key that only the server has.
///
/// ```
/// use clouddrive_domain::model::{LINK_ACCESS_LIFETIME, Link, Timestamp};
/// use clouddrive_domain::port::LinkAccess;
///
/// /// Exchanges a proof for one that is valid longer.
/// fn renew(access: &dyn LinkAccess, link: &Link, proof: &str, now: Timestamp) -> Option<String> {
///     access.verify(link, proof, now).then(|| access.grant(link, now.plus(LINK_ACCESS_LIFETIME)))
/// }
/// ```
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
pub trait LinkAccess: Send + Sync {
    /// Creates a proof for `link` and its current password, if any, valid until `expires_at`. It consists of characters
    /// that need no escaping in a query. It MUST be infeasible to forge without the key.
    fn grant(&self, link: &Link, expires_at: Timestamp) -> String;

    /// Whether `proof` was granted for this link and its current password and is still valid at `now`: it expires
    /// exactly at its expiry time. Setting a password again, even the same one, changes its hash.
    fn verify(&self, link: &Link, proof: &str, now: Timestamp) -> bool;
}
