use serde_json::json;

use super::{path, progress};
use crate::support::{Reason, Server, sha256, text, verifies_checksums};

#[tokio::test]
async fn there_is_nothing_to_complete_before_the_bytes_are_there() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let upload = ann.begin("hello.txt", 5, None).await.ok();
    ann.complete(&upload).await.refused(409, "upload_incomplete");
    assert_eq!(progress(&ann, &upload).await["state"], "open");
    ann.put(&upload, "hello").await.ok_empty();
    ann.complete(&upload).await.ok();
}

#[tokio::test]
async fn completing_twice_answers_the_same_and_makes_one_file() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let upload = ann.begin("hello.txt", 5, None).await.ok();
    ann.put(&upload, "hello").await.ok_empty();
    let first = ann.complete(&upload).await;
    assert_eq!((first.status, first.header("etag")), (200, text(&first.json()["etag"]).as_str()));
    let first = first.ok();
    assert_eq!(ann.complete(&upload).await.ok(), first);
    assert_eq!(super::complete_with(&ann, &upload, "Keep").await.ok(), first);
    assert_eq!(ann.names(None).await, ["hello.txt"]);
    assert_eq!(ann.quota().await["used_bytes"], 5);
}

#[tokio::test]
async fn other_bytes_than_announced_are_refused_by_the_store_itself() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let body = json!({"file_name": "hello.txt", "file_size_in_bytes": 5, "sha256": sha256(b"hello")});
    let upload = ann.post("/file", body).await.ok();
    if verifies_checksums() {
        ann.put(&upload, "jello").await.turned_away(Reason::Checksum);
        ann.put(&upload, "hello!").await.turned_away(Reason::Length);
        assert!(server.blobs().is_empty());
        assert_eq!(progress(&ann, &upload).await["received_bytes"], 0);
        ann.complete(&upload).await.refused(409, "upload_incomplete");
    } else {
        // The mismatch is found before the commit, and the right bytes can still be sent.
        ann.put(&upload, "jello").await.ok_empty();
        ann.complete(&upload).await.refused(422, "checksum_mismatch");
        ann.put(&upload, "hello!").await.turned_away(Reason::Length);
    }
    ann.put(&upload, "hello").await.ok_empty();
    assert_eq!(text(&ann.complete(&upload).await.ok()["sha256"]), sha256(b"hello"));
}

#[tokio::test]
async fn completion_options_are_validated() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let upload = ann.begin("hello.txt", 5, None).await.ok();
    ann.put(&upload, "hello").await.ok_empty();
    for (body, field) in [
        (json!({"file_conflict": "overwrite"}), "file_conflict"),
        (json!({"conflict": "Keep"}), "conflict"),
        (json!([]), "body"),
        (json!(["Keep"]), "body"),
        (json!(null), "body"),
    ] {
        let problem = ann.post(&format!("{}/complete", path(&upload)), body.clone()).await;
        assert_eq!(problem.refused(422, "validation_failed")["errors"][0]["field"], field, "{body}");
    }
    ann.post(&format!("{}/complete", path(&upload)), json!({})).await.ok();
}

#[tokio::test]
async fn an_upload_cannot_complete_after_losing_its_folder() {
    let server = Server::start().await;
    let (ann, bob) = (server.user("ann").await, server.user("bob").await);
    let folder = ann.folder("shared", None).await;
    let share = ann.share_folder(&folder, "bob", "edit").await;
    let upload = bob.begin("note.txt", 4, Some(&folder)).await.ok();
    bob.put(&upload, "note").await.ok_empty();
    assert_eq!(ann.quota().await["reserved_bytes"], 4);
    assert_eq!(bob.quota().await["reserved_bytes"], 0);
    ann.delete(&format!("/share/{share}")).await.ok_empty();
    bob.complete(&upload).await.refused(404, "not_found");
    let share = ann.share_folder(&folder, "bob", "view").await;
    bob.complete(&upload).await.refused(403, "permission_denied");
    assert_eq!(ann.names(Some(&folder)).await, Vec::<String>::new());
    ann.patch(&format!("/share/{share}"), json!({"permission": "edit"})).await.ok();
    // The upload ended with the right, and stays closed.
    bob.complete(&upload).await.refused(409, "upload_closed");
    let quota = ann.quota().await;
    assert_eq!((&quota["used_bytes"], &quota["reserved_bytes"]), (&json!(0), &json!(0)));
    let again = bob.begin("note.txt", 4, Some(&folder)).await.ok();
    bob.put(&again, "note").await.ok_empty();
    let file = bob.complete(&again).await.ok();
    assert_eq!((&file["owner"]["username"], &file["created_by"]["username"]), (&json!("ann"), &json!("bob")));
    assert_eq!(ann.quota().await["used_bytes"], 4);
    assert_eq!(bob.quota().await["used_bytes"], 0);
}

/// A digest sent with the completion is verified before anything changes, wherever the bytes are.
#[tokio::test]
async fn a_digest_given_at_completion_is_verified_before_the_commit() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let upload = ann.begin("hello.txt", 5, None).await.ok();
    ann.put(&upload, "hello").await.ok_empty();
    let complete =
        async |digest: &str| ann.post(&format!("{}/complete", path(&upload)), json!({"sha256": digest})).await;
    complete(&sha256(b"jello")).await.refused(422, "checksum_mismatch");
    assert_eq!(complete("hello").await.refused(422, "validation_failed")["errors"][0]["field"], "sha256");
    assert_eq!(progress(&ann, &upload).await["state"], "open");
    assert_eq!(ann.names(None).await, Vec::<String>::new());
    assert_eq!(ann.quota().await["reserved_bytes"], 5);
    let file = complete(&sha256(b"hello")).await.ok();
    assert_eq!(text(&file["sha256"]), sha256(b"hello"));
    assert_eq!(complete(&sha256(b"hello")).await.ok(), file);
    assert_eq!(ann.download(&text(&file["id"])).await, b"hello");

    // It must match the announced one.
    let body = json!({"file_name": "other.txt", "file_size_in_bytes": 5, "sha256": sha256(b"hello")});
    let upload = ann.post("/file", body).await.ok();
    ann.put(&upload, "hello").await.ok_empty();
    let announced = json!({"sha256": sha256(b"jello")});
    ann.post(&format!("{}/complete", path(&upload)), announced).await.refused(422, "checksum_mismatch");
    ann.complete(&upload).await.ok();
}
