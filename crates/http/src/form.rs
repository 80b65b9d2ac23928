//! Multipart forms: small fields, and one streamed part of any size.

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::http::header::HeaderMap;
use actix_web::web;
use clouddrive_domain::Error;
use clouddrive_domain::error::Refused;
use futures_util::StreamExt;

use crate::body::{self, BodySender};
use crate::idempotency_key::StreamDigest;
use crate::problem::Problem;

/// The maximum size of a non-file field, in bytes.
const MAX_FIELD_BYTES: u64 = 64 << 10;

/// The maximum number of fields, including the file.
const MAX_FIELDS: usize = 32;

/// The maximum size of a form without its file: fields, their headers, boundaries.
const MAX_REST_BYTES: u64 = MAX_FIELDS as u64 * MAX_FIELD_BYTES;

/// Reads a form field by field.
pub struct FormReader {
    multipart: Multipart,
    fields: usize,
}

impl FormReader {
    /// A form with a file of at most `limit` bytes, which is refused at once if it is longer than such a form can be.
    pub fn new(headers: &HeaderMap, payload: web::Payload, limit: u64) -> Result<Self, Problem> {
        body::check_length(body::content_length(headers), limit + MAX_REST_BYTES)?;
        Ok(Self { multipart: Multipart::new(headers, payload), fields: 0 })
    }

    /// Returns the next field, if any.
    pub async fn next(&mut self) -> Result<Option<Field>, Problem> {
        self.fields += 1;
        if self.fields > MAX_FIELDS {
            return Err(Problem::malformed(format!("a form has at most {MAX_FIELDS} fields")));
        }
        Ok(self.multipart.next().await.transpose().map_err(to_error)?)
    }

    /// Feeds a field into `to` through `digest`; returns whether it was complete.
    pub async fn feed(field: Field, digest: &StreamDigest, to: &BodySender) -> bool {
        to.feed(&mut digest.update_from(field), to_error).await
    }
}

/// The name of a field.
pub fn name(field: &Field) -> Result<String, Problem> {
    field.name().map(str::to_owned).ok_or_else(|| Problem::malformed("a part of the form has no name"))
}

/// The client's file name of a field; the RFC 8187 form is preferred, which some libraries use for non-ASCII names.
pub fn file_name(field: &Field) -> Option<String> {
    let disposition = field.content_disposition()?;
    let extended = disposition.get_filename_ext().and_then(|name| String::from_utf8(name.value.clone()).ok());
    extended.or_else(|| disposition.get_filename().map(str::to_owned))
}

/// Reads a field as text.
pub async fn text(field: Field) -> Result<String, Problem> {
    let bytes = bytes(field, MAX_FIELD_BYTES).await?;
    String::from_utf8(bytes.into()).map_err(|_| Problem::malformed("a field of the form is not UTF-8"))
}

/// Reads a whole field of at most `limit` bytes.
pub async fn bytes(mut field: Field, limit: u64) -> Result<web::Bytes, Problem> {
    let mut bytes = web::BytesMut::new();
    while let Some(piece) = field.next().await {
        body::append(&mut bytes, &piece.map_err(to_error)?, limit)?;
    }
    Ok(bytes.freeze())
}

/// Maps a form error to a domain error.
pub fn to_error(error: MultipartError) -> Error {
    match error {
        MultipartError::Payload(error) => body::to_error(error),
        MultipartError::Incomplete => Error::Refused(Refused::Interrupted),
        _ => Error::Refused(Refused::Malformed("the form is not well-formed multipart/form-data")),
    }
}
