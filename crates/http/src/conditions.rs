//! Conditional requests: the preconditions of RFC 9110, section 13, for GET and HEAD of content.

use std::ops::Range;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::{
    EntityTag as HeaderTag, Header, HeaderName, HttpDate, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE, IfMatch, IfModifiedSince, IfNoneMatch, IfRange, IfUnmodifiedSince, RANGE,
    Range as RangeHeader,
};
use clouddrive_domain::model::{Content, EntityTag, Timestamp};
use clouddrive_domain::port::ContentInfo;
use clouddrive_domain::{Error, Result};

/// The validators of a representation.
#[derive(Clone, Debug)]
pub struct Validators {
    /// The strong entity tag.
    pub tag: EntityTag,
    /// An alternative tag of the same bytes.
    pub alternative: Option<EntityTag>,
    /// The value of `Last-Modified`.
    pub modified_at: Option<Timestamp>,
}

/// The response to a request whose preconditions hold.
#[derive(Debug, PartialEq, Eq)]
pub enum Plan {
    /// 304: the client has the bytes.
    NotModified,
    /// All bytes.
    Whole,
    /// The bytes of the range.
    Part(Range<u64>),
}

impl From<&Content> for Validators {
    fn from(content: &Content) -> Self {
        let alternative = content.store_tag.is_some().then(|| content.version.into());
        Self { tag: content.tag(), alternative, modified_at: Some(content.created_at) }
    }
}

impl From<&ContentInfo> for Validators {
    fn from(content: &ContentInfo) -> Self {
        Self { tag: content.tag.clone(), alternative: None, modified_at: Some(content.modified_at) }
    }
}

impl Validators {
    /// The value of `Last-Modified`.
    pub fn last_modified(&self) -> Option<HttpDate> {
        self.modified_at.map(|at| seconds(at).into())
    }

    fn matches_weakly(&self, given: &HeaderTag) -> bool {
        self.tag.as_str() == given.tag()
            || self.alternative.as_ref().is_some_and(|alternative| alternative.as_str() == given.tag())
    }

    fn matches_strongly(&self, given: &HeaderTag) -> bool {
        is_exactly(given, &self.tag) || self.alternative.as_ref().is_some_and(|also| is_exactly(given, also))
    }

    /// Whether the bytes were modified after `than`; `None` if either time is unknown.
    fn modified_after(&self, than: Option<SystemTime>) -> Option<bool> {
        Some(self.modified_at.map(seconds)? > than?)
    }
}

/// The time in whole seconds, as in HTTP dates.
fn seconds(at: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(at.as_seconds()).unwrap_or_default())
}

/// Strong comparison with one tag.
fn is_exactly(given: &HeaderTag, tag: &EntityTag) -> bool {
    !given.weak && given.tag() == tag.as_str()
}

/// Whether the header is present. The typed headers parse an absent list like an empty one and an absent date like a
/// malformed one, but only a header that is present precedes another.
fn has_header(request: &HttpRequest, name: HeaderName) -> bool {
    request.headers().contains_key(name)
}

/// Evaluates the preconditions of a GET or HEAD, in the order of RFC 9110.
///
/// # Errors
/// `PreconditionFailed`; `RangeNotSatisfiable` if all hold and the range lies outside the `size` bytes.
pub fn evaluate(request: &HttpRequest, bytes: &Validators, size: u64) -> Result<Plan> {
    if has_header(request, IF_MATCH) {
        let holds = match IfMatch::parse(request) {
            Ok(IfMatch::Any) => true,
            Ok(IfMatch::Items(tags)) => tags.iter().any(|tag| bytes.matches_strongly(tag)),
            Err(_) => false,
        };
        if !holds {
            return Err(Error::PreconditionFailed);
        }
    } else {
        // Unparsable dates are ignored, here and below.
        let since = IfUnmodifiedSince::parse(request).ok().map(|date| date.0.into());
        if bytes.modified_after(since) == Some(true) {
            return Err(Error::PreconditionFailed);
        }
    }
    if has_header(request, IF_NONE_MATCH) {
        let known = match IfNoneMatch::parse(request) {
            Ok(IfNoneMatch::Any) => true,
            Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| bytes.matches_weakly(tag)),
            Err(_) => false,
        };
        if known {
            return Ok(Plan::NotModified);
        }
    } else {
        let since = IfModifiedSince::parse(request).ok().map(|date| date.0.into());
        if bytes.modified_after(since) == Some(false) {
            return Ok(Plan::NotModified);
        }
    }
    range(request, bytes, size)
}

/// The time of `If-Unmodified-Since`; `None` if absent, unparsable, or overridden by `If-Match`.
pub fn unmodified_since(request: &HttpRequest) -> Option<Timestamp> {
    if has_header(request, IF_MATCH) {
        return None;
    }
    let since: SystemTime = IfUnmodifiedSince::parse(request).ok()?.0.into();
    let since = since.duration_since(UNIX_EPOCH).unwrap_or_default();
    Some(Timestamp::from_millis(i64::try_from(since.as_millis()).ok()?))
}

/// The requested range; only for GET.
fn range(request: &HttpRequest, bytes: &Validators, size: u64) -> Result<Plan> {
    if request.method() != Method::GET || !has_header(request, RANGE) || !if_range_matches(request, bytes) {
        return Ok(Plan::Whole);
    }
    // Ranges in other units, malformed ones and multiple ones may be ignored, and are.
    let Ok(RangeHeader::Bytes(specs)) = RangeHeader::parse(request) else {
        return Ok(Plan::Whole);
    };
    let [spec] = specs.as_slice() else {
        return Ok(Plan::Whole);
    };
    let (first, last) = spec.to_satisfiable_range(size).ok_or(Error::RangeNotSatisfiable { size })?;
    Ok(Plan::Part(first..last + 1))
}

/// Whether the range refers to the same bytes that the client already has; otherwise it would mix two versions. Dates
/// in `If-Range` are too coarse and never match.
fn if_range_matches(request: &HttpRequest, bytes: &Validators) -> bool {
    if !has_header(request, IF_RANGE) {
        return true;
    }
    matches!(IfRange::parse(request), Ok(IfRange::EntityTag(tag)) if bytes.matches_strongly(&tag))
}

/// Whether `If-Range` has exactly this tag.
pub fn if_range_is(request: &HttpRequest, tag: &EntityTag) -> bool {
    matches!(IfRange::parse(request), Ok(IfRange::EntityTag(given)) if is_exactly(&given, tag))
}

/// Whether a store that serves the bytes itself decides the same: it knows only one tag and its own time, and not every
/// store supports every condition.
pub fn store_agrees(request: &HttpRequest, bytes: &Validators) -> bool {
    let by_match = match IfMatch::parse(request) {
        _ if !has_header(request, IF_MATCH) => !has_header(request, IF_UNMODIFIED_SINCE),
        Ok(IfMatch::Items(tags)) => matches!(tags.as_slice(), [given] if is_exactly(given, &bytes.tag)),
        Ok(IfMatch::Any) | Err(_) => false,
    };
    let by_none_match = has_header(request, IF_NONE_MATCH) || !has_header(request, IF_MODIFIED_SINCE);
    let by_range = !has_header(request, RANGE) || !has_header(request, IF_RANGE) || if_range_is(request, &bytes.tag);
    by_match && by_none_match && by_range
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    /// Sun, 22 Nov 2026 06:12:00.500 GMT.
    const AT: i64 = 1_795_327_920_500;
    const SAME: &str = "Sun, 22 Nov 2026 06:12:00 GMT";
    const BEFORE: &str = "Sun, 22 Nov 2026 06:11:59 GMT";
    const AFTER: &str = "Sun, 22 Nov 2026 06:12:01 GMT";

    fn bytes() -> Validators {
        let tag = |text| EntityTag::parse(text).unwrap();
        Validators { tag: tag("t"), alternative: Some(tag("former")), modified_at: Some(Timestamp::from_millis(AT)) }
    }

    fn request(method: Method, headers: &[(&str, &str)]) -> HttpRequest {
        let request = TestRequest::with_uri("/").method(method);
        headers.iter().fold(request, |request, &header| request.append_header(header)).to_http_request()
    }

    /// The outcome of a GET: a plan, or a status.
    fn planned(headers: &[(&str, &str)]) -> Result<Plan, u16> {
        evaluate(&request(Method::GET, headers), &bytes(), 10).map_err(|error| match error {
            Error::PreconditionFailed => 412,
            Error::RangeNotSatisfiable { size: 10 } => 416,
            other => panic!("{other}"),
        })
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
            let head = evaluate(&request(Method::HEAD, &[("Range", range)]), &bytes(), 10);
            assert_eq!(head.unwrap(), Plan::Whole, "HEAD {range}");
        }
    }

    #[test]
    fn each_condition_by_itself() {
        for (name, value, expected) in [
            ("If-Match", "*", Ok(Plan::Whole)),
            ("If-Match", "\"t\"", Ok(Plan::Whole)),
            ("If-Match", "\"x\", \"former\"", Ok(Plan::Whole)),
            ("If-Match", "W/\"t\"", Err(412)),
            ("If-Match", "\"x\"", Err(412)),
            ("If-Match", "t", Err(412)),
            ("If-Unmodified-Since", SAME, Ok(Plan::Whole)),
            ("If-Unmodified-Since", AFTER, Ok(Plan::Whole)),
            ("If-Unmodified-Since", BEFORE, Err(412)),
            ("If-Unmodified-Since", "yesterday", Ok(Plan::Whole)),
            ("If-None-Match", "*", Ok(Plan::NotModified)),
            ("If-None-Match", "\"t\"", Ok(Plan::NotModified)),
            ("If-None-Match", "W/\"t\"", Ok(Plan::NotModified)),
            ("If-None-Match", "\"x\", W/\"former\"", Ok(Plan::NotModified)),
            ("If-None-Match", "\"x\"", Ok(Plan::Whole)),
            ("If-None-Match", "t", Ok(Plan::Whole)),
            ("If-Modified-Since", SAME, Ok(Plan::NotModified)),
            ("If-Modified-Since", AFTER, Ok(Plan::NotModified)),
            ("If-Modified-Since", BEFORE, Ok(Plan::Whole)),
            ("If-Modified-Since", "yesterday", Ok(Plan::Whole)),
        ] {
            assert_eq!(planned(&[(name, value)]), expected, "{name}: {value}");
        }
    }

    #[test]
    fn tags_precede_dates_and_failures_precede_304() {
        for (headers, expected) in [
            (&[("If-Match", "\"t\""), ("If-Unmodified-Since", BEFORE)][..], Ok(Plan::Whole)),
            (&[("If-None-Match", "\"x\""), ("If-Modified-Since", AFTER)], Ok(Plan::Whole)),
            (&[("If-None-Match", "\"t\""), ("If-Modified-Since", BEFORE)], Ok(Plan::NotModified)),
            (&[("If-Match", "\"x\""), ("If-None-Match", "\"t\"")], Err(412)),
            (&[("If-Match", "\"t\""), ("If-None-Match", "\"t\"")], Ok(Plan::NotModified)),
            (&[("If-Unmodified-Since", BEFORE), ("If-Modified-Since", AFTER)], Err(412)),
            (&[("If-Match", "\"x\""), ("Range", "bytes=10-")], Err(412)),
            (&[("If-None-Match", "\"t\""), ("Range", "bytes=10-")], Ok(Plan::NotModified)),
            (&[("If-Match", "\"t\""), ("Range", "bytes=2-")], Ok(Plan::Part(2..10))),
            (&[("If-Match", "\"x\""), ("If-Match", "\"t\"")], Ok(Plan::Whole)),
        ] {
            assert_eq!(planned(headers), expected, "{headers:?}");
        }
    }

    #[test]
    fn if_range_requires_the_same_bytes() {
        for tag in ["\"t\"", "\"former\""] {
            assert_eq!(planned(&[("Range", "bytes=0-1"), ("If-Range", tag)]), Ok(Plan::Part(0..2)), "{tag}");
        }
        for other in ["\"u\"", "W/\"t\"", SAME, AFTER, "t"] {
            assert_eq!(planned(&[("Range", "bytes=0-1"), ("If-Range", other)]), Ok(Plan::Whole), "{other}");
            assert_eq!(planned(&[("Range", "bytes=99-"), ("If-Range", other)]), Ok(Plan::Whole), "{other}");
        }
    }

    #[test]
    fn a_store_decides_only_where_it_agrees() {
        let agrees = |headers: &[(&str, &str)]| store_agrees(&request(Method::GET, headers), &bytes());
        for same in [
            &[][..],
            &[("Range", "bytes=0-1")],
            &[("If-Match", "\"t\""), ("If-Unmodified-Since", AFTER)],
            &[("If-None-Match", "\"x\""), ("If-Modified-Since", AFTER)],
            &[("Range", "bytes=0-1"), ("If-Range", "\"t\"")],
            &[("If-Range", "\"x\"")],
        ] {
            assert!(agrees(same), "{same:?}");
        }
        for other in [
            &[("If-Match", "*")][..],
            &[("If-Match", "\"former\"")],
            &[("If-Match", "\"x\", \"t\"")],
            &[("If-Unmodified-Since", AFTER)],
            &[("If-Modified-Since", BEFORE)],
            &[("Range", "bytes=0-1"), ("If-Range", "\"x\"")],
            &[("Range", "bytes=0-1"), ("If-Range", "\"former\"")],
            &[("Range", "bytes=0-1"), ("If-Range", SAME)],
        ] {
            assert!(!agrees(other), "{other:?}");
        }
    }
}
