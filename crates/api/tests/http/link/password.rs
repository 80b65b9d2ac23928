//! Links that ask for a password.

use reqwest::Method;
use serde_json::json;

use super::{link_file, link_folder, path};
use crate::support::{ABSENT, Answer, Caller, Server, text};

async fn knowing(caller: &Caller, path: &str, password: &str) -> Answer {
    caller.send(caller.request(Method::GET, path).header("X-Link-Password", password)).await
}

#[tokio::test]
async fn without_the_password_nothing_shows_not_even_a_name() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let linked = ann.folder("Very private", None).await;
    let inner = ann.folder("Inner secret", Some(&linked)).await;
    let file = text(&ann.send_form(&[("parent_folder_id", &linked)], "diary.txt", b"dear diary").await.ok()["id"]);
    let link = link_folder(&ann, &linked, json!({"password": "a quiet secret"})).await;
    let (at, anybody) = (path(&link), server.anonymous());
    let routes = [
        at.clone(),
        format!("{at}/content"),
        format!("{at}/drive/{inner}"),
        format!("{at}/drive/{ABSENT}"),
        format!("{at}/file/{file}/content"),
        format!("{at}/file/{ABSENT}/content"),
    ];
    for route in &routes {
        for password in [None, Some("a wrong secret"), Some(""), Some("A quiet secret"), Some("x")] {
            let answer = match password {
                Some(password) => knowing(&anybody, route, password).await,
                None => anybody.get(route).await,
            };
            assert_eq!(answer.header("www-authenticate"), "X-Link-Password");
            let told = format!("{:?}{}", answer.headers, answer.text());
            assert!(!told.contains("Very") && !told.contains("diary") && !told.contains("Inner"), "{told}");
            answer.refused(401, "link_password_required");
        }
    }
    let head = anybody.request(Method::HEAD, &format!("{at}/file/{file}/content"));
    let head = anybody.send(head).await;
    assert_eq!((head.status, head.header("etag"), head.header("content-disposition")), (401, "", ""));
    let twice = anybody.request(Method::GET, &at).header("X-Link-Password", "a quiet secret");
    let twice = twice.header("X-Link-Password", "a wrong secret");
    anybody.send(twice).await.refused(401, "link_password_required");
    // Nobody is let in for being somebody, not even the owner.
    ann.get(&at).await.refused(401, "link_password_required");

    assert_eq!(knowing(&anybody, &at, "a quiet secret").await.ok()["item"]["name"], "Very private");
    knowing(&anybody, &format!("{at}/drive/{inner}"), "a quiet secret").await.ok();
    let content = format!("{at}/file/{file}/content");
    let bytes = anybody.fetch(&content, &[("X-Link-Password", "a quiet secret")]).await;
    assert_eq!((bytes.status, bytes.text().as_str()), (200, "dear diary"));
}

#[tokio::test]
async fn a_password_is_changed_or_dropped_at_once() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = text(&ann.send_form(&[], "a.txt", b"words").await.ok()["id"]);
    let link = link_file(&ann, &file, json!({"password": "ein stilles Geheimnis, schön"})).await;
    let (at, anybody) = (path(&link), server.anonymous());
    knowing(&anybody, &at, "ein stilles Geheimnis, schön").await.ok();
    // The same letters, written otherwise.
    knowing(&anybody, &at, "ein stilles Geheimnis, scho\u{308}n").await.ok();
    let of_link = format!("/link/{}", text(&link["id"]));
    ann.patch(&of_link, json!({"password": "another secret"})).await.ok();
    knowing(&anybody, &at, "ein stilles Geheimnis, schön").await.refused(401, "link_password_required");
    knowing(&anybody, &at, "another secret").await.ok();
    ann.patch(&of_link, json!({"max_downloads": 5})).await.ok();
    anybody.get(&at).await.refused(401, "link_password_required");
    ann.patch(&of_link, json!({"password": null})).await.ok();
    anybody.get(&at).await.ok();
    knowing(&anybody, &at, "whatever it may be").await.ok();
}

#[tokio::test]
async fn a_wrong_password_costs_no_download() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = text(&ann.send_form(&[], "a.txt", b"words").await.ok()["id"]);
    let link = link_file(&ann, &file, json!({"password": "a quiet secret", "max_downloads": 1})).await;
    let (content, anybody) = (format!("{}/content", path(&link)), server.anonymous());
    anybody.get(&content).await.refused(401, "link_password_required");
    knowing(&anybody, &content, "a wrong secret").await.refused(401, "link_password_required");
    assert_eq!(ann.get("/link").await.ok()["items"][0]["downloads"], 0);
    assert_eq!(anybody.fetch(&content, &[("X-Link-Password", "a quiet secret")]).await.text(), "words");
    knowing(&anybody, &content, "a quiet secret").await.refused(410, "link_exhausted");
    // Who does not know it does not learn that either.
    anybody.get(&content).await.refused(401, "link_password_required");
}
