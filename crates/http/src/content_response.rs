//! Content responses: whole, a range, or 304.

use std::error::Error as _;
use std::ops::Range;

use actix_web::http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName,
    LAST_MODIFIED, LOCATION, ORIGIN,
};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use clouddrive_contract::Code;
use clouddrive_domain::Error;
use clouddrive_domain::model::{Content, Timestamp};
use clouddrive_domain::port::{ByteStream, ContentHeaders};
use clouddrive_domain::service::Delivery;
use futures_util::TryStreamExt;
use tracing::Span;

use crate::conditions::{self, Plan, Validators};
use crate::metrics::damaged;
use crate::problem::Problem;
use crate::{map, reply};

/// The modification time of the client's own copy (RFC 3339).
const X_CLIENT_MODIFIED_AT: HeaderName = HeaderName::from_static("x-client-modified-at");

/// Content and its metadata.
pub struct Representation<'a> {
    pub size: u64,
    pub validators: Validators,
    pub client_modified_at: Option<Timestamp>,
    pub content_headers: &'a ContentHeaders,
}

impl<'a> Representation<'a> {
    /// The representation of `content`.
    pub fn new(content: &Content, content_headers: &'a ContentHeaders) -> Self {
        Self {
            size: content.size,
            validators: content.into(),
            client_modified_at: content.client_modified_at,
            content_headers,
        }
    }
}

/// Responds with what `answer` makes of the content that `open` finds. A change of content may delete the bytes between
/// the two; then both run once more, so that preconditions and range are evaluated against the new content as well.
pub async fn with_current_content<T>(
    open: impl AsyncFn() -> clouddrive_domain::Result<T>,
    content: impl Fn(&T) -> &Content,
    answer: impl AsyncFn(&T) -> Result<HttpResponse, Problem>,
) -> Result<HttpResponse, Problem> {
    let opened = open().await?;
    let problem = match answer(&opened).await {
        Err(problem) if problem.code == Code::NotFound => problem,
        outcome => return outcome,
    };
    let reopened = open().await?;
    if content(&reopened).blob == content(&opened).blob {
        return Err(problem);
    }
    answer(&reopened).await
}

/// Responds to a GET or HEAD with the bytes fetched by `read`, honouring preconditions and range.
pub async fn respond<F>(
    request: &HttpRequest,
    bytes: Representation<'_>,
    read: impl FnOnce(Range<u64>) -> F,
) -> Result<HttpResponse, Problem>
where
    F: Future<Output = clouddrive_domain::Result<ByteStream>>,
{
    let plan = conditions::evaluate(request, &bytes.validators, bytes.size)?;
    let (status, range) = match plan {
        Plan::NotModified => (StatusCode::NOT_MODIFIED, 0..0),
        Plan::Whole => (StatusCode::OK, 0..bytes.size),
        Plan::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
    };
    let mut response = HttpResponse::build(status);
    describe(&mut response, &bytes)?;
    if status == StatusCode::NOT_MODIFIED {
        return Ok(response.finish());
    }
    response
        .insert_header((CONTENT_TYPE, bytes.content_headers.media_type.as_str()))
        .insert_header((CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"));
    if bytes.content_headers.attachment.is_some() {
        response.insert_header((CONTENT_DISPOSITION, bytes.content_headers.content_disposition()));
    }
    if status == StatusCode::PARTIAL_CONTENT {
        let last = range.end.saturating_sub(1);
        response.insert_header((CONTENT_RANGE, format!("bytes {}-{last}/{}", range.start, bytes.size)));
    }
    let length = range.end - range.start;
    let body = if request.method() == Method::HEAD { empty() } else { reported(read(range).await?) };
    Ok(response.body(actix_web::body::SizedStream::new(length, body)))
}

/// Adds the validator headers.
fn describe(response: &mut HttpResponseBuilder, bytes: &Representation<'_>) -> Result<(), Problem> {
    response.insert_header((ETAG, bytes.validators.tag.to_string())).insert_header((ACCEPT_RANGES, "bytes"));
    if let Some(date) = bytes.validators.last_modified() {
        response.insert_header((LAST_MODIFIED, date));
    }
    if let Some(at) = bytes.client_modified_at {
        response.insert_header((X_CLIENT_MODIFIED_AT, map::time(at)?.to_string()));
    }
    Ok(())
}

/// Responds to a GET as `delivery` decides: with the bytes, or with a redirect to their store. It is not asked for
/// requests that need no bytes (HEAD, and 304), which are answered here. So are requests that the store might decide
/// differently, and cross-origin ones: after a cross-origin redirect browsers send `Origin: null`, which no bucket's
/// CORS rule allows.
pub async fn deliver<F, G>(
    request: &HttpRequest,
    bytes: Representation<'_>,
    read: impl FnOnce(Range<u64>) -> F,
    delivery: impl FnOnce() -> G,
) -> Result<HttpResponse, Problem>
where
    F: Future<Output = clouddrive_domain::Result<ByteStream>>,
    G: Future<Output = clouddrive_domain::Result<Delivery>>,
{
    let plan = conditions::evaluate(request, &bytes.validators, bytes.size)?;
    let here = plan == Plan::NotModified
        || request.method() == Method::HEAD
        || request.headers().contains_key(ORIGIN)
        || !conditions::store_agrees(request, &bytes.validators);
    if here {
        return respond(request, bytes, read).await;
    }
    match delivery().await? {
        Delivery::Stream => respond(request, bytes, read).await,
        Delivery::Redirect(signed) => {
            let response = HttpResponse::TemporaryRedirect().insert_header((LOCATION, signed.url)).finish();
            Ok(reply::no_store(response))
        }
    }
}

/// Logs errors of `bytes`: the response has already begun, so the client cannot be told.
fn reported(bytes: ByteStream) -> ByteStream {
    let span = Span::current();
    Box::pin(bytes.inspect_err(move |error| {
        if matches!(error, Error::Damaged { .. }) {
            damaged();
        }
        let cause = error.source().map(ToString::to_string);
        span.in_scope(|| match error {
            Error::Unavailable { .. } | Error::Internal { .. } | Error::Damaged { .. } => {
                tracing::error!(%error, cause, "sending the response body failed");
            }
            // The right to the download has ended.
            _ => tracing::warn!(%error, cause, "sending the response body failed"),
        });
    }))
}

fn empty() -> ByteStream {
    Box::pin(futures_util::stream::empty())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use actix_web::body::to_bytes;
    use actix_web::test::TestRequest;
    use actix_web::web::Bytes;
    use clouddrive_domain::model::{BlobKey, BlobRef, MediaType, Name, StoreName, VersionId};
    use futures_util::stream;
    use uuid::Uuid;

    use super::*;

    /// The only bytes in the store, those of version 2.
    const STORED: &[u8] = b"0123456789";

    /// Version 2 is the one with bytes; the others have another length.
    fn version(number: u128) -> Content {
        Content {
            version: VersionId::from_uuid(Uuid::from_u128(number)),
            blob: BlobRef {
                store: StoreName::parse("disk").unwrap(),
                key: BlobKey::parse(&format!("{number:032x}")).unwrap(),
            },
            size: if number == 2 { STORED.len() as u64 } else { 8 },
            sha256: None,
            media_type: MediaType::octet_stream(),
            client_modified_at: None,
            store_tag: None,
            created_at: Timestamp::from_millis(7),
        }
    }

    /// The answer about a file that has the `found` versions, one each time it is opened. Also tells how often it was.
    async fn answered(found: &[u128], headers: &[(&str, &str)]) -> (Result<HttpResponse, Problem>, usize) {
        let request = headers.iter().fold(TestRequest::get(), |request, &header| request.append_header(header));
        let (request, opened) = (request.to_http_request(), Cell::new(0));
        let open = async || {
            let number = found[opened.get()];
            opened.set(opened.get() + 1);
            clouddrive_domain::Result::Ok(version(number))
        };
        let handler = async |content: &Content| {
            let content_headers = ContentHeaders::new(Name::parse("a.txt").unwrap(), content);
            let stored = content.blob == version(2).blob;
            let read = async |range: Range<u64>| -> clouddrive_domain::Result<ByteStream> {
                let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
                let piece = stored.then(|| Bytes::from_static(&STORED[range])).ok_or(Error::NotFound)?;
                let bytes: ByteStream = Box::pin(stream::iter([Ok(piece)]));
                Ok(bytes)
            };
            respond(&request, Representation::new(content, &content_headers), read).await
        };
        let outcome = with_current_content(open, |content: &Content| content, handler).await;
        (outcome, opened.get())
    }

    #[tokio::test]
    async fn a_content_replaced_between_open_and_read_is_answered_as_the_new_one() {
        let former = version(1).tag().to_string();
        for (headers, status, bytes) in [
            (vec![], 200, STORED),
            (vec![("Range", "bytes=-3")], 206, &b"789"[..]),
            (vec![("Range", "bytes=0-3"), ("If-Range", former.as_str())], 200, STORED),
        ] {
            let (outcome, opened) = answered(&[1, 2], &headers).await;
            let response = outcome.unwrap();
            assert_eq!((response.status().as_u16(), opened), (status, 2), "{headers:?}");
            let tag = response.headers().get(ETAG).unwrap().to_str().unwrap();
            assert_eq!(tag, version(2).tag().to_string(), "{headers:?}");
            let range = response.headers().get(CONTENT_RANGE).map(|range| range.to_str().unwrap().to_owned());
            assert_eq!(range.as_deref(), (status == 206).then_some("bytes 7-9/10"), "{headers:?}");
            assert_eq!(to_bytes(response.into_body()).await.unwrap(), bytes, "{headers:?}");
        }
        let (outcome, opened) = answered(&[1, 2], &[("If-Match", &former)]).await;
        assert_eq!((outcome.unwrap_err().code, opened), (Code::PreconditionFailed, 2));
    }

    #[tokio::test]
    async fn a_file_is_opened_again_only_if_its_bytes_are_gone_and_only_once() {
        assert_eq!(answered(&[2], &[]).await.1, 1);
        assert_eq!(answered(&[1], &[("If-Match", "\"other\"")]).await.1, 1);
        for found in [[1, 1], [1, 3]] {
            let (outcome, opened) = answered(&found, &[]).await;
            assert_eq!((outcome.unwrap_err().code, opened), (Code::NotFound, 2), "{found:?}");
        }
    }
}
