//! Background jobs, which mutations queue.

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
async fn a_purge_that_its_request_did_not_finish_goes_on_without_the_collector() {
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
