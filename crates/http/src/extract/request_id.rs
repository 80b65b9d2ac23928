use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use clouddrive_contract::Code;
use clouddrive_domain::model::Origin;

use crate::problem::{Outcome, Problem};

/// The request and its client, for calls without authentication.
pub struct CurrentRequest(pub Origin);

impl FromRequest for CurrentRequest {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(noted(request).map(Self))
    }
}

/// The request ID and the client, set by the `request` middleware.
pub(crate) fn noted(request: &HttpRequest) -> Outcome<Origin> {
    let origin = request.extensions().get::<Origin>().cloned();
    origin.ok_or_else(|| Problem::new(Code::InternalError, "the request has no identifier"))
}
