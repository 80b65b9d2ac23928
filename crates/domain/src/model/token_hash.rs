//! Hashes for looking up secret tokens.

use std::fmt;

use sha2::{Digest, Sha256};

/// The SHA-256 of a token; the token itself is not stored. A fast hash is enough for tokens of at least 128 random
/// bits. Its `Debug` output is redacted.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of a token.
    #[must_use]
    pub fn new(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// Wraps a digest.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The digest, for storing.
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
        let hash = TokenHash::new("IJKLMNOPQRSTUVWXYZabcdefghijklmn");
        let hex: String = hash.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        // Computed with sha256sum.
        assert_eq!(hex, "aeae0702dfa67fcf0e3d93ca15c8bece640c64fcae463ac757ec9fb36753b4d9");
    }
}
