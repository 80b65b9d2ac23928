//! Receipts: what makes a request safe to be sent again, whatever became of the answer to the first.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use super::{Link, Located, ReceiptId, Sha256, Share, Upload, UserId};
use crate::error::Result;

/// The name that a caller gives to a request, and to every repeat of it: 1–255 printable ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Checks that `text` can be one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let valid = (1..=255).contains(&text.len()) && text.bytes().all(|b| matches!(b, b' '..=b'~'));
        valid.then(|| Self(text.to_owned()))
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A request that may be sent again. Caller, path and key name it; the digest tells whether it still says the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyedRequest {
    /// The caller.
    pub user: UserId,
    /// What is called, such as `/drive`.
    pub path: String,
    /// The caller's name for it.
    pub key: IdempotencyKey,
    /// The digest of what it says; none while its body has not come, which the receipt then [gets](Receipt::settle).
    pub digest: Option<Sha256>,
    /// The digest that it had until a key was changed, if digests depend on one.
    pub former_digest: Option<Sha256>,
}

/// What a request came to, as the transaction that did it sees it.
#[derive(Clone, Copy, Debug)]
pub enum Answer<'a> {
    /// A file or folder was made.
    Made(&'a Located),
    /// A file or folder was changed.
    Changed(&'a Located),
    /// A file got the content that came with the request.
    Replaced(&'a Located),
    /// An upload began.
    Begun(&'a Upload),
    /// What was done may as well be done again: it comes to the same.
    Again,
    /// A node was shared.
    Shared(&'a Share),
    /// A public link was made.
    Linked(&'a Link),
    /// A profile photo was set.
    Photo,
}

/// How an answer is written down, for whoever will read it to a repeat.
pub type WriteAnswer = dyn Fn(Answer<'_>) -> Result<String> + Send + Sync;

/// Leave to do what a keyed request asks for, once: what is done is written into the receipt by the transaction that does
/// it, which fails when somebody else holds the receipt by then.
#[derive(Clone)]
pub struct Receipt(Arc<Held>);

struct Held {
    id: ReceiptId,
    request: KeyedRequest,
    write: Arc<WriteAnswer>,
    settled: OnceLock<Sha256>,
    written: AtomicBool,
}

impl Receipt {
    /// The receipt for `request` that is known as `id`, into which `write` writes.
    #[must_use]
    pub fn new(id: ReceiptId, request: KeyedRequest, write: Arc<WriteAnswer>) -> Self {
        Self(Arc::new(Held { id, request, write, settled: OnceLock::new(), written: AtomicBool::new(false) }))
    }

    /// Whose it is among all who ask for the same at once.
    #[must_use]
    pub fn id(&self) -> ReceiptId {
        self.0.id
    }

    /// What it is for.
    #[must_use]
    pub fn request(&self) -> &KeyedRequest {
        &self.0.request
    }

    /// Notes the digest of a body that has come. The first one stays.
    pub fn settle(&self, digest: Sha256) {
        let _ = self.0.settled.set(digest);
    }

    /// The digest of what the request says, as far as it has come.
    #[must_use]
    pub fn digest(&self) -> Option<Sha256> {
        self.request().digest.or_else(|| self.0.settled.get().copied())
    }

    /// The text of `answer`, for the transaction to keep.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, answer: Answer<'_>) -> Result<String> {
        let text = (self.0.write)(answer)?;
        self.0.written.store(true, Ordering::Release);
        Ok(text)
    }

    /// Whether an answer was written, though not that the transaction which did so was committed.
    #[must_use]
    pub fn is_written(&self) -> bool {
        self.0.written.load(Ordering::Acquire)
    }
}

impl PartialEq for Receipt {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for Receipt {}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt").field("id", &self.id()).field("request", self.request()).finish_non_exhaustive()
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
            assert!(IdempotencyKey::parse(text).is_none(), "{text:?}");
        }
    }
}
