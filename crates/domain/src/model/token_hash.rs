//! What secret tokens are found by.

use std::fmt;

use sha2::{Digest, Sha256};

/// The SHA-256 of a token, all that is stored to find it by. What has 128 random bits and more needs no slower hash. It
/// prints as nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of a token.
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// Wraps a digest.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The digest, for whoever stores it.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_changes() {
        let hash = TokenHash::of("IJKLMNOPQRSTUVWXYZabcdefghijklmn");
        let hex: String = hash.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        // By sha256sum.
        assert_eq!(hex, "aeae0702dfa67fcf0e3d93ca15c8bece640c64fcae463ac757ec9fb36753b4d9");
    }
}
