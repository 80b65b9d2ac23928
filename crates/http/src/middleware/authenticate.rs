use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::AUTHORIZATION;
use actix_web::middleware::Next;
use actix_web::{HttpMessage, web};
use clouddrive_contract::Code;
use clouddrive_domain::caller::{Caller, set_caller};
use clouddrive_domain::model::Identity;
use clouddrive_domain::service::AccountService;

use crate::idempotency_key::refuse_key;
use crate::problem::Problem;

/// Requires a valid access token and stores its identity in the request. It runs before anything else of the request is
/// examined.
pub async fn authenticate(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    match identify(&request).await {
        Ok(identity) => {
            request.extensions_mut().insert(identity);
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
    let identified = identify(&request).await.and_then(|identity| refuse_key(request.headers()).map(|()| identity));
    match identified {
        Ok(identity) => {
            request.extensions_mut().insert(identity);
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

/// Identifies the caller. From here on, including the session lookup, database work is attributed to that user.
async fn identify(request: &ServiceRequest) -> Result<Identity, Problem> {
    let accounts = request.app_data::<web::Data<AccountService>>();
    let accounts = accounts.ok_or_else(|| Problem::new(Code::InternalError, "the server is not wired"))?;
    let claims = accounts.verify(bearer(request)?)?;
    set_caller(Caller::User(claims.user));
    Ok(accounts.authenticate(claims).await?)
}

fn bearer(request: &ServiceRequest) -> Result<&str, Problem> {
    let header = request.headers().get(AUTHORIZATION);
    let header =
        header.ok_or_else(|| Problem::new(Code::Unauthenticated, "send Authorization: Bearer <access_token>"))?;
    let (scheme, token) = header.to_str().ok().and_then(|text| text.split_once(' ')).unwrap_or(("", ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Problem::new(Code::Unauthenticated, "send Authorization: Bearer <access_token>"));
    }
    Ok(token.trim())
}
