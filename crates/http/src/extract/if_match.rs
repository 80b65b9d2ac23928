use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{Header, IF_MATCH, IfMatch as IfMatchHeader};
use actix_web::{FromRequest, HttpRequest};
use clouddrive_domain::model::{EntityTag, Precondition};

use crate::problem::Problem;

/// The precondition of the `If-Match` header.
pub struct IfMatch(pub Precondition);

impl FromRequest for IfMatch {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(read(request))))
    }
}

/// Weak tags and malformed ones match nothing (RFC 9110 requires strong comparison).
fn read(request: &HttpRequest) -> Precondition {
    if !request.headers().contains_key(IF_MATCH) {
        return Precondition::default();
    }
    match IfMatchHeader::parse(request) {
        Ok(IfMatchHeader::Any) => Precondition::default(),
        Ok(IfMatchHeader::Items(tags)) => {
            let strong = tags.into_iter().filter(|tag| !tag.weak);
            Precondition::any_of(strong.filter_map(|tag| EntityTag::parse(tag.tag()).ok()))
        }
        Err(_) => Precondition::any_of([]),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn lists_stars_and_what_matches_nothing() {
        let given = |lines: &[&str]| {
            let request =
                lines.iter().fold(TestRequest::put(), |request, line| request.append_header((IF_MATCH, *line)));
            read(&request.to_http_request())
        };
        let tags = |tags: &[&str]| Precondition::any_of(tags.iter().map(|text| EntityTag::parse(text).unwrap()));
        assert_eq!(given(&[]), Precondition::default());
        assert_eq!(given(&["*"]), Precondition::default());
        assert_eq!(given(&["\"1\""]), tags(&["1"]));
        assert_eq!(given(&["\"1\", W/\"2\",\"x-3\""]), tags(&["1", "x-3"]));
        assert_eq!(given(&["\"1\"", "\"2\""]), tags(&["1", "2"]));
        for none in ["", "1", "W/\"1\"", "\"\""] {
            assert_eq!(given(&[none]), tags(&[]), "{none}");
        }
    }
}
