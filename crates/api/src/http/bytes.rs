//! Handing out bytes: whole or in a range, or not at all when the client has them.

use std::ops::Range;

use actix_web::http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, Header, HeaderName,
    IF_NONE_MATCH, IF_RANGE, LOCATION, RANGE, Range as RangeHeader,
};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};
use clouddrive_domain::Error;
use clouddrive_domain::model::Content;
use clouddrive_domain::port::{ByteStream, Presentation, SignedUrl};

use super::problem::Outcome;
use super::reply;

/// Bytes as they are handed out.
pub(crate) struct Representation<'a> {
    pub(crate) size: u64,
    /// The tag of just these bytes, quoted.
    pub(crate) etag: String,
    pub(crate) presentation: &'a Presentation,
}

impl<'a> Representation<'a> {
    /// Those of `content`.
    pub(crate) fn of(content: &Content, presentation: &'a Presentation) -> Self {
        Self { size: content.size, etag: format!("\"{}\"", content.version), presentation }
    }
}

/// What the conditions of a request amount to.
#[derive(Debug, PartialEq, Eq)]
enum Plan {
    NotModified,
    Whole,
    Part(Range<u64>),
}

/// Answers a GET or HEAD with the bytes that `read` fetches, as its conditions ask for.
pub(crate) async fn answer<F>(
    request: &HttpRequest,
    bytes: Representation<'_>,
    read: impl FnOnce(Range<u64>) -> F,
) -> Outcome<HttpResponse>
where
    F: Future<Output = clouddrive_domain::Result<ByteStream>>,
{
    let plan = plan(request, &bytes)?;
    let (status, range) = match plan {
        Plan::NotModified => (StatusCode::NOT_MODIFIED, 0..0),
        Plan::Whole => (StatusCode::OK, 0..bytes.size),
        Plan::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
    };
    let mut response = HttpResponse::build(status);
    response.insert_header((ETAG, bytes.etag.as_str())).insert_header((ACCEPT_RANGES, "bytes"));
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
    let body = if request.method() == Method::HEAD { empty() } else { read(range).await? };
    Ok(response.body(actix_web::body::SizedStream::new(length, body)))
}

/// Answers a GET with the URL that `sign` makes, where the store hands the bytes out itself. What needs no bytes is
/// answered here: a HEAD, and a GET of bytes that the client has.
pub(crate) async fn redirect<F>(
    request: &HttpRequest,
    bytes: Representation<'_>,
    sign: impl FnOnce() -> F,
) -> Outcome<HttpResponse>
where
    F: Future<Output = clouddrive_domain::Result<SignedUrl>>,
{
    let has_them = header(request, IF_NONE_MATCH).is_some_and(|tags| matches(tags, &bytes.etag));
    if has_them || request.method() == Method::HEAD {
        return answer(request, bytes, |_| async { Ok(empty()) }).await;
    }
    let url = sign().await?.url;
    Ok(reply::secret(HttpResponse::TemporaryRedirect().insert_header((LOCATION, url)).finish()))
}

/// Whether a request asks for bytes from the first one on: for all of them, or for a range that begins there.
pub(crate) fn asks_for_the_beginning(request: &HttpRequest, bytes: &Representation<'_>) -> Outcome<bool> {
    Ok(match plan(request, bytes)? {
        Plan::NotModified => false,
        Plan::Whole => true,
        Plan::Part(range) => range.start == 0,
    })
}

fn empty() -> ByteStream {
    Box::pin(futures_util::stream::empty())
}

fn header(request: &HttpRequest, name: HeaderName) -> Option<&str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}

fn plan(request: &HttpRequest, bytes: &Representation<'_>) -> Outcome<Plan> {
    if header(request, IF_NONE_MATCH).is_some_and(|tags| matches(tags, &bytes.etag)) {
        return Ok(Plan::NotModified);
    }
    // A range of other bytes than the client has begun with would make a mixture.
    let same = header(request, IF_RANGE).is_none_or(|tag| tag.trim() == bytes.etag);
    if !same || !request.headers().contains_key(RANGE) {
        return Ok(Plan::Whole);
    }
    // A range in other units, a malformed one and several at once may be passed over, and are.
    let Ok(RangeHeader::Bytes(specs)) = RangeHeader::parse(request) else {
        return Ok(Plan::Whole);
    };
    let [spec] = specs.as_slice() else {
        return Ok(Plan::Whole);
    };
    let (first, last) = spec.to_satisfiable_range(bytes.size).ok_or(Error::RangeNotSatisfiable { size: bytes.size })?;
    Ok(Plan::Part(first..last + 1))
}

/// Whether `tags`, the value of an `If-None-Match`, has `etag` in it. Weak comparison, as RFC 9110 asks for here.
fn matches(tags: &str, etag: &str) -> bool {
    tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use clouddrive_domain::model::MediaType;

    use super::*;

    fn planned(headers: &[(&str, &str)]) -> Result<Plan, u16> {
        let mut request = TestRequest::get();
        for (name, value) in headers {
            request = request.insert_header((*name, *value));
        }
        let presentation = &Presentation { media_type: MediaType::octet_stream(), attachment: None };
        let bytes = Representation { size: 10, etag: "\"t\"".to_owned(), presentation };
        plan(&request.to_http_request(), &bytes).map_err(|problem| problem.code.status())
    }

    #[test]
    fn ranges() {
        for (range, expected) in [
            ("bytes=0-3", Ok(Plan::Part(0..4))),
            ("bytes=4-", Ok(Plan::Part(4..10))),
            ("bytes=-3", Ok(Plan::Part(7..10))),
            ("bytes=0-99", Ok(Plan::Part(0..10))),
            ("bytes=10-", Err(416)),
            ("bytes=-0", Err(416)),
            ("bytes=3-1", Ok(Plan::Whole)),
            ("bytes=0-1,3-4", Ok(Plan::Whole)),
            ("lines=1-2", Ok(Plan::Whole)),
            ("bytes=x", Ok(Plan::Whole)),
        ] {
            assert_eq!(planned(&[("Range", range)]), expected, "{range}");
        }
    }

    #[test]
    fn conditions() {
        for tags in ["\"t\"", "W/\"t\"", "\"a\", \"t\"", "*"] {
            assert_eq!(planned(&[("If-None-Match", tags), ("Range", "bytes=0-1")]), Ok(Plan::NotModified), "{tags}");
        }
        assert_eq!(planned(&[("If-None-Match", "\"u\"")]), Ok(Plan::Whole));
        assert_eq!(planned(&[("Range", "bytes=0-1"), ("If-Range", "\"t\"")]), Ok(Plan::Part(0..2)));
        for other in ["\"u\"", "W/\"t\"", "Sun, 22 Nov 2026 06:12:00 GMT"] {
            assert_eq!(planned(&[("Range", "bytes=0-1"), ("If-Range", other)]), Ok(Plan::Whole), "{other}");
        }
    }
}
