use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, web};
use clouddrive_contract::Code;

use crate::authn::Schemes;
use crate::extract::CurrentUser;
use crate::idempotency_key::refuse_key;
use crate::problem::Problem;

/// Requires a valid credential of one of the mount's schemes and stores the caller in the request. It runs before
/// anything else of the request is examined.
pub async fn authenticate(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    match identify(&request).await {
        Ok(user) => {
            request.extensions_mut().insert(user);
            Ok(next.call(request).await?.map_into_left_body())
        }
        Err(problem) => Ok(request.error_response(problem).map_into_right_body()),
    }
}

/// Like [`authenticate`], but refuses an `Idempotency-Key`.
pub async fn authenticate_without_key(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let identified = identify(&request).await.and_then(|user| refuse_key(request.headers()).map(|()| user));
    match identified {
        Ok(user) => {
            request.extensions_mut().insert(user);
            Ok(next.call(request).await?.map_into_left_body())
        }
        Err(problem) => Ok(request.error_response(problem).map_into_right_body()),
    }
}

/// Refuses an `Idempotency-Key`.
pub async fn refuse_idempotency_key(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    match refuse_key(request.headers()) {
        Ok(()) => Ok(next.call(request).await?.map_into_left_body()),
        Err(problem) => Ok(request.error_response(problem).map_into_right_body()),
    }
}

async fn identify(request: &ServiceRequest) -> Result<CurrentUser, Problem> {
    let schemes = request.app_data::<web::Data<Schemes>>();
    let schemes = schemes.ok_or_else(|| Problem::new(Code::InternalError, "the server is not wired"))?;
    schemes.authenticate(request.request()).await
}
