//! Proofs that the holder of a public link has entered its password.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clouddrive_domain::model::{Link, PasswordHash, Timestamp};
use clouddrive_domain::port::LinkAccess;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Link access proofs: an expiry time in milliseconds, and an HMAC-SHA256 over it, the link and the link's password
/// hash.
#[derive(Clone)]
pub struct MacLinkAccess {
    /// The signing MAC first, then those of former keys.
    macs: Vec<Hmac<Sha256>>,
}

impl MacLinkAccess {
    /// Signs with `key`, which MUST be secret, used for nothing else, and the same on every instance.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self { macs: vec![hmac_of(key)] }
    }

    /// Also accepts proofs signed with the key `former`, for key rotation.
    #[must_use]
    pub fn accepting(mut self, former: [u8; 32]) -> Self {
        self.macs.push(hmac_of(former));
        self
    }
}

/// Pads the key with zeros to the 64-byte block of SHA-256, as HMAC itself does with short keys.
fn hmac_of(key: [u8; 32]) -> Hmac<Sha256> {
    let mut block = [0; 64];
    block.iter_mut().zip(key).for_each(|(byte, key)| *byte = key);
    Hmac::new(&block.into())
}

/// The signed content. Its first two fields have fixed lengths, so the encoding is unambiguous.
fn mac_of(mac: &Hmac<Sha256>, link: &Link, expires_at: Timestamp) -> Hmac<Sha256> {
    let mut mac = mac.clone();
    mac.update(link.id.as_uuid().as_bytes());
    mac.update(&expires_at.as_millis().to_be_bytes());
    mac.update(link.password.as_ref().map_or("", PasswordHash::expose).as_bytes());
    mac
}

impl LinkAccess for MacLinkAccess {
    fn grant(&self, link: &Link, expires_at: Timestamp) -> String {
        let tag = self.macs.first().map(|mac| mac_of(mac, link, expires_at).finalize().into_bytes());
        format!("{}.{}", expires_at.as_millis(), URL_SAFE_NO_PAD.encode(tag.unwrap_or_default()))
    }

    fn verify(&self, link: &Link, proof: &str, now: Timestamp) -> bool {
        let Some((end_text, tag)) = proof.split_once('.') else { return false };
        let (Ok(end), Ok(tag)) = (end_text.parse::<i64>(), URL_SAFE_NO_PAD.decode(tag)) else { return false };
        if end.to_string() != end_text {
            return false;
        }
        let end = Timestamp::from_millis(end);
        let right = self.macs.iter().any(|mac| mac_of(mac, link, end).verify_slice(&tag).is_ok());
        right && now < end
    }
}

impl fmt::Debug for MacLinkAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MacLinkAccess").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_former_key_is_accepted_where_it_is_known() {
        let link = clouddrive_conformance::link_access::link("01990000-0000-7000-8000-0000000000ab", None);
        let (now, end) = (Timestamp::from_millis(1_000), Timestamp::from_millis(2_000));
        let proof = MacLinkAccess::new([7; 32]).grant(&link, end);
        let new = MacLinkAccess::new([8; 32]);
        assert!(!new.verify(&link, &proof, now));
        assert!(new.accepting([7; 32]).verify(&link, &proof, now));
    }

    #[test]
    fn it_prints_no_secrets() {
        assert_eq!(format!("{:?}", MacLinkAccess::new([7; 32])), "MacLinkAccess { .. }");
    }
}
