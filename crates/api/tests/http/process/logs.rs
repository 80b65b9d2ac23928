use reqwest::Method;
use serde_json::{Value, json};

use super::{about, lines, log_of, start_in};
use crate::support::{PASSWORD, Reason, Storage, text};

#[tokio::test]
async fn each_request_leaves_one_line_with_its_identifier() {
    let (server, _) = start_in(Storage::new(), &[("RUST_LOG", "info")]).await;
    let ann = server.user("ann").await;
    let file = ann.upload("holiday.txt", b"hello", None).await;
    let path = format!("/file/{}", text(&file["id"]));
    for (index, (path, status, route, code)) in [
        ("/drive", 200, "/drive", Value::Null),
        (path.as_str(), 200, "/file/{id}", Value::Null),
        ("/file/x", 404, "/file/{id}", json!("not_found")),
        ("/drive?limit=0", 422, "/drive", json!("validation_failed")),
        ("/no/such/path", 404, "(none)", json!("not_found")),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("call-{index}");
        let answer = ann.send(ann.request(Method::GET, path).header("X-Request-Id", &id)).await;
        assert_eq!(answer.status, status, "{path}");
        let lines = about(&server, &id);
        let [line] = lines.as_slice() else { panic!("{path}: {lines:?}") };
        assert_eq!((&line["method"], &line["status"]), (&json!("GET"), &json!(status)), "{line}");
        assert_eq!((&line["route"], &line["code"]), (&json!(route), &code), "{line}");
        assert!(line["timestamp"].is_string() && line["level"] == "INFO" && line["duration_ms"].is_u64(), "{line}");
    }
    assert!(!log_of(&server).contains("holiday"), "names are the users' own");
}

#[tokio::test]
async fn an_internal_error_is_logged_once_with_its_cause_and_request_id() {
    for level in ["error", "info"] {
        let (server, _) = start_in(Storage::new(), &[("RUST_LOG", level)]).await;
        let ann = server.user("ann").await;
        server.execute("ALTER TABLE drives RENAME COLUMN quota_bytes TO lost");
        let problem = ann.get("/user").await.refused(500, "internal_error");
        let lines = about(&server, &text(&problem["request_id"]));
        let [line] = lines.as_slice() else { panic!("at {level}: {lines:?}") };
        assert_eq!((&line["level"], &line["code"]), (&json!("ERROR"), &json!("internal_error")), "{line}");
        assert!(text(&line["cause"]).contains("quota_bytes"), "{line}");
    }
}

/// The signature of a presigned URL, for any store.
fn signature(url: &str) -> String {
    let (_, query) = url.split_once('?').unwrap();
    let mut pairs = query.split('&').map(|pair| pair.split_once('=').unwrap());
    pairs.find(|(name, _)| name.to_lowercase().ends_with("signature")).unwrap().1.to_owned()
}

#[tokio::test]
async fn secrets_are_not_logged_at_any_level() {
    let (server, _) = start_in(Storage::new(), &[("RUST_LOG", "trace")]).await;
    let ann = server.user("ann").await;
    let bob = server.user("bob").await;
    let stranger = server.anonymous();
    let fields = [("username", "ann"), ("password", PASSWORD), ("client_secret", "client-hush")];
    let form = stranger.request(Method::POST, "/login").form(&fields).basic_auth("client", Some("basic-hush"));
    let second = text(&stranger.send(form).await.ok()["access_token"]);
    stranger
        .post("/login", json!({"username": "ann", "password": "wrong-hush"}))
        .await
        .refused(401, "invalid_credentials");
    let body = json!({"username": "x", "email": "y", "password": "short!?"});
    stranger.post("/user", body).await.refused(422, "validation_failed");
    let misplaced = json!({"username": "ann", "passwort": "misplaced-hush"});
    stranger.post("/login", misplaced).await.refused_field("passwort");
    server.with_token("forged.token-hush.x").get("/user").await.refused(401, "invalid_token");
    stranger.get("/user?access_token=query-hush").await.refused(401, "unauthenticated");
    let upload = ann.begin("letter.txt", 10, None).await.ok();
    ann.put(&upload, "bytes-hush").await.ok_empty();
    let file = text(&ann.complete(&upload).await.ok()["id"]);
    ann.send_form(&[], "other.txt", b"form-hush").await.ok();
    ann.share_file(&file, "bob", "view").await;
    let download = text(&bob.get(&format!("/file/{file}")).await.ok()["download"]["url"]);
    assert_eq!(stranger.get(&download).await.body, b"bytes-hush");
    stranger.get(&format!("{download}x")).await.turned_away(Reason::Forged);
    let put = text(&upload["parts"][0]["url"]);
    let photo = ann.request(Method::POST, "/profile_photo").header("Content-Type", "image/png");
    ann.send(photo.body(crate::support::png(4, 4))).await.ok();
    let photo = text(&ann.get("/profile_photo").await.ok()["url"]);
    stranger.get(&photo).await;
    // An old hash, and the new one that replaces it.
    let old = bcrypt::hash(PASSWORD, 4).unwrap();
    server.execute(&format!("UPDATE users SET password_hash = '{old}' WHERE username = 'bob'"));
    server.login("bob").await;

    let hash = |name: &str| server.value(&format!("SELECT password_hash FROM users WHERE username = '{name}'"));
    let mut secrets = vec![server.storage().key(), hash("ann"), hash("bob"), old];
    for token in [ann.token(), bob.token(), &second] {
        secrets.extend(token.split('.').skip(1).map(str::to_owned));
    }
    for url in [&put, &download, &photo] {
        secrets.push(signature(url));
    }
    for (name, value) in server.storage().variables() {
        if name == "AWS_SECRET_ACCESS_KEY" {
            secrets.push(value);
        }
    }
    for word in [PASSWORD, "a+quiet+morning", "a%20quiet%20morning", "hush", "short!?", "Y2xpZW50OmJhc2ljLWh1c2g"] {
        secrets.push(word.to_owned());
    }
    let log = log_of(&server);
    assert!(lines(&server).iter().any(|line| line["level"] == "TRACE"), "all is logged that can be");
    for secret in secrets {
        let leak = log.lines().find(|line| line.contains(&secret));
        assert_eq!(leak, None, "{secret} is in the log");
    }
}
