//! Derives a separate key for each purpose from one secret.

use std::fmt;

use hkdf::Hkdf;
use sha2::Sha256;

/// The purpose of a key. Each purpose has its own key, so that nothing made for one is valid for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Signing access tokens.
    AccessTokens,
    /// Signing blob URLs.
    SignedUrls,
    /// Sealing pagination cursors.
    Cursors,
    /// Sealing the tokens of public links.
    LinkTokens,
    /// Signing proofs that a link's password was entered.
    LinkAccess,
    /// Signing archive URLs.
    ArchiveUrls,
    /// Digesting retryable requests, which may contain passwords.
    RequestDigests,
}

impl Purpose {
    /// The HKDF `info` that separates the keys. Changing one invalidates everything signed with its key.
    const fn info(self) -> &'static [u8] {
        match self {
            Self::AccessTokens => b"clouddrive/access-tokens/v1",
            Self::SignedUrls => b"clouddrive/signed-urls/v1",
            Self::Cursors => b"clouddrive/cursors/v1",
            Self::LinkTokens => b"clouddrive/link-tokens/v1",
            Self::LinkAccess => b"clouddrive/link-access/v1",
            Self::ArchiveUrls => b"clouddrive/archive-urls/v1",
            // The name of version 1: another would invalidate all stored requests.
            Self::RequestDigests => b"clouddrive/receipts/v1",
        }
    }
}

/// The secret from which all keys are derived with HKDF-SHA256 (RFC 5869). `Debug` does not print it.
///
/// All instances that share a database need the same one.
#[derive(Clone)]
pub struct MasterKey(Hkdf<Sha256>);

impl MasterKey {
    /// The minimum length of the secret in bytes: a shorter one has less entropy than the derived keys.
    pub const MIN_BYTES: usize = 32;

    /// Creates the key from the configured secret, which should be randomly generated: derivation does not slow down
    /// guessing.
    ///
    /// # Errors
    /// A human-readable message if the secret is too short.
    pub fn new(secret: &[u8]) -> Result<Self, &'static str> {
        if secret.len() < Self::MIN_BYTES {
            return Err("must have at least 32 bytes");
        }
        Ok(Self(Hkdf::new(None, secret)))
    }

    /// Derives the key for `purpose`: the same for the same secret, on any machine and in any version.
    #[must_use]
    pub fn derive(&self, purpose: Purpose) -> [u8; 32] {
        self.expand(purpose)
    }

    /// Like [`derive`](Self::derive), for any length that HKDF supports: up to 255 × 32 bytes.
    #[expect(clippy::expect_used, reason = "every length in this crate is a constant far below the limit")]
    pub(crate) fn expand<const N: usize>(&self, purpose: Purpose) -> [u8; N] {
        let mut key = [0; N];
        self.0.expand(purpose.info(), &mut key).expect("HKDF-SHA256 gives up to 8,160 bytes");
        key
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"an example secret of 32 bytes ok";

    fn hex(key: &[u8]) -> String {
        key.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn keys_never_change() {
        let master = MasterKey::new(SECRET).unwrap();
        for (purpose, key) in [
            (Purpose::AccessTokens, "7b3c030e2e03a404935d9a359bd6d8c7d41fe7d19bf091b4f6f258a5ff2060ae"),
            (Purpose::SignedUrls, "1c81d5ec1365ba46b7ad2b438a0264ff384427f14d0f13f38d53ec1c62902f1c"),
            (Purpose::Cursors, "f861ebe316d492abb8e57ea199b5e4d752a25f07c52761f636753a2d8ea5e5d2"),
            (Purpose::LinkTokens, "727d1d9f4a2675b9f4e581292b078a02783173f454b7b84b9dd591ca5b89e903"),
            (Purpose::LinkAccess, "8e0a228d60b7632292e3e6ed98453871bd54ad8ad8fd3a5560783039c0d12a9a"),
        ] {
            assert_eq!(hex(&master.derive(purpose)), key, "{purpose:?}");
        }
    }

    #[test]
    fn another_secret_gives_other_keys() {
        let one = MasterKey::new(SECRET).unwrap();
        let other = MasterKey::new(b"another secret of 32 bytes or so").unwrap();
        assert_ne!(one.derive(Purpose::Cursors), other.derive(Purpose::Cursors));
    }

    #[test]
    fn short_secrets_are_refused() {
        assert!(MasterKey::new(b"").is_err());
        assert!(MasterKey::new(&SECRET[1..]).is_err());
    }

    #[test]
    fn it_prints_as_nothing() {
        assert_eq!(format!("{:?}", MasterKey::new(SECRET).unwrap()), "MasterKey(…)");
    }
}
