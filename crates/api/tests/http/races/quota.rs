//! Concurrent requests for the last bytes of a quota.

use futures_util::future::{join, join_all};
use serde_json::{Value, json};

use super::count;
use crate::support::{ApiClient, Server, text};

/// The quota in bytes.
const TOTAL: usize = 100;

/// A small drive that keeps one version per file.
async fn small_drive() -> (Server, ApiClient) {
    let server = Server::with(&[("DEFAULT_QUOTA_BYTES", &TOTAL.to_string()), ("MAX_VERSIONS", "1")]).await;
    let ann = server.user("ann").await;
    (server, ann)
}

/// The used bytes, which must equal the sum of the file sizes in the root, and the reserved bytes.
async fn used_and_reserved(user: &ApiClient) -> (u64, u64) {
    let listing = user.get("/drive?limit=1000").await.ok();
    let sum: u64 =
        listing["items"].as_array().unwrap().iter().map(|item| item["size_in_bytes"].as_u64().unwrap_or(0)).sum();
    let quota = user.quota().await;
    let bytes = |field: &str| quota[field].as_u64().unwrap();
    assert_eq!(bytes("used_bytes"), sum);
    let taken = sum + bytes("reserved_bytes");
    assert!(taken <= TOTAL as u64, "{quota}");
    assert_eq!(bytes("available_bytes"), TOTAL as u64 - taken);
    (sum, bytes("reserved_bytes"))
}

#[tokio::test]
async fn no_more_uploads_begin_than_fit() {
    let (_server, ann) = small_drive().await;
    let names: Vec<String> = (0..12).map(|number| format!("{number}")).collect();
    let answers = join_all(names.iter().map(|name| ann.begin(name, 30, None))).await;
    assert_eq!((count(&answers, 201, None), count(&answers, 403, Some("quota_exceeded"))), (3, 9));
    assert_eq!(used_and_reserved(&ann).await, (0, 90));
    let (begun, refused): (Vec<Value>, Vec<Value>) =
        answers.into_iter().map(|answer| answer.json()).partition(|body| body["upload_id"].is_string());
    for problem in refused {
        assert_eq!(problem["quota"]["needed_bytes"], 30);
    }

    // All end at once: reserved bytes become used, or are freed.
    join_all(begun.iter().map(async |upload| ann.put(upload, [b'x'; 30]).await.ok_empty())).await;
    let aborted = format!("/upload/{}", text(&begun[2]["upload_id"]));
    let (files, ()) = join(join_all(begun[..2].iter().map(|upload| ann.complete(upload))), async {
        ann.delete(&aborted).await.ok_empty();
    })
    .await;
    assert_eq!(count(&files, 200, None), 2);
    assert_eq!(used_and_reserved(&ann).await, (60, 0));
    let answers = join_all(names.iter().map(async |name| ann.begin(&format!("{name} again"), 20, None).await)).await;
    assert_eq!(count(&answers, 201, None), 2);
    assert_eq!(used_and_reserved(&ann).await, (60, 40));
}

#[tokio::test]
async fn no_more_forms_are_stored_than_fit() {
    let (server, ann) = small_drive().await;
    let names: Vec<String> = (0..12).map(|number| format!("{number}")).collect();
    let answers = join_all(names.iter().map(|name| ann.send_form(&[], name, &[b'x'; 30]))).await;
    assert_eq!((count(&answers, 201, None), count(&answers, 403, Some("quota_exceeded"))), (3, 9));
    assert_eq!(used_and_reserved(&ann).await, (90, 0));
    assert_eq!(server.blobs().len(), 3, "what was refused leaves no bytes behind");
    // One request gets the last bytes.
    let answers =
        join_all(names.iter().map(async |name| ann.send_form(&[], &format!("{name}!"), &[b'x'; 10]).await)).await;
    assert_eq!((count(&answers, 201, None), count(&answers, 403, Some("quota_exceeded"))), (1, 11));
    assert_eq!(used_and_reserved(&ann).await, (100, 0));
    ann.send_form(&[], "one byte", b"x").await.refused(403, "quota_exceeded");
    ann.send_form(&[], "no byte", b"").await.ok();
}

#[tokio::test]
async fn forms_and_uploads_together_do_not_take_more_than_there_is() {
    let (_server, ann) = small_drive().await;
    let names: Vec<String> = (0..10).map(|number| format!("{number}")).collect();
    let uploads = join_all(names.iter().map(async |name| {
        let begun = ann.begin(&format!("{name} by URL"), 30, None).await;
        if begun.status != 201 {
            begun.refused(403, "quota_exceeded");
            return;
        }
        let upload = begun.ok();
        ann.put(&upload, [b'x'; 30]).await.ok_empty();
        ann.complete(&upload).await.ok();
    }));
    let forms =
        join_all(names.iter().map(async |name| ann.send_form(&[], &format!("{name} by form"), &[b'x'; 30]).await));
    join(uploads, forms).await;
    assert_eq!(used_and_reserved(&ann).await, (90, 0), "three fit, and three there are, by whichever way");
}

#[tokio::test]
async fn a_replace_counts_what_it_adds_and_frees_what_it_drops_under_any_concurrency() {
    let (_server, ann) = small_drive().await;
    ann.send_form(&[], "note", &[b'x'; 40]).await.ok();
    let fields = [("file_conflict", "Replace")];
    let sizes = [10, 50, 20, 60, 30, 1, 0, 45];
    let replacing = join_all(sizes.map(async |size| ann.send_form(&fields, "note", &vec![b'y'; size]).await.status));
    let others = join_all((0..4).map(async |number| ann.begin(&format!("{number}"), 20, None).await.status));
    let (replaced, begun) = join(replacing, others).await;
    assert!(replaced.iter().chain(&begun).all(|status| [201, 403].contains(status)), "{replaced:?} {begun:?}");
    assert!(replaced.contains(&201));
    let (_, reserved) = used_and_reserved(&ann).await;
    assert_eq!(reserved, 20 * begun.iter().filter(|status| **status == 201).count() as u64);
    assert_eq!(ann.get("/drive").await.ok()["user"]["quota"]["total_bytes"], json!(TOTAL));
}
