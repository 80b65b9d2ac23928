//! File versions: `/file/{id}/version`, and `PUT /file/{id}/content`.

mod history;
mod put_content;

use serde_json::Value;

use crate::support::{ApiClient, text};

/// The versions of a file, newest first.
async fn versions(user: &ApiClient, file: &str) -> Vec<Value> {
    user.get(&format!("/file/{file}/version")).await.ok()["items"].as_array().unwrap().clone()
}

/// The bytes of a version.
async fn bytes_of(user: &ApiClient, file: &str, version: &Value) -> Vec<u8> {
    let path = format!("/file/{file}/version/{}", text(&version["version_id"]));
    let url = text(&user.get(&path).await.ok()["download"]["url"]);
    user.get(&url).await.body
}
