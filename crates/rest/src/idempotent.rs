use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::{self, Bytes};
use actix_web::{HttpMessage, HttpResponse};
use clouddrive_contract::Code;
use clouddrive_domain::model::{KeyedRequest, Receipt};
use clouddrive_domain::service::Start;
use clouddrive_http::body;
use clouddrive_http::extract::{CurrentUser, MAX_JSON_BYTES};
use clouddrive_http::keyed::{MAX_PATH_BYTES, key, mark_replayed};
use clouddrive_http::problem::{Outcome, Problem};
use futures_util::stream;

use crate::kept::{Repeat, Repeats};

/// How to process a request.
enum Course {
    /// Execute it, under the receipt if it has a key.
    Do(Option<Receipt>),
    /// Execute the repeat again.
    Redo,
    /// Return the kept response of the earlier request.
    Answer(HttpResponse),
}

/// Executes a request with an `Idempotency-Key` only once, however often it is sent. Requires an authenticated caller.
pub(crate) async fn idempotent(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let repeats = request.app_data::<web::Data<Repeats>>().cloned();
    let repeats = repeats.ok_or_else(|| Problem::new(Code::InternalError, "the server is not wired"))?;
    let receipt = match course(&repeats, &mut request).await {
        Ok(Course::Do(receipt)) => receipt,
        Ok(Course::Redo) => {
            let mut response = next.call(request).await?;
            if response.status().is_success() {
                mark_replayed(response.headers_mut());
            }
            return Ok(response.map_into_left_body());
        }
        Ok(Course::Answer(mut response)) => {
            mark_replayed(response.headers_mut());
            return Ok(request.into_response(response).map_into_right_body());
        }
        Err(problem) => return Ok(request.error_response(problem).map_into_right_body()),
    };
    let Some(receipt) = receipt else {
        return Ok(next.call(request).await?.map_into_left_body());
    };
    request.extensions_mut().insert(receipt.clone());
    let outcome = next.call(request).await;
    let done = outcome.as_ref().is_ok_and(|response| response.status().is_success());
    if let Err(fault) = repeats.idempotency.end(&receipt, done).await {
        // The receipt expires by itself.
        tracing::warn!(%fault, "a receipt was not given back");
    }
    Ok(outcome?.map_into_left_body())
}

async fn course(repeats: &Repeats, request: &mut ServiceRequest) -> Outcome<Course> {
    let Some(key) = key(request.headers())? else {
        return Ok(Course::Do(None));
    };
    // No keyed route has a longer path.
    if request.path().len() > MAX_PATH_BYTES {
        return Err(Problem::not_found());
    }
    let announced = body::announced(request.headers());
    let body = body::collect(request.take_payload(), announced, MAX_JSON_BYTES).await?;
    let user = CurrentUser::of(request.request())?;
    let (digest, former_digest) = (repeats.digests.of(&body), repeats.digests.former_of(&body));
    let path = request.path().to_owned();
    let keyed = KeyedRequest { user: user.actor.user, path, key, digest: Some(digest), former_digest };
    let course = match repeats.idempotency.start(keyed).await? {
        Start::First(receipt) => Course::Do(Some(receipt)),
        Start::Repeat(text) => match repeats.read(&user.actor, &text).await? {
            Repeat::Answer(response) => Course::Answer(response),
            Repeat::Again => Course::Redo,
        },
        Start::Done(_) => return Err(Problem::malformed("the key was used in another way")),
    };
    request.set_payload(payload(body));
    Ok(course)
}

/// Turns a body that has been read back into a payload.
fn payload(body: Bytes) -> Payload {
    Payload::Stream { payload: Box::pin(stream::iter([Ok(body)])) }
}
