//! Checksums in S3's encoding.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clouddrive_domain::model::{Crc32, Sha256};
use sha2::Digest;

/// The SHA-256 of `bytes`.
pub(crate) fn digest(bytes: &[u8]) -> Sha256 {
    Sha256::from_bytes(sha2::Sha256::digest(bytes).into())
}

/// Encodes a digest in base64.
pub(crate) fn encode(sha256: &Sha256) -> String {
    STANDARD.encode(sha256.as_bytes())
}

/// Decodes a base64 digest; `None` for multipart checksums, which are not digests of the whole.
pub(crate) fn decode(text: &str) -> Option<Sha256> {
    Some(Sha256::from_bytes(STANDARD.decode(text).ok()?.try_into().ok()?))
}

/// Decodes a base64 CRC-32; `None` for multipart checksums, which end with the number of parts.
pub(crate) fn decode_crc32(text: &str) -> Option<Crc32> {
    Some(Crc32(u32::from_be_bytes(STANDARD.decode(text).ok()?.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crc32_of_parts_is_none_of_the_whole() {
        assert_eq!(decode_crc32("NhCmhg=="), Some(Crc32(0x3610_a686)));
        for text in ["NhCmhg==-2", "", "NhCm", "NhCmhgAA"] {
            assert_eq!(decode_crc32(text), None, "{text}");
        }
    }

    #[test]
    fn digests_read_back_and_those_of_parts_are_none() {
        let hello = digest(b"hello");
        assert_eq!(encode(&hello), "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=");
        assert_eq!(decode(&encode(&hello)), Some(hello));
        let of_parts = "lZXJ35AHUUjrBoYDZd8zWEt1v/eCpRDGzUiDpBmDPVA=-1";
        for text in [of_parts, "", "AAAA", "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
