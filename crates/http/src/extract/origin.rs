use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use clouddrive_contract::Code;
use clouddrive_domain::model::Origin;

use crate::problem::Problem;

/// The request and its client, for calls without authentication.
pub struct CurrentOrigin(pub Origin);

impl FromRequest for CurrentOrigin {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(origin_of(request).map(Self))
    }
}

/// The request ID and the client, set by the `request` middleware.
pub(crate) fn origin_of(request: &HttpRequest) -> Result<Origin, Problem> {
    let origin = request.extensions().get::<Origin>().cloned();
    origin.ok_or_else(|| Problem::new(Code::InternalError, "the request has no identifier"))
}
