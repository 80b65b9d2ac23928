//! Folders: `/drive` and `/drive/{folder_id}`.

mod create;
mod cursor;
mod list;
mod names;
mod path;
mod update;
mod walk;

use serde_json::Value;

use crate::support::{ApiClient, text};

/// All items of a list, page by page. `path` must have a query.
pub async fn all_pages(user: &ApiClient, path: &str) -> Vec<Value> {
    let mut items = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = user.get(&format!("{path}{cursor}")).await.ok();
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        if page["next_cursor"].is_null() {
            return items;
        }
        cursor = format!("&cursor={}", text(&page["next_cursor"]));
    }
}

/// The names of these items.
pub fn names_of(items: &[Value]) -> Vec<String> {
    items.iter().map(|item| text(&item["name"])).collect()
}
