//! Requests with an `Idempotency-Key` and a streaming body: their digest is known only once the whole body has
//! arrived.

use std::cell::RefCell;
use std::pin::pin;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use clouddrive_domain::model::{Actor, IdempotencyKey, IdempotencyRecord, KeyedRequest};
use clouddrive_domain::service::{CompletedRequest, IdempotencyService, RENEWAL_INTERVAL, StartOutcome};
use futures_util::{Stream, StreamExt};
use sha2::Digest;
use tokio::time::sleep;

use crate::problem::Problem;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The maximum path length of keyed requests, in bytes.
pub const MAX_PATH_BYTES: usize = 255;

/// The request's key, if any.
pub fn key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY);
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let key = value.to_str().ok().and_then(|text| IdempotencyKey::parse(text).ok()).filter(|_| values.next().is_none());
    let broken = || Problem::invalid("Idempotency-Key", "must be one key of 1 to 255 printable ASCII characters");
    key.map(Some).ok_or_else(broken)
}

/// Refuses a key on operations that do not support it: a client that relies on it must find out.
pub fn refuse_key(headers: &HeaderMap) -> Result<(), Problem> {
    match headers.contains_key(IDEMPOTENCY_KEY) {
        true => Err(Problem::malformed("no Idempotency-Key is taken here")),
        false => Ok(()),
    }
}

/// Marks a response as a replay.
pub fn mark_replayed(headers: &mut HeaderMap) {
    headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
}

/// The idempotency state of a streaming request.
pub enum IdempotentRequest {
    /// No key.
    WithoutKey,
    /// The first request with its key, processed under this idempotency record.
    First(IdempotencyRecord),
    /// A request with this key was completed before; the body's digest tells whether it was the same.
    Done(CompletedRequest),
}

impl IdempotentRequest {
    /// Looks up whether the request was sent before.
    pub async fn begin(
        idempotency: &IdempotencyService,
        request: &HttpRequest,
        actor: &Actor,
    ) -> Result<Self, Problem> {
        let Some(key) = key(request.headers())? else {
            return Ok(Self::WithoutKey);
        };
        // No keyed route has a longer path.
        if request.path().len() > MAX_PATH_BYTES {
            return Err(Problem::not_found());
        }
        let path = request.path().to_owned();
        let keyed = KeyedRequest { user: actor.user, path, key, digest: None, former_digest: None };
        match idempotency.start(keyed).await? {
            StartOutcome::First(record) => Ok(Self::First(record)),
            StartOutcome::Done(done) => Ok(Self::Done(done)),
            // The store cannot tell a repeat without a digest.
            StartOutcome::Repeat(_) => Err(Problem::malformed("the key was used in another way")),
        }
    }

    /// The idempotency record of a first request.
    pub const fn idempotency_record(&self) -> Option<&IdempotencyRecord> {
        match self {
            Self::First(record) => Some(record),
            Self::WithoutKey | Self::Done(_) => None,
        }
    }

    /// Whether the body's digest is needed.
    pub const fn is_keyed(&self) -> bool {
        !matches!(self, Self::WithoutKey)
    }

    /// Runs `work` and keeps its outcome for repeats. The idempotency record is renewed meanwhile.
    pub async fn run(
        self,
        idempotency: &IdempotencyService,
        work: impl Future<Output = Result<HttpResponse, Problem>>,
    ) -> Result<HttpResponse, Problem> {
        let Self::First(record) = self else {
            return work.await;
        };
        let mut work = pin!(work);
        let outcome = loop {
            tokio::select! {
                outcome = &mut work => break outcome,
                () = sleep(RENEWAL_INTERVAL) => {
                    if let Err(error) = idempotency.renew(&record).await {
                        tracing::warn!(%error, "renewing an idempotency record failed");
                    }
                }
            }
        };
        if let Err(error) = idempotency.end(&record, outcome.is_ok()).await {
            // The idempotency record expires by itself.
            tracing::warn!(%error, "releasing an idempotency record failed");
        }
        outcome
    }
}

/// The running SHA-256 of a stream, if needed.
pub struct StreamDigest(Option<RefCell<sha2::Sha256>>);

impl StreamDigest {
    pub fn new(needed: bool) -> Self {
        Self(needed.then(RefCell::default))
    }

    /// Passes the stream through while hashing it.
    pub fn update_from<E>(
        &self,
        stream: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> impl Stream<Item = Result<Bytes, E>> + Unpin {
        stream.inspect(move |piece| {
            if let (Some(digest), Ok(bytes)) = (&self.0, piece) {
                digest.borrow_mut().update(bytes);
            }
        })
    }

    /// The digest so far, as part of the digest input; empty if not needed.
    pub fn input(&self) -> Vec<u8> {
        self.0.as_ref().map(|digest| digest.borrow().clone().finalize().to_vec()).unwrap_or_default()
    }
}
