mod get;
mod put;
mod signature;

use serde_json::{Value, json};

use crate::support::{ApiClient, text};

/// Uploads a file with this media type.
async fn upload_as(caller: &ApiClient, name: &str, media_type: &str, bytes: &str) -> Value {
    let body = json!({"file_name": name, "file_size_in_bytes": bytes.len(), "content_type": media_type});
    let upload = caller.post("/file", body).await.ok();
    caller.put(&upload, bytes).await.ok_empty();
    caller.complete(&upload).await.ok()
}

/// A download URL of the file.
async fn download_url(caller: &ApiClient, file: &Value) -> String {
    text(&caller.get(&format!("/file/{}", text(&file["id"]))).await.ok()["download"]["url"])
}

/// The URL of the upload's only part.
fn part_url(upload: &Value) -> String {
    text(&upload["parts"][0]["url"])
}
