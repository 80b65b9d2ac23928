//! Password-protected links.

use reqwest::Method;
use serde_json::json;

use super::{link_file, link_folder, path};
use crate::archive::{paths, unpacked};
use crate::support::{ABSENT, ApiClient, ApiResponse, Server, text};

async fn knowing(caller: &ApiClient, path: &str, password: &str) -> ApiResponse {
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
    let (at, visitor) = (path(&link), server.anonymous());
    let routes = [
        at.clone(),
        format!("{at}/content"),
        format!("{at}/drive/{inner}"),
        format!("{at}/drive/{ABSENT}"),
        format!("{at}/file/{file}/content"),
        format!("{at}/file/{ABSENT}/content"),
        format!("{at}/archive"),
        format!("{at}/drive/{inner}/archive"),
        format!("{at}/drive/{ABSENT}/archive"),
    ];
    for route in &routes {
        for password in [None, Some("a wrong secret"), Some(""), Some("A quiet secret"), Some("x")] {
            let answer = match password {
                Some(password) => knowing(&visitor, route, password).await,
                None => visitor.get(route).await,
            };
            assert_eq!(answer.header("www-authenticate"), "X-Link-Password");
            let reported = format!("{:?}{}", answer.headers, answer.text());
            assert!(
                !reported.contains("Very") && !reported.contains("diary") && !reported.contains("Inner"),
                "{reported}"
            );
            answer.refused(401, "link_password_required");
        }
    }
    let head = visitor.request(Method::HEAD, &format!("{at}/file/{file}/content"));
    let head = visitor.send(head).await;
    assert_eq!((head.status, head.header("etag"), head.header("content-disposition")), (401, "", ""));
    let twice = visitor.request(Method::GET, &at).header("X-Link-Password", "a quiet secret");
    let twice = twice.header("X-Link-Password", "a wrong secret");
    visitor.send(twice).await.refused(401, "link_password_required");
    // Being logged in does not replace the password, not even for the owner.
    ann.get(&at).await.refused(401, "link_password_required");

    assert_eq!(knowing(&visitor, &at, "a quiet secret").await.ok()["item"]["name"], "Very private");
    knowing(&visitor, &format!("{at}/drive/{inner}"), "a quiet secret").await.ok();
    let content = format!("{at}/file/{file}/content");
    let bytes = visitor.fetch(&content, &[("X-Link-Password", "a quiet secret")]).await;
    assert_eq!((bytes.status, bytes.text().as_str()), (200, "dear diary"));
}

#[tokio::test]
async fn a_password_is_changed_or_dropped_at_once() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = text(&ann.send_form(&[], "a.txt", b"words").await.ok()["id"]);
    let link = link_file(&ann, &file, json!({"password": "ein stilles Geheimnis, schön"})).await;
    let (at, visitor) = (path(&link), server.anonymous());
    knowing(&visitor, &at, "ein stilles Geheimnis, schön").await.ok();
    // The same password, in another Unicode normalisation form.
    knowing(&visitor, &at, "ein stilles Geheimnis, scho\u{308}n").await.ok();
    let of_link = format!("/link/{}", text(&link["id"]));
    ann.patch(&of_link, json!({"password": "another secret"})).await.ok();
    knowing(&visitor, &at, "ein stilles Geheimnis, schön").await.refused(401, "link_password_required");
    knowing(&visitor, &at, "another secret").await.ok();
    ann.patch(&of_link, json!({"max_downloads": 5})).await.ok();
    visitor.get(&at).await.refused(401, "link_password_required");
    ann.patch(&of_link, json!({"password": null})).await.ok();
    visitor.get(&at).await.ok();
    knowing(&visitor, &at, "whatever it may be").await.ok();
}

#[tokio::test]
async fn a_wrong_password_costs_no_download() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = text(&ann.send_form(&[], "a.txt", b"words").await.ok()["id"]);
    let link = link_file(&ann, &file, json!({"password": "a quiet secret", "max_downloads": 1})).await;
    let (content, visitor) = (format!("{}/content", path(&link)), server.anonymous());
    visitor.get(&content).await.refused(401, "link_password_required");
    knowing(&visitor, &content, "a wrong secret").await.refused(401, "link_password_required");
    assert_eq!(ann.get("/link").await.ok()["items"][0]["downloads"], 0);
    assert_eq!(visitor.fetch(&content, &[("X-Link-Password", "a quiet secret")]).await.text(), "words");
    // With the password, a download in progress goes on, and a new one is refused; without it, neither shows.
    assert_eq!(visitor.fetch(&content, &[("X-Link-Password", "a quiet secret")]).await.text(), "words");
    assert_eq!(ann.get("/link").await.ok()["items"][0]["downloads"], 1);
    server.execute("DELETE FROM link_downloads");
    knowing(&visitor, &content, "a quiet secret").await.refused(410, "link_exhausted");
    visitor.get(&content).await.refused(401, "link_password_required");
}

/// Text for a header field: every byte percent-encoded.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

async fn open(caller: &ApiClient, at: &str, password: &str) -> ApiResponse {
    caller.post(&format!("{at}/access"), json!({"password": password})).await
}

#[tokio::test]
async fn a_password_of_any_characters_opens_as_json_and_percent_encoded() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let folder = ann.folder("Linked", None).await;
    let visitor = server.anonymous();
    for password in [
        "ein stilles Geheimnis, schön",
        "秘密のパスワード",
        "💚💚💚💚💚💚💚💚",
        " with spaces around ",
        "line\nbreak\tand tab",
        "100%25 & 100%, a+b=c#d",
        "\"quoted\", comma; semicolon",
    ] {
        let at = path(&link_folder(&ann, &folder, json!({"password": password})).await);
        let opened = open(&visitor, &at, password).await;
        assert_eq!(opened.header("cache-control"), "no-store");
        let opened = opened.ok();
        assert_eq!(opened.as_object().unwrap().len(), 2, "{opened}");
        let access = text(&opened["access"]);
        assert_eq!(visitor.get(&format!("{at}?access={access}")).await.ok()["item"]["name"], "Linked", "{password}");
        assert_eq!(knowing(&visitor, &at, &encoded(password)).await.ok()["item"]["name"], "Linked", "{password}");
        open(&visitor, &at, &format!("{password}x")).await.refused(401, "link_password_required");
        visitor.get(&at).await.refused(401, "link_password_required");
    }
    for (password, status, code) in [("x", 401, "link_password_required"), ("", 401, "link_password_required")] {
        let at = path(&link_folder(&ann, &folder, json!({"password": "a quiet secret"})).await);
        open(&visitor, &at, password).await.refused(status, code);
    }
}

#[tokio::test]
async fn a_proof_opens_every_url_of_its_link_until_the_password_changes() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let linked = ann.folder("Linked", None).await;
    let inner = ann.folder("Inner", Some(&linked)).await;
    let file = text(&ann.send_form(&[("parent_folder_id", &linked)], "a.txt", b"words").await.ok()["id"]);
    let secret = json!({"password": "a quiet secret"});
    let (link, other) =
        (link_folder(&ann, &linked, secret.clone()).await, link_folder(&ann, &linked, secret.clone()).await);
    let (at, visitor) = (path(&link), server.anonymous());
    let access = text(&open(&visitor, &at, "a quiet secret").await.ok()["access"]);
    let content = format!("/file/{file}/content");
    let (folder, archive) = (format!("/drive/{inner}"), format!("/drive/{inner}/archive"));
    let routes = ["", &folder, &content, "/archive", &archive];
    for route in routes {
        let url = format!("{at}{route}?access={access}");
        assert_eq!(visitor.fetch(&url, &[]).await.status, 200, "{route}");
        visitor.get(&format!("{}{route}?access={access}", path(&other))).await.refused(401, "link_password_required");
        visitor.get(&format!("{url}x")).await.refused(401, "link_password_required");
        visitor.get(&format!("{url}&access={access}")).await.refused(400, "malformed_request");
    }
    // As a media player does, by plain URLs: a range and a HEAD request.
    let url = format!("{at}{content}?access={access}");
    let part = visitor.fetch(&url, &[("Range", "bytes=1-2")]).await;
    assert_eq!((part.status, part.text().as_str()), (206, "or"));
    assert_eq!(visitor.send(visitor.request(Method::HEAD, &url)).await.status, 200);
    // As a browser saves an archive, and resumes it.
    for (route, expected) in
        [("/archive", vec!["Linked/", "Linked/Inner/", "Linked/a.txt"]), (archive.as_str(), vec!["Inner/"])]
    {
        let url = format!("{at}{route}?access={access}");
        let whole = visitor.get(&url).await;
        let etag = whole.header("etag").to_owned();
        let mut found = paths(&mut unpacked(whole));
        found.sort();
        assert_eq!(found, expected, "{route}");
        let rest = visitor.fetch(&url, &[("Range", "bytes=2-3"), ("If-Range", &etag)]).await;
        assert_eq!((rest.status, rest.body), (206, vec![3, 4]), "{route}");
        assert_eq!(visitor.send(visitor.request(Method::HEAD, &url)).await.status, 200, "{route}");
        assert_eq!(visitor.get(&format!("{url}&names=portable")).await.status, 200, "{route}");
        visitor.get(&format!("{url}&names=short")).await.refused_field("names");
    }
    // It combines with the other parameters.
    let page = visitor.get(&format!("{at}?limit=1&access={access}")).await.ok();
    let rest = format!("{at}?limit=1&cursor={}&access={access}", text(&page["next_cursor"]));
    assert_eq!(visitor.get(&rest).await.ok()["items"].as_array().unwrap().len(), 1);
    visitor.get(&format!("{at}?limit=0&access={access}")).await.refused_field("limit");
    // Setting a password invalidates the proof, even if it is the same password.
    ann.patch(&format!("/link/{}", text(&link["id"])), secret).await.ok();
    for route in routes {
        visitor.get(&format!("{at}{route}?access={access}")).await.refused(401, "link_password_required");
    }
}

#[tokio::test]
async fn links_without_a_password_ignore_one_and_missing_links_say_so() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let folder = ann.folder("Linked", None).await;
    let visitor = server.anonymous();
    let link = link_folder(&ann, &folder, json!({})).await;
    let (at, id) = (path(&link), text(&link["id"]));
    let access = text(&open(&visitor, &at, "whatever it may be").await.ok()["access"]);
    visitor.get(&format!("{at}?access={access}")).await.ok();
    ann.patch(&format!("/link/{id}"), json!({"password": "a quiet secret"})).await.ok();
    visitor.get(&format!("{at}?access={access}")).await.refused(401, "link_password_required");
    visitor.post(&format!("{at}/access"), json!({})).await.refused_field("password");
    server.execute("UPDATE links SET expires_at = 1");
    open(&visitor, &at, "a quiet secret").await.refused(410, "link_expired");
    ann.delete(&format!("/drive/{folder}")).await.ok_empty();
    open(&visitor, &at, "a quiet secret").await.refused(404, "not_found");
    open(&visitor, "/s/CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC", "a quiet secret").await.refused(404, "not_found");
}
