use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use clouddrive_contract::Code;
use clouddrive_domain::model::{Actor, IdempotencyRecord, Identity};

use super::request_id::origin_of;
use crate::problem::Problem;

/// The calling user. The `authenticate` middleware guarantees that there is one.
pub struct CurrentUser {
    pub identity: Identity,
    pub actor: Actor,
}

impl FromRequest for CurrentUser {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::from_extensions(request))
    }
}

impl CurrentUser {
    /// The caller of `request`, with the idempotency record of the `idempotent` middleware if any.
    pub fn from_extensions(request: &HttpRequest) -> Result<Self, Problem> {
        let identity = request.extensions().get::<Identity>().cloned();
        let identity = identity.ok_or_else(|| Problem::new(Code::Unauthenticated, "send an access token"))?;
        let idempotency_record = request.extensions().get::<IdempotencyRecord>().cloned();
        let actor = Actor { user: identity.user, request: origin_of(request)?, idempotency_record };
        Ok(Self { identity, actor })
    }
}
