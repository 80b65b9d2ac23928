//! `POST /archive`, and the URLs that it returns.

use reqwest::Method;
use serde_json::{Value, json};

use super::{entries, paths, unpacked};
use crate::stream::lives;
use crate::support::{ABSENT, ApiClient, Server, text};

async fn url(caller: &ApiClient, body: Value) -> String {
    let answer = caller.post("/archive", body).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let created = answer.ok();
    assert_eq!(lives(&created), 300);
    text(&created["url"])
}

#[tokio::test]
async fn a_selection_is_fetched_without_a_token() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let (a, b) = (ann.folder("Same", None).await, ann.folder("b", None).await);
    let (same, inner) = (ann.folder("Same", Some(&b)).await, ann.folder("inner", Some(&a)).await);
    let x = text(&ann.upload("x", b"one", Some(&a)).await["id"]);
    ann.upload("y", b"two", Some(&same)).await;
    let z = text(&ann.upload("z", b"three", None).await["id"]);
    let url = url(&ann, json!({"item_ids": [z, a, same, x, inner, z]})).await;
    let answer = server.anonymous().get(&url).await;
    let disposition = "attachment; filename=\"Archive.zip\"; filename*=UTF-8''Archive.zip";
    assert_eq!((answer.header("content-type"), answer.header("content-disposition")), ("application/zip", disposition));
    let expected = ["z", "Same/", "Same/inner/", "Same/x", "Same (1)/", "Same (1)/y"];
    let mut archive = unpacked(answer);
    assert_eq!(paths(&mut archive), expected);
    assert_eq!(entries(&mut archive)[5].1.as_deref(), Some(&b"two"[..]));

    let head = server.anonymous().send(server.anonymous().request(Method::HEAD, &url)).await;
    assert_eq!(head.status, 200);
    let part = server.anonymous().fetch(&url, &[("Range", "bytes=0-3"), ("If-Range", head.header("etag"))]).await;
    assert_eq!((part.status, part.body), (206, b"PK\x03\x04".to_vec()));
    // A single item names the archive.
    let one = url_of(&ann, &a).await;
    assert!(server.anonymous().get(&one).await.header("content-disposition").contains("\"Same.zip\""));
}

/// The URL of an archive of this item.
pub async fn url_of(caller: &ApiClient, item: &str) -> String {
    url(caller, json!({"item_ids": [item]})).await
}

#[tokio::test]
async fn a_whole_drive_is_an_archive_too_also_an_empty_one() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let top = ann.folder("Top", None).await;
    ann.upload("x", b"x", Some(&top)).await;
    ann.upload("a", b"a", None).await;
    let of_ann = url(&ann, json!({"root": true})).await;
    let answer = server.anonymous().get(&of_ann).await;
    assert!(answer.header("content-disposition").contains("\"Drive.zip\""));
    assert_eq!(paths(&mut unpacked(answer)), ["Top/", "Top/x", "a"]);
    // `Last-Modified` is the root's, which changes when an item is added or removed.
    let modified = async || {
        let head = server.anonymous().send(server.anonymous().request(Method::HEAD, &of_ann)).await;
        head.header("last-modified").to_owned()
    };
    let old = "UPDATE nodes SET modified_at = 1700000000000";
    for change in ["add", "take away"] {
        server.execute(old);
        assert_eq!(modified().await, "Tue, 14 Nov 2023 22:13:20 GMT");
        match change {
            "add" => drop(ann.folder("More", None).await),
            _ => ann.delete(&format!("/drive/{top}")).await.ok_empty(),
        }
        let since = modified().await;
        assert!(!since.contains("2023"), "{change}: {since}");
        let again = ann.request(Method::GET, &of_ann).header("If-Modified-Since", "Tue, 14 Nov 2023 22:13:20 GMT");
        assert_eq!(ann.send(again).await.status, 200, "{change}");
    }
    let of_ben = url(&ben, json!({"root": true})).await;
    let empty = ben.get(&of_ben).await;
    assert_eq!(empty.header("content-length"), "22");
    assert_eq!(paths(&mut unpacked(empty)), Vec::<String>::new());
}

#[tokio::test]
async fn access_is_asked_for_again_at_each_request() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let top = ann.folder("Top", None).await;
    ann.post("/archive", json!({"item_ids": [top]})).await.ok();
    ben.post("/archive", json!({"item_ids": [top]})).await.refused(404, "not_found");
    let share = ann.share_folder(&top, "ben", "view").await;
    let url = url_of(&ben, &top).await;
    assert_eq!(server.anonymous().get(&url).await.status, 200);
    ann.delete(&format!("/share/{share}")).await.ok_empty();
    server.anonymous().get(&url).await.refused(404, "not_found");
    let own = url_of(&ann, &top).await;
    ann.delete(&format!("/drive/{top}")).await.ok_empty();
    server.anonymous().get(&own).await.refused(404, "not_found");
    // The URL ends with the session.
    let drive = url_of_drive(&ben).await;
    let sessions = ben.get("/session").await.ok();
    ben.delete(&format!("/session/{}", text(&sessions["items"][0]["id"]))).await.ok_empty();
    server.anonymous().get(&drive).await.refused(401, "invalid_token");
}

async fn url_of_drive(caller: &ApiClient) -> String {
    url(caller, json!({"root": true})).await
}

#[tokio::test]
async fn invalid_selections_are_refused() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = text(&ann.upload("x", b"x", None).await["id"]);
    for (body, field) in [
        (json!({}), "item_ids"),
        (json!({"root": false}), "item_ids"),
        (json!({"item_ids": []}), "item_ids"),
        (json!({"item_ids": vec![file.clone(); 201]}), "item_ids"),
        (json!({"item_ids": [file], "root": true}), "root"),
        (json!({"root": true, "names": "short"}), "names"),
        (json!({"items": [file]}), "items"),
    ] {
        ann.post("/archive", body).await.refused_field(field);
    }
    ann.post("/archive", json!({"item_ids": [file, ABSENT]})).await.refused(404, "not_found");
    server.anonymous().post("/archive", json!({"root": true})).await.refused(401, "unauthenticated");
    ann.post("/archive", json!({"item_ids": vec![file; 200]})).await.ok();
}

#[tokio::test]
async fn a_changed_url_opens_nothing() {
    let server = Server::start().await;
    let (ann, visitor) = (server.user("ann").await, server.anonymous());
    let url = url_of_drive(&ann).await;
    let changed = format!("{}{}", &url[..url.len() - 1], if url.ends_with('A') { 'B' } else { 'A' });
    visitor.get(&changed).await.refused(403, "invalid_signature");
    visitor.get("/archive?ticket=").await.refused(403, "invalid_signature");
    visitor.get("/archive").await.refused_field("ticket");
    visitor.get(&format!("{url}&names=portable")).await.refused_field("names");
}

#[tokio::test]
async fn a_repeat_under_one_key_gets_a_url_too() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let send = async |body: Value| {
        ann.send(ann.request(Method::POST, "/archive").header("Idempotency-Key", "k").json(&body)).await
    };
    let first = send(json!({"root": true})).await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (200, ""));
    let second = send(json!({"root": true})).await;
    assert_eq!((second.status, second.header("idempotent-replayed")), (200, "true"));
    assert_eq!(server.anonymous().get(&text(&second.ok()["url"])).await.status, 200);
    send(json!({"root": true, "names": "portable"})).await.refused(422, "idempotency_key_reused");
}
