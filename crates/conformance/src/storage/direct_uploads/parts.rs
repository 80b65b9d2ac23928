//! Multipart uploads of several parts, in any order.
#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::num::NonZeroU64;

use bytes::Bytes;
use clouddrive_domain::Error;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{MIN_PART_BYTES, MultipartUpload, Part, PartPlan, Stored};
use clouddrive_domain::port::{ContentHeaders, SignedUrl};
use futures_util::future::join;

use super::{SignedUrlClient, Subject, check_incomplete};
use crate::samples::{check_stored, content_headers, sample};

/// What every case sends: two full parts and a short one.
struct Sample {
    plan: PartPlan,
    bytes: Vec<u8>,
}

impl Sample {
    /// Parts of the smallest size that every store accepts.
    fn new() -> Self {
        let size = 2 * MIN_PART_BYTES + 7;
        let plan = PartPlan::new(size, NonZeroU64::new(MIN_PART_BYTES).unwrap());
        assert_eq!(plan.count(), 3);
        Self { plan, bytes: sample(usize::try_from(size).unwrap()) }
    }

    fn part(&self, number: u32) -> (Part, Bytes) {
        let part = self.plan.part(number).unwrap();
        let start = usize::try_from(u64::from(number - 1) * self.plan.part_size()).unwrap();
        let end = start + usize::try_from(part.size).unwrap();
        (part, Bytes::copy_from_slice(self.bytes.get(start..end).unwrap()))
    }

    async fn begin<W: SignedUrlClient>(&self, subject: &Subject<'_, W>) -> MultipartUpload {
        let multipart = subject.begin_of(self.plan).await;
        assert!(multipart.multipart_id.is_some(), "several parts and no ticket");
        multipart
    }

    async fn sign<W: SignedUrlClient>(
        &self,
        subject: &Subject<'_, W>,
        multipart: &MultipartUpload,
        number: u32,
    ) -> SignedUrl {
        subject
            .direct
            .presign_put(multipart, self.part(number).0, None, &ContentHeaders::unknown(), subject.soon())
            .await
            .unwrap()
    }

    async fn send<W: SignedUrlClient>(&self, subject: &Subject<'_, W>, multipart: &MultipartUpload, numbers: &[u32]) {
        for &number in numbers {
            let signed = self.sign(subject, multipart, number).await;
            assert_eq!(subject.wire.put(&signed, self.part(number).1).await, 200, "part {number}");
        }
    }

    async fn received<W: SignedUrlClient>(&self, subject: &Subject<'_, W>, multipart: &MultipartUpload) -> Vec<u32> {
        let parts = subject.direct.list_received(multipart, self.plan).await.unwrap();
        for part in &parts {
            assert_eq!(self.plan.part(part.number).as_ref(), Some(part));
        }
        parts.iter().map(|part| part.number).collect()
    }

    async fn finish<W: SignedUrlClient>(
        &self,
        subject: &Subject<'_, W>,
        multipart: &MultipartUpload,
    ) -> clouddrive_domain::Result<Stored> {
        subject.direct.finish(multipart, self.plan, None).await
    }

    /// Uploads a blob of all parts.
    async fn make<W: SignedUrlClient>(&self, subject: &Subject<'_, W>) -> MultipartUpload {
        let multipart = self.begin(subject).await;
        self.send(subject, &multipart, &[1, 2, 3]).await;
        self.finish(subject, &multipart).await.unwrap();
        multipart
    }
}

/// Received parts are listed by number, before and after the finish, and the blob reads back.
pub(super) async fn parts_in_any_order_become_the_blob<W: SignedUrlClient>(subject: &Subject<'_, W>) {
    let sample = &Sample::new();
    let multipart = sample.begin(subject).await;
    assert_eq!(sample.received(subject, &multipart).await, Vec::<u32>::new());
    for (number, received) in [(3, &[3][..]), (1, &[1, 3]), (2, &[1, 2, 3])] {
        sample.send(subject, &multipart, &[number]).await;
        assert_eq!(sample.received(subject, &multipart).await, received);
        assert_eq!(subject.store.head(&multipart.key).await.unwrap(), None, "a blob before the end");
    }
    let stored = sample.finish(subject, &multipart).await.unwrap();
    assert_eq!((stored.size, stored.sha256), (sample.plan.size(), None));
    check_stored(&stored, &sample.bytes);
    assert_eq!(sample.received(subject, &multipart).await, [1, 2, 3]);
    subject.check_blob(&multipart.key, &sample.bytes).await;
}

/// `UploadIncomplete` names the missing parts and changes nothing; they may still be sent by new URLs.
pub(super) async fn missing_parts_are_reported_and_may_still_be_sent<W: SignedUrlClient>(subject: &Subject<'_, W>) {
    let sample = &Sample::new();
    let multipart = sample.begin(subject).await;
    for (number, missing) in [(2, &[1, 2, 3][..]), (3, &[1, 3]), (1, &[1])] {
        for _ in 0..2 {
            let outcome = sample.finish(subject, &multipart).await;
            let reported = matches!(&outcome, Err(Error::Conflict(Conflict::UploadIncomplete(parts)))
                if parts.first() == missing && parts.count() as usize == missing.len());
            assert!(reported, "{missing:?}: {outcome:?}");
        }
        assert_eq!(subject.store.head(&multipart.key).await.unwrap(), None);
        assert!(subject.listed().await.iter().all(|begun| begun.key != multipart.key || *begun == multipart));
        sample.send(subject, &multipart, &[number]).await;
    }
    sample.finish(subject, &multipart).await.unwrap();
    subject.check_blob(&multipart.key, &sample.bytes).await;
}

/// Bytes of another length than signed, and bytes sent as another part, are refused and not stored.
pub(super) async fn other_bytes_than_signed_are_no_part<W: SignedUrlClient>(subject: &Subject<'_, W>) {
    let sample = &Sample::new();
    let multipart = sample.begin(subject).await;
    let signed = sample.sign(subject, &multipart, 3).await;
    for bytes in [&b""[..], b"six by", b"eight by"] {
        let status = subject.wire.put(&signed, Bytes::copy_from_slice(bytes)).await;
        assert!((400..500).contains(&status), "{} bytes: {status}", bytes.len());
    }
    let (number, other) =
        if signed.url.contains("partNumber=") { ("partNumber=3", "partNumber=2") } else { ("part=3", "part=2") };
    assert!(signed.url.contains(number), "where does the number of the part stand in {}?", signed.url);
    let other = SignedUrl { url: signed.url.replace(number, other), ..signed };
    let status = subject.wire.put(&other, Bytes::from_static(b"7 bytes")).await;
    assert!((400..500).contains(&status), "as another part: {status}");
    assert_eq!(sample.received(subject, &multipart).await, Vec::<u32>::new());
    subject.store.abort(&multipart).await.unwrap();
}

/// A part that is sent again is refused or replaces the former; either way the blob has one of them, whole.
pub(super) async fn a_part_that_is_there_stays_or_is_replaced_whole<W: SignedUrlClient>(subject: &Subject<'_, W>) {
    let sample = &Sample::new();
    let multipart = sample.begin(subject).await;
    let signed = sample.sign(subject, &multipart, 3).await;
    assert_eq!(subject.wire.put(&signed, Bytes::from_static(b"another")).await, 200);
    let status = subject.wire.put(&signed, sample.part(3).1).await;
    assert!([200, 412].contains(&status), "{status}");
    sample.send(subject, &multipart, &[1, 2]).await;
    sample.finish(subject, &multipart).await.unwrap();
    let (start, end) = (2 * sample.plan.part_size(), sample.plan.size());
    let expected = if status == 200 { sample.part(3).1 } else { Bytes::from_static(b"another") };
    assert_eq!(subject.read(&multipart.key, sample.bytes.len(), start..end).await, expected);
}

/// PUTs to URLs that are still alive do not change it.
pub(super) async fn a_blob_finished_in_parts_does_not_change<W: SignedUrlClient>(subject: &Subject<'_, W>) {
    let sample = &Sample::new();
    let multipart = sample.begin(subject).await;
    let signed = sample.sign(subject, &multipart, 3).await;
    sample.send(subject, &multipart, &[1, 2, 3]).await;
    let stored = sample.finish(subject, &multipart).await.unwrap();
    for late in [sample.part(3).1, Bytes::from_static(b"another")] {
        let status = subject.wire.put(&signed, late).await;
        assert!((400..500).contains(&status), "a PUT after the end: {status}");
        assert_eq!(sample.finish(subject, &multipart).await.unwrap(), stored);
    }
    subject.check_blob(&multipart.key, &sample.bytes).await;
    assert!(
        !subject.listed().await.iter().any(|begun| begun.key == multipart.key),
        "a finished multipart upload is listed"
    );
}

/// All calls, concurrent or later, return the same.
pub(super) async fn finish_may_be_called_by_several_at_once<W: SignedUrlClient>(subject: &Subject<'_, W>) {
    let sample = &Sample::new();
    let multipart = sample.begin(subject).await;
    sample.send(subject, &multipart, &[1, 2, 3]).await;
    let finish = || sample.finish(subject, &multipart);
    let (one, (two, three)) = join(finish(), join(finish(), finish())).await;
    let stored = one.unwrap();
    assert_eq!((two.unwrap(), three.unwrap()), (stored.clone(), stored.clone()));
    assert_eq!(finish().await.unwrap(), stored);
    subject.check_blob(&multipart.key, &sample.bytes).await;
}

/// Ranges may span parts, through the store and by URL.
pub(super) async fn ranges_go_over_the_seams<W: SignedUrlClient>(subject: &Subject<'_, W>) {
    let sample = &Sample::new();
    let key = sample.make(subject).await.key;
    let (part, size) = (sample.plan.part_size(), sample.plan.size());
    let signed =
        subject.presigner.presign_get(&key, &content_headers("text/plain", None), subject.soon()).await.unwrap();
    for range in [
        0..1,
        part - 1..part,
        part..part + 1,
        part - 2..part + 2,
        part - 300_000..part + 300_000,
        part - 1..2 * part + 1,
        2 * part - 1..size,
        2 * part..size,
        size - 1..size,
    ] {
        let (start, end) = (usize::try_from(range.start).unwrap(), usize::try_from(range.end).unwrap());
        let expected = sample.bytes.get(start..end).unwrap();
        assert!(
            subject.read(&key, sample.bytes.len(), range.clone()).await == expected,
            "{range:?}: other bytes than were sent"
        );
        let answer = subject.wire.get(&signed, Some(range.clone())).await;
        assert_eq!(answer.status, 206, "{range:?}");
        assert_eq!(answer.header("content-range"), Some(&*format!("bytes {start}-{}/{size}", end - 1)));
        assert!(answer.body == expected, "{range:?}: other bytes than were sent");
    }
    assert!(subject.read(&key, sample.bytes.len(), size..size).await.is_empty());
    let past = subject.store.get(&key, size + 1, part..size + 1).await.map(drop);
    assert!(matches!(past, Err(Error::Damaged { .. })), "{past:?}");
}

/// Before parts have arrived, after, and after the finish. Idempotent, and no URL brings anything back.
pub(super) async fn discarded_uploads_are_gone_and_refuse_parts<W: SignedUrlClient>(subject: &Subject<'_, W>) {
    let sample = &Sample::new();
    for sent in [&[][..], &[3], &[1, 2, 3]] {
        let multipart = sample.begin(subject).await;
        let signed = sample.sign(subject, &multipart, 3).await;
        sample.send(subject, &multipart, sent).await;
        if sent.len() == 3 {
            sample.finish(subject, &multipart).await.unwrap();
        }
        let bytes: usize = sent.iter().map(|number| sample.part(*number).1.len()).sum();
        assert_eq!(subject.store.received_bytes(&multipart).await.unwrap(), bytes as u64);
        for _ in 0..2 {
            subject.store.abort(&multipart).await.unwrap();
            let status = subject.wire.put(&signed, sample.part(3).1).await;
            assert!((400..500).contains(&status), "a PUT after the end: {status}");
            check_nothing(subject, sample, &multipart).await;
            check_incomplete(sample.finish(subject, &multipart).await);
        }
    }
}

async fn check_nothing<W: SignedUrlClient>(subject: &Subject<'_, W>, sample: &Sample, multipart: &MultipartUpload) {
    assert_eq!(sample.received(subject, multipart).await, Vec::<u32>::new());
    assert_eq!(subject.store.received_bytes(multipart).await.unwrap(), 0);
    assert_eq!(subject.store.head(&multipart.key).await.unwrap(), None);
    assert!(
        !subject.listed().await.iter().any(|begun| begun.key == multipart.key),
        "a discarded multipart upload is listed"
    );
}

/// The key alone is enough to delete it.
pub(super) async fn deleted_blobs_are_gone<W: SignedUrlClient>(subject: &Subject<'_, W>) {
    let sample = &Sample::new();
    let multipart = sample.make(subject).await;
    for _ in 0..2 {
        subject.store.delete(&multipart.key).await.unwrap();
        assert_eq!(subject.store.head(&multipart.key).await.unwrap(), None);
        let read = subject.store.get(&multipart.key, 1, 0..1).await.map(drop);
        assert!(matches!(read, Err(Error::NotFound)), "{read:?}");
    }
    check_nothing(subject, sample, &multipart).await;
}

/// If the store lists multipart uploads at all: so that abandoned ones can be discarded.
pub(super) async fn uploads_are_listed_until_they_end<W: SignedUrlClient>(subject: &Subject<'_, W>) {
    let sample = &Sample::new();
    let mut begun = [sample.begin(subject).await, sample.begin(subject).await, sample.begin(subject).await];
    begun.sort();
    let [first, second, _] = &begun;
    sample.send(subject, second, &[3]).await;
    let listed = subject.listed().await;
    if !listed.contains(first) {
        // Then the store must remove them by its own lifecycle rule.
        assert!(!begun.iter().any(|multipart| listed.contains(multipart)), "some are listed");
        return;
    }
    assert!(listed.is_sorted(), "not in their order");
    let ours = |all: Vec<MultipartUpload>| all.into_iter().filter(|one| begun.contains(one)).collect::<Vec<_>>();
    assert_eq!(ours(listed), begun);
    assert_eq!(
        ours(subject.listed_after(Some(first.clone())).await),
        begun.iter().skip(1).cloned().collect::<Vec<_>>()
    );
    for multipart in &begun {
        subject.store.abort(multipart).await.unwrap();
    }
    assert_eq!(ours(subject.listed().await), []);
}

/// A blob has all parts or does not exist; an acknowledged part is in it.
pub(super) async fn a_part_that_races_with_the_end_is_in_it_or_not<W: SignedUrlClient>(subject: &Subject<'_, W>) {
    let sample = &Sample::new();
    for _ in 0..3 {
        let multipart = sample.begin(subject).await;
        sample.send(subject, &multipart, &[1, 2]).await;
        let signed = sample.sign(subject, &multipart, 3).await;
        let (status, finished) =
            join(subject.wire.put(&signed, sample.part(3).1), sample.finish(subject, &multipart)).await;
        assert_eq!(status, 200);
        if finished.is_err() {
            check_incomplete(finished);
            sample.finish(subject, &multipart).await.unwrap();
        }
        let (start, end) = (2 * sample.plan.part_size(), sample.plan.size());
        assert_eq!(subject.store.head(&multipart.key).await.unwrap().unwrap().size, end);
        assert_eq!(subject.read(&multipart.key, sample.bytes.len(), start..end).await, sample.part(3).1);
    }
}

/// Whether or not the part was acknowledged.
pub(super) async fn a_part_that_races_with_a_discard_leaves_nothing<W: SignedUrlClient>(subject: &Subject<'_, W>) {
    let sample = &Sample::new();
    for _ in 0..3 {
        let multipart = sample.begin(subject).await;
        let signed = sample.sign(subject, &multipart, 3).await;
        let (status, discarded) =
            join(subject.wire.put(&signed, sample.part(3).1), subject.store.abort(&multipart)).await;
        discarded.unwrap();
        assert!(status == 200 || (400..500).contains(&status), "{status}");
        check_nothing(subject, sample, &multipart).await;
    }
}
