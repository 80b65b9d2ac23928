use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::{self, Bytes};
use actix_web::{HttpMessage, HttpResponse};
use clouddrive_contract::Code;
use clouddrive_domain::model::{IdempotencyRecord, KeyedRequest};
use clouddrive_domain::service::StartOutcome;
use clouddrive_http::body;
use clouddrive_http::extract::{CurrentUser, MAX_JSON_BYTES};
use clouddrive_http::idempotency_key::{MAX_PATH_BYTES, key, mark_replayed};
use clouddrive_http::problem::Problem;
use futures_util::stream;

use crate::stored_response::{Repeats, Replay};

/// How to process a request.
enum Decision {
    /// Execute it, under the idempotency record if it has a key.
    Execute(Option<IdempotencyRecord>),
    /// Execute the repeat again.
    ExecuteAgain,
    /// Return the stored response of the earlier request.
    Respond(HttpResponse),
}

/// Executes a request with an `Idempotency-Key` only once, however often it is sent. Requires an authenticated caller.
pub(crate) async fn execute_once(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let repeats = request.app_data::<web::Data<Repeats>>().cloned();
    let repeats = repeats.ok_or_else(|| Problem::new(Code::InternalError, "the server is not wired"))?;
    let record = match decide(&repeats, &mut request).await {
        Ok(Decision::Execute(record)) => record,
        Ok(Decision::ExecuteAgain) => {
            let mut response = next.call(request).await?;
            if response.status().is_success() {
                mark_replayed(response.headers_mut());
            }
            return Ok(response.map_into_left_body());
        }
        Ok(Decision::Respond(mut response)) => {
            mark_replayed(response.headers_mut());
            return Ok(request.into_response(response).map_into_right_body());
        }
        Err(problem) => return Ok(request.error_response(problem).map_into_right_body()),
    };
    let Some(record) = record else {
        return Ok(next.call(request).await?.map_into_left_body());
    };
    request.extensions_mut().insert(record.clone());
    let outcome = next.call(request).await;
    let done = outcome.as_ref().is_ok_and(|response| response.status().is_success());
    if let Err(error) = repeats.idempotency.end(&record, done).await {
        // The idempotency record expires by itself.
        tracing::warn!(%error, "releasing an idempotency record failed");
    }
    Ok(outcome?.map_into_left_body())
}

async fn decide(repeats: &Repeats, request: &mut ServiceRequest) -> Result<Decision, Problem> {
    let Some(key) = key(request.headers())? else {
        return Ok(Decision::Execute(None));
    };
    // No keyed route has a longer path.
    if request.path().len() > MAX_PATH_BYTES {
        return Err(Problem::not_found());
    }
    let announced = body::content_length(request.headers());
    let body = body::collect(request.take_payload(), announced, MAX_JSON_BYTES).await?;
    let user = CurrentUser::from_extensions(request.request())?;
    let (digest, former_digest) = (repeats.digests.digest(&body), repeats.digests.former_digest(&body));
    let path = request.path().to_owned();
    let keyed = KeyedRequest { user: user.actor.user, path, key, digest: Some(digest), former_digest };
    let decision = match repeats.idempotency.start(keyed).await? {
        StartOutcome::First(record) => Decision::Execute(Some(record)),
        StartOutcome::Repeat(text) => match repeats.decode(&user.actor, &text).await? {
            Replay::Response(response) => Decision::Respond(response),
            Replay::Execute => Decision::ExecuteAgain,
        },
        StartOutcome::Done(_) => return Err(Problem::malformed("the key was used in another way")),
    };
    request.set_payload(payload(body));
    Ok(decision)
}

/// Turns a body that has been read back into a payload.
fn payload(body: Bytes) -> Payload {
    Payload::Stream { payload: Box::pin(stream::iter([Ok(body)])) }
}
