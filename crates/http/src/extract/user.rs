use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use clouddrive_contract::Code;
use clouddrive_domain::model::{Actor, IdempotencyRecord, Identity};

use crate::problem::Problem;

/// The calling user. The `authenticate` middleware guarantees that there is one.
#[derive(Clone)]
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
        let user = request.extensions().get::<Self>().cloned();
        let mut user = user.ok_or_else(|| Problem::new(Code::Unauthenticated, "send an access token"))?;
        user.actor.idempotency_record = request.extensions().get::<IdempotencyRecord>().cloned();
        Ok(user)
    }
}
