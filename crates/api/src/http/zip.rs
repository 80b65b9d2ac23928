//! Archives as ZIP files that can be read while they come: stored, with ZIP64 where it is needed, names in UTF-8, and each
//! file's size and CRC-32 before its bytes. Where each byte stands is known beforehand, so any range of them can be asked for.

mod format;
mod packing;

use std::ops::Range;

use actix_web::http::header::IF_RANGE;
use actix_web::{HttpRequest, HttpResponse};
use clouddrive_domain::model::{EntityTag, MediaType};
use clouddrive_domain::port::ByteStream;
use clouddrive_domain::service::Archive;
use clouddrive_domain::{Error, Result};
use futures_util::{StreamExt, TryStreamExt, stream};
use sha2::{Digest, Sha256};

use self::format::{End, Record};
use super::bytes::{self, Representation};
use super::conditions::Validators;
use super::problem::Outcome;

/// Says how archives are packed: another way of packing makes other bytes of the same entries.
const PACKED: &[u8] = b"clouddrive zip 1";

/// Answers a GET or HEAD with `archive`, as the conditions of the request ask for.
pub(crate) async fn answer(request: &HttpRequest, archive: Archive) -> Outcome<HttpResponse> {
    answer_counted(request, archive, async |_| Ok(())).await
}

/// The same, and has it counted before the first byte goes, by where that stands.
pub(crate) async fn answer_counted(
    request: &HttpRequest,
    archive: Archive,
    count: impl AsyncFnOnce(u64) -> Result<()>,
) -> Outcome<HttpResponse> {
    let media_type = MediaType::parse("application/zip").unwrap_or_else(MediaType::octet_stream);
    let presentation = archive.presentation(media_type, ".zip");
    let layout = Layout::of(&archive);
    let validators = Validators { tag: tag(&archive)?, also: None, modified_at: Some(archive.modified_at()) };
    let representation =
        Representation { size: layout.size, validators, client_modified_at: None, presentation: &presentation };
    let pack = async move |range: Range<u64>| {
        let start = range.start;
        let mut bytes = packing::packed(archive, layout, range).boxed();
        // What fails before its first byte is told as what it is, and is no download.
        let first = bytes.try_next().await?;
        count(start).await?;
        Ok::<ByteStream, Error>(stream::iter(first.map(Ok)).chain(bytes).boxed())
    };
    bytes::answer(request, representation, pack).await
}

/// Whether a request asks for the rest of just this archive, by a tag that only who has begun to fetch it knows.
pub(crate) fn continues(request: &HttpRequest, archive: &Archive) -> Outcome<bool> {
    let tag = tag(archive)?.to_string();
    Ok(request.headers().get(IF_RANGE).and_then(|given| given.to_str().ok()).is_some_and(|given| given.trim() == tag))
}

/// Where what stands in a ZIP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    /// The list, behind all entries, and what comes behind that.
    end: End,
    size: u64,
}

impl Layout {
    fn of(archive: &Archive) -> Self {
        let mut end = End { entries: archive.len() as u64, offset: 0, length: 0 };
        for record in archive.entries().map(Record::of) {
            end.length += record.central_len(end.offset);
            end.offset += record.local_len() + record.size();
        }
        Self { end, size: end.offset + end.length + end.len() }
    }
}

/// The strong ETag of the ZIP: whatever changes a byte of it changes this. The bytes of a file stand for themselves by their
/// blob, which never changes.
fn tag(archive: &Archive) -> Result<EntityTag> {
    let mut digest = Sha256::new_with_prefix(PACKED);
    for entry in archive.entries() {
        // Each text with its length before it: no two listings are the same bytes.
        digest.update((entry.path.len() as u64).to_le_bytes());
        digest.update(entry.path);
        digest.update(entry.modified_at.as_seconds().to_le_bytes());
        if let Some(file) = entry.file {
            digest.update(file.size.to_le_bytes());
            digest.update(file.content);
        }
    }
    let digest = digest.finalize();
    let half = digest.iter().take(16).map(|byte| format!("{byte:02x}"));
    EntityTag::parse(&format!("zip-{}", half.collect::<String>()))
        .ok_or_else(|| Error::internal("zip", "its tag is none"))
}
