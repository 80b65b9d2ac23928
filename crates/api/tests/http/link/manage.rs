//! `POST`, `GET /link`, `PATCH`, `DELETE /link/{id}`.

use reqwest::Method;
use serde_json::{Value, json};

use super::{link_file, link_folder, path};
use crate::process::{lines, log_of, start_in};
use crate::support::{ABSENT, Server, Storage, sql_id, text};

const FUTURE: &str = "2099-01-01T00:00:00.000Z";

#[tokio::test]
async fn a_link_has_the_requested_properties_and_is_listed() {
    let server = Server::with(&[("PUBLIC_URL", "https://drive.example.com")]).await;
    let ann = server.user("ann").await;
    let folder = ann.folder("Photos", None).await;
    let file = text(&ann.send_form(&[], "a.txt", b"words").await.ok()["id"]);
    let body = json!({"share_object_type": "folder", "folder_id": folder});
    let answer = ann.post("/link", body).await;
    assert_eq!((answer.status, answer.header("cache-control")), (201, "no-store"));
    let location = answer.header("location").to_owned();
    let plain = answer.ok();
    assert_eq!(location, format!("/link/{}", text(&plain["id"])));
    assert_eq!(plain["item"], json!({"kind": "folder", "id": folder, "name": "Photos"}));
    for (field, value) in [
        ("has_password", json!(false)),
        ("expires_at", Value::Null),
        ("max_downloads", Value::Null),
        ("downloads", json!(0)),
    ] {
        assert_eq!(plain[field], value, "{field}");
    }
    let token = text(&plain["url"]).strip_prefix("https://drive.example.com/s/").unwrap().to_owned();
    assert!(token.len() >= 32 && token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{token}");

    let wish = json!({"password": "a quiet secret", "expires_at": FUTURE, "max_downloads": 3});
    let full = link_file(&ann, &file, wish).await;
    assert_eq!(
        [&full["has_password"], &full["expires_at"], &full["max_downloads"]],
        [&json!(true), &json!(FUTURE), &json!(3)]
    );
    assert_ne!(full["url"], plain["url"]);
    let list = ann.get("/link").await;
    assert_eq!(list.header("cache-control"), "no-store");
    assert_eq!(list.ok(), json!({"items": [full, plain], "next_cursor": null}));
    let first = ann.get("/link?limit=1").await.ok();
    assert_eq!(first["items"], json!([full]));
    let second = ann.get(&format!("/link?limit=1&cursor={}", text(&first["next_cursor"]))).await.ok();
    assert_eq!((&second["items"], &second["next_cursor"]), (&json!([plain]), &Value::Null));
    assert_eq!(server.user("ben").await.get("/link").await.ok()["items"], json!([]));
}

#[tokio::test]
async fn invalid_fields_are_named() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let folder = ann.folder("Photos", None).await;
    let id = text(&link_folder(&ann, &folder, json!({})).await["id"]);
    for (more, field) in [
        (json!({"expires_at": "2020-01-01T00:00:00Z"}), "expires_at"),
        (json!({"expires_at": "tomorrow"}), "expires_at"),
        (json!({"max_downloads": 0}), "max_downloads"),
        (json!({"max_downloads": -1}), "max_downloads"),
        (json!({"max_downloads": 1_000_000_001}), "max_downloads"),
        (json!({"password": "short"}), "password"),
        (json!({"password": "password"}), "password"),
        (json!({"token": "mine"}), "token"),
    ] {
        let mut body = json!({"share_object_type": "folder", "folder_id": folder});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ann.post("/link", body).await.refused_field(field);
        ann.patch(&format!("/link/{id}"), more).await.refused_field(field);
    }
    ann.post("/link", json!({"share_object_type": "folder"})).await.refused_field("folder_id");
    ann.post("/link", json!({"share_object_type": "file", "folder_id": folder})).await.refused_field("folder_id");
    ann.patch(&format!("/link/{id}"), json!({})).await.refused_field("body");
    ann.post("/link", json!({"share_object_type": "file", "file_id": folder})).await.refused(404, "not_found");
    ann.patch(&format!("/link/{ABSENT}"), json!({"password": null})).await.refused(404, "not_found");
    ann.delete("/link/nonsense").await.refused(404, "not_found");
    assert_eq!(ann.get("/link").await.ok()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn absent_fields_keep_their_value_and_null_clears_it() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let folder = ann.folder("Photos", None).await;
    let mut expected = link_folder(&ann, &folder, json!({"password": "a quiet secret", "max_downloads": 3})).await;
    let at = format!("/link/{}", text(&expected["id"]));
    for (change, field, value) in [
        (json!({"expires_at": FUTURE}), "expires_at", json!(FUTURE)),
        (json!({"max_downloads": 7}), "max_downloads", json!(7)),
        (json!({"password": null}), "has_password", json!(false)),
        (json!({"expires_at": null}), "expires_at", Value::Null),
        (json!({"password": "another secret"}), "has_password", json!(true)),
        (json!({"max_downloads": null}), "max_downloads", Value::Null),
    ] {
        expected[field] = value;
        let answer = ann.patch(&at, change).await;
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.ok(), expected);
        assert_eq!(ann.get("/link").await.ok()["items"], json!([expected]));
    }
}

#[tokio::test]
async fn a_link_that_is_taken_back_opens_nothing_any_more() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let folder = ann.folder("Photos", None).await;
    ann.share_folder(&folder, "ben", "edit").await;
    let (link, other) = (link_folder(&ann, &folder, json!({})).await, link_folder(&ann, &folder, json!({})).await);
    let at = format!("/link/{}", text(&link["id"]));
    ben.delete(&at).await.refused(404, "not_found");
    ben.patch(&at, json!({"password": null})).await.refused(404, "not_found");
    server.anonymous().get(&path(&link)).await.ok();
    ann.delete(&at).await.ok_empty();
    server.anonymous().get(&path(&link)).await.refused(404, "not_found");
    ann.delete(&at).await.refused(404, "not_found");
    server.anonymous().get(&path(&other)).await.ok();
    assert_eq!(ann.get("/link").await.ok()["items"], json!([other]));
}

#[tokio::test]
async fn tokens_and_passwords_are_not_in_the_database_or_the_log() {
    let (server, _) = start_in(Storage::new(), &[("RUST_LOG", "debug")]).await;
    let ann = server.user("ann").await;
    let file = text(&ann.send_form(&[], "a.txt", b"words").await.ok()["id"]);
    let link = link_file(&ann, &file, json!({"password": "a quiet secret"})).await;
    let (at, visitor) = (path(&link), server.anonymous());
    for route in [at.clone(), format!("{at}/content"), format!("{at}/drive/{file}"), format!("{at}/nowhere")] {
        for password in ["a quiet secret", "a wrong secret"] {
            visitor.send(visitor.request(Method::GET, &route).header("X-Link-Password", password)).await;
        }
    }
    let rows = server.value("SELECT count(*) FROM links WHERE length(token_hash) = 32 AND length(sealed_token) = 60");
    assert_eq!(rows, "1");
    let hash = server.value("SELECT password_hash FROM links");
    assert!(hash.starts_with("$argon2id$"), "{hash}");
    let log = log_of(&server);
    assert!(log.contains("/s/{token}/content"), "the log tells of the requests");
    for secret in [at.strip_prefix("/s/").unwrap(), "a quiet secret", "a wrong secret"] {
        assert!(!log.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn link_changes_are_audited() {
    let (server, _) = start_in(Storage::new(), &[("RUST_LOG", "error")]).await;
    let ann = server.user("ann").await;
    let folder = ann.folder("Photos", None).await;
    let file = text(&ann.send_form(&[("parent_folder_id", &folder)], "a.txt", b"words").await.ok()["id"]);
    let link = link_folder(&ann, &folder, json!({"password": "a quiet secret"})).await;
    let (id, visitor) = (text(&link["id"]), server.anonymous());
    let content = format!("{}/file/{file}/content", path(&link));
    for password in ["a wrong secret", "a quiet secret"] {
        visitor.send(visitor.request(Method::GET, &content).header("X-Link-Password", password)).await;
    }
    ann.patch(&format!("/link/{id}"), json!({"password": null})).await.ok();
    ann.delete(&format!("/link/{id}")).await.ok_empty();
    let me = text(&ann.get("/user").await.ok()["id"]);
    let reported: Vec<Value> = lines(&server)
        .into_iter()
        .filter(|line| line["event"].as_str().is_some_and(|event| event.starts_with("link.")))
        .map(|line| json!([line["event"], line["actor"], line["object"], line["link"]]))
        .collect();
    let (of_folder, of_file) = (format!("folder/{folder}"), format!("file/{file}"));
    assert_eq!(
        reported,
        [
            json!(["link.created", me, of_folder, id]),
            json!(["link.password_refused", null, of_folder, id]),
            json!(["link.downloaded", null, of_file, id]),
            json!(["link.changed", me, of_folder, id]),
            json!(["link.revoked", me, of_folder, id]),
        ]
    );
}

#[tokio::test]
async fn the_url_of_a_link_is_shown_while_its_key_is_configured_and_works_regardless() {
    let (old, new) = ("the first secret of thirty-two bytes", "the second secret of thirty-two bytes");
    let server = Server::with(&[("SECRET_KEY", old), ("PUBLIC_URL", "http://drive.example.com")]).await;
    let ann = server.user("ann").await;
    let folder = ann.folder("Photos", None).await;
    let link = link_folder(&ann, &folder, json!({})).await;
    let public = ("PUBLIC_URL", "http://drive.example.com");
    let server = server.restart(&[("SECRET_KEY", new), ("PREVIOUS_SECRET_KEY", old), public]).await;
    assert_eq!(server.login("ann").await.get("/link").await.ok()["items"][0]["url"], link["url"]);
    let server = server.restart(&[("SECRET_KEY", new), public]).await;
    let ann = server.login("ann").await;
    let listed = ann.get("/link").await.ok()["items"][0].clone();
    assert_eq!((&listed["id"], &listed["url"]), (&link["id"], &Value::Null));
    server.anonymous().get(&path(&link)).await.ok();
    ann.delete(&format!("/link/{}", text(&link["id"]))).await.ok_empty();
    server.anonymous().get(&path(&link)).await.refused(404, "not_found");
}

#[tokio::test]
async fn the_trash_takes_links_with_it_and_gives_them_back() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = ann.folder("Top", None).await;
    let folder = ann.folder("Photos", Some(&top)).await;
    let link = link_folder(&ann, &folder, json!({"password": "a quiet secret"})).await;
    let id = text(&link["id"]);
    let visitor = server.anonymous();
    let unknown = "/s/CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC";
    let without_id =
        |mut problem: Value| problem.as_object_mut().unwrap().remove("request_id").map(|_| problem).unwrap();
    for node in [&top, &folder] {
        let trash =
            |at: &str| server.execute(&format!("UPDATE nodes SET trashed_at = {at} WHERE id = {}", sql_id(node)));
        visitor.get(&path(&link)).await.refused(401, "link_password_required");
        trash("1");
        let gone = visitor.get(&path(&link)).await.refused(404, "not_found");
        assert_eq!(without_id(gone), without_id(visitor.get(unknown).await.refused(404, "not_found")));
        assert_eq!(ann.get("/link").await.ok()["items"], json!([]));
        ann.delete(&format!("/link/{id}")).await.refused(404, "not_found");
        trash("NULL");
        assert_eq!(ann.get("/link").await.ok()["items"], json!([link]));
    }
    visitor.get(&path(&link)).await.refused(401, "link_password_required");
}
