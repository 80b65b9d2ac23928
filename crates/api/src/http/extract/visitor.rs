use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use clouddrive_domain::service::Visitor;

use super::request_id::noted;
use crate::http::ClientAddress;
use crate::http::problem::{Outcome, Problem};

/// The field with a link's password. Its bytes are UTF-8.
const PASSWORD: &str = "x-link-password";

/// Whoever comes by a public link: the `{token}` of the path, and the password that they give.
pub(crate) struct LinkVisitor(pub(crate) Visitor);

impl LinkVisitor {
    /// What sets the lists of this link apart from all others. It goes into the seal of a cursor, and nowhere else.
    pub(crate) fn list(&self) -> String {
        format!("of the link {}", self.0.token)
    }
}

impl FromRequest for LinkVisitor {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(visitor(request))
    }
}

fn visitor(request: &HttpRequest) -> Outcome<LinkVisitor> {
    let token = request.match_info().get("token").unwrap_or("").to_owned();
    let mut given = request.headers().get_all(PASSWORD);
    // Of several nobody knows which one is meant; what is not UTF-8 is no password.
    let password = given.next().filter(|_| given.next().is_none());
    let password = password.and_then(|value| String::from_utf8(value.as_bytes().to_vec()).ok());
    let address = request.extensions().get().and_then(|ClientAddress(address)| *address);
    Ok(LinkVisitor(Visitor { token, password, address, request: noted(request)? }))
}
