//! `POST /file/{file_id}/copy` and `POST /drive/{folder_id}/copy`.

mod file;
mod folder;

use serde_json::{Value, json};

use crate::support::{Answer, Caller};

pub async fn copy_file(user: &Caller, file: &str, body: Value) -> Answer {
    user.post(&format!("/file/{file}/copy"), body).await
}

pub async fn copy_folder(user: &Caller, folder: &str, body: Value) -> Answer {
    user.post(&format!("/drive/{folder}/copy"), body).await
}

/// Copies `folder` into `into` this many times.
pub async fn copy_times(user: &Caller, folder: &str, into: &str, times: usize) {
    for _ in 0..times {
        copy_folder(user, folder, json!({"parent_folder_id": into, "folder_conflict": "Keep"})).await.ok();
    }
}

/// Creates a folder `name` with this many copies of `folder`, to create many nodes by few requests.
pub async fn multiplied(user: &Caller, folder: &str, name: &str, times: usize) -> String {
    let many = user.folder(name, None).await;
    copy_times(user, folder, &many, times).await;
    many
}
