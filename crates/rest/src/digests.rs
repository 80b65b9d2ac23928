//! Digests of repeatable requests.

use clouddrive_domain::model::Sha256;
use hmac::{Hmac, Mac};

use crate::cursor::hmac;

/// Keyed digests of bodies. A body may contain a password, so a leaked digest, e.g. from a backup, must not allow
/// guessing it offline.
#[derive(Clone)]
pub struct Digests {
    mac: Hmac<sha2::Sha256>,
    /// The MAC of the previous key.
    former: Option<Hmac<sha2::Sha256>>,
}

impl Digests {
    pub fn new(key: [u8; 32], former: Option<[u8; 32]>) -> Self {
        Self { mac: hmac(key), former: former.map(hmac) }
    }

    /// The digest of `body`.
    pub(crate) fn digest(&self, body: &[u8]) -> Sha256 {
        digest(&self.mac, body)
    }

    /// The digest of `body` under the previous key.
    pub(crate) fn former_digest(&self, body: &[u8]) -> Option<Sha256> {
        self.former.as_ref().map(|mac| digest(mac, body))
    }
}

fn digest(mac: &Hmac<sha2::Sha256>, body: &[u8]) -> Sha256 {
    Sha256::from_bytes(mac.clone().chain_update(body).finalize().into_bytes().into())
}
