//! Archives as ZIP files, packed while they are sent: stored, with ZIP64 where it is needed, names in UTF-8.

mod writer;

use std::error::Error as _;

use actix_web::web::Bytes;
use clouddrive_domain::model::MediaType;
use clouddrive_domain::port::{ByteStream, Presentation};
use clouddrive_domain::service::Archive;
use clouddrive_domain::{Error, Result};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use tracing::Span;

use writer::ZipWriter;

/// How many bytes are gathered before they go out, while there are any at hand: many small files make few pieces.
const PIECE: usize = 32 * 1024;

/// What whoever fetches `archive` is told about it.
pub(crate) fn presentation(archive: &Archive) -> Presentation {
    let media_type = MediaType::parse("application/zip").unwrap_or_else(MediaType::octet_stream);
    archive.presentation(media_type, ".zip")
}

/// An archive that is being packed.
struct Packing {
    archive: Archive,
    zip: ZipWriter,
    /// The file whose bytes are being packed, and how many are still to come.
    file: Option<(ByteStream, u64)>,
    over: bool,
}

/// The bytes of the ZIP. Each piece is made when it is asked for, by whoever asks: when nobody does any more, nothing goes on.
/// After an error nothing more comes, and what came is no ZIP without its end.
pub(crate) fn packed(archive: Archive) -> impl Stream<Item = Result<Bytes>> {
    let span = Span::current();
    let packing = Packing { archive, zip: ZipWriter::new(), file: None, over: false };
    stream::try_unfold(packing, Packing::piece).inspect_err(move |fault| {
        // The answer has begun: only the log can tell any more.
        let cause = fault.source().map(ToString::to_string);
        span.in_scope(|| match fault {
            Error::Unavailable { .. } | Error::Internal { .. } => {
                tracing::error!(%fault, cause, "an archive breaks off");
            }
            _ => tracing::warn!(%fault, cause, "an archive breaks off"),
        });
    })
}

impl Packing {
    /// The next piece; none after the last.
    async fn piece(mut self) -> Result<Option<(Bytes, Self)>> {
        while !self.over && self.zip.waiting() < PIECE {
            self.go_on().await?;
        }
        let bytes = self.zip.take();
        Ok((!bytes.is_empty()).then_some((bytes, self)))
    }

    /// Packs a bit more.
    async fn go_on(&mut self) -> Result<()> {
        let Some((bytes, left)) = &mut self.file else {
            return self.begin_entry().await;
        };
        match bytes.next().await.transpose()? {
            Some(piece) => {
                // A size is told beforehand, and decides how it is written.
                *left = left.checked_sub(piece.len() as u64).ok_or_else(|| other_size("more"))?;
                self.zip.append(&piece)
            }
            None if *left > 0 => Err(other_size("fewer")),
            None => {
                self.file = None;
                Ok(())
            }
        }
    }

    async fn begin_entry(&mut self) -> Result<()> {
        let Some(entry) = self.archive.next().await? else {
            self.over = true;
            return self.zip.finish();
        };
        match entry.size() {
            None => self.zip.add_folder(entry.path(), entry.modified_at()),
            Some(size) => {
                let bytes = if size > 0 { Some(self.archive.read(&entry).await.map_err(lost)?) } else { None };
                self.zip.begin_file(entry.path(), entry.modified_at(), size)?;
                self.file = bytes.map(|bytes| (bytes, size));
                Ok(())
            }
        }
    }
}

/// Bytes that are not where the books say are a fault of the server's, not the client's.
fn lost(fault: Error) -> Error {
    match fault {
        Error::NotFound | Error::RangeNotSatisfiable { .. } => Error::internal("storage", fault),
        other => other,
    }
}

fn other_size(how: &str) -> Error {
    Error::internal("storage", format!("a blob has {how} bytes than its version"))
}
