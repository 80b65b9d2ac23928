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

use crate::bucket::{Kept, Written, object};
use crate::multipart::Begun;
use crate::store::S3Store;
use crate::trouble::{Trouble, TroubleKind};

/// One in this many parts has the first size.
const SMALL_SHARE: usize = 10;
/// How many times larger the other parts are.
const GROWTH: usize = 8;

/// How a body of unknown length is cut into parts.
#[derive(Clone, Copy)]
struct Cut {
    /// The size in bytes of the first parts.
    first: usize,
    /// The maximum number of parts.
    most: usize,
}

impl Cut {
    const fn small_parts(self) -> usize {
        self.most / SMALL_SHARE
    }

    /// The size in bytes of the part `number`, counted from 1.
    const fn part_size(self, number: usize) -> usize {
        if number <= self.small_parts() { self.first } else { self.first.saturating_mul(GROWTH) }
    }

    /// The maximum number of bytes in all parts.
    const fn capacity(self) -> u64 {
        self.first as u64 * (self.small_parts() + (self.most - self.small_parts()) * GROWTH) as u64
    }
}

impl S3Store {
    fn cut(&self) -> Cut {
        Cut { first: self.part_bytes, most: usize::try_from(self.abilities().max_parts).unwrap_or(usize::MAX) }
    }

    /// Writes `body` to the blob `key`. Leaves nothing behind on failure.
    pub(crate) async fn take_in(
        &self,
        key: &BlobKey,
        body: ByteStream,
        expected: Expected,
        kept: Option<Kept>,
    ) -> Result<Stored> {
        let mut source = Source::new(body, expected, self.cut().capacity())?;
        let written = Written { mark: self.fresh(), kept };
        let mark = &written.mark;
        let first = source.part(self.part_bytes).await?;
        if !first.last {
            return self.take_in_parts(key, source, first, expected, &written).await;
        }
        let stored = source.verdict(expected)?;
        let _turn = self.turn(key).await?;
        let once = self.abilities().conditional_writes;
        let outcome = self.bucket.put(&object(key), first.bytes, &first.sha256, &written, once).await;
        Ok(Stored { tag: self.settle(key, mark, outcome).await?, ..stored })
    }

    async fn take_in_parts(
        &self,
        key: &BlobKey,
        source: Source,
        first: Piece,
        expected: Expected,
        written: &Written,
    ) -> Result<Stored> {
        let checksums = self.abilities().part_checksums;
        let mut begun = Begun::new(Arc::clone(&self.bucket), object(key), written, checksums).await?;
        let outcome = self.send_parts(&begun, key, source, first, expected, &written.mark).await;
        match &outcome {
            Ok(_) => begun.end(),
            Err(_) => begun.abort().await,
        }
        outcome
    }

    async fn send_parts(
        &self,
        begun: &Begun,
        key: &BlobKey,
        mut source: Source,
        first: Piece,
        expected: Expected,
        mark: &str,
    ) -> Result<Stored> {
        let mut parts = Vec::new();
        let mut piece = first;
        // Send one part while receiving the next.
        while !piece.last {
            let number = parts.len() + 1;
            let sent = async { Ok::<_, Error>(begun.put(number, piece.bytes, piece.sha256).await?) };
            let (part, next) = try_join(sent, source.part(self.cut().part_size(number + 1))).await?;
            parts.push(part);
            piece = next;
        }
        let stored = source.verdict(expected)?;
        parts.push(begun.put(parts.len() + 1, piece.bytes, piece.sha256).await?);
        let _turn = self.turn(key).await?;
        let outcome = begun.complete(&parts, self.abilities().conditional_writes).await;
        Ok(Stored { tag: self.settle(key, mark, outcome).await?, ..stored })
    }

    /// The tag of the object written with this mark. A failed write may have succeeded on the server, and an object may
    /// come from another write, so the bucket is asked.
    async fn settle(
        &self,
        key: &BlobKey,
        mark: &str,
        outcome: Result<Option<EntityTag>, Trouble>,
    ) -> Result<Option<EntityTag>> {
        let trouble = match outcome {
            Ok(Some(tag)) => return Ok(Some(tag)),
            // The write succeeded; if the tag cannot be fetched, do without.
            Ok(None) => {
                let found = self.bucket.look(&object(key)).await.ok().flatten();
                return Ok(found.and_then(|found| found.tag));
            }
            Err(trouble) => trouble,
        };
        match self.bucket.look(&object(key)).await {
            Ok(Some(found)) if found.is_of(mark) => Ok(found.tag),
            Ok(Some(_)) if trouble.is_unmet() => Err(Error::Conflict(Conflict::BlobExists)),
            // The conflicting object has been removed in the meantime.
            Ok(None) if trouble.is_unmet() => {
                Err(Error::unavailable("storage", Trouble::silent("PutObject", TroubleKind::OutOfOrder)))
            }
            _ => Err(trouble.into()),
        }
    }
}

/// Splits a body into pieces of the requested sizes, measuring and hashing it on the way.
struct Source {
    body: ByteStream,
    /// Received bytes that did not fit into the previous piece.
    rest: Bytes,
    digest: sha2::Sha256,
    crc32: crc32fast::Hasher,
    received: u64,
    most: u64,
    too_long: Refused,
}

/// The bytes of one call.
struct Piece {
    bytes: Bytes,
    sha256: Sha256,
    /// Whether this is the last piece.
    last: bool,
}

impl Source {
    fn new(body: ByteStream, expected: Expected, capacity: u64) -> Result<Self> {
        let (most, too_long) = match expected.length {
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
            most,
            too_long,
        })
    }

    /// The next `size` bytes, or fewer at the end.
    async fn part(&mut self, size: usize) -> Result<Piece> {
        let left = usize::try_from(self.most - self.received + self.rest.len() as u64).unwrap_or(usize::MAX);
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
        Ok(Piece { bytes: buffer.into(), sha256, last: self.rest.is_empty() })
    }

    /// Waits for more bytes; returns whether there are any.
    async fn fill_rest(&mut self) -> Result<bool> {
        while self.rest.is_empty() {
            let Some(piece) = self.body.next().await else { return Ok(false) };
            self.rest = piece?;
            self.received = self.received.saturating_add(self.rest.len() as u64);
            if self.received > self.most {
                return Err(Error::Refused(self.too_long.clone()));
            }
        }
        Ok(true)
    }

    /// The size and checksums of the whole body, checked against `expected`.
    fn verdict(self, expected: Expected) -> Result<Stored> {
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
        for (most, mib) in [(10_000, 584_000), (1000, 58_400)] {
            let cut = Cut { first: 8 << 20, most };
            assert_eq!(cut.capacity(), mib << 20);
            let sizes = (1..=most).map(|number| cut.part_size(number) as u64);
            assert_eq!(sizes.sum::<u64>(), cut.capacity());
        }
    }

    fn source(pieces: &[&'static [u8]], length: Length) -> Result<Source> {
        let pieces: Vec<_> = pieces.iter().map(|piece| Ok(Bytes::from_static(piece))).collect();
        Source::new(Box::pin(stream::iter(pieces)), Expected { length, sha256: None }, 100)
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
            source.verdict(expected).unwrap();
        }
    }

    #[tokio::test]
    async fn what_does_not_fit_is_refused() {
        let refused = |outcome: Result<Source>| match outcome {
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
