//! Request bodies: watched while they arrive, and held in memory only up to a limit.

mod channel;
mod expect;
mod timed_body;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap};
use actix_web::web::{Bytes, BytesMut};
use clouddrive_contract::Code;
use clouddrive_domain::Error;
use clouddrive_domain::error::Refused;
use futures_util::{Stream, StreamExt};

pub use channel::{BodySender, channel};
pub use expect::{ExpectContinue, call_until_read, resume_or_call};
pub use timed_body::{BodyLimits, TimedBody};

use crate::problem::Problem;

/// The declared length of a body.
pub fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok())
}

/// Refuses a body by its declared length, before any of it is read.
pub fn check_length(announced: Option<u64>, limit: u64) -> Result<(), Problem> {
    match announced {
        Some(length) if length > limit => Err(too_large(limit)),
        _ => Ok(()),
    }
}

fn too_large(limit: u64) -> Problem {
    Problem::new(Code::PayloadTooLarge, format!("at most {limit} bytes are taken here"))
}

/// Reads the whole body, of at most `limit` bytes; `announced` is its declared length.
pub async fn collect(mut payload: Payload, announced: Option<u64>, limit: u64) -> Result<Bytes, Problem> {
    check_length(announced, limit)?;
    let mut bytes = BytesMut::new();
    while let Some(piece) = payload.next().await {
        let piece = piece.map_err(|error| Problem::from(to_error(error)))?;
        append(&mut bytes, &piece, limit)?;
    }
    Ok(bytes.freeze())
}

/// Reads a body to its end and discards it.
pub async fn discard<E>(
    mut body: impl Stream<Item = Result<Bytes, E>> + Unpin,
    to_error: impl Fn(E) -> Error,
) -> Result<(), Problem> {
    while let Some(piece) = body.next().await {
        piece.map_err(|error| Problem::from(to_error(error)))?;
    }
    Ok(())
}

/// Appends `piece`, unless the total exceeds `limit` bytes.
pub fn append(bytes: &mut BytesMut, piece: &[u8], limit: u64) -> Result<(), Problem> {
    if (bytes.len() + piece.len()) as u64 > limit {
        return Err(too_large(limit));
    }
    bytes.extend_from_slice(piece);
    Ok(())
}

/// Maps a payload error to a domain error.
pub fn to_error(error: PayloadError) -> Error {
    match error {
        PayloadError::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => Error::Refused(Refused::TooSlow),
        _ => Error::Refused(Refused::Interrupted),
    }
}
