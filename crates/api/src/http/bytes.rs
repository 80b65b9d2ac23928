//! Content responses: whole, a range, or 304.

use std::error::Error as _;
use std::ops::Range;

use actix_web::http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName,
    LAST_MODIFIED, LOCATION, ORIGIN,
};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use clouddrive_domain::Error;
use clouddrive_domain::model::{Content, Timestamp};
use clouddrive_domain::port::{ByteStream, Presentation, SignedUrl};

use futures_util::TryStreamExt;
use tracing::Span;

use super::conditions::{self, Plan, Validators};
use super::problem::Outcome;
use super::{map, reply};
use crate::telemetry::blobs;

/// The modification time of the client's own copy (RFC 3339).
pub(crate) const X_CLIENT_MODIFIED_AT: HeaderName = HeaderName::from_static("x-client-modified-at");

/// Content and its metadata.
pub(crate) struct Representation<'a> {
    pub(crate) size: u64,
    pub(crate) validators: Validators,
    pub(crate) client_modified_at: Option<Timestamp>,
    pub(crate) presentation: &'a Presentation,
}

impl<'a> Representation<'a> {
    /// The representation of `content`.
    pub(crate) fn of(content: &Content, presentation: &'a Presentation) -> Self {
        Self {
            size: content.size,
            validators: content.into(),
            client_modified_at: content.client_modified_at,
            presentation,
        }
    }
}

/// Responds to a GET or HEAD with the bytes fetched by `read`, honouring preconditions and range.
pub(crate) async fn answer<F>(
    request: &HttpRequest,
    bytes: Representation<'_>,
    read: impl FnOnce(Range<u64>) -> F,
) -> Outcome<HttpResponse>
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
        .insert_header((CONTENT_TYPE, bytes.presentation.media_type.as_str()))
        .insert_header((CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"));
    if bytes.presentation.attachment.is_some() {
        response.insert_header((CONTENT_DISPOSITION, bytes.presentation.content_disposition()));
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
fn describe(response: &mut HttpResponseBuilder, bytes: &Representation<'_>) -> Outcome<()> {
    response.insert_header((ETAG, bytes.validators.tag.to_string())).insert_header((ACCEPT_RANGES, "bytes"));
    if let Some(date) = bytes.validators.last_modified() {
        response.insert_header((LAST_MODIFIED, date));
    }
    if let Some(at) = bytes.client_modified_at {
        response.insert_header((X_CLIENT_MODIFIED_AT, map::time(at)?.to_string()));
    }
    Ok(())
}

/// Redirects a GET to the URL made by `sign`, for stores that serve the bytes themselves. Requests that need no bytes
/// (HEAD, and 304) are answered here. So are requests that the store might decide differently, and cross-origin ones:
/// after a cross-origin redirect browsers send `Origin: null`, which no bucket's CORS rule allows.
pub(crate) async fn redirect<F, G>(
    request: &HttpRequest,
    bytes: Representation<'_>,
    read: impl FnOnce(Range<u64>) -> F,
    sign: impl FnOnce() -> G,
) -> Outcome<HttpResponse>
where
    F: Future<Output = clouddrive_domain::Result<ByteStream>>,
    G: Future<Output = clouddrive_domain::Result<SignedUrl>>,
{
    let plan = conditions::evaluate(request, &bytes.validators, bytes.size)?;
    let here = plan == Plan::NotModified
        || request.method() == Method::HEAD
        || request.headers().contains_key(ORIGIN)
        || !conditions::store_agrees(request, &bytes.validators);
    if here {
        return answer(request, bytes, read).await;
    }
    let url = sign().await?.url;
    Ok(reply::secret(HttpResponse::TemporaryRedirect().insert_header((LOCATION, url)).finish()))
}

/// Logs errors of `bytes`: the response has already begun, so the client cannot be told.
fn reported(bytes: ByteStream) -> ByteStream {
    let span = Span::current();
    Box::pin(bytes.inspect_err(move |fault| {
        if matches!(fault, Error::Damaged { .. }) {
            blobs::damaged();
        }
        let cause = fault.source().map(ToString::to_string);
        span.in_scope(|| match fault {
            Error::Unavailable { .. } | Error::Internal { .. } | Error::Damaged { .. } => {
                tracing::error!(%fault, cause, "the bytes of an answer break off");
            }
            // The right to the download has ended.
            _ => tracing::warn!(%fault, cause, "the bytes of an answer break off"),
        });
    }))
}

fn empty() -> ByteStream {
    Box::pin(futures_util::stream::empty())
}
