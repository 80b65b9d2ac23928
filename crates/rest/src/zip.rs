//! Archives as streamable ZIP files: stored, with ZIP64 where needed, UTF-8 names, and each file's size and CRC-32
//! before its bytes. All offsets are known in advance, so any byte range can be requested.

mod format;
mod zip_stream;

use std::ops::Range;

use actix_web::http::header::{IF_RANGE, RANGE};
use actix_web::{HttpRequest, HttpResponse};
use clouddrive_domain::model::{EntityTag, MediaType};
use clouddrive_domain::port::ByteStream;
use clouddrive_domain::service::Archive;
use clouddrive_domain::{Error, Result};
use clouddrive_http::conditions::{self, Validators};
use clouddrive_http::content_response::{self, Representation};
use clouddrive_http::problem::Problem;
use futures_util::{StreamExt, TryStreamExt, stream};
use sha2::{Digest, Sha256};

use self::format::{End, Record};

/// The packing version; part of the ETag, since another way of packing yields other bytes for the same entries.
const FORMAT_VERSION: &[u8] = b"clouddrive zip 1";

/// Responds to a GET or HEAD with `archive`, honouring its preconditions and range.
pub(crate) async fn respond(request: &HttpRequest, archive: Archive) -> Result<HttpResponse, Problem> {
    respond_counted(request, archive, async |_| Ok(())).await
}

/// Like [`respond`], but calls `count` with the start offset before the first byte is sent.
pub(crate) async fn respond_counted(
    request: &HttpRequest,
    archive: Archive,
    count: impl AsyncFnOnce(u64) -> Result<()>,
) -> Result<HttpResponse, Problem> {
    let media_type = MediaType::parse("application/zip").unwrap_or_else(|_| MediaType::octet_stream());
    let content_headers = archive.content_headers(media_type, ".zip");
    let layout = Layout::new(&archive);
    let validators = Validators { tag: tag(&archive)?, alternative: None, modified_at: Some(archive.modified_at()) };
    let representation =
        Representation { size: layout.size, validators, client_modified_at: None, content_headers: &content_headers };
    let pack = async move |range: Range<u64>| {
        let start = range.start;
        let mut bytes = zip_stream::zip_stream(archive, layout, range).boxed();
        // Fetch the first piece first: an early failure gets its proper error response and does not count as a
        // download.
        let first = bytes.try_next().await?;
        count(start).await?;
        Ok::<ByteStream, Error>(stream::iter(first.map(Ok)).chain(bytes).boxed())
    };
    content_response::respond(request, representation, pack).await
}

/// Whether the request asks to resume a download of any archive.
pub(crate) fn is_resumption(request: &HttpRequest) -> bool {
    request.headers().contains_key(RANGE) && request.headers().contains_key(IF_RANGE)
}

/// Whether the request resumes a download of exactly this archive: its `If-Range` has the archive's tag, known only
/// from an earlier response.
pub(crate) fn resumes(request: &HttpRequest, archive: &Archive) -> Result<bool> {
    Ok(conditions::if_range_is(request, &tag(archive)?))
}

/// The offsets in a ZIP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    /// The central directory, after all entries, and its end record.
    end: End,
    size: u64,
}

impl Layout {
    fn new(archive: &Archive) -> Self {
        let mut end = End { entries: archive.len() as u64, offset: 0, length: 0 };
        for record in archive.entries().map(Record::new) {
            end.length += record.central_len(end.offset);
            end.offset += record.local_len() + record.size();
        }
        Self { end, size: end.offset + end.length + end.len() }
    }
}

/// The strong ETag of the ZIP: it changes if any byte of the ZIP changes. File contents are represented by their blobs,
/// which are immutable.
fn tag(archive: &Archive) -> Result<EntityTag> {
    let mut digest = Sha256::new_with_prefix(FORMAT_VERSION);
    for entry in archive.entries() {
        // Length-prefixed, so that different listings never hash the same bytes.
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
    EntityTag::parse(&format!("zip-{}", half.collect::<String>())).map_err(|error| Error::internal("zip", error))
}
