use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::process::{lines, start_in};
use crate::support::{ApiClient, PASSWORD, RawConnection, Server, Storage, eventually, png, text};

/// The audit events so far.
fn trail(server: &Server) -> Vec<Value> {
    lines(server).into_iter().filter(|line| line["target"] == "audit").collect()
}

/// The events with this name.
fn events(server: &Server, name: &str) -> Vec<Value> {
    trail(server).into_iter().filter(|line| line["event"] == name).collect()
}

async fn id_of(caller: &ApiClient) -> String {
    text(&caller.get("/user").await.ok()["id"])
}

async fn try_login(server: &Server, name: &str, password: &str) -> String {
    let body = json!({"username": name, "password": password});
    let answer = server.anonymous().post("/login", body).await;
    text(&answer.refused(401, "invalid_credentials")["request_id"])
}

#[tokio::test]
async fn logins_and_refusals_are_audited_with_any_log_filter() {
    let (server, _) = start_in(Storage::new(), &[("RUST_LOG", "error")]).await;
    let ann = server.user("ann").await;
    let id = id_of(&ann).await;
    let wrong = try_login(&server, "ann", "not that one at all").await;
    let unknown = try_login(&server, "stranger", "not that one at all").await;

    let [registered] = &events(&server, "account.registered")[..] else { panic!() };
    assert_eq!((&registered["actor"], &registered["object"]), (&json!(id), &json!(format!("user/{id}"))));
    let [let_in] = &events(&server, "login.succeeded")[..] else { panic!() };
    assert_eq!((&let_in["actor"], &let_in["address"]), (&json!(id), &json!("127.0.0.1")));
    assert!(text(&let_in["object"]).starts_with("session/"));
    let [first, second] = &events(&server, "login.refused")[..] else { panic!() };
    let fields = |line: &Value| ["actor", "reason", "request_id", "address"].map(|field| line[field].clone());
    assert_eq!(fields(first), [json!(id), json!("wrong_password"), json!(wrong), json!("127.0.0.1")]);
    assert_eq!(fields(second), [Value::Null, json!("unknown_user"), json!(unknown), json!("127.0.0.1")]);
}

#[tokio::test]
async fn granting_and_revoking_shares_is_audited() {
    let (server, _) = start_in(Storage::new(), &[("RUST_LOG", "error")]).await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let folder = ann.folder("Plans", None).await;
    let share = ann.share_folder(&folder, "ben", "view").await;
    ann.patch(&format!("/share/{share}"), json!({"permission": "edit"})).await.ok();
    ann.delete(&format!("/share/{share}")).await.ok_empty();
    let again = ann.share_folder(&folder, "ben", "view").await;
    ben.delete(&format!("/share/{again}")).await.ok_empty();

    let (ann, ben) = (id_of(&ann).await, id_of(&ben).await);
    let shares = trail(&server).into_iter().filter(|line| text(&line["event"]).starts_with("share."));
    let fields: Vec<Vec<String>> = shares
        .map(|line| ["event", "actor", "share", "permission"].iter().map(|field| text(&line[*field])).collect())
        .collect();
    assert_eq!(
        fields,
        [
            ["share.created", &ann, &share, "view"],
            ["share.changed", &ann, &share, "edit"],
            ["share.revoked", &ann, &share, "edit"],
            ["share.created", &ann, &again, "view"],
            ["share.left", &ben, &again, "view"],
        ]
    );
    let of_shares = trail(&server).into_iter().filter(|line| text(&line["event"]).starts_with("share."));
    for line in of_shares {
        assert_eq!((&line["object"], &line["guest"]), (&json!(format!("folder/{folder}")), &json!(ben)), "{line}");
        assert_eq!(line["address"], "127.0.0.1", "{line}");
    }
}

#[tokio::test]
async fn deletions_are_audited_and_every_event_is_documented_without_secrets() {
    let (server, _) = start_in(Storage::new(), &[("RUST_LOG", "debug")]).await;
    let ann = server.user("ann").await;
    let upload = ann.begin("diary.txt", 5, None).await.ok();
    let upload = text(&upload["upload_id"]);
    ann.delete(&format!("/upload/{upload}")).await.ok_empty();
    // Idempotent: aborting again changes nothing.
    ann.delete(&format!("/upload/{upload}")).await.ok_empty();
    let photo = ann.request(Method::POST, "/profile_photo").header("Content-Type", "image/png").body(png(4, 4));
    ann.send(photo).await.ok();
    ann.delete("/profile_photo").await.ok_empty();
    ann.delete("/profile_photo").await.refused(404, "not_found");

    let names: Vec<String> = trail(&server).iter().map(|line| text(&line["event"])).collect();
    let expected =
        ["account.registered", "login.succeeded", "upload.aborted", "account.photo_set", "account.photo_removed"];
    assert_eq!(names, expected);
    assert_eq!(events(&server, "upload.aborted")[0]["object"], format!("upload/{upload}"));
    let lines: String = trail(&server).iter().map(Value::to_string).collect();
    for secret in [PASSWORD, ann.token(), "diary", "ann@"] {
        assert!(!lines.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn session_and_account_changes_are_audited() {
    let (server, _) =
        start_in(Storage::new(), &[("RUST_LOG", "error"), ("RATE_LIMITS", "on"), ("REFRESH_GRACE_SECONDS", "0")]).await;
    let ann = server.user("ann").await;
    let id = id_of(&ann).await;
    let login = async || {
        let body = json!({"username": "ann", "password": PASSWORD});
        server.anonymous().post("/login", body).await.ok()
    };
    let with = |tokens: &Value| json!({"refresh_token": tokens["refresh_token"]});
    let (first, second) = (login().await, login().await);
    server.anonymous().post("/token/refresh", with(&first)).await.ok();
    server.anonymous().post("/token/refresh", with(&first)).await.refused(401, "invalid_token");
    server.anonymous().post("/logout", with(&second)).await.ok_empty();
    let third = server.with_token(&text(&login().await["access_token"]));
    let session = text(&third.get("/session").await.ok()["items"][0]["id"]);
    ann.delete(&format!("/session/{session}")).await.ok_empty();
    ann.patch("/user", json!({"email": "ann@example.org"})).await.ok();
    let put = |current: &str| {
        let body = json!({"current_password": current, "new_password": "a louder evening"});
        ann.send(ann.request(Method::PUT, "/user/password").json(&body))
    };
    put("wrong guess").await.refused(403, "wrong_password");
    put(PASSWORD).await.ok_empty();
    for _ in 0..10 {
        try_login(&server, "stranger", "wrong guess").await;
    }
    let body = json!({"username": "stranger", "password": "wrong guess"});
    server.anonymous().post("/login", body).await.refused(429, "rate_limited");
    let fields: Vec<String> = trail(&server).iter().map(|line| text(&line["event"])).collect();
    let mut expected = vec!["account.registered", "login.succeeded", "login.succeeded", "login.succeeded"];
    expected.extend(["session.refreshed", "session.reused", "session.logged_out", "login.succeeded", "session.ended"]);
    expected.extend(["account.email_changed", "account.password_refused", "account.password_changed"]);
    expected.extend(["login.refused"; 11]);
    assert_eq!(fields, expected);
    for name in ["session.refreshed", "session.reused", "session.logged_out", "session.ended"] {
        let [line] = &events(&server, name)[..] else { panic!("{name}") };
        assert_eq!(line["actor"], json!(id), "{name}");
        assert!(text(&line["object"]).starts_with("session/"), "{name}");
    }
    assert_eq!(events(&server, "login.refused").last().unwrap()["reason"], "throttled");
    let tokens = server.anonymous().post("/login", json!({"username": "ann", "password": "a louder evening"})).await;
    let ann = server.with_token(&text(&tokens.ok()["access_token"]));
    ann.post("/user/delete", json!({"password": "a louder evening"})).await.ok_empty();
    let [line] = &events(&server, "account.deleted")[..] else { panic!() };
    assert_eq!((&line["actor"], &line["object"]), (&json!(id), &json!(format!("user/{id}"))));
}

#[test]
fn every_event_and_every_field_is_documented() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let documented = read("../../docs/audit.md");
    let source = read("../domain/src/model/audit.rs");
    let names =
        source.lines().filter_map(|line| line.trim().strip_prefix("Self::")?.split_once("=> \"")?.1.split('"').next());
    let names: Vec<&str> = names.collect();
    assert!(names.len() > 13, "{names:?}");
    for name in names {
        assert!(documented.contains(&format!("`{name}`")), "{name}");
    }
}

#[tokio::test]
async fn an_address_is_believed_of_a_trusted_proxy_only() {
    for (proxies, expected) in [("127.0.0.0/8", "198.51.100.7"), ("10.0.0.0/8", "127.0.0.1")] {
        let (server, _) = start_in(Storage::new(), &[("TRUSTED_PROXIES", proxies), ("RUST_LOG", "error")]).await;
        server.user("ann").await;
        let login = server.anonymous();
        let body = json!({"username": "ann", "password": PASSWORD});
        let request = login.request(Method::POST, "/login").header("X-Forwarded-For", "1.2.3.4, 198.51.100.7");
        login.send(request.json(&body)).await.ok();
        let seen = events(&server, "login.succeeded");
        assert_eq!(seen.last().unwrap()["address"], expected, "{proxies}");
        assert_eq!(server.value("SELECT address FROM sessions ORDER BY created_at DESC, id DESC LIMIT 1"), expected);
    }
}

#[tokio::test]
async fn a_change_is_audited_even_if_its_client_leaves_at_once() {
    const CLIENTS: usize = 100;
    let (server, _) = start_in(Storage::new(), &[("RUST_LOG", "error")]).await;
    let ann = server.user("ann").await;
    for number in 0..CLIENTS {
        let folder = ann.folder(&format!("folder {number}"), None).await;
        let mut wire = RawConnection::to(&server).await;
        if number % 2 == 0 {
            wire.head(&ann, "DELETE", &format!("/drive/{folder}"), &[]).await;
        } else {
            let body = json!({"share_object_type": "folder", "folder_id": folder}).to_string();
            let length = body.len().to_string();
            let headers = [("Content-Type", "application/json"), ("Content-Length", length.as_str())];
            wire.head(&ann, "POST", "/link", &headers).await;
            wire.send(body).await;
        }
        // Each leaves at another moment of its request.
        for _ in 0..number * 20 {
            tokio::task::yield_now().await;
        }
        wire.break_off();
    }
    let ids = async |path: &str, id: fn(&Value) -> &Value| {
        let page = ann.get(&format!("{path}?limit=1000")).await.ok();
        page["items"].as_array().unwrap().iter().map(|item| text(id(item))).collect::<BTreeSet<String>>()
    };
    eventually("all that was done is audited", async || {
        let trashed = ids("/trash", |item| &item["item"]["id"]).await;
        let linked = ids("/link", |item| &item["id"]).await;
        let audited = |name: &str, field: &str, prefix: &str| -> BTreeSet<String> {
            events(&server, name).iter().map(|line| text(&line[field]).trim_start_matches(prefix).to_owned()).collect()
        };
        trashed.len() + linked.len() >= CLIENTS / 10
            && trashed == audited("item.trashed", "object", "folder/")
            && linked == audited("link.created", "link", "")
    })
    .await;
}

#[tokio::test]
async fn an_item_replaced_by_a_move_is_audited_as_trashed() {
    let (server, _) = start_in(Storage::new(), &[("RUST_LOG", "error")]).await;
    let ann = server.user("ann").await;
    let (top, new) = (ann.folder("Top", None).await, ann.folder("Plans", None).await);
    let old = ann.folder("Plans", Some(&top)).await;
    let body = json!({"parent_folder_id": top, "folder_conflict": "Replace"});
    for _ in 0..2 {
        // The second time it is there already, and replaces nothing.
        ann.patch(&format!("/drive/{new}"), body.clone()).await.ok();
    }
    let id = id_of(&ann).await;
    let [trashed] = &events(&server, "item.trashed")[..] else { panic!() };
    assert_eq!((&trashed["actor"], &trashed["object"]), (&json!(id), &json!(format!("folder/{old}"))));
    assert_eq!(trashed["address"], "127.0.0.1");
}
