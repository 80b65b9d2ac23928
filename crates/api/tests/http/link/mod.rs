//! Public links: `/link`, and all routes below `/s/{token}`.

mod archive;
mod content;
mod manage;
mod password;
mod races;
mod visit;

use serde_json::{Value, json};

use crate::support::{Caller, text};

/// Creates a link to a folder, with the fields of `more`.
pub async fn link_folder(owner: &Caller, folder: &str, mut more: Value) -> Value {
    more["share_object_type"] = json!("folder");
    more["folder_id"] = json!(folder);
    owner.post("/link", more).await.ok()
}

/// Creates a link to a file, with the fields of `more`.
pub async fn link_file(owner: &Caller, file: &str, mut more: Value) -> Value {
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
