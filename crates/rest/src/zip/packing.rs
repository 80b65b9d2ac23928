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
const PIECE: usize = 32 * 1024;

/// The number of entries to look ahead. Small files among them are prefetched concurrently, since a store's latency to
/// the first byte is the same for a small file as for a large one.
const AHEAD: usize = 16;

/// The maximum size of a prefetched file: 64 KiB.
const SMALL: u64 = 64 * 1024;

/// Details of damaged blobs.
const MORE: &str = "it has more bytes than its version";
const FEWER: &str = "it has fewer bytes than its version";

/// The state of packing a range of an archive.
struct Packing {
    archive: Archive,
    reader: ArchiveReader,
    layout: Layout,
    /// The next part to pack.
    next: Part,
    /// Bytes of that part to skip, since they precede the range.
    skip: u64,
    /// Bytes of the range still to pack.
    left: u64,
    /// Packed bytes, not yet sent.
    buffer: BytesMut,
    /// The prefetch state of the next entries.
    ahead: VecDeque<Fetching>,
    /// The file whose bytes are being packed.
    file: Option<OpenFile>,
}

/// The parts of a ZIP.
#[derive(Clone, Copy)]
enum Part {
    /// The entry with this index, at this offset.
    Entry(usize, u64),
    /// The central directory record of the entry with this index, whose local record is at this offset.
    Listed(usize, u64),
    /// The end of central directory.
    End,
}

/// A file being read.
struct OpenFile {
    number: usize,
    bytes: ByteStream,
    /// Bytes still to come.
    left: u64,
    /// The running CRC-32, if the whole file is read.
    crc32: Option<crc32fast::Hasher>,
}

/// The prefetch state of an entry.
enum Fetching {
    /// The entry has no bytes.
    Nothing,
    /// The file is too large to prefetch.
    Later,
    /// The file is being fetched.
    Begun(Fetch),
}

/// The fetch of a small file's bytes. Dropping it aborts the fetch.
struct Fetch(JoinHandle<Result<Vec<Bytes>>>);

impl Drop for Fetch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Fetching {
    fn begin(reader: &ArchiveReader, blob: Option<ArchivedBlob>, size: u64) -> Self {
        match blob {
            Some(_) if size > SMALL => Self::Later,
            Some(blob) if size > 0 => {
                let reader = reader.clone();
                // A task of its own, so that a slow client does not keep the store waiting.
                Self::Begun(Fetch(tokio::spawn(async move { reader.read(&blob, 0..size).await?.try_collect().await })))
            }
            _ => Self::Nothing,
        }
    }
}

/// Streams the bytes of `range` of the ZIP. Pieces are generated on demand; without polling only the prefetches
/// proceed, until the stream is dropped. An error ends the stream before it is complete.
pub(super) fn packed(archive: Archive, layout: Layout, range: Range<u64>) -> impl Stream<Item = Result<Bytes>> + Send {
    let (reader, ahead) = (archive.reader(), VecDeque::with_capacity(AHEAD));
    let (next, skip) = find(&archive, layout, range.start);
    let left = range.end - range.start;
    let packing = Packing { archive, reader, layout, next, skip, left, buffer: BytesMut::new(), ahead, file: None };
    stream::try_unfold(packing, Packing::piece)
}

/// Finds the part that contains the byte at `start`, and the number of its bytes before that.
fn find(archive: &Archive, layout: Layout, start: u64) -> (Part, u64) {
    let mut at = 0;
    for (number, record) in archive.entries().map(Record::of).enumerate() {
        let size = record.local_len() + record.size();
        if start < at + size {
            return (Part::Entry(number, at), start - at);
        }
        at += size;
    }
    let (mut offset, mut at) = (0, layout.end.offset);
    for (number, record) in archive.entries().map(Record::of).enumerate() {
        let size = record.central_len(offset);
        if start < at + size {
            return (Part::Listed(number, offset), start - at);
        }
        at += size;
        offset += record.local_len() + record.size();
    }
    (Part::End, start.saturating_sub(at))
}

impl Packing {
    /// Returns the next piece; `None` at the end.
    async fn piece(mut self) -> Result<Option<(Bytes, Self)>> {
        while self.left > 0 && self.buffer.len() < PIECE {
            self.go_on().await?;
        }
        if self.left == 0 {
            // Note checksums now: a response of known length is not polled after its last byte.
            self.note().await;
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
    async fn go_on(&mut self) -> Result<()> {
        if let Some(file) = self.file.take() {
            return self.pack_bytes(file).await;
        }
        match self.next {
            Part::Entry(number, at) => self.pack_entry(number, at).await,
            Part::Listed(number, offset) => self.pack_listed(number, offset).await,
            Part::End => {
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
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        let bytes = bytes.get(from..).unwrap_or_default();
        let bytes = bytes.get(..most.min(bytes.len())).unwrap_or_default();
        self.buffer.extend_from_slice(bytes);
        self.left -= bytes.len() as u64;
    }

    /// Starts the entry with index `number` at offset `at`, or the central directory if there is no such entry.
    async fn pack_entry(&mut self, number: usize, at: u64) -> Result<()> {
        let Some(entry) = self.archive.entry(number) else {
            self.next = Part::Listed(0, 0);
            return Ok(());
        };
        let record = Record::of(entry);
        let (header, size) = (record.local_len(), record.size());
        self.next = Part::Entry(number + 1, at + header + size);
        self.look_ahead(number);
        let fetched = self.fetched().await?;
        if let Some(pieces) = &fetched {
            self.learn_from(number, pieces).await?;
        }
        if self.skip >= header {
            self.skip -= header;
        } else {
            let crc32 = self.crc32(number).await?;
            let mut bytes = Vec::new();
            self.archive
                .entry(number)
                .map(Record::of)
                .into_iter()
                .for_each(|record| record.put_local(crc32, &mut bytes));
            self.pack(&bytes);
        }
        self.open(number, size, fetched).await
    }

    /// Starts the bytes of a file, as far as they lie within the range; `skip` bytes precede it.
    async fn open(&mut self, number: usize, size: u64, fetched: Option<Vec<Bytes>>) -> Result<()> {
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
                let blob = self.archive.blob(number).ok_or_else(|| broken("it has bytes, and is no file"))?;
                (self.reader.read(&blob, first..last).await?, last - first)
            }
        };
        let crc32 = (left == size).then(crc32fast::Hasher::new);
        self.file = Some(OpenFile { number, bytes, left, crc32 });
        Ok(())
    }

    async fn pack_bytes(&mut self, mut file: OpenFile) -> Result<()> {
        let piece = file.bytes.next().await.transpose()?;
        self.archive.check().await?;
        match piece {
            Some(piece) => {
                // The size has already been sent in the header.
                file.left = file.left.checked_sub(piece.len() as u64).ok_or_else(|| self.damaged(file.number, MORE))?;
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
            None => Err(self.damaged(file.number, FEWER)),
        }
    }

    /// Checks the complete bytes of a file against its known CRC-32.
    fn check_bytes(&self, file: OpenFile) -> Result<()> {
        let known = self.archive.entry(file.number).and_then(|entry| entry.file?.crc32);
        match (file.crc32.map(crc32fast::Hasher::finalize), known) {
            (Some(of_bytes), Some(Crc32(known))) if of_bytes != known => {
                Err(self.damaged(file.number, "it has other bytes than when its CRC-32 was taken"))
            }
            _ => Ok(()),
        }
    }

    async fn pack_listed(&mut self, number: usize, offset: u64) -> Result<()> {
        let crc32 = match self.archive.entry(number) {
            Some(_) => self.crc32(number).await?,
            None => {
                self.next = Part::End;
                return Ok(());
            }
        };
        if let Some(record) = self.archive.entry(number).map(Record::of) {
            let mut bytes = Vec::new();
            record.put_central(crc32, offset, &mut bytes);
            self.next = Part::Listed(number + 1, offset + record.local_len() + record.size());
            self.pack(&bytes);
        }
        Ok(())
    }

    /// Returns the CRC-32 of an entry. If unknown, reads the whole file once and records it.
    async fn crc32(&mut self, number: usize) -> Result<u32> {
        let Some(file) = self.archive.entry(number).and_then(|entry| entry.file).filter(|file| file.size > 0) else {
            return Ok(0);
        };
        if let Some(Crc32(known)) = file.crc32 {
            return Ok(known);
        }
        let mut left = file.size;
        let blob = self.archive.blob(number).ok_or_else(|| broken("it has a size, and is no file"))?;
        let mut bytes = self.reader.read(&blob, 0..left).await?;
        let mut crc32 = crc32fast::Hasher::new();
        while let Some(piece) = bytes.next().await.transpose()? {
            self.archive.check().await?;
            left = left.checked_sub(piece.len() as u64).ok_or_else(|| blob.damaged(MORE))?;
            crc32.update(&piece);
        }
        if left > 0 {
            return Err(blob.damaged(FEWER));
        }
        let crc32 = crc32.finalize();
        self.archive.learn(number, Crc32(crc32)).await?;
        Ok(crc32)
    }

    /// Records the CRC-32 of a prefetched small file.
    async fn learn_from(&mut self, number: usize, pieces: &[Bytes]) -> Result<()> {
        let file = self.archive.entry(number).and_then(|entry| entry.file);
        let size: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
        if let Some(file) = file.filter(|file| file.size != size) {
            return Err(self.damaged(number, if size > file.size { MORE } else { FEWER }));
        }
        if file.is_some_and(|file| file.crc32.is_none()) {
            let mut crc32 = crc32fast::Hasher::new();
            pieces.iter().for_each(|piece| crc32.update(piece));
            self.archive.learn(number, Crc32(crc32.finalize())).await?;
        }
        Ok(())
    }

    /// Returns the bytes of the current entry if they were prefetched.
    async fn fetched(&mut self) -> Result<Option<Vec<Bytes>>> {
        match self.ahead.pop_front() {
            Some(Fetching::Begun(mut fetch)) => {
                let pieces = (&mut fetch.0).await.map_err(|fault| Error::internal("storage", fault))?;
                pieces.map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The error for damaged bytes of a file.
    fn damaged(&self, number: usize, what: &'static str) -> Error {
        self.archive.blob(number).map_or_else(|| broken(what), |blob| blob.damaged(what))
    }

    /// Prefetches entries from `number` on, up to the end of the range or the first file too large to prefetch.
    fn look_ahead(&mut self, number: usize) {
        let mut size: u64 = (0..self.ahead.len()).map(|ahead| self.size(number + ahead)).sum();
        let in_range = self.left.saturating_add(self.skip);
        while self.ahead.len() < AHEAD && size < in_range && !matches!(self.ahead.back(), Some(Fetching::Later)) {
            let at = number + self.ahead.len();
            let Some(file) = self.archive.entry(at).map(|entry| entry.file.map_or(0, |file| file.size)) else { return };
            let fetching = Fetching::begin(&self.reader, self.archive.blob(at), file);
            size += self.size(at);
            self.ahead.push_back(fetching);
        }
    }

    /// The size of the entry in the ZIP, in bytes.
    fn size(&self, number: usize) -> u64 {
        let record = self.archive.entry(number).map(Record::of);
        record.map_or(0, |record| record.local_len() + record.size())
    }

    /// Saves the computed checksums for later archives; a failure does not affect this one.
    async fn note(&mut self) {
        if let Err(fault) = self.archive.note().await {
            tracing::warn!(%fault, "checksums of an archive were not noted");
        }
    }
}

fn broken(how: &'static str) -> Error {
    Error::internal("zip", how)
}
