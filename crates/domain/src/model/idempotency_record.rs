//! Idempotency records: make requests idempotent, so that clients can retry after a lost response.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use super::{IdempotencyRecordId, Link, Located, ParseError, Sha256, Share, Upload, UserId};
use crate::error::Result;

/// A caller's key for a request and its retries: 1–255 printable ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Parses a key.
    ///
    /// # Errors
    /// The rule that `text` breaks.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let valid = (1..=255).contains(&text.len()) && text.bytes().all(|b| matches!(b, b' '..=b'~'));
        valid.then(|| Self(text.to_owned())).ok_or(ParseError::new("must be 1 to 255 printable ASCII characters"))
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An idempotent request, identified by caller, path and key; the digest tells whether a retry has the same content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyedRequest {
    /// The caller.
    pub user: UserId,
    /// The request path, such as `/drive`.
    pub path: String,
    /// The caller's key.
    pub key: IdempotencyKey,
    /// The digest of the content; none until the body has arrived, and then [set](IdempotencyRecord::set_digest) on the
    /// record.
    pub digest: Option<Sha256>,
    /// The digest under the previous digest key, if digests are keyed.
    pub former_digest: Option<Sha256>,
}

/// The result of a request, as seen by the transaction that performed it.
#[derive(Clone, Copy, Debug)]
pub enum CommandOutcome<'a> {
    /// A file or folder was created.
    Made(&'a Located),
    /// A file or folder was changed.
    Changed(&'a Located),
    /// A file got the content sent with the request.
    Replaced(&'a Located),
    /// An upload was begun.
    UploadStarted(&'a Upload),
    /// The operation is idempotent: a retry may simply run again.
    Again,
    /// A node was shared.
    Shared(&'a Share),
    /// A public link was created.
    Linked(&'a Link),
    /// A profile photo was set.
    Photo,
}

/// Serialises an answer for retries.
pub type ResponseEncoder = dyn Fn(CommandOutcome<'_>) -> Result<String> + Send + Sync;

/// Permission to perform a keyed request once. The transaction that performs it stores the answer in the record, and
/// fails if another request holds the record by then.
#[derive(Clone)]
pub struct IdempotencyRecord(Arc<Held>);

struct Held {
    id: IdempotencyRecordId,
    request: KeyedRequest,
    write: Arc<ResponseEncoder>,
    settled: OnceLock<Sha256>,
    written: AtomicBool,
}

impl IdempotencyRecord {
    /// Creates a record `id` for `request`, whose answers are serialised by `write`.
    #[must_use]
    pub fn new(id: IdempotencyRecordId, request: KeyedRequest, write: Arc<ResponseEncoder>) -> Self {
        Self(Arc::new(Held { id, request, write, settled: OnceLock::new(), written: AtomicBool::new(false) }))
    }

    /// The identifier, which tells concurrent claims on the same request apart.
    #[must_use]
    pub fn id(&self) -> IdempotencyRecordId {
        self.0.id
    }

    /// The request.
    #[must_use]
    pub fn request(&self) -> &KeyedRequest {
        &self.0.request
    }

    /// Records the digest of a body that has arrived. Only the first call has an effect.
    pub fn set_digest(&self, digest: Sha256) {
        let _ = self.0.settled.set(digest);
    }

    /// The digest of the request, if known by now.
    #[must_use]
    pub fn digest(&self) -> Option<Sha256> {
        self.request().digest.or_else(|| self.0.settled.get().copied())
    }

    /// Serialises `answer`, for the transaction to store.
    ///
    /// # Errors
    /// If serialisation fails.
    pub fn write(&self, answer: CommandOutcome<'_>) -> Result<String> {
        let text = (self.0.write)(answer)?;
        self.0.written.store(true, Ordering::Release);
        Ok(text)
    }

    /// Whether an answer was written. The transaction that wrote it need not have committed.
    #[must_use]
    pub fn is_written(&self) -> bool {
        self.0.written.load(Ordering::Acquire)
    }
}

impl PartialEq for IdempotencyRecord {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for IdempotencyRecord {}

impl fmt::Debug for IdempotencyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdempotencyRecord")
            .field("id", &self.id())
            .field("request", self.request())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_what_a_header_can_carry() {
        for text in ["k", "order 7: \"a\"", &"k".repeat(255)] {
            assert_eq!(IdempotencyKey::parse(text).unwrap().as_str(), text);
        }
        for text in ["", "é", "a\nb", "\u{7f}", &"k".repeat(256)] {
            assert!(IdempotencyKey::parse(text).is_err(), "{text:?}");
        }
    }
}
