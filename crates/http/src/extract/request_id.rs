use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use clouddrive_contract::Code;
use clouddrive_domain::model::RequestId;

use crate::problem::{Outcome, Problem};

/// The request ID, for calls without authentication.
pub struct CurrentRequest(pub RequestId);

impl FromRequest for CurrentRequest {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(noted(request).map(Self))
    }
}

/// The request ID set by the `request` middleware.
pub(super) fn noted(request: &HttpRequest) -> Outcome<RequestId> {
    let id = request.extensions().get::<RequestId>().cloned();
    id.ok_or_else(|| Problem::new(Code::InternalError, "the request has no identifier"))
}
