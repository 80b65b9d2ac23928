//! Archives as ZIP files, packed while they are sent: stored, with ZIP64 where it is needed, names in UTF-8.

mod writer;

use std::collections::VecDeque;
use std::error::Error as _;

use actix_web::web::Bytes;
use clouddrive_domain::model::MediaType;
use clouddrive_domain::port::{ByteStream, Presentation};
use clouddrive_domain::service::{Archive, ArchiveEntry, ArchiveReader};
use clouddrive_domain::{Error, Result};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use tokio::task::JoinHandle;
use tracing::Span;

use crate::telemetry::blobs;
use writer::ZipWriter;

/// How many bytes are gathered before they go out, while there are any at hand: many small files make few pieces.
const PIECE: usize = 32 * 1024;

/// How many entries are looked at ahead of their turn. The bytes of the small files among them are fetched meanwhile, all at
/// once: each alone takes a store as long to find as the first byte of a large one.
const AHEAD: usize = 16;

/// How many bytes a file has at the most that is fetched ahead of its turn: 64 KiB.
const SMALL: u64 = 64 * 1024;

/// What whoever fetches `archive` is told about it.
pub(crate) fn presentation(archive: &Archive) -> Presentation {
    let media_type = MediaType::parse("application/zip").unwrap_or_else(MediaType::octet_stream);
    archive.presentation(media_type, ".zip")
}

/// An archive that is being packed.
struct Packing {
    archive: Archive,
    reader: ArchiveReader,
    zip: ZipWriter,
    /// The entries whose turn comes next.
    ahead: VecDeque<(ArchiveEntry, Fetching)>,
    /// Whether the last of them is the last of all.
    complete: bool,
    /// The file whose bytes are being packed, and how many are still to come.
    file: Option<(ByteStream, u64)>,
    over: bool,
}

/// How far the bytes of an entry are.
enum Fetching {
    /// It has none.
    Nothing,
    /// They are being fetched.
    Begun(Fetch),
    /// They are too many to be fetched before their turn.
    Later,
}

/// The bytes of a small file on their way. Who drops it gives them up.
struct Fetch(JoinHandle<Result<Vec<Bytes>>>);

impl Drop for Fetch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Fetching {
    fn begin(reader: &ArchiveReader, entry: &ArchiveEntry) -> Self {
        match entry.size() {
            None | Some(0) => Self::Nothing,
            Some(size) if size > SMALL => Self::Later,
            Some(_) => {
                let (reader, entry) = (reader.clone(), entry.clone());
                // By itself, so that the store is not kept waiting by whoever takes the archive slowly.
                Self::Begun(Fetch(tokio::spawn(async move { reader.read(&entry).await?.try_collect().await })))
            }
        }
    }
}

/// The bytes of the ZIP. Each piece is made when it is asked for, by whoever asks: when nobody does any more, nothing goes on
/// but the fetching of the files that come next, as long as the stream is not dropped. After an error nothing more comes, and what came is no ZIP without its end.
pub(crate) fn packed(archive: Archive) -> impl Stream<Item = Result<Bytes>> {
    let span = Span::current();
    let reader = archive.reader();
    let (zip, ahead) = (ZipWriter::new(), VecDeque::with_capacity(AHEAD));
    let packing = Packing { archive, reader, zip, ahead, complete: false, file: None, over: false };
    stream::try_unfold(packing, Packing::piece).inspect_err(move |fault| {
        if matches!(fault, Error::Damaged { .. }) {
            blobs::damaged();
        }
        // The answer has begun: only the log can tell any more.
        let cause = fault.source().map(ToString::to_string);
        span.in_scope(|| match fault {
            Error::Unavailable { .. } | Error::Internal { .. } | Error::Damaged { .. } => {
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
        let piece = bytes.next().await.transpose()?;
        self.archive.check().await?;
        match piece {
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
        self.look_ahead().await?;
        let Some((entry, fetching)) = self.ahead.pop_front() else {
            self.over = true;
            return self.zip.finish();
        };
        let bytes = match fetching {
            Fetching::Nothing => None,
            Fetching::Later => Some(self.reader.read(&entry).await.map_err(lost)?),
            Fetching::Begun(mut fetch) => {
                let pieces = (&mut fetch.0).await.map_err(|fault| Error::internal("storage", fault))?.map_err(lost)?;
                Some(stream::iter(pieces.into_iter().map(Ok)).boxed())
            }
        };
        self.archive.check().await?;
        let Some(size) = entry.size() else {
            return self.zip.add_folder(entry.path(), entry.modified_at());
        };
        self.zip.begin_file(entry.path(), entry.modified_at(), size)?;
        self.file = bytes.map(|bytes| (bytes, size));
        Ok(())
    }

    /// Looks at what comes next, as far as to a file whose bytes are to wait for their turn.
    async fn look_ahead(&mut self) -> Result<()> {
        let waits = |(_, fetching): &(_, Fetching)| matches!(fetching, Fetching::Later);
        while !self.complete && self.ahead.len() < AHEAD && !self.ahead.back().is_some_and(waits) {
            match self.archive.next().await? {
                Some(entry) => {
                    let fetching = Fetching::begin(&self.reader, &entry);
                    self.ahead.push_back((entry, fetching));
                }
                None => self.complete = true,
            }
        }
        Ok(())
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
