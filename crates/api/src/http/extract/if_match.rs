use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::IF_MATCH;
use actix_web::{FromRequest, HttpRequest};
use clouddrive_contract::Code;
use clouddrive_domain::model::Revision;

use crate::http::problem::Problem;

/// The revision that the caller insists on, if any. An `If-Match` that no revision can match is refused at once.
pub(crate) struct IfMatch(pub(crate) Option<Revision>);

impl FromRequest for IfMatch {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(parse(request).map(Self))
    }
}

fn parse(request: &HttpRequest) -> Result<Option<Revision>, Problem> {
    let mut values = request.headers().get_all(IF_MATCH);
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or("").trim();
    if text == "*" && values.next().is_none() {
        return Ok(None);
    }
    let quoted = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    // ETags are compared as texts: "+1" and "01" are not "1".
    let same = |number: &u64| quoted.is_some_and(|text| text == number.to_string());
    let revision = quoted.and_then(|text| text.parse().ok()).filter(same).filter(|_| values.next().is_none());
    let unmatched = || Problem::new(Code::PreconditionFailed, "If-Match takes one ETag of this item, as it was given");
    revision.map(|number| Some(Revision(number))).ok_or_else(unmatched)
}
