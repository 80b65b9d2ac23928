use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use serde::de::DeserializeOwned;

use super::json::MAX_JSON_BYTES;
use super::strict_parse;
use crate::body;
use crate::problem::Problem;

/// A URL-encoded form. The route has already checked the media type.
pub struct Form<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Form<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (payload, announced) = (payload.take(), body::content_length(request.headers()));
        Box::pin(async move {
            let bytes = body::collect(payload, announced, MAX_JSON_BYTES).await?;
            let text = std::str::from_utf8(&bytes).map_err(|_| Problem::malformed("the form is not UTF-8"))?;
            Ok(Self(strict_parse::parameters(text, "form")?))
        })
    }
}
