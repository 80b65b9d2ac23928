//! Public links: `/link`, and all routes below `/s/{token}`.

mod archive;
mod content;
mod manage;
mod password;
mod races;
mod visit;

use serde_json::{Value, json};

use crate::support::{ApiClient, Server, text};

/// Creates a link to a folder, with the fields of `more`.
pub async fn link_folder(owner: &ApiClient, folder: &str, mut more: Value) -> Value {
    more["share_object_type"] = json!("folder");
    more["folder_id"] = json!(folder);
    owner.post("/link", more).await.ok()
}

/// Creates a link to a file, with the fields of `more`.
pub async fn link_file(owner: &ApiClient, file: &str, mut more: Value) -> Value {
    more["share_object_type"] = json!("file");
    more["file_id"] = json!(file);
    owner.post("/link", more).await.ok()
}

/// The path of a link: `/s/{token}`.
pub fn path(link: &Value) -> String {
    let url = text(&link["url"]);
    let (_, token) = url.rsplit_once("/s/").unwrap();
    format!("/s/{token}")
}

/// The counted downloads of all links of `owner`.
pub async fn downloads(owner: &ApiClient) -> u64 {
    let links = owner.get("/link").await.ok();
    links["items"].as_array().unwrap().iter().map(|link| link["downloads"].as_u64().unwrap()).sum()
}

/// A server that trusts `X-Forwarded-For`.
async fn behind_a_proxy() -> Server {
    Server::with(&[("TRUSTED_PROXIES", "127.0.0.0/8")]).await
}

/// The `nth` address.
fn address(nth: usize) -> String {
    format!("198.51.100.{nth}")
}
