//! Background jobs, which mutations queue.

use std::collections::BTreeSet;

use serde_json::json;

use crate::support::{PASSWORD, Server, eventually, sql_id, text};

/// Lets queued jobs run now, instead of some seconds after the requests that queued them.
fn make_due(server: &Server) {
    server.execute("UPDATE jobs SET run_at = 0 WHERE lease_id IS NULL");
}

#[tokio::test]
async fn the_drive_of_a_deleted_account_goes_without_the_collector() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let kept = text(&ben.send_form(&[], "kept", b"kept").await.ok()["id"]);
    let before = server.blobs();
    let top = ann.folder("Top", None).await;
    ann.send_form(&[("parent_folder_id", &top)], "note", b"note").await.ok();
    ann.post("/user/delete", json!({"password": PASSWORD})).await.ok_empty();
    make_due(&server);
    eventually("the drive, its bytes and the job are gone", async || {
        let left = ["drives", "jobs"].map(|table| server.value(&format!("SELECT count(*) FROM {table}")));
        left == ["1", "0"] && server.blobs() == before
    })
    .await;
    assert_eq!(ben.download(&kept).await, b"kept");
}

#[tokio::test]
async fn a_purge_that_outlasts_its_request_is_finished_by_a_job() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let (small, large) = (ann.folder("small", None).await, ann.folder("large", None).await);
    for name in ["a", "b", "c"] {
        ann.send_form(&[("parent_folder_id", &large)], name, b"x").await.ok();
    }
    for folder in [&small, &large] {
        ann.delete(&format!("/drive/{folder}")).await.ok_empty();
    }
    ann.delete(&format!("/trash/{small}")).await.ok_empty();
    // As if the server had crashed just after another purge began.
    let (id, root) = (sql_id(&large), "(SELECT r.id FROM nodes r WHERE r.parent_id IS NULL)");
    server.execute(&format!("UPDATE nodes SET purge_id = id, parent_id = {root} WHERE id = {id}"));
    make_due(&server);
    eventually("the purge and its job are done, and the bytes are gone", async || {
        server.value("SELECT count(*) FROM jobs") == "0" && server.blobs().is_empty()
    })
    .await;
    assert_eq!(ann.quota().await["used_bytes"], 0);
    assert_eq!(server.value("SELECT count(*) FROM nodes"), "1", "the root");
}

/// The keys with stored bytes, complete or partial.
fn stored(server: &Server) -> BTreeSet<String> {
    &server.blobs() | &server.unfinished()
}

/// Ends all open uploads long ago, as if the server had crashed after the commit, before it deleted their bytes. The
/// jobs wait.
fn end_and_crash(server: &Server) {
    server.execute(
        "UPDATE blobs SET unreferenced_at = created_at WHERE key IN (SELECT blob_key FROM uploads WHERE state = 'open');
        UPDATE drives SET reserved_bytes = 0;
        UPDATE uploads SET state = 'aborted', ended_at = 0 WHERE state = 'open';
        INSERT INTO jobs (kind, subject_id, run_at, attempts)
            SELECT 'discard_upload', id, 9999999999999, 0 FROM uploads WHERE state = 'aborted'",
    );
}

#[tokio::test]
async fn the_bytes_of_an_upload_that_ended_before_a_crash_go_without_the_collector() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let kept = ann.upload("kept", b"kept", None).await;
    let before = stored(&server);
    let upload = ann.begin("hello.txt", 5, None).await.ok();
    ann.put(&upload, "hello").await.ok_empty();
    assert_ne!(stored(&server), before);
    end_and_crash(&server);
    make_due(&server);
    eventually("the bytes and their job are gone", async || {
        server.value("SELECT count(*) FROM jobs") == "0" && stored(&server) == before
    })
    .await;
    let path = format!("/upload/{}", text(&upload["upload_id"]));
    assert_eq!(ann.get(&path).await.ok()["state"], "aborted");
    assert_eq!(ann.download(&text(&kept["id"])).await, b"kept");
}

#[tokio::test]
async fn bytes_that_could_not_be_deleted_free_their_quota_once_their_job_deletes_them() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let upload = ann.begin("hello.txt", 5, None).await.ok();
    ann.put(&upload, "hello").await.ok_empty();
    // The job has failed too often, like the request before it.
    server.execute(
        "INSERT INTO held_blobs (blob_key, drive_id, size_bytes, counter)
            SELECT blob_key, drive_id, 5, 'reserved' FROM uploads",
    );
    end_and_crash(&server);
    server.execute("UPDATE drives SET reserved_bytes = 5; UPDATE jobs SET attempts = 10, dead_at = 1");
    server.run("collect", &[]);
    assert_eq!(server.value("SELECT count(*) FROM uploads"), "1", "the upload stays for its job");
    server.execute("UPDATE jobs SET dead_at = NULL, attempts = 0, run_at = 0");
    eventually("the bytes and their job are gone", async || {
        server.value("SELECT count(*) FROM jobs") == "0" && stored(&server).is_empty()
    })
    .await;
    assert_eq!(ann.quota().await["reserved_bytes"], 0);
}

#[tokio::test]
async fn the_drive_of_a_deleted_account_waits_for_the_bytes_of_its_uploads() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let upload = ann.begin("hello.txt", 5, None).await.ok();
    ann.put(&upload, "hello").await.ok_empty();
    end_and_crash(&server);
    // The job does not run before the drive's.
    server.execute("UPDATE jobs SET dead_at = 1");
    ann.post("/user/delete", json!({"password": PASSWORD})).await.ok_empty();
    server.execute("UPDATE jobs SET run_at = 0 WHERE kind = 'remove_drive'");
    eventually("the drive waits", async || server.value("SELECT count(*) FROM jobs") == "1").await;
    assert_eq!(server.value("SELECT count(*) FROM drives"), "1");
    server.execute("UPDATE jobs SET dead_at = NULL, attempts = 0, run_at = 0");
    eventually("the bytes, the drive and the jobs are gone", async || {
        make_due(&server);
        let left = ["drives", "uploads", "jobs"].map(|table| server.value(&format!("SELECT count(*) FROM {table}")));
        left == ["0", "0", "0"] && stored(&server).is_empty()
    })
    .await;
}

#[tokio::test]
async fn an_upload_that_is_given_up_leaves_no_job() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let upload = ann.begin("hello.txt", 5, None).await.ok();
    ann.put(&upload, "hello").await.ok_empty();
    ann.delete(&format!("/upload/{}", text(&upload["upload_id"]))).await.ok_empty();
    assert!(stored(&server).is_empty());
    assert_eq!(server.value("SELECT count(*) FROM jobs"), "0");
}

#[tokio::test]
async fn an_upload_that_the_collector_ends_leaves_no_job() {
    let server = Server::with(&[("UPLOAD_LIFETIME_SECONDS", "1")]).await;
    let ann = server.user("ann").await;
    let upload = ann.begin("hello.txt", 5, None).await.ok();
    let path = format!("/upload/{}", text(&upload["upload_id"]));
    eventually("the upload expires", async || ann.get(&path).await.ok()["state"] == "expired").await;
    let printed = server.run("collect", &[]);
    assert!(printed.contains("uploads expired: 1"), "{printed}");
    assert!(stored(&server).is_empty());
    assert_eq!(server.value("SELECT count(*) FROM jobs"), "0");
}
