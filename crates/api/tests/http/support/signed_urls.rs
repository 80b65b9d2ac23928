//! How each blob store rejects signed URLs.

use super::ApiResponse;
use super::stack::{Stack, is_default_store, stack};

/// Why a signed URL is rejected.
#[derive(Clone, Copy, Debug)]
pub enum Reason {
    /// The body is longer or shorter than the URL was signed for.
    Length,
    /// The body differs from what the URL was signed for.
    Checksum,
    /// The URL has expired.
    Expired,
    /// The URL was changed.
    Forged,
    /// The upload was aborted.
    Closed,
}

impl ApiResponse {
    /// Asserts that the store rejected the request for this reason.
    #[track_caller]
    pub fn turned_away(self, reason: Reason) {
        match stack() {
            Stack::Embedded => {
                let (status, code) = match reason {
                    Reason::Length => (422, "size_mismatch"),
                    Reason::Checksum => (422, "checksum_mismatch"),
                    Reason::Expired => (403, "url_expired"),
                    Reason::Forged => (403, "invalid_signature"),
                    Reason::Closed => (409, "upload_closed"),
                };
                self.refused(status, code);
            }
            Stack::Production => {
                let expected = match reason {
                    Reason::Length | Reason::Forged => 403,
                    Reason::Checksum | Reason::Expired => 400,
                    Reason::Closed => 404,
                };
                // Other stores may use other 4xx statuses.
                let refused = self.status == expected || (!is_default_store() && (400..500).contains(&self.status));
                assert!(refused, "{reason:?}: {} instead of {expected}: {}", self.status, self.text());
            }
        }
    }
}
