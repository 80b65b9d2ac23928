//! ZIP bytes, generated while they are sent.

use std::collections::VecDeque;
use std::ops::Range;

use actix_web::web::{Bytes, BytesMut};
use clouddrive_domain::model::Crc32;
use clouddrive_domain::port::ByteStream;
use clouddrive_domain::service::{Archive, ArchiveReader, ArchivedBlob};
use clouddrive_domain::{Error, Result};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use tokio::task::JoinHandle;

use super::Layout;
use super::format::Record;

/// Output is gathered up to this many bytes while more is available, so that many small files make few pieces.
const CHUNK_BYTES: usize = 32 * 1024;

/// The number of entries to look ahead. Small files among them are prefetched concurrently, since a store's latency to
/// the first byte is the same for a small file as for a large one.
const PREFETCH: usize = 16;

/// The maximum size of a prefetched file: 64 KiB.
const MAX_PREFETCHED_BYTES: u64 = 64 * 1024;

/// Details of damaged blobs.
const TOO_LONG: &str = "it has more bytes than its version";
const TOO_SHORT: &str = "it has fewer bytes than its version";

/// The state of packing a range of an archive.
struct ZipStream {
    archive: Archive,
    reader: ArchiveReader,
    layout: Layout,
    /// The next part to pack.
    next: Section,
    /// Bytes of that part to skip, since they precede the range.
    skip: u64,
    /// Bytes of the range still to pack.
    left: u64,
    /// Packed bytes, not yet sent.
    buffer: BytesMut,
    /// The prefetch state of the next entries.
    ahead: VecDeque<Prefetch>,
    /// The file whose bytes are being packed.
    file: Option<OpenFile>,
}

/// The parts of a ZIP.
#[derive(Clone, Copy)]
enum Section {
    /// The entry with this index, at this offset.
    Entry(usize, u64),
    /// The central directory record of the entry with this index, whose local record is at this offset.
    CentralRecord(usize, u64),
    /// The end of central directory.
    End,
}

/// A file being read.
struct OpenFile {
    index: usize,
    bytes: ByteStream,
    /// Bytes still to come.
    left: u64,
    /// The running CRC-32, if the whole file is read.
    crc32: Option<crc32fast::Hasher>,
}

/// The prefetch state of an entry.
enum Prefetch {
    /// The entry has no bytes.
    Empty,
    /// The file is too large to prefetch.
    TooLarge,
    /// The file is being fetched.
    Started(PrefetchTask),
}

/// The fetch of a small file's bytes. Dropping it aborts the fetch.
struct PrefetchTask(JoinHandle<Result<Vec<Bytes>>>);

impl Drop for PrefetchTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Prefetch {
    fn begin(reader: &ArchiveReader, blob: Option<ArchivedBlob>, size: u64) -> Self {
        match blob {
            Some(_) if size > MAX_PREFETCHED_BYTES => Self::TooLarge,
            Some(blob) if size > 0 => {
                let reader = reader.clone();
                // A task of its own, so that a slow client does not keep the store waiting.
                Self::Started(PrefetchTask(tokio::spawn(async move {
                    reader.read(&blob, 0..size).await?.try_collect().await
                })))
            }
            _ => Self::Empty,
        }
    }
}

/// Streams the bytes of `range` of the ZIP. Pieces are generated on demand; without polling only the prefetches
/// proceed, until the stream is dropped. An error ends the stream before it is complete.
pub(super) fn zip_stream(
    archive: Archive,
    layout: Layout,
    range: Range<u64>,
) -> impl Stream<Item = Result<Bytes>> + Send {
    let (reader, ahead) = (archive.reader(), VecDeque::with_capacity(PREFETCH));
    let (next, skip) = find(&archive, layout, range.start);
    let left = range.end - range.start;
    let zip_stream =
        ZipStream { archive, reader, layout, next, skip, left, buffer: BytesMut::new(), ahead, file: None };
    stream::try_unfold(zip_stream, ZipStream::next_chunk)
}

/// Finds the part that contains the byte at `start`, and the number of its bytes before that.
fn find(archive: &Archive, layout: Layout, start: u64) -> (Section, u64) {
    let mut at = 0;
    for (index, record) in archive.entries().map(Record::new).enumerate() {
        let size = record.local_len() + record.size();
        if start < at + size {
            return (Section::Entry(index, at), start - at);
        }
        at += size;
    }
    let (mut offset, mut at) = (0, layout.end.offset);
    for (index, record) in archive.entries().map(Record::new).enumerate() {
        let size = record.central_len(offset);
        if start < at + size {
            return (Section::CentralRecord(index, offset), start - at);
        }
        at += size;
        offset += record.local_len() + record.size();
    }
    (Section::End, start.saturating_sub(at))
}

impl ZipStream {
    /// Returns the next piece; `None` at the end.
    async fn next_chunk(mut self) -> Result<Option<(Bytes, Self)>> {
        while self.left > 0 && self.buffer.len() < CHUNK_BYTES {
            self.advance().await?;
        }
        if self.left == 0 {
            // Note checksums now: a response of known length is not polled after its last byte.
            self.save_checksums().await;
        }
        if self.buffer.is_empty() {
            return Ok(None);
        }
        // Check before sending, including prefetched bytes.
        self.archive.check().await?;
        let bytes = self.buffer.split().freeze();
        Ok(Some((bytes, self)))
    }

    /// Packs the next piece of output.
    async fn advance(&mut self) -> Result<()> {
        if let Some(file) = self.file.take() {
            return self.pack_bytes(file).await;
        }
        match self.next {
            Section::Entry(index, at) => self.pack_entry(index, at).await,
            Section::CentralRecord(index, offset) => self.pack_central_record(index, offset).await,
            Section::End => {
                let mut end = Vec::new();
                self.layout.end.put(&mut end);
                self.pack(&end);
                Ok(())
            }
        }
    }

    /// Packs those of `bytes` that lie within the range.
    fn pack(&mut self, bytes: &[u8]) {
        let from = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
        self.skip -= from as u64;
        let max = usize::try_from(self.left).unwrap_or(usize::MAX);
        let bytes = bytes.get(from..).unwrap_or_default();
        let bytes = bytes.get(..max.min(bytes.len())).unwrap_or_default();
        self.buffer.extend_from_slice(bytes);
        self.left -= bytes.len() as u64;
    }

    /// Starts the entry at `index`, at offset `at`, or the central directory if there is no such entry.
    async fn pack_entry(&mut self, index: usize, at: u64) -> Result<()> {
        let Some(entry) = self.archive.entry(index) else {
            self.next = Section::CentralRecord(0, 0);
            return Ok(());
        };
        let record = Record::new(entry);
        let (header, size) = (record.local_len(), record.size());
        self.next = Section::Entry(index + 1, at + header + size);
        self.prefetch(index);
        let fetched = self.take_prefetched().await?;
        if let Some(pieces) = &fetched {
            self.record_crc32(index, pieces).await?;
        }
        if self.skip >= header {
            self.skip -= header;
        } else {
            let crc32 = self.crc32(index).await?;
            let mut bytes = Vec::new();
            self.archive
                .entry(index)
                .map(Record::new)
                .into_iter()
                .for_each(|record| record.put_local(crc32, &mut bytes));
            self.pack(&bytes);
        }
        self.open_file(index, size, fetched).await
    }

    /// Starts the bytes of a file, as far as they lie within the range; `skip` bytes precede it.
    async fn open_file(&mut self, index: usize, size: u64, fetched: Option<Vec<Bytes>>) -> Result<()> {
        let first = self.skip.min(size);
        let last = first.saturating_add(self.left).min(size);
        self.skip = 0;
        if first == last {
            return Ok(());
        }
        let (bytes, left) = match fetched {
            Some(pieces) => {
                self.skip = first;
                (stream::iter(pieces.into_iter().map(Ok)).boxed(), size)
            }
            None => {
                let blob = self.archive.entry_blob(index).ok_or_else(|| broken("it has bytes, and is no file"))?;
                (self.reader.read(&blob, first..last).await?, last - first)
            }
        };
        let crc32 = (left == size).then(crc32fast::Hasher::new);
        self.file = Some(OpenFile { index, bytes, left, crc32 });
        Ok(())
    }

    async fn pack_bytes(&mut self, mut file: OpenFile) -> Result<()> {
        let piece = file.bytes.next().await.transpose()?;
        self.archive.check().await?;
        match piece {
            Some(piece) => {
                // The size has already been sent in the header.
                file.left =
                    file.left.checked_sub(piece.len() as u64).ok_or_else(|| self.damaged(file.index, TOO_LONG))?;
                if let Some(crc32) = &mut file.crc32 {
                    crc32.update(&piece);
                }
                if file.left == 0 {
                    self.check_bytes(file)?;
                } else {
                    self.file = Some(file);
                }
                self.pack(&piece);
                Ok(())
            }
            None => Err(self.damaged(file.index, TOO_SHORT)),
        }
    }

    /// Checks the complete bytes of a file against its known CRC-32.
    fn check_bytes(&self, file: OpenFile) -> Result<()> {
        let known = self.archive.entry(file.index).and_then(|entry| entry.file?.crc32);
        match (file.crc32.map(crc32fast::Hasher::finalize), known) {
            (Some(of_bytes), Some(Crc32(known))) if of_bytes != known => {
                Err(self.damaged(file.index, "it has other bytes than when its CRC-32 was taken"))
            }
            _ => Ok(()),
        }
    }

    async fn pack_central_record(&mut self, index: usize, offset: u64) -> Result<()> {
        let crc32 = match self.archive.entry(index) {
            Some(_) => self.crc32(index).await?,
            None => {
                self.next = Section::End;
                return Ok(());
            }
        };
        if let Some(record) = self.archive.entry(index).map(Record::new) {
            let mut bytes = Vec::new();
            record.put_central(crc32, offset, &mut bytes);
            self.next = Section::CentralRecord(index + 1, offset + record.local_len() + record.size());
            self.pack(&bytes);
        }
        Ok(())
    }

    /// Returns the CRC-32 of an entry. If unknown, reads the whole file once and records it.
    async fn crc32(&mut self, index: usize) -> Result<u32> {
        let Some(file) = self.archive.entry(index).and_then(|entry| entry.file).filter(|file| file.size > 0) else {
            return Ok(0);
        };
        if let Some(Crc32(known)) = file.crc32 {
            return Ok(known);
        }
        let mut left = file.size;
        let blob = self.archive.entry_blob(index).ok_or_else(|| broken("it has a size, and is no file"))?;
        let mut bytes = self.reader.read(&blob, 0..left).await?;
        let mut crc32 = crc32fast::Hasher::new();
        while let Some(piece) = bytes.next().await.transpose()? {
            self.archive.check().await?;
            left = left.checked_sub(piece.len() as u64).ok_or_else(|| blob.damaged(TOO_LONG))?;
            crc32.update(&piece);
        }
        if left > 0 {
            return Err(blob.damaged(TOO_SHORT));
        }
        let crc32 = crc32.finalize();
        self.archive.record_crc32(index, Crc32(crc32)).await?;
        Ok(crc32)
    }

    /// Records the CRC-32 of a prefetched small file.
    async fn record_crc32(&mut self, index: usize, pieces: &[Bytes]) -> Result<()> {
        let file = self.archive.entry(index).and_then(|entry| entry.file);
        let size: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
        if let Some(file) = file.filter(|file| file.size != size) {
            return Err(self.damaged(index, if size > file.size { TOO_LONG } else { TOO_SHORT }));
        }
        if file.is_some_and(|file| file.crc32.is_none()) {
            let mut crc32 = crc32fast::Hasher::new();
            pieces.iter().for_each(|piece| crc32.update(piece));
            self.archive.record_crc32(index, Crc32(crc32.finalize())).await?;
        }
        Ok(())
    }

    /// Returns the bytes of the current entry if they were prefetched.
    async fn take_prefetched(&mut self) -> Result<Option<Vec<Bytes>>> {
        match self.ahead.pop_front() {
            Some(Prefetch::Started(mut fetch)) => {
                let pieces = (&mut fetch.0).await.map_err(|error| Error::internal("storage", error))?;
                pieces.map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The error for damaged bytes of a file.
    fn damaged(&self, index: usize, what: &'static str) -> Error {
        self.archive.entry_blob(index).map_or_else(|| broken(what), |blob| blob.damaged(what))
    }

    /// Prefetches entries from `index` on, up to the end of the range or the first file too large to prefetch.
    fn prefetch(&mut self, index: usize) {
        let mut size: u64 = (0..self.ahead.len()).map(|ahead| self.size(index + ahead)).sum();
        let in_range = self.left.saturating_add(self.skip);
        while self.ahead.len() < PREFETCH && size < in_range && !matches!(self.ahead.back(), Some(Prefetch::TooLarge)) {
            let at = index + self.ahead.len();
            let Some(file) = self.archive.entry(at).map(|entry| entry.file.map_or(0, |file| file.size)) else { return };
            let fetching = Prefetch::begin(&self.reader, self.archive.entry_blob(at), file);
            size += self.size(at);
            self.ahead.push_back(fetching);
        }
    }

    /// The size of the entry in the ZIP, in bytes.
    fn size(&self, index: usize) -> u64 {
        let record = self.archive.entry(index).map(Record::new);
        record.map_or(0, |record| record.local_len() + record.size())
    }

    /// Saves the computed checksums for later archives; a failure does not affect this one.
    async fn save_checksums(&mut self) {
        if let Err(error) = self.archive.flush_checksums().await {
            tracing::warn!(%error, "saving the checksums of an archive failed");
        }
    }
}

fn broken(how: &'static str) -> Error {
    Error::internal("zip", how)
}
