//! `GET /shared-with-me`.

use serde_json::{Value, json};

use crate::support::{ApiClient, Server, text};

async fn received(user: &ApiClient) -> Vec<Value> {
    user.get("/shared-with-me").await.ok()["items"].as_array().unwrap().clone()
}

fn names(entries: &[Value]) -> Vec<String> {
    entries.iter().map(|entry| text(&entry["item"]["name"])).collect()
}

/// The item with this identifier.
fn item(entries: &[Value], id: &str) -> Value {
    entries.iter().find(|entry| entry["item"]["id"] == id).unwrap()["item"].clone()
}

#[tokio::test]
async fn all_shared_items_are_listed_as_the_guest_sees_them() {
    let server = Server::start().await;
    let (ann, ben, cara) = (server.user("ann").await, server.user("ben").await, server.user("cara").await);
    let a = ann.folder("a", None).await;
    let b = ann.folder("b", Some(&a)).await;
    let c = ann.folder("c", Some(&b)).await;
    let file = text(&ann.upload("deep.txt", b"deep", Some(&c)).await["id"]);
    let of_cara = cara.folder("Cara's", None).await;
    assert_eq!(ben.get("/shared-with-me").await.ok(), json!({"items": [], "next_cursor": null}));
    ann.share_file(&file, "ben", "edit").await;
    ann.share_folder(&b, "ben", "view").await;
    cara.share_folder(&of_cara, "ben", "edit").await;

    let items = received(&ben).await;
    for entry in &items {
        assert_eq!(entry["share"]["item"]["id"], entry["item"]["id"]);
        assert_eq!(entry["share"]["shared_with"]["username"], "ben");
        assert_eq!(entry["share"]["shared_by"], entry["item"]["owner"]);
    }
    let [of_cara_seen, b_seen, file_seen] = [&of_cara, &b, &file].map(|id| item(&items, id));
    assert_eq!(items.len(), 3);
    assert_eq!(of_cara_seen, ben.get(&format!("/drive/{of_cara}")).await.ok()["folder"]);
    assert_eq!(b_seen, ben.get(&format!("/drive/{b}")).await.ok()["folder"]);
    assert_eq!(b_seen["parent_folder_id"], Value::Null, "what is above b is not for ben");
    assert_eq!(file_seen["parent_folder_id"], json!(c), "c is, by the share on b");
    assert_eq!((&file_seen["permission"], &b_seen["permission"]), (&json!("edit"), &json!("view")));
    assert_eq!(file_seen["size_in_bytes"], 4);
    // Shared items are not in the guest's own drive, and the owner's own shares are not listed as received.
    assert_eq!(ben.names(None).await, Vec::<String>::new());
    assert_eq!(received(&ann).await, Vec::<Value>::new());
}

#[tokio::test]
async fn an_item_shows_its_highest_role() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let top = ann.folder("Top", None).await;
    let inner = ann.folder("Inner", Some(&top)).await;
    ann.share_folder(&top, "ben", "edit").await;
    let lower = ann.share_folder(&inner, "ben", "view").await;
    let items = received(&ben).await;
    let entry = items.iter().find(|entry| entry["share"]["id"] == json!(lower)).unwrap();
    assert_eq!((&entry["share"]["permission"], &entry["item"]["permission"]), (&json!("view"), &json!("edit")));
}

#[tokio::test]
async fn a_renamed_or_moved_item_is_shown_by_its_new_name() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let (top, attic) = (ann.folder("Top", None).await, ann.folder("Attic", None).await);
    ann.share_folder(&top, "ben", "view").await;
    let body = json!({"folder_name": "Bottom", "parent_folder_id": attic});
    ann.patch(&format!("/drive/{top}"), body).await.ok();
    let items = received(&ben).await;
    assert_eq!((&items[0]["item"]["name"], &items[0]["share"]["item"]["name"]), (&json!("Bottom"), &json!("Bottom")));
    assert_eq!(items[0]["item"]["parent_folder_id"], Value::Null);
}

/// Shares nine of ann's folders with ben, one after the other.
async fn nine_shares(ann: &ApiClient) {
    for number in 0..9 {
        let folder = ann.folder(&format!("{number:02}"), None).await;
        ann.share_folder(&folder, "ben", "view").await;
    }
}

#[tokio::test]
async fn the_list_comes_in_pages_newest_first_and_ties_go_by_the_share() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    nine_shares(&ann).await;
    let whole = received(&ben).await;
    let place = |entry: &Value| (text(&entry["share"]["shared_at"]), text(&entry["share"]["id"]));
    assert!(whole.windows(2).all(|pair| place(&pair[0]) > place(&pair[1])), "{whole:?}");
    for limit in [1, 2, 4, 8, 9] {
        let (mut listed, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = ben.get(&format!("/shared-with-me?limit={limit}{cursor}")).await.ok();
            assert!(page["items"].as_array().unwrap().len() <= limit);
            listed.extend(page["items"].as_array().unwrap().clone());
            if page["next_cursor"].is_null() {
                break;
            }
            cursor = format!("&cursor={}", text(&page["next_cursor"]));
        }
        assert_eq!(listed, whole, "in pages of {limit}");
    }
}

#[tokio::test]
async fn paging_lists_every_lasting_share_once() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    nine_shares(&ann).await;
    let standing = names(&received(&ben).await);
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    for turn in 0.. {
        let page = ben.get(&format!("/shared-with-me?limit=2{cursor}")).await.ok();
        let items = page["items"].as_array().unwrap();
        seen.extend(names(items));
        if page["next_cursor"].is_null() {
            break;
        }
        cursor = format!("&cursor={}", text(&page["next_cursor"]));
        // The share at which the page ended goes, and a new one is added before all others.
        let ending = text(&items.last().unwrap()["share"]["id"]);
        ann.delete(&format!("/share/{ending}")).await.ok_empty();
        let newcomer = ann.folder(&format!("new {turn}"), None).await;
        ann.share_folder(&newcomer, "ben", "view").await;
    }
    assert_eq!(seen, standing);
}

#[tokio::test]
async fn its_query_is_read_as_strictly_as_any_other() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    server.user("cara").await;
    nine_shares(&ann).await;
    for (query, parameter) in [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=x", "limit"),
        ("sort_by=name", "sort_by"),
        ("page=1", "page"),
    ] {
        ben.get(&format!("/shared-with-me?{query}")).await.refused_field(parameter);
    }
    ben.get("/shared-with-me?limit=1&limit=2").await.refused(400, "malformed_request");
    let cursor = text(&ben.get("/shared-with-me?limit=2").await.ok()["next_cursor"]);
    let cara = server.login("cara").await;
    cara.get(&format!("/shared-with-me?cursor={cursor}")).await.refused(400, "invalid_cursor");
    for tampered in ["x", &cursor[1..], &format!("{cursor}A")] {
        ben.get(&format!("/shared-with-me?cursor={tampered}")).await.refused(400, "invalid_cursor");
    }
    ben.get(&format!("/drive?cursor={cursor}")).await.refused(400, "invalid_cursor");
    server.anonymous().get("/shared-with-me").await.refused(401, "unauthenticated");
}
