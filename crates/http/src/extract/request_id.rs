use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use clouddrive_contract::Code;
use clouddrive_domain::model::RequestId;

use crate::problem::Problem;

/// The request ID, for calls without authentication.
pub struct CurrentRequestId(pub RequestId);

impl FromRequest for CurrentRequestId {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(origin_of(request).map(Self))
    }
}

/// The request ID set by the `request` middleware.
pub(super) fn origin_of(request: &HttpRequest) -> Result<RequestId, Problem> {
    let id = request.extensions().get::<RequestId>().cloned();
    id.ok_or_else(|| Problem::new(Code::InternalError, "the request has no identifier"))
}
