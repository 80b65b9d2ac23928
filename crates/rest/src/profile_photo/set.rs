use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, web};
use clouddrive_contract::{Code, Download, PhotoForm, paths};
use clouddrive_domain::service::PhotoService;
use clouddrive_http::body;
use clouddrive_http::extract::CurrentUser;
use clouddrive_http::form::{self, FormReader};
use clouddrive_http::idempotency_key::IdempotentRequest;
use clouddrive_http::problem::Problem;

use super::get::found;
use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::stored_response::Repeats;

/// The maximum size of a picture, in bytes.
const MAX_PICTURE_BYTES: u64 = 5 << 20;

pub(super) const ENDPOINT: Endpoint = endpoint!(
    set,
    POST,
    paths::PROFILE_PHOTO,
    Access::CALLER,
    Idempotency::KeyedStream,
    &[errors::BODY, errors::JSON, errors::ITEM, &[Code::InvalidImage]]
);

/// Sets the caller's profile photo. `/profile-photo` is an alias.
#[utoipa::path(post, path = paths::PROFILE_PHOTO, operation_id = "set_profile_photo", tag = "profile photo",
    request_body(content((PhotoForm = "multipart/form-data"), (Vec<u8> = "image/*"))),
    responses((status = 200, description = "The URL", body = Download)))]
async fn set(
    mut user: CurrentUser,
    request: HttpRequest,
    payload: web::Payload,
    photos: web::Data<PhotoService>,
    repeats: web::Data<Repeats>,
) -> Result<HttpResponse, Problem> {
    let keyed = IdempotentRequest::begin(&repeats.idempotency, &request, &user.actor).await?;
    user.actor.idempotency_record = keyed.idempotency_record().cloned();
    if let IdempotentRequest::Done(done) = keyed {
        let picture = picture(&request, payload).await?;
        return repeats.answer(&user.actor, done, &picture).await;
    }
    let work = async {
        let picture = picture(&request, payload).await?;
        if let Some(idempotency_record) = &user.actor.idempotency_record {
            idempotency_record.set_digest(repeats.digests.digest(&picture));
        }
        found(photos.set(&user.actor, picture).await?)
    };
    keyed.run(&repeats.idempotency, work).await
}

/// Reads the picture into memory; its size is limited.
async fn picture(request: &HttpRequest, payload: web::Payload) -> Result<web::Bytes, Problem> {
    let header = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = header.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    if essence == "multipart/form-data" {
        from_form(FormReader::new(request.headers(), payload, MAX_PICTURE_BYTES)?).await
    } else if essence.starts_with("image/") {
        body::collect(payload.into_inner(), body::content_length(request.headers()), MAX_PICTURE_BYTES).await
    } else {
        Err(Problem::new(Code::UnsupportedMediaType, "send image/* or multipart/form-data"))
    }
}

/// Reads the form's only field, `photo`.
async fn from_form(mut form: FormReader) -> Result<web::Bytes, Problem> {
    let field = form.next().await?.ok_or_else(|| Problem::invalid("photo", "is required"))?;
    let name = form::name(&field)?;
    if name != "photo" {
        return Err(Problem::invalid(name, "is unknown here"));
    }
    let picture = form::bytes(field, MAX_PICTURE_BYTES).await?;
    match form.next().await? {
        None => Ok(picture),
        Some(extra) => Err(Problem::invalid(form::name(&extra)?, "is one field too many")),
    }
}
