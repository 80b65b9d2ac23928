//! Paging through a list while entries are added and removed.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::names_of;
use crate::support::{ApiClient, Server, text};

/// A folder of twelve entries that stay and eight that do not.
struct ChangingFolder {
    folder: String,
    attic: String,
    staying: Vec<String>,
    restless: Vec<String>,
}

async fn changing_folder(user: &ApiClient, name: &str) -> ChangingFolder {
    let (folder, attic) = (user.folder(name, None).await, user.folder(&format!("attic of {name}"), None).await);
    let (mut staying, mut restless) = (Vec::new(), Vec::new());
    for number in 0..20 {
        let name = format!("{:02} of twenty", number * 7 % 20);
        let id = match number % 2 {
            0 => user.folder(&name, Some(&folder)).await,
            _ => text(&user.upload(&name, &vec![b'x'; number], Some(&folder)).await["id"]),
        };
        if number % 5 < 3 { staying.push(id) } else { restless.push(id) }
    }
    ChangingFolder { folder, attic, staying, restless }
}

fn path_of(item: &Value) -> String {
    let tree = if item["kind"] == "folder" { "drive" } else { "file" };
    format!("/{tree}/{}", text(&item["id"]))
}

impl ChangingFolder {
    /// Changes the folder after its `turn`-th page, which ends with `last`.
    async fn disturb(&self, user: &ApiClient, turn: usize, last: &Value) {
        for name in [format!("!{turn} comes first"), format!("~{turn} comes last")] {
            user.folder(&name, Some(&self.folder)).await;
            user.upload(&format!("{name}.txt"), &vec![b'x'; turn % 9], Some(&self.folder)).await;
        }
        // One of the restless entries leaves and another is renamed, starting with the one at which the page ended.
        let page = user.get(&format!("/drive/{}?limit=1000", self.folder)).await.ok();
        let items = page["items"].as_array().unwrap();
        let is_restless = |item: &&Value| self.restless.contains(&text(&item["id"]));
        let mut restless: Vec<&Value> = items.iter().filter(is_restless).collect();
        restless.sort_by_key(|item| item["id"] != last["id"]);
        if let Some(leaving) = restless.first() {
            user.patch(&path_of(leaving), json!({"parent_folder_id": self.attic})).await.ok();
        }
        if let Some(renamed) = restless.get(1) {
            let name = format!("{turn:02} renamed");
            user.patch(&path_of(renamed), json!({"new_name": name})).await.ok();
        }
    }
}

#[tokio::test]
async fn paging_lists_every_lasting_item_exactly_once() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let by = |sort| ["asc", "desc"].map(|order| (sort, order));
    let orders = ["name", "created_at", "modified_at", "size"].map(by).concat();
    join_all(orders.into_iter().map(|(sort, order)| walk(&ann, sort, order))).await;
}

async fn walk(user: &ApiClient, sort: &str, order: &str) {
    let changing_folder = changing_folder(user, &format!("{sort} {order}")).await;
    let list = format!("/drive/{}?sort_by={sort}&order={order}&limit=2", changing_folder.folder);
    let mut seen: Vec<String> = Vec::new();
    let mut cursor = String::new();
    for turn in 0.. {
        let page = user.get(&format!("{list}{cursor}")).await.ok();
        let items = page["items"].as_array().unwrap();
        seen.extend(items.iter().map(|item| text(&item["id"])));
        if page["next_cursor"].is_null() {
            break;
        }
        // Entries that sort last could extend the walk for ever, so additions stop after eight pages.
        if turn < 8 {
            changing_folder.disturb(user, turn, items.last().unwrap()).await;
        }
        cursor = format!("&cursor={}", text(&page["next_cursor"]));
    }
    for id in &changing_folder.staying {
        let times = seen.iter().filter(|seen| *seen == id).count();
        assert_eq!(times, 1, "by {sort} {order}, {id} was shown {times} times");
    }
}

#[tokio::test]
async fn paging_continues_after_a_deleted_entry() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let (top, attic) = (ann.folder("Top", None).await, ann.folder("Attic", None).await);
    for name in ["a", "b", "c", "d"] {
        ann.folder(name, Some(&top)).await;
    }
    let first = ann.get(&format!("/drive/{top}?limit=2")).await.ok();
    for item in first["items"].as_array().unwrap() {
        ann.patch(&path_of(item), json!({"parent_folder_id": attic})).await.ok();
    }
    let cursor = text(&first["next_cursor"]);
    let second = ann.get(&format!("/drive/{top}?limit=2&cursor={cursor}")).await.ok();
    assert_eq!(names_of(second["items"].as_array().unwrap()), ["c", "d"]);
    assert_eq!(second["next_cursor"], Value::Null);
}
