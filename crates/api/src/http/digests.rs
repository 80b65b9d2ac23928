//! Digests of requests that may be sent again.

use clouddrive_domain::model::Sha256;
use hmac::{Hmac, Mac};

use super::cursor::hmac;

/// Digests bodies. A password may be in one, so who has but the digests, in a backup for example, must not be able to try
/// what they are of: it takes a key.
#[derive(Clone)]
pub(crate) struct Digests {
    mac: Hmac<sha2::Sha256>,
    /// That of a key that was used before this one.
    former: Option<Hmac<sha2::Sha256>>,
}

impl Digests {
    pub(crate) fn new(key: [u8; 32], former: Option<[u8; 32]>) -> Self {
        Self { mac: hmac(key), former: former.map(hmac) }
    }

    /// The digest of `body`.
    pub(crate) fn of(&self, body: &[u8]) -> Sha256 {
        digest(&self.mac, body)
    }

    /// The digest that it had under the key before.
    pub(crate) fn former_of(&self, body: &[u8]) -> Option<Sha256> {
        self.former.as_ref().map(|mac| digest(mac, body))
    }
}

fn digest(mac: &Hmac<sha2::Sha256>, body: &[u8]) -> Sha256 {
    Sha256::from_bytes(mac.clone().chain_update(body).finalize().into_bytes().into())
}
