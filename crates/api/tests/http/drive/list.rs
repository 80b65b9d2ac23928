//! `GET /drive` and `GET /drive/{folder_id}`: contents and order.

use std::cmp::Ordering;

use clouddrive_domain::model::{Name, OrderKey};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{all_pages, names_of};
use crate::support::{ABSENT, ApiClient, Server, text};

#[tokio::test]
async fn the_root_shows_its_owner_and_no_folder_of_its_own() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let answer = ann.get("/drive").await;
    assert_eq!(answer.header("cache-control"), "private, no-cache");
    let empty = answer.ok();
    let user = ann.get("/user").await.ok();
    assert_eq!(empty, json!({"user": user, "folder": null, "path": [], "items": [], "next_cursor": null}));

    let top = ann.post("/drive", json!({"folder_name": "Top"})).await.ok();
    let file = ann.upload("note.txt", b"note", None).await;
    let listing = ann.get("/drive").await.ok();
    assert_eq!(listing["items"], json!([file, top]));
    assert_eq!(listing["user"]["quota"]["used_bytes"], 4);
}

#[tokio::test]
async fn a_folder_shows_itself_and_its_children_only() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let mut top = ann.post("/drive", json!({"folder_name": "Top"})).await.ok();
    let id = text(&top["id"]);
    let mut inner = ann.post("/drive", json!({"folder_name": "Inner", "parent_folder_id": id})).await.ok();
    ann.upload("deep.txt", b"deep", Some(&text(&inner["id"]))).await;
    let file = ann.upload("note.txt", b"note", Some(&id)).await;
    let listing = ann.get(&format!("/drive/{id}")).await.ok();
    let path = json!([{"id": id, "name": "Top"}]);
    // Adding children has changed `modified_at`.
    top["modified_at"] = listing["folder"]["modified_at"].clone();
    inner["modified_at"] = listing["items"][0]["modified_at"].clone();
    let expected = json!({"folder": top, "path": path, "items": [inner, file], "next_cursor": null});
    assert_eq!(listing, expected);
}

#[tokio::test]
async fn a_folder_that_is_absent_malformed_or_a_file_is_not_found() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = text(&ann.upload("note.txt", b"note", None).await["id"]);
    for id in [ABSENT, &file, "Top", "7", "root", "null", "%00", "..%2f..", &file[..35]] {
        ann.get(&format!("/drive/{id}")).await.refused(404, "not_found");
        ann.patch(&format!("/drive/{id}"), json!({"folder_name": "x"})).await.refused(404, "not_found");
    }
}

/// Creates items in `parent` that sort differently by name, size and time.
async fn mixed(user: &ApiClient, parent: &str) {
    for (name, size) in [("delta", 30), ("Bravo", 0), ("strasse", 2), ("zulu", 30), ("alpha", 700), ("bravo", 9)] {
        user.upload(name, &vec![b'x'; size], Some(parent)).await;
    }
    let mut folders = Vec::new();
    for name in ["echo", "Straße", "Alpha", "é", "10", "9"] {
        folders.push(user.folder(name, Some(parent)).await);
    }
    // Makes the oldest folder the last modified one.
    let echo = format!("/drive/{}", folders[0]);
    user.patch(&echo, json!({"folder_name": "Echo"})).await.ok();
}

fn size(item: &Value) -> u64 {
    item["size_in_bytes"].as_u64().unwrap_or(0)
}

fn by(item: &Value, other: &Value, sort: &str) -> Ordering {
    let text = |item: &Value, field: &str| item[field].as_str().unwrap().to_owned();
    let name = |item: &Value| OrderKey::new(&Name::parse(&text(item, "name")).unwrap());
    let key = |item: &Value| match sort {
        "name" => (String::new(), Some(name(item)), 0),
        "size" => (String::new(), None, size(item)),
        time => (text(item, time), None, 0),
    };
    key(item).cmp(&key(other)).then_with(|| text(item, "id").cmp(&text(other, "id")))
}

async fn assert_listed(user: &ApiClient, folder: &str, query: &str, expected: &[Value]) {
    for limit in [1, 5, 12, 1000] {
        let path = format!("/drive/{folder}?{query}&limit={limit}");
        let listed = all_pages(user, &path).await;
        assert_eq!(names_of(&listed), names_of(expected), "{path}");
        assert_eq!(listed, expected, "{path}");
    }
}

#[tokio::test]
async fn every_sort_order_goes_by_its_key_and_then_by_the_identifier() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = ann.folder("Top", None).await;
    mixed(&ann, &top).await;
    let everything = all_pages(&ann, &format!("/drive/{top}?")).await;
    assert_eq!(everything.len(), 12);
    for sort in ["name", "created_at", "modified_at", "size"] {
        for order in ["asc", "desc"] {
            let mut expected = everything.clone();
            expected.sort_by(|item, other| by(item, other, sort));
            if order == "desc" {
                expected.reverse();
            }
            let query = format!("sort_by={sort}&order={order}");
            assert_listed(&ann, &top, &query, &expected).await;
            assert_listed(&ann, &top, &format!("{query}&folders_first=false"), &expected).await;
            // Each kind keeps its order.
            expected.sort_by_key(|item| item["kind"] == "file");
            assert_listed(&ann, &top, &format!("{query}&folders_first=true"), &expected).await;
        }
    }
}

#[tokio::test]
async fn names_sort_as_people_expect_and_folders_count_as_empty() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = ann.folder("Top", None).await;
    mixed(&ann, &top).await;
    let path = |query: &str| format!("/drive/{top}?{query}");
    let names = names_of(&all_pages(&ann, &path("sort_by=name")).await);
    let expected = ["9", "10", "alpha", "Alpha", "bravo", "Bravo", "delta", "é", "Echo", "strasse", "Straße", "zulu"];
    assert_eq!(names, expected);
    assert_eq!(ann.names(Some(&top)).await, expected, "name is what lists are sorted by unless told");

    let folders_first = names_of(&all_pages(&ann, &path("sort_by=name&folders_first=true")).await);
    let expected = ["9", "10", "Alpha", "é", "Echo", "Straße", "alpha", "bravo", "Bravo", "delta", "strasse", "zulu"];
    assert_eq!(folders_first, expected);

    let items = all_pages(&ann, &path("sort_by=size&order=desc")).await;
    assert_eq!(items.iter().map(size).collect::<Vec<_>>(), [700, 30, 30, 9, 2, 0, 0, 0, 0, 0, 0, 0]);
}

#[tokio::test]
async fn the_aliases_of_the_original_mean_modified_at_and_order_is_in_any_case() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = ann.folder("Top", None).await;
    mixed(&ann, &top).await;
    for root_or_folder in ["/drive".to_owned(), format!("/drive/{top}")] {
        let expected = ann.get(&format!("{root_or_folder}?sort_by=modified_at&order=desc")).await.ok()["items"].clone();
        for alias in ["date", "last_interaction"] {
            for order in ["desc", "DESC", "Desc"] {
                let listed = ann.get(&format!("{root_or_folder}?sort_by={alias}&order={order}")).await.ok();
                assert_eq!(listed["items"], expected, "{alias} {order}");
            }
        }
    }
    let ascending = ann.names(Some(&top)).await;
    for order in ["asc", "ASC", "aSc"] {
        assert_eq!(names_of(&all_pages(&ann, &format!("/drive/{top}?order={order}")).await), ascending);
    }
}

#[tokio::test]
async fn a_page_has_the_requested_number_of_items_or_a_hundred() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = ann.folder("Top", None).await;
    let names: Vec<String> = (0..101).map(|number| format!("{number:03}")).collect();
    join_all(names.iter().map(|name| ann.folder(name, Some(&top)))).await;
    for (query, shown) in [("", 100), ("?limit=1", 1), ("?limit=100", 100), ("?limit=101", 101), ("?limit=1000", 101)] {
        let page = ann.get(&format!("/drive/{top}{query}")).await.ok();
        assert_eq!(page["items"].as_array().unwrap().len(), shown, "{query}");
        // The page with the last item has no cursor.
        assert_eq!(page["next_cursor"].is_null(), shown == 101, "{query}");
    }
    assert_eq!(names_of(&all_pages(&ann, &format!("/drive/{top}?limit=10")).await), names);
}

#[tokio::test]
async fn a_query_that_is_misspelt_out_of_bounds_or_ambiguous_is_refused() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = ann.folder("Top", None).await;
    for list in ["/drive".to_owned(), format!("/drive/{top}")] {
        for (query, parameter) in [
            ("limit=0", "limit"),
            ("limit=1001", "limit"),
            ("limit=x", "limit"),
            ("limit=-1", "limit"),
            ("limit=1.5", "limit"),
            ("limit=", "limit"),
            ("limit=99999999999999999999999", "limit"),
            ("sort_by=colour", "sort_by"),
            ("sort_by=", "sort_by"),
            ("order=up", "order"),
            ("order=", "order"),
            ("sortby=name", "sortby"),
            ("page=2", "page"),
            ("Limit=5", "Limit"),
        ] {
            eprintln!("{list}?{query}");
            ann.get(&format!("{list}?{query}")).await.refused_field(parameter);
        }
        for query in ["limit=5&limit=5", "order=asc&order=desc", "sort_by=name&limit=1&sort_by=size"] {
            ann.get(&format!("{list}?{query}")).await.refused(400, "malformed_request");
        }
    }
}
