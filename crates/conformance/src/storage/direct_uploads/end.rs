//! Discarded and abandoned transfers.
#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::model::Timestamp;

use super::{Case, Wire, check_incomplete};

/// Before the bytes have arrived, after, and after the finish. Idempotent.
pub(super) async fn what_is_discarded_is_gone<W: Wire>(case: &Case<'_, W>) {
    for stage in 0..3 {
        let transfer = case.begin().await;
        if stage > 0 {
            case.send(&transfer, b"hello", true).await;
        }
        if stage > 1 {
            case.finish(&transfer, b"hello", true).await.unwrap();
        }
        assert_eq!(case.store.received_bytes(&transfer).await.unwrap(), if stage > 0 { 5 } else { 0 });
        for _ in 0..2 {
            case.store.discard(&transfer).await.unwrap();
            assert_eq!(case.received(&transfer, 5).await, None);
            assert_eq!(case.store.received_bytes(&transfer).await.unwrap(), 0);
            assert_eq!(case.store.head(&transfer.key).await.unwrap(), None);
            check_incomplete(case.finish(&transfer, b"hello", true).await);
        }
        assert!(!case.listed().await.contains(&transfer), "a discarded transfer is listed");
    }
}

/// Ordered by key and ticket, from any position on; none that is over, and none without a ticket.
pub(super) async fn what_has_begun_and_not_ended_is_listed<W: Wire>(case: &Case<'_, W>) {
    let mut begun = Vec::new();
    for _ in 0..5 {
        begun.push(case.begin().await);
    }
    let mut over = Vec::new();
    for _ in 0..2 {
        let transfer = case.begin().await;
        case.send(&transfer, b"hello", true).await;
        over.push(transfer);
    }
    case.send(begun.first().unwrap(), b"hello", true).await;
    case.finish(over.first().unwrap(), b"hello", true).await.unwrap();
    case.store.discard(over.last().unwrap()).await.unwrap();

    begun.retain(|transfer| transfer.ticket.is_some());
    begun.sort();
    let listed = case.listed().await;
    assert!(listed.is_sorted(), "not in their order");
    assert!(!listed.iter().any(|transfer| over.contains(transfer)), "one that is over is listed");
    let ours: Vec<_> = listed.into_iter().filter(|transfer| begun.contains(transfer)).collect();
    assert_eq!(ours, begun);
    for (at, transfer) in begun.iter().enumerate() {
        let later: Vec<_> = case.listed_after(Some(transfer.clone())).await;
        let ours: Vec<_> = later.into_iter().filter(|transfer| begun.contains(transfer)).collect();
        assert_eq!(ours, begun.iter().skip(at + 1).cloned().collect::<Vec<_>>());
    }
    assert_eq!(case.store.list_begun(Timestamp::from_millis(0), None).await.unwrap(), []);
    for transfer in begun {
        case.store.discard(&transfer).await.unwrap();
    }
}
