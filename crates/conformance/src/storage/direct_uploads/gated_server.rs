//! The server behind URLs that lead back to it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a suite fails by a panic")]

use std::ops::Range;

use bytes::Bytes;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{BlobKey, Timestamp};
use clouddrive_domain::port::{
    BlobStore, ContentHeaders, GetTarget, PartStore, PutTarget, SignedRequest, SignedUrl, SignedUrlVerifier,
};
use clouddrive_domain::{Error, Result};
use futures_util::{TryStreamExt, stream};

use super::{Answer, SignedUrlClient};

/// A [`SignedUrlClient`] for a store whose signed URLs lead back to the server: does on the store what the verifier
/// admits.
pub struct GatedServer<'a> {
    /// The store of the blobs.
    pub store: &'a dyn BlobStore,
    /// Receives the parts.
    pub parts: &'a dyn PartStore,
    /// Verifies the URLs.
    pub verifier: &'a dyn SignedUrlVerifier,
    /// The time of the requests.
    pub now: Timestamp,
}

fn request(signed: &SignedUrl) -> SignedRequest<'_> {
    let (path, query) = signed.url.split_once('?').unwrap();
    SignedRequest { key: path.rsplit_once('/').unwrap().1, query }
}

fn status(error: &Error) -> u16 {
    match error {
        Error::Forbidden(_) => 403,
        Error::NotFound => 404,
        Error::Conflict(Conflict::BlobExists) => 412,
        Error::Conflict(Conflict::UploadClosed) => 409,
        Error::RangeNotSatisfiable { .. } => 416,
        Error::Refused(_) => 422,
        other => panic!("{other}"),
    }
}

impl GatedServer<'_> {
    async fn take(&self, signed: &SignedUrl, body: Bytes) -> Result<()> {
        let (target, expected) = self.verifier.verify_put(request(signed), self.now)?;
        let body = Box::pin(stream::iter([Ok(body)]));
        match target {
            PutTarget::Blob(key) => self.store.put(&key, body, expected, &ContentHeaders::unknown()).await.map(drop),
            PutTarget::Part { multipart, number } => self.parts.put_part(&multipart, number, body, expected).await,
        }
    }

    async fn give(&self, signed: &SignedUrl, range: Option<Range<u64>>) -> Result<Answer> {
        let GetTarget { key, content_headers, .. } = self.verifier.verify_get(request(signed), self.now)?;
        let size = self.store.head(&key).await?.ok_or(Error::NotFound)?.size;
        let (status, asked) = range.map_or((200, 0..size), |range| (206, range));
        if asked.end > size {
            return Err(Error::RangeNotSatisfiable { size });
        }
        let pieces: Vec<Bytes> = self.store.get(&key, size, asked.clone()).await?.try_collect().await?;
        let mut headers = headers(&key, &content_headers);
        if status == 206 {
            headers.push(("content-range".to_owned(), format!("bytes {}-{}/{size}", asked.start, asked.end - 1)));
        }
        Ok(Answer { status, headers, body: pieces.concat().into() })
    }
}

fn headers(key: &BlobKey, content_headers: &ContentHeaders) -> Vec<(String, String)> {
    vec![
        ("etag".to_owned(), format!("\"{}\"", key.as_str())),
        ("content-type".to_owned(), content_headers.media_type.as_str().to_owned()),
        ("content-disposition".to_owned(), content_headers.content_disposition()),
    ]
}

impl SignedUrlClient for GatedServer<'_> {
    async fn put(&self, signed: &SignedUrl, body: Bytes) -> u16 {
        self.take(signed, body).await.map_or_else(|error| status(&error), |()| 200)
    }

    async fn get(&self, signed: &SignedUrl, range: Option<Range<u64>>) -> Answer {
        let refused = |error: Error| Answer { status: status(&error), headers: Vec::new(), body: Bytes::new() };
        self.give(signed, range).await.unwrap_or_else(refused)
    }
}
