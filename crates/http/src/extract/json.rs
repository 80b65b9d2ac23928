use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{FromRequest, HttpRequest};
use clouddrive_contract::Code;
use serde::de::DeserializeOwned;

use super::strict_parse;
use crate::body;
use crate::problem::Problem;

/// The maximum size of a JSON body, in bytes.
pub const MAX_JSON_BYTES: u64 = 1 << 20;

/// A JSON body, parsed strictly.
pub struct Json<T>(pub T);

/// An optional JSON body.
pub struct OptionalJson<T>(pub T);

type Extraction<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

/// Whether the request's media type is `application/json` or has the suffix `+json`.
fn is_json(request: &HttpRequest) -> bool {
    let text = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = text.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn not_json() -> Problem {
    Problem::new(Code::UnsupportedMediaType, "send the body as application/json")
}

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        if !is_json(request) {
            return Box::pin(async { Err(not_json()) });
        }
        let (payload, announced) = (payload.take(), body::content_length(request.headers()));
        Box::pin(async move {
            let bytes = body::collect(payload, announced, MAX_JSON_BYTES).await?;
            Ok(Self(strict_parse::json(&bytes)?))
        })
    }
}

impl<T: DeserializeOwned + Default + 'static> FromRequest for OptionalJson<T> {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let json = is_json(request);
        let (payload, announced) = (payload.take(), body::content_length(request.headers()));
        Box::pin(async move {
            let bytes = body::collect(payload, announced, MAX_JSON_BYTES).await?;
            if bytes.is_empty() {
                return Ok(Self(T::default()));
            }
            if json { Ok(Self(strict_parse::json(&bytes)?)) } else { Err(not_json()) }
        })
    }
}
