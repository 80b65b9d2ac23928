use std::borrow::Cow;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use clouddrive_domain::service::LinkBearer;
use percent_encoding::percent_decode;
use serde::de::DeserializeOwned;

use super::origin::origin_of;
use super::strict_parse;
use crate::problem::Problem;

/// The header with a link's password: UTF-8, percent-encoded where a header requires it.
const PASSWORD: &str = "x-link-password";

/// The query parameter with the access ticket that replaces the password.
const ACCESS: &str = "access";

/// A bearer of a public link: the `{token}` of the path, and the password or access ticket.
pub struct CurrentLinkBearer(pub LinkBearer);

impl CurrentLinkBearer {
    /// The list name for this link's cursors. Cursors are bound to it, but do not contain it.
    pub fn list(&self) -> String {
        format!("of the link {}", self.0.token)
    }
}

impl FromRequest for CurrentLinkBearer {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(bearer(request))
    }
}

fn bearer(request: &HttpRequest) -> Result<CurrentLinkBearer, Problem> {
    let token = request.match_info().get("token").unwrap_or("").to_owned();
    let mut given = request.headers().get_all(PASSWORD);
    // Repeated headers are ambiguous and ignored; a value that is not UTF-8 is no password.
    let password = given.next().filter(|_| given.next().is_none());
    let password = password.and_then(|value| percent_decode(value.as_bytes()).decode_utf8().ok().map(Cow::into_owned));
    let mut proofs = parameters(request).filter(|(name, _)| name == ACCESS).map(|(_, value)| value.into_owned());
    let access = proofs.next();
    if proofs.next().is_some() {
        return Err(Problem::malformed(format!("{ACCESS:?} is given twice")));
    }
    Ok(CurrentLinkBearer(LinkBearer { token, password, access, origin: origin_of(request)? }))
}

fn parameters(request: &HttpRequest) -> form_urlencoded::Parse<'_> {
    form_urlencoded::parse(request.query_string().as_bytes())
}

/// The query of a public link's URL, parsed strictly, without the parameter that [`CurrentLinkBearer`] reads.
pub struct LinkQuery<T>(pub T);

impl<T: DeserializeOwned> FromRequest for LinkQuery<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let others = parameters(request).filter(|(name, _)| name != ACCESS);
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(others).finish();
        ready(strict_parse::parameters(&query, "query").map(Self))
    }
}
