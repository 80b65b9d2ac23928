//! Cursors are bound to one list, one order and one user.

use serde_json::json;

use super::names_of;
use crate::support::{ApiClient, Server, text};

/// The cursor after the first two items of the list at `path`, which must have a query.
async fn first_cursor(user: &ApiClient, path: &str) -> String {
    text(&user.get(&format!("{path}&limit=2")).await.ok()["next_cursor"])
}

async fn folders(user: &ApiClient, parent: Option<&str>) {
    for name in ["a", "b", "c", "d", "e"] {
        user.folder(name, parent).await;
    }
}

#[tokio::test]
async fn a_cursor_works_with_any_limit_and_repeatedly() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    folders(&ann, None).await;
    let cursor = first_cursor(&ann, "/drive?order=asc").await;
    for limit in [1, 2, 3, 1000] {
        let page = ann.get(&format!("/drive?order=asc&limit={limit}&cursor={cursor}")).await.ok();
        let expected = ["c", "d", "e"];
        assert_eq!(names_of(page["items"].as_array().unwrap()), expected[..limit.min(3)]);
    }
}

#[tokio::test]
async fn a_cursor_that_was_tampered_with_is_refused() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    folders(&ann, None).await;
    let cursor = first_cursor(&ann, "/drive?order=asc").await;
    let mut forged: Vec<String> =
        ["x", "null", "0", "AAAA", "%00", "eyJ2Ijp7Im4iOiJhIn19", "..%2f.."].map(str::to_owned).into();
    forged.extend([cursor[1..].to_owned(), cursor[..cursor.len() - 1].to_owned()]);
    forged.extend([format!("{cursor}A"), format!("{cursor}%3D"), format!("{cursor}{cursor}"), cursor.to_lowercase()]);
    for at in 0..cursor.len() {
        let mut bytes = cursor.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'Q' } else { b'A' };
        forged.push(String::from_utf8(bytes).unwrap());
    }
    for cursor in forged {
        ann.get(&format!("/drive?order=asc&cursor={cursor}")).await.refused(400, "invalid_cursor");
    }
}

#[tokio::test]
async fn a_cursor_of_another_order_folder_list_or_user_is_refused() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let (top, other) = (ann.folder("Top", None).await, ann.folder("Other", None).await);
    folders(&ann, Some(&top)).await;
    folders(&ann, Some(&other)).await;
    folders(&ann, None).await;
    for folder in [&top, &other] {
        ann.share_folder(folder, "ben", "view").await;
    }
    let list = format!("/drive/{top}?sort_by=name&order=asc");
    let cursor = first_cursor(&ann, &list).await;
    ann.get(&format!("{list}&cursor={cursor}")).await.ok();
    for foreign in [
        format!("/drive/{top}?sort_by=name&order=desc"),
        format!("/drive/{top}?sort_by=size&order=asc"),
        format!("/drive/{top}?sort_by=created_at&order=asc"),
        format!("/drive/{top}?sort_by=modified_at&order=asc"),
        format!("/drive/{other}?sort_by=name&order=asc"),
        "/drive?sort_by=name&order=asc".to_owned(),
        "/shared-with-me?limit=2".to_owned(),
    ] {
        ann.get(&format!("{foreign}&cursor={cursor}")).await.refused(400, "invalid_cursor");
    }
    // Access to the folder does not make ann's cursor valid for ben.
    ben.get(&format!("{list}&cursor={cursor}")).await.refused(400, "invalid_cursor");
    let of_created = first_cursor(&ann, &format!("/drive/{top}?sort_by=created_at")).await;
    ann.get(&format!("/drive/{top}?sort_by=modified_at&cursor={of_created}")).await.refused(400, "invalid_cursor");
    // An alias is the same order.
    let of_date = first_cursor(&ann, &format!("/drive/{top}?sort_by=date")).await;
    ann.get(&format!("/drive/{top}?sort_by=modified_at&cursor={of_date}")).await.ok();
}

#[tokio::test]
async fn a_cursor_shows_nothing_any_more_once_the_folder_is_no_longer_shared() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let top = ann.folder("Top", None).await;
    folders(&ann, Some(&top)).await;
    let share = ann.share_folder(&top, "ben", "view").await;
    let list = format!("/drive/{top}?order=asc");
    let cursor = first_cursor(&ben, &list).await;
    ann.delete(&format!("/share/{share}")).await.ok_empty();
    ben.get(&format!("{list}&cursor={cursor}")).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_cursor_outlives_a_restart_of_the_server() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    folders(&ann, None).await;
    let cursor = first_cursor(&ann, "/drive?order=desc").await;
    let server = server.restart(&[]).await;
    let ann = server.with_token(ann.token());
    let page = ann.get(&format!("/drive?order=desc&cursor={cursor}")).await.ok();
    assert_eq!(names_of(page["items"].as_array().unwrap()), ["c", "b", "a"]);
    assert_eq!(page["next_cursor"], json!(null));
}
