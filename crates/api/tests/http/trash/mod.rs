//! The trash: `DELETE /file/{id}`, `DELETE /drive/{id}`, and all routes below `/trash`.

mod delete;
mod list;
mod purge;
mod restore;

use serde_json::Value;

use crate::support::{Caller, text};

/// The caller's trash, newest first.
async fn trash(user: &Caller) -> Vec<Value> {
    user.get("/trash").await.ok()["items"].as_array().unwrap().clone()
}

/// The names in the caller's trash.
async fn trashed(user: &Caller) -> Vec<String> {
    trash(user).await.iter().map(|row| text(&row["item"]["name"])).collect()
}

async fn restore(user: &Caller, id: &str) -> Value {
    user.ask(&format!("/trash/{id}/restore")).await.ok()
}
