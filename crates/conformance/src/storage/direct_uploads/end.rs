//! Discarded and abandoned multipart uploads.
#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::model::Timestamp;

use super::{SignedUrlClient, Subject, check_incomplete};

/// Before the bytes have arrived, after, and after the finish. Idempotent.
pub(super) async fn discarded_uploads_are_gone<W: SignedUrlClient>(subject: &Subject<'_, W>) {
    for stage in 0..3 {
        let multipart = subject.begin().await;
        if stage > 0 {
            subject.send(&multipart, b"hello", true).await;
        }
        if stage > 1 {
            subject.finish(&multipart, b"hello", true).await.unwrap();
        }
        assert_eq!(subject.store.received_bytes(&multipart).await.unwrap(), if stage > 0 { 5 } else { 0 });
        for _ in 0..2 {
            subject.store.abort(&multipart).await.unwrap();
            assert_eq!(subject.received(&multipart, 5).await, None);
            assert_eq!(subject.store.received_bytes(&multipart).await.unwrap(), 0);
            assert_eq!(subject.store.head(&multipart.key).await.unwrap(), None);
            check_incomplete(subject.finish(&multipart, b"hello", true).await);
        }
        assert!(!subject.listed().await.contains(&multipart), "a discarded multipart upload is listed");
    }
}

/// Ordered by key and multipart identifier, from any position on; none that is over, and none without a multipart
/// identifier.
pub(super) async fn unfinished_uploads_are_listed<W: SignedUrlClient>(subject: &Subject<'_, W>) {
    let mut begun = Vec::new();
    for _ in 0..5 {
        begun.push(subject.begin().await);
    }
    let mut over = Vec::new();
    for _ in 0..2 {
        let multipart = subject.begin().await;
        subject.send(&multipart, b"hello", true).await;
        over.push(multipart);
    }
    subject.send(begun.first().unwrap(), b"hello", true).await;
    subject.finish(over.first().unwrap(), b"hello", true).await.unwrap();
    subject.store.abort(over.last().unwrap()).await.unwrap();

    begun.retain(|multipart| multipart.multipart_id.is_some());
    begun.sort();
    let listed = subject.listed().await;
    assert!(listed.is_sorted(), "not in their order");
    assert!(!listed.iter().any(|multipart| over.contains(multipart)), "one that is over is listed");
    let ours: Vec<_> = listed.into_iter().filter(|multipart| begun.contains(multipart)).collect();
    assert_eq!(ours, begun);
    for (at, multipart) in begun.iter().enumerate() {
        let later: Vec<_> = subject.listed_after(Some(multipart.clone())).await;
        let ours: Vec<_> = later.into_iter().filter(|multipart| begun.contains(multipart)).collect();
        assert_eq!(ours, begun.iter().skip(at + 1).cloned().collect::<Vec<_>>());
    }
    assert_eq!(subject.store.list_incomplete(Timestamp::from_millis(0), None).await.unwrap(), []);
    for multipart in begun {
        subject.store.abort(&multipart).await.unwrap();
    }
}
