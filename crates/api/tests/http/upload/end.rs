use serde_json::json;

use super::{path, progress};
use crate::support::{Reason, SHORT_GRACE, Server, eventually, verifies_checksums};

/// Whether the store has any bytes, complete or partial.
fn holds_something(server: &Server) -> bool {
    !server.blobs().is_empty() || !server.unfinished().is_empty()
}

#[tokio::test]
async fn an_upload_that_is_given_up_stays_given_up() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let upload = ann.begin("hello.txt", 5, None).await.ok();
    ann.put(&upload, "hello").await.ok_empty();
    for _ in 0..2 {
        let answer = ann.delete(&path(&upload)).await;
        assert_eq!(answer.status, 204);
        answer.ok_empty();
    }
    let seen = progress(&ann, &upload).await;
    assert_eq!((&seen["state"], &seen["received_bytes"]), (&json!("aborted"), &json!(0)));
    ann.complete(&upload).await.refused(409, "upload_closed");
    let parts = ann.post(&format!("{}/parts", path(&upload)), json!({"part_numbers": [1]})).await;
    parts.refused(409, "upload_closed");
    assert_eq!(ann.names(None).await, Vec::<String>::new());
    assert_eq!(ann.quota().await["reserved_bytes"], 0);
}

#[tokio::test]
async fn aborted_uploads_reserve_nothing_and_their_urls_are_refused() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let upload = ann.begin("hello.txt", 5, None).await.ok();
    ann.put(&upload, "hello").await.ok_empty();
    assert!(holds_something(&server));
    ann.delete(&path(&upload)).await.ok_empty();
    assert!(!holds_something(&server));
    let late = ann.put(&upload, "hello").await;
    // Elsewhere the URL works until it expires; the collector deletes what it brought.
    if verifies_checksums() {
        late.turned_away(Reason::Closed);
        assert!(!holds_something(&server));
    }
}

#[tokio::test]
async fn a_complete_upload_cannot_be_taken_back() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let upload = ann.begin("hello.txt", 5, None).await.ok();
    ann.put(&upload, "hello").await.ok_empty();
    let file = ann.complete(&upload).await.ok();
    ann.delete(&path(&upload)).await.refused(409, "upload_closed");
    let parts = ann.post(&format!("{}/parts", path(&upload)), json!({"part_numbers": [1]})).await;
    parts.refused(409, "upload_closed");
    assert_eq!(ann.complete(&upload).await.ok(), file);
    assert_eq!(ann.names(None).await, ["hello.txt"]);
}

#[tokio::test]
async fn an_expired_upload_ends_and_releases_its_reservation() {
    let server = Server::with(&[("UPLOAD_LIFETIME_SECONDS", "1")]).await;
    let ann = server.user("ann").await;
    let upload = ann.begin("hello.txt", 5, None).await.ok();
    ann.put(&upload, "hello").await.ok_empty();
    eventually("the upload expires", async || progress(&ann, &upload).await["state"] == "expired").await;
    ann.complete(&upload).await.refused(410, "upload_expired");
    let parts = ann.post(&format!("{}/parts", path(&upload)), json!({"part_numbers": [1]})).await;
    parts.refused(410, "upload_expired");
    ann.delete(&path(&upload)).await.ok_empty();
    assert_eq!(progress(&ann, &upload).await["state"], "expired");
    let printed = server.run("collect", SHORT_GRACE);
    assert!(printed.contains("uploads expired: 1"), "{printed}");
    assert_eq!(ann.quota().await["reserved_bytes"], 0);
    // An upload that was never completed does not become a file.
    assert_eq!(ann.names(None).await, Vec::<String>::new());
    eventually("it is cleared away", async || {
        server.run("collect", SHORT_GRACE);
        ann.get(&path(&upload)).await.status == 404
    })
    .await;
    assert!(!holds_something(&server));
}

#[tokio::test]
async fn an_expired_upload_is_not_an_open_one() {
    let server = Server::with(&[("UPLOAD_LIFETIME_SECONDS", "1"), ("MAX_OPEN_UPLOADS", "1")]).await;
    let ann = server.user("ann").await;
    let upload = ann.begin("one", 1, None).await.ok();
    eventually("the upload expires", async || progress(&ann, &upload).await["state"] == "expired").await;
    ann.begin("two", 1, None).await.ok();
}
