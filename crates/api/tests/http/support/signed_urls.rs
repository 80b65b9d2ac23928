//! How each store of blobs turns somebody away from a signed URL.

use super::Answer;
use super::stack::{Stack, is_usual_store, stack};

/// Why a signed URL is good for nothing.
#[derive(Clone, Copy, Debug)]
pub enum Reason {
    /// More bytes come than the URL was made for, or fewer.
    Length,
    /// Other bytes come than the URL was made for.
    Checksum,
    /// Its time is over.
    Expired,
    /// It was changed.
    Forged,
    /// The upload has been given up.
    Closed,
}

impl Answer {
    /// The answer must be the store's refusal for just this reason.
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
                // Others than the usual store refuse in other words.
                let refused = self.status == expected || (!is_usual_store() && (400..500).contains(&self.status));
                assert!(refused, "{reason:?}: {} instead of {expected}: {}", self.status, self.text());
            }
        }
    }
}
