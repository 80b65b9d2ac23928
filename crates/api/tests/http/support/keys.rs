//! The keys that a server derives from its secret, for tests that sign as it does.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A signing key: HKDF-SHA256 of the server's secret (RFC 5869), in two blocks. Keys of 32 bytes are the first block.
pub fn signing_key(secret: &str, purpose: &str) -> Vec<u8> {
    let master = mac(&[0; 32], &[secret.as_bytes()]);
    let first = mac(&master, &[purpose.as_bytes(), &[1]]);
    let second = mac(&master, &[&first, purpose.as_bytes(), &[2]]);
    [first, second].concat()
}

/// The HMAC-SHA256 of these parts in sequence.
pub fn mac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}
