//! Operations on the caller's own account and drive, with a token whose only scope is `read`.

use reqwest::Method;
use serde_json::{Value, json};

use super::{OF_THE_CALLER, read_only};
use crate::support::{ABSENT, ApiClient, Server, png};
use crate::tokens::SECRET;

/// Every operation with its method, path, body and expected status.
fn operations() -> Vec<(&'static str, Method, String, Value, u16)> {
    let (read, none) =
        (|what, path: &str, status| (what, Method::GET, path.to_owned(), Value::Null, status), Value::Null);
    vec![
        read("verify_token", "/verify-token", 200),
        read("get_user", "/user", 200),
        read("list_root", "/drive", 200),
        read("list_received_shares", "/shared-with-me", 200),
        read("list_given_shares", "/shared-by-me", 200),
        read("list_trash", "/trash", 200),
        read("list_links", "/link", 200),
        read("list_uploads", "/upload", 200),
        read("get_profile_photo", "/profile_photo", 404),
        read("list_sessions", "/session", 403),
        ("end_session", Method::DELETE, format!("/session/{ABSENT}"), none.clone(), 403),
        ("patch_user", Method::PATCH, "/user".to_owned(), json!({"email": "ann@example.org"}), 403),
        (
            "change_password",
            Method::PUT,
            "/user/password".to_owned(),
            json!({"current_password": "not that one", "new_password": "a louder evening"}),
            403,
        ),
        ("delete_user", Method::POST, "/user/delete".to_owned(), json!({"password": "not that one"}), 403),
        ("empty_trash", Method::DELETE, "/trash".to_owned(), none.clone(), 403),
        ("delete_profile_photo", Method::DELETE, "/profile_photo".to_owned(), none, 403),
    ]
}

#[tokio::test]
async fn a_read_only_token_manages_neither_account_nor_sessions() {
    let server = Server::with(&[("SECRET_KEY", SECRET)]).await;
    let ann = server.user("ann").await;
    let reader = read_only(&server, &ann);
    let operations = operations();
    for (what, method, path, body, expected) in &operations {
        let send = async |caller: &ApiClient| {
            let request = caller.request(method.clone(), path);
            caller.send(if body.is_null() { request } else { request.json(body) }).await
        };
        let answer = reader.calling(what, send).await;
        assert_eq!(answer.status, *expected, "{what}: {}", answer.text());
        if *expected == 403 {
            answer.refused(403, "permission_denied");
        }
    }
    let photo = reader.request(Method::POST, "/profile_photo").header("Content-Type", "image/png").body(png(4, 4));
    reader.send(photo).await.refused(403, "permission_denied");
    for id in OF_THE_CALLER.iter().filter(|id| **id != "set_profile_photo") {
        assert!(operations.iter().any(|(what, ..)| what == id), "{id} is not covered");
    }
}

#[tokio::test]
async fn a_recorded_answer_is_not_repeated_to_a_token_that_may_only_read() {
    let server = Server::with(&[("SECRET_KEY", SECRET)]).await;
    let ann = server.user("ann").await;
    let reader = read_only(&server, &ann);
    let folder = ann.folder("Plans", None).await;
    for (path, body) in [
        ("/drive", json!({"folder_name": "new"})),
        ("/link", json!({"share_object_type": "folder", "folder_id": folder})),
        ("/file", json!({"file_name": "new.txt", "file_size_in_bytes": 1})),
    ] {
        let request = |caller: &ApiClient| {
            caller.request(Method::POST, path).header("Idempotency-Key", format!("a key for {path}")).json(&body)
        };
        ann.send(request(&ann)).await.ok();
        reader.send(request(&reader)).await.refused(403, "permission_denied");
        ann.send(request(&ann)).await.ok();
    }
}
