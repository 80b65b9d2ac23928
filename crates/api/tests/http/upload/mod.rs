mod begin;
mod complete;
mod end;
mod list;
mod name;
pub mod parts;
mod stranger;

use serde_json::{Value, json};

use crate::support::{ApiClient, Server, text};

#[tokio::test]
async fn a_file_is_uploaded_and_downloaded_by_presigned_urls() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let upload = ann.begin("hello.txt", 5, None).await.ok();
    assert_eq!(upload["state"], "open");
    assert_eq!(ann.names(None).await, Vec::<String>::new());
    ann.put(&upload, "hello").await.ok_empty();
    let file = ann.complete(&upload).await.ok();
    assert_eq!((&file["name"], &file["size_in_bytes"]), (&json!("hello.txt"), &json!(5)));
    assert_eq!(ann.download(&text(&file["id"])).await, b"hello");
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let server = Server::with(&[("DEFAULT_QUOTA_BYTES", "0")]).await;
    let ann = server.user("ann").await;
    let file = ann.upload("empty", b"", None).await;
    assert_eq!((&file["size_in_bytes"], text(&file["sha256"])), (&json!(0), crate::support::sha256(b"")));
    assert_eq!(ann.download(&text(&file["id"])).await, b"");
    let quota = ann.quota().await;
    assert_eq!((&quota["used_bytes"], &quota["reserved_bytes"]), (&json!(0), &json!(0)));
}

/// The path of an upload.
pub fn path(upload: &Value) -> String {
    format!("/upload/{}", text(&upload["upload_id"]))
}

/// An upload's state.
async fn progress(caller: &ApiClient, upload: &Value) -> Value {
    caller.get(&path(upload)).await.ok()
}

/// Completes an upload with another conflict policy.
async fn complete_with(caller: &ApiClient, upload: &Value, conflict: &str) -> crate::support::ApiResponse {
    caller.post(&format!("{}/complete", path(upload)), json!({"file_conflict": conflict})).await
}
