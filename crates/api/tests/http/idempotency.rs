//! Idempotency keys: a repeated request takes effect once.

mod bytes;
mod rights;

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{ApiClient, ApiResponse, Server, eventually, text};

/// POSTs `body` with an idempotency key.
pub async fn post(caller: &ApiClient, key: &str, path: &str, body: &Value) -> ApiResponse {
    caller.send(caller.request(Method::POST, path).header("Idempotency-Key", key).json(body)).await
}

fn is_repeat(answer: &ApiResponse) -> bool {
    answer.header("idempotent-replayed") == "true"
}

/// Sends the request twice, and checks that the second gets the first answer.
async fn twice(caller: &ApiClient, key: &str, path: &str, body: &Value) -> Value {
    let first = post(caller, key, path, body).await;
    let again = post(caller, key, path, body).await;
    assert!(!is_repeat(&first) && is_repeat(&again), "{path}: {} {}", first.text(), again.text());
    assert_eq!(first.status, again.status, "{path}");
    for header in ["location", "etag", "content-type"] {
        assert_eq!(first.header(header), again.header(header), "{path}: {header}");
    }
    assert_eq!(first.text(), again.text(), "{path}");
    first.ok()
}

#[tokio::test]
async fn repeats_create_a_folder_once_and_get_the_same_response() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let body = json!({"folder_name": "Trips"});
    let folder = twice(&ann, "one", "/drive", &body).await;
    let path = format!("/drive/{}", text(&folder["id"]));
    ann.patch(&path, json!({"folder_name": "Journeys"})).await.ok();
    assert_eq!(twice_told(&ann, "one", "/drive", &body).await, folder);
    assert_eq!(ann.names(None).await, ["Journeys"]);
}

/// Repeats a request.
async fn twice_told(caller: &ApiClient, key: &str, path: &str, body: &Value) -> Value {
    let again = post(caller, key, path, body).await;
    assert!(is_repeat(&again), "{}", again.text());
    again.ok()
}

#[tokio::test]
async fn an_item_is_shared_once() {
    let server = Server::start().await;
    let (ann, _ben) = (server.user("ann").await, server.user("ben").await);
    let folder = ann.folder("Trips", None).await;
    let body = json!({"share_object_type": "folder", "folder_id": folder, "username": "ben", "permission": "view"});
    twice(&ann, "one", "/share", &body).await;
    // Without the key, or with another, it is a new request.
    ann.post("/share", body.clone()).await.refused(409, "already_shared");
    post(&ann, "two", "/share", &body).await.refused(409, "already_shared");
}

#[tokio::test]
async fn an_upload_begins_once_and_a_repeat_gets_fresh_urls_that_work() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let body = json!({"file_name": "note.txt", "file_size_in_bytes": 5});
    let first = post(&ann, "one", "/file", &body).await.ok();
    let again = post(&ann, "one", "/file", &body).await;
    assert!(is_repeat(&again));
    assert_eq!(again.header("cache-control"), "no-store");
    let again = again.ok();
    assert_eq!(again["upload_id"], first["upload_id"]);
    for field in ["state", "file_size_in_bytes", "expires_at", "part_size", "part_count", "method"] {
        assert_eq!(again[field], first[field], "{field}");
    }
    assert_eq!(ann.quota().await["reserved_bytes"], 5, "reserved once");
    ann.put(&again, *b"hello").await.ok_empty();

    let upload = text(&first["upload_id"]);
    let parts = post(&ann, "parts", &format!("/upload/{upload}/parts"), &json!({"part_numbers": [1]})).await.ok();
    let more = post(&ann, "parts", &format!("/upload/{upload}/parts"), &json!({"part_numbers": [1]})).await;
    assert!(is_repeat(&more));
    assert_eq!(more.ok()["parts"][0]["part_number"], parts["parts"][0]["part_number"]);

    let file = twice(&ann, "done", &format!("/upload/{upload}/complete"), &json!({})).await;
    assert_eq!(ann.download(&text(&file["id"])).await, b"hello");
    // The stored answer does not change when the upload completes.
    let late = twice_told(&ann, "one", "/file", &body).await;
    assert_eq!((&late["upload_id"], &late["state"]), (&first["upload_id"], &json!("open")));
}

#[tokio::test]
async fn a_public_link_is_made_once_and_a_repeat_gets_its_url_again() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let folder = ann.folder("Trips", None).await;
    let body = json!({"share_object_type": "folder", "folder_id": folder});
    let link = twice(&ann, "one", "/link", &body).await;
    assert!(text(&link["url"]).contains("/s/"));
    assert_eq!(ann.get("/link").await.ok()["items"].as_array().unwrap().len(), 1);
    // The answer for a revoked link is kept, without its URL.
    ann.delete(&format!("/link/{}", text(&link["id"]))).await.ok_empty();
    let late = twice_told(&ann, "one", "/link", &body).await;
    assert_eq!((&late["id"], &late["url"]), (&link["id"], &Value::Null));
}

#[tokio::test]
async fn no_url_and_no_token_is_kept_in_a_receipt() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let body = json!({"file_name": "note.txt", "file_size_in_bytes": 5});
    post(&ann, "upload", "/file", &body).await.ok();
    let body = json!({"share_object_type": "folder", "folder_id": ann.folder("Trips", None).await});
    post(&ann, "link", "/link", &body).await.ok();
    for (key, word) in [("upload", "upload"), ("link", "Trips")] {
        let kept = server.value(&format!("(SELECT answer FROM receipts WHERE key = '{key}')"));
        assert!(kept.contains(word) && !kept.contains("http") && !kept.contains("/s/"), "{kept}");
    }
}

#[tokio::test]
async fn the_same_key_for_another_body_is_refused_and_for_another_path_or_caller_it_is_another() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let body = json!({"folder_name": "a"});
    post(&ann, "key", "/drive", &body).await.ok();
    post(&ann, "key", "/drive", &json!({"folder_name": "b"})).await.refused(422, "idempotency_key_reused");
    // Bodies are compared as bytes: the same JSON formatted differently is another body.
    let spaced = ann.request(Method::POST, "/drive").header("Idempotency-Key", "key");
    let spaced = spaced.header("Content-Type", "application/json").body("{ \"folder_name\": \"a\" }");
    ann.send(spaced).await.refused(422, "idempotency_key_reused");
    assert!(!is_repeat(&post(&ben, "key", "/drive", &body).await));
    let upload = post(&ann, "key", "/file", &json!({"file_name": "c", "file_size_in_bytes": 1})).await;
    assert!(!is_repeat(&upload));
    upload.ok();
    assert_eq!((ann.names(None).await, ben.names(None).await), (vec!["a".to_owned()], vec!["a".to_owned()]));
}

#[tokio::test]
async fn refused_requests_may_be_sent_again_and_are_evaluated_again() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let taken = ann.folder("a", None).await;
    let body = json!({"folder_name": "a"});
    for _ in 0..2 {
        let refused = post(&ann, "key", "/drive", &body).await;
        assert!(!is_repeat(&refused));
        refused.refused(409, "name_taken");
    }
    ann.patch(&format!("/drive/{taken}"), json!({"folder_name": "b"})).await.ok();
    post(&ann, "key", "/drive", &body).await.ok();
    // Invalid bodies are not recorded either.
    post(&ann, "odd", "/drive", &json!({"folder": "c"})).await.refused_field("folder");
}

#[tokio::test]
async fn concurrent_repeats_of_a_request_execute_once() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    for name in ["a", "b", "c", "d"] {
        let body = json!({"folder_name": name});
        let answers = join_all((0..16).map(|_| post(&ann, name, "/drive", &body))).await;
        one_was_done(answers);
    }
    assert_eq!(ann.names(None).await, ["a", "b", "c", "d"]);
}

/// Checks that exactly one answer is an original, and that all others repeat it or report it in progress.
pub fn one_was_done(answers: Vec<ApiResponse>) {
    let first = answers.iter().filter(|answer| answer.status == 201 && !is_repeat(answer)).count();
    assert_eq!(first, 1);
    let mut reported = Vec::new();
    for answer in answers {
        match answer.status {
            201 => reported.push(answer.json()),
            _ => {
                assert_eq!(answer.header("retry-after"), "1");
                answer.refused(409, "request_in_progress");
            }
        }
    }
    assert!(reported.windows(2).all(|pair| pair[0] == pair[1]), "{reported:?}");
}

#[tokio::test]
async fn after_a_crash_there_is_both_the_folder_and_its_receipt_or_neither() {
    let mut server = Server::start().await;
    let ann = server.user("ann").await;
    let names: Vec<String> = (0..40).map(|number| format!("{number:02}")).collect();
    let sent = names.iter().map(async |name| {
        let request = ann.request(Method::POST, "/drive").header("Idempotency-Key", name.as_str());
        // Most get no answer.
        let _ = request.json(&json!({"folder_name": name})).send().await;
    });
    tokio::select! {
        _ = join_all(sent) => {}
        () = async { while ann.names(None).await.len() < 5 {} } => {}
    }
    server.kill();
    let server = server.restart(&[]).await;
    let ann = server.with_token(ann.token());
    let there = ann.get("/drive?limit=1000").await.ok();
    let there: Vec<&Value> = there["items"].as_array().unwrap().iter().map(|item| &item["name"]).collect();
    let mut answered = 0;
    for name in &names {
        let answer = post(&ann, name, "/drive", &json!({"folder_name": name})).await;
        let made = there.contains(&&json!(name));
        match answer.status {
            201 => assert_eq!(is_repeat(&answer), made, "{name}"),
            // The crashed request still holds the record, until its hold expires.
            _ => {
                assert!(!made, "{name} is there, and its receipt is not");
                answer.refused(409, "request_in_progress");
                continue;
            }
        }
        answered += 1;
    }
    assert!(answered >= 5, "{answered}");
}

#[tokio::test]
async fn a_disconnected_request_does_not_block_its_repeat() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let folder = ann.folder("a", None).await;
    // Hashing the password takes a while, in which the request is in progress and has changed nothing.
    let body = json!({"share_object_type": "folder", "folder_id": folder, "password": "a quiet evening"});
    for round in 0..12 {
        let key = format!("{round}");
        let request = ann.request(Method::POST, "/link").header("Idempotency-Key", &key).json(&body);
        let _ = request.timeout(Duration::from_millis(2 + 7 * round)).send().await;
        eventually("the repeat is done", async || {
            let answer = post(&ann, &key, "/link", &body).await;
            match answer.status {
                201 => true,
                _ => {
                    answer.refused(409, "request_in_progress");
                    false
                }
            }
        })
        .await;
    }
    // Each took effect once.
    assert_eq!(ann.get("/link").await.ok()["items"].as_array().unwrap().len(), 12);
}

#[tokio::test]
async fn a_key_is_one_of_1_to_255_printable_ascii_characters() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let body = json!({"folder_name": "a"});
    for key in ["", "é", &"k".repeat(256)] {
        post(&ann, key, "/drive", &body).await.refused_field("Idempotency-Key");
    }
    let two = ann.request(Method::POST, "/drive").header("Idempotency-Key", "a").header("Idempotency-Key", "b");
    ann.send(two.json(&body)).await.refused_field("Idempotency-Key");
    let key = format!("{} ~!\"", "k".repeat(250));
    post(&ann, &key, "/drive", &body).await.ok();
    assert_eq!(ann.names(None).await, ["a"]);
}

#[tokio::test]
async fn keys_reveal_nothing_to_unauthenticated_callers() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let body = json!({"folder_name": "a"});
    post(&ann, "key", "/drive", &body).await.ok();
    post(&server.anonymous(), "key", "/drive", &body).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_body_under_a_key_is_not_larger_than_others() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let body = json!({"folder_name": "a".repeat(1 << 20)});
    post(&ann, "key", "/drive", &body).await.refused(413, "payload_too_large");
    post(&ann, "key", "/drive", &json!({"folder_name": "a"})).await.ok();
}

#[tokio::test]
async fn a_stored_digest_cannot_be_guessed_without_the_key() {
    use sha2::Digest;
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let body = json!({"folder_name": "a"});
    post(&ann, "key", "/drive", &body).await.ok();
    let kept = server.value("(SELECT digest FROM receipts)");
    let known: String = sha2::Sha256::digest(body.to_string()).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(kept.len(), known.len());
    assert_ne!(kept, known);
}

#[tokio::test]
async fn a_path_that_leads_nowhere_is_none_under_a_key_either() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let path = format!("/drive/{}/copy", "x".repeat(3000));
    post(&ann, "key", &path, &json!({})).await.refused(404, "not_found");
}

#[tokio::test]
async fn routes_without_idempotency_refuse_a_key() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let folder = ann.folder("Trips", None).await;
    let send = async |caller: &ApiClient, method: Method, path: &str, body: Value| {
        caller.send(caller.request(method, path).header("Idempotency-Key", "key").json(&body)).await
    };
    for (method, path, body) in [
        (Method::PATCH, format!("/drive/{folder}"), json!({"folder_name": "Journeys"})),
        (Method::DELETE, format!("/drive/{folder}"), json!({})),
        (Method::GET, "/drive".to_owned(), json!({})),
        (Method::PUT, "/user/password".to_owned(), json!({"current_password": "x", "new_password": "y"})),
        (Method::POST, "/user/delete".to_owned(), json!({"password": "x"})),
    ] {
        send(&ann, method, &path, body).await.refused(400, "malformed_request");
    }
    let stranger = server.anonymous();
    for (path, body) in [
        ("/login", json!({"username": "ann", "password": "x"})),
        ("/token/refresh", json!({"refresh_token": "x"})),
        ("/logout", json!({"refresh_token": "x"})),
        ("/user", json!({"username": "ben", "email": "ben@example.com", "password": "a quiet morning"})),
    ] {
        send(&stranger, Method::POST, path, body).await.refused(400, "malformed_request");
    }
    for path in ["/", "/health", "/health/ready", "/openapi.json", "/docs/", "/docs/swagger-ui.css", "/archive", "/s/x"]
    {
        send(&stranger, Method::GET, path, json!({})).await.refused(400, "malformed_request");
    }
    assert_eq!(ann.names(None).await, ["Trips"]);
}
