//! `POST /file/{file_id}/copy` and `POST /drive/{folder_id}/copy`.

mod file;
mod folder;

use serde_json::{Value, json};

use crate::support::{ApiClient, ApiResponse};

pub async fn copy_file(user: &ApiClient, file: &str, body: Value) -> ApiResponse {
    user.post(&format!("/file/{file}/copy"), body).await
}

pub async fn copy_folder(user: &ApiClient, folder: &str, body: Value) -> ApiResponse {
    user.post(&format!("/drive/{folder}/copy"), body).await
}

/// Copies `folder` into `into` this many times.
pub async fn copy_times(user: &ApiClient, folder: &str, into: &str, times: usize) {
    for _ in 0..times {
        copy_folder(user, folder, json!({"parent_folder_id": into, "folder_conflict": "Keep"})).await.ok();
    }
}

/// Creates a folder `name` with this many copies of `folder`, to create many nodes by few requests.
pub async fn multiplied(user: &ApiClient, folder: &str, name: &str, times: usize) -> String {
    let many = user.folder(name, None).await;
    copy_times(user, folder, &many, times).await;
    many
}
