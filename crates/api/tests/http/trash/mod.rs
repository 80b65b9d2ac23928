//! The trash: `DELETE /file/{id}`, `DELETE /drive/{id}`, and all routes below `/trash`.

mod delete;
mod list;
mod purge;
mod restore;

use serde_json::Value;

use crate::support::{ApiClient, text};

/// The caller's trash, newest first.
async fn trash(user: &ApiClient) -> Vec<Value> {
    user.get("/trash").await.ok()["items"].as_array().unwrap().clone()
}

/// The names in the caller's trash.
async fn trashed(user: &ApiClient) -> Vec<String> {
    trash(user).await.iter().map(|row| text(&row["item"]["name"])).collect()
}

async fn restore(user: &ApiClient, id: &str) -> Value {
    user.post_empty(&format!("/trash/{id}/restore")).await.ok()
}
