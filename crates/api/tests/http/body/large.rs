use reqwest::{Body, Method};
use serde_json::json;

use super::assert_well;
use crate::support::{ApiClient, ApiResponse, RawConnection, Server};

/// JSON of `size` bytes.
fn long_json(size: usize) -> String {
    let empty = json!({"folder_name": ""}).to_string();
    json!({"folder_name": "x".repeat(size - empty.len())}).to_string()
}

/// Sends JSON, chunked or with a `Content-Length`.
async fn send(caller: &ApiClient, path: &str, text: String, chunked: bool) -> ApiResponse {
    let pieces: Vec<Result<Vec<u8>, std::io::Error>> =
        text.as_bytes().chunks(65_536).map(|piece| Ok(piece.to_vec())).collect();
    let body = if chunked { Body::wrap_stream(futures_util::stream::iter(pieces)) } else { Body::from(text) };
    let request = caller.request(Method::POST, path).header("Content-Type", "application/json");
    caller.send(request.body(body)).await
}

#[tokio::test]
async fn json_of_more_than_a_mebibyte_is_too_large() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    for chunked in [false, true] {
        // A body of the maximum size is parsed.
        send(&ann, "/drive", long_json(1 << 20), chunked).await.refused(422, "validation_failed");
        for size in [(1 << 20) + 1, 3 << 20, 12 << 20] {
            send(&ann, "/drive", long_json(size), chunked).await.refused(413, "payload_too_large");
            send(&server.anonymous(), "/login", long_json(size), chunked).await.refused(413, "payload_too_large");
        }
    }
    assert_eq!(ann.names(None).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_refusal_reaches_a_client_that_still_sends() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let eight = vec![7; 8 << 20];
    server.anonymous().send_form(&[], "big.bin", &eight).await.refused(401, "unauthenticated");
    server.with_token("nonsense").send_form(&[], "big.bin", &eight).await.refused(401, "invalid_token");
    let absent = [("parent_folder_id", "019ab0c2-7a00-7000-8000-000000000000")];
    ann.send_form(&absent, "big.bin", &eight).await.refused(404, "not_found");
    ann.send_form(&[("sha256", "x")], "big.bin", &eight).await.refused(422, "validation_failed");
    ann.send(ann.request(Method::POST, "/nowhere").body(eight.clone())).await.refused(404, "not_found");
    ann.send(ann.request(Method::PUT, "/file").body(eight.clone())).await.refused(405, "method_not_allowed");
    let plain = ann.request(Method::POST, "/drive").header("Content-Type", "text/plain").body(eight);
    ann.send(plain).await.refused(415, "unsupported_media_type");
    assert_well(&server).await;
}

#[tokio::test]
async fn after_a_refusal_the_connection_can_be_used_again() {
    let server = Server::start().await;
    let (ann, anonymous) = (server.user("ann").await, server.anonymous());
    let size = 2 << 20;
    let length = size.to_string();
    let mut wire = RawConnection::to(&server).await;
    for (caller, target, media_type, status) in [
        (&anonymous, "/file", "application/json", 401),
        (&ann, "/drive", "text/plain", 415),
        (&ann, "/nowhere", "text/plain", 404),
        (&ann, "/drive", "application/json", 413),
    ] {
        wire.head(caller, "POST", target, &[("Content-Type", media_type), ("Content-Length", &length)]).await;
        wire.send(vec![b' '; size]).await;
        assert_eq!(wire.answer().await.status, status, "{target}");
        wire.head(caller, "GET", "/health", &[]).await;
        let answer = wire.answer().await;
        assert_eq!((answer.status, answer.json()), (200, json!({"status": "healthy"})), "after {status}");
    }
}

#[tokio::test]
async fn a_body_must_be_of_a_kind_that_the_path_takes() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let upload = ann.begin("a.txt", 0, None).await.ok();
    let complete = format!("/upload/{}/complete", upload["upload_id"].as_str().unwrap());
    let parts = format!("/upload/{}/parts", upload["upload_id"].as_str().unwrap());
    for path in ["/drive", "/file", "/share", "/user", "/login", &complete, &parts] {
        for media_type in [Some("text/plain"), Some("application/xml"), Some("application/jsonx"), Some(""), None] {
            let request = ann.request(Method::POST, path).body("{}");
            let request = media_type.into_iter().fold(request, |request, kind| request.header("Content-Type", kind));
            ann.send(request).await.refused(415, "unsupported_media_type");
        }
    }
    for media_type in ["application/json; charset=utf-8", "Application/JSON", "application/merge-patch+json"] {
        let request = ann.request(Method::POST, "/drive").header("Content-Type", media_type);
        ann.send(request.body(json!({"folder_name": media_type.replace('/', "-")}).to_string())).await.ok();
    }
}
