//! Streams a body into the bucket: as one object if it is short, else as a multipart upload.

use std::sync::Arc;

use bytes::Bytes;
use clouddrive_domain::error::{Conflict, Refused};
use clouddrive_domain::model::{BlobKey, Crc32, EntityTag, Expected, Length, Sha256, Stored};
use clouddrive_domain::port::ByteStream;
use clouddrive_domain::{Error, Result};
use futures_util::StreamExt;
use futures_util::future::try_join;
use sha2::Digest;

use crate::bucket::{StoredHeaders, WriteMetadata, object};
use crate::error::{S3Error, S3ErrorKind};
use crate::multipart::OpenMultipart;
use crate::store::S3Store;

/// One in this many parts has the first size.
const SMALL_SHARE: usize = 10;
/// How many times larger the other parts are.
const GROWTH: usize = 8;

/// How a body of unknown length is cut into parts.
#[derive(Clone, Copy)]
struct PartSizes {
    /// The size in bytes of the first parts.
    first: usize,
    /// The maximum number of parts.
    max: usize,
}

impl PartSizes {
    const fn small_parts(self) -> usize {
        self.max / SMALL_SHARE
    }

    /// The size in bytes of the part `number`, counted from 1.
    const fn part_size(self, number: usize) -> usize {
        if number <= self.small_parts() { self.first } else { self.first.saturating_mul(GROWTH) }
    }

    /// The maximum number of bytes in all parts.
    const fn capacity(self) -> u64 {
        self.first as u64 * (self.small_parts() + (self.max - self.small_parts()) * GROWTH) as u64
    }
}

impl S3Store {
    fn part_sizes(&self) -> PartSizes {
        PartSizes { first: self.part_bytes, max: usize::try_from(self.capabilities().max_parts).unwrap_or(usize::MAX) }
    }

    /// Writes `body` to the blob `key`. Leaves nothing behind on failure.
    pub(crate) async fn upload(
        &self,
        key: &BlobKey,
        body: ByteStream,
        expected: Expected,
        stored_headers: Option<StoredHeaders>,
    ) -> Result<Stored> {
        let mut source = BodyReader::new(body, expected, self.part_sizes().capacity())?;
        let written = WriteMetadata { mark: self.random_mark(), stored_headers };
        let mark = &written.mark;
        let first = source.part(self.part_bytes).await?;
        if !first.last {
            return self.upload_parts(key, source, first, expected, &written).await;
        }
        let stored = source.checked(expected)?;
        let _lock = self.lock_key(key).await?;
        let once = self.capabilities().conditional_writes;
        let outcome = self.bucket.put(&object(key), first.bytes, &first.sha256, &written, once).await;
        Ok(Stored { tag: self.confirm_tag(key, mark, outcome).await?, ..stored })
    }

    async fn upload_parts(
        &self,
        key: &BlobKey,
        source: BodyReader,
        first: Chunk,
        expected: Expected,
        written: &WriteMetadata,
    ) -> Result<Stored> {
        let checksums = self.capabilities().part_checksums;
        let mut begun = OpenMultipart::new(Arc::clone(&self.bucket), object(key), written, checksums).await?;
        let outcome = self.send_parts(&begun, key, source, first, expected, &written.mark).await;
        match &outcome {
            Ok(_) => begun.end(),
            Err(_) => begun.abort().await,
        }
        outcome
    }

    async fn send_parts(
        &self,
        begun: &OpenMultipart,
        key: &BlobKey,
        mut source: BodyReader,
        first: Chunk,
        expected: Expected,
        mark: &str,
    ) -> Result<Stored> {
        let mut parts = Vec::new();
        let mut piece = first;
        // Send one part while receiving the next.
        while !piece.last {
            let number = parts.len() + 1;
            let sent = async { Ok::<_, Error>(begun.put(number, piece.bytes, piece.sha256).await?) };
            let (part, next) = try_join(sent, source.part(self.part_sizes().part_size(number + 1))).await?;
            parts.push(part);
            piece = next;
        }
        let stored = source.checked(expected)?;
        parts.push(begun.put(parts.len() + 1, piece.bytes, piece.sha256).await?);
        let _lock = self.lock_key(key).await?;
        let outcome = begun.complete(&parts, self.capabilities().conditional_writes).await;
        Ok(Stored { tag: self.confirm_tag(key, mark, outcome).await?, ..stored })
    }

    /// The tag of the object written with this mark. A failed write may have succeeded on the server, and an object may
    /// come from another write, so the bucket is asked.
    async fn confirm_tag(
        &self,
        key: &BlobKey,
        mark: &str,
        outcome: Result<Option<EntityTag>, S3Error>,
    ) -> Result<Option<EntityTag>> {
        let error = match outcome {
            Ok(Some(tag)) => return Ok(Some(tag)),
            // The write succeeded; if the tag cannot be fetched, do without.
            Ok(None) => {
                let found = self.bucket.find(&object(key)).await.ok().flatten();
                return Ok(found.and_then(|found| found.tag));
            }
            Err(error) => error,
        };
        match self.bucket.find(&object(key)).await {
            Ok(Some(found)) if found.was_written_by(mark) => Ok(found.tag),
            Ok(Some(_)) if error.is_precondition_failed() => Err(Error::Conflict(Conflict::BlobExists)),
            // The conflicting object has been removed in the meantime.
            Ok(None) if error.is_precondition_failed() => {
                Err(Error::unavailable("storage", S3Error::without_response("PutObject", S3ErrorKind::ServerError)))
            }
            _ => Err(error.into()),
        }
    }
}

/// Splits a body into pieces of the requested sizes, measuring and hashing it on the way.
struct BodyReader {
    body: ByteStream,
    /// Received bytes that did not fit into the previous piece.
    rest: Bytes,
    digest: sha2::Sha256,
    crc32: crc32fast::Hasher,
    received: u64,
    max: u64,
    too_long: Refused,
}

/// The bytes of one call.
struct Chunk {
    bytes: Bytes,
    sha256: Sha256,
    /// Whether this is the last piece.
    last: bool,
}

impl BodyReader {
    fn new(body: ByteStream, expected: Expected, capacity: u64) -> Result<Self> {
        let (max, too_long) = match expected.length {
            Length::Exactly(size) if size > capacity => {
                return Err(Error::Refused(Refused::TooLarge { limit: capacity }));
            }
            Length::Exactly(size) => (size, Refused::Size),
            Length::AtMost(limit) => (limit.min(capacity), Refused::TooLarge { limit: limit.min(capacity) }),
        };
        Ok(Self {
            body,
            rest: Bytes::new(),
            digest: sha2::Sha256::new(),
            crc32: crc32fast::Hasher::new(),
            received: 0,
            max,
            too_long,
        })
    }

    /// The next `size` bytes, or fewer at the end.
    async fn part(&mut self, size: usize) -> Result<Chunk> {
        let left = usize::try_from(self.max - self.received + self.rest.len() as u64).unwrap_or(usize::MAX);
        // For a body of unknown length, let the first buffer grow as needed, as the body may be short.
        let known = if self.received > 0 || self.too_long == Refused::Size { size.min(left) } else { 0 };
        let (mut buffer, mut digest) = (Vec::with_capacity(known), sha2::Sha256::new());
        let first = self.received == 0;
        while self.fill_rest().await? {
            let room = size - buffer.len();
            if room == 0 {
                break;
            }
            let piece = self.rest.split_to(room.min(self.rest.len()));
            self.digest.update(&piece);
            self.crc32.update(&piece);
            if !first {
                digest.update(&piece);
            }
            buffer.extend_from_slice(&piece);
        }
        let digest = if first { self.digest.clone() } else { digest };
        let sha256 = Sha256::from_bytes(digest.finalize().into());
        Ok(Chunk { bytes: buffer.into(), sha256, last: self.rest.is_empty() })
    }

    /// Waits for more bytes; returns whether there are any.
    async fn fill_rest(&mut self) -> Result<bool> {
        while self.rest.is_empty() {
            let Some(piece) = self.body.next().await else { return Ok(false) };
            self.rest = piece?;
            self.received = self.received.saturating_add(self.rest.len() as u64);
            if self.received > self.max {
                return Err(Error::Refused(self.too_long.clone()));
            }
        }
        Ok(true)
    }

    /// The size and checksums of the whole body, checked against `expected`.
    fn checked(self, expected: Expected) -> Result<Stored> {
        let sha256 = Sha256::from_bytes(self.digest.finalize().into());
        let crc32 = Crc32(self.crc32.finalize());
        let stored = Stored { size: self.received, sha256: Some(sha256), crc32: Some(crc32), tag: None };
        expected.check(&stored)?;
        Ok(stored)
    }
}

#[cfg(test)]
mod tests {
    use clouddrive_domain::model::Length;
    use futures_util::stream;

    use super::*;
    use crate::checksum::digest;

    #[test]
    fn parts_hold_as_much_as_documented() {
        for (max, mib) in [(10_000, 584_000), (1000, 58_400)] {
            let part_sizes = PartSizes { first: 8 << 20, max };
            assert_eq!(part_sizes.capacity(), mib << 20);
            let sizes = (1..=max).map(|number| part_sizes.part_size(number) as u64);
            assert_eq!(sizes.sum::<u64>(), part_sizes.capacity());
        }
    }

    fn source(pieces: &[&'static [u8]], length: Length) -> Result<BodyReader> {
        let pieces: Vec<_> = pieces.iter().map(|piece| Ok(Bytes::from_static(piece))).collect();
        BodyReader::new(Box::pin(stream::iter(pieces)), Expected { length, sha256: None }, 100)
    }

    #[tokio::test]
    async fn pieces_are_cut_and_joined_and_the_last_one_is_known() {
        let cases: [(&[&'static [u8]], &[&str]); 7] = [
            (&[], &[""]),
            (&[b"", b""], &[""]),
            (&[b"abc"], &["abc"]),
            (&[b"a", b"", b"bc", b""], &["abc"]),
            (&[b"abcd"], &["abc", "d"]),
            (&[b"ab", b"cdefg", b"hi"], &["abc", "def", "ghi"]),
            (&[b"abc", b"def", b"g"], &["abc", "def", "g"]),
        ];
        for (pieces, parts) in cases {
            let mut source = source(pieces, Length::AtMost(10)).unwrap();
            for (at, part) in parts.iter().enumerate() {
                let piece = source.part(3).await.unwrap();
                assert_eq!((&piece.bytes[..], piece.sha256), (part.as_bytes(), digest(part.as_bytes())), "{pieces:?}");
                assert_eq!(piece.last, at + 1 == parts.len(), "{pieces:?}");
            }
            let whole = pieces.concat();
            let expected = Expected { length: Length::Exactly(whole.len() as u64), sha256: Some(digest(&whole)) };
            source.checked(expected).unwrap();
        }
    }

    #[tokio::test]
    async fn uploads_over_the_part_limit_are_refused() {
        let refused = |outcome: Result<BodyReader>| match outcome {
            Err(Error::Refused(refused)) => refused,
            _ => panic!("not refused"),
        };
        assert_eq!(refused(source(&[], Length::Exactly(101))), Refused::TooLarge { limit: 100 });
        let long: &'static [u8] = &[7; 101];
        for (length, expected) in [
            (Length::AtMost(200), Refused::TooLarge { limit: 100 }),
            (Length::AtMost(50), Refused::TooLarge { limit: 50 }),
            (Length::Exactly(100), Refused::Size),
        ] {
            let outcome = source(&[long], length).unwrap().part(1000).await.map(drop);
            assert!(matches!(outcome, Err(Error::Refused(refused)) if refused == expected), "{length:?}");
        }
    }
}
