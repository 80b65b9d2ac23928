use futures_util::future::join_all;
use serde_json::json;

use super::assert_well;
use crate::support::{ApiClient, ApiResponse, RawConnection, Server, png, text};

const FORM: &str = "multipart/form-data; boundary=b";
const SIX_TEBIBYTES: u64 = 6 << 40;

/// A form with these fields and a file of `size` bytes.
fn form(fields: &[(&str, &str)], size: usize) -> String {
    let mut form = String::new();
    for (name, value) in fields {
        form.push_str(&format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"));
    }
    form.push_str("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"patient.txt\"\r\n\r\n");
    form + &"x".repeat(size) + "\r\n--b--\r\n"
}

/// Announces a body of `length` bytes, and asserts that it is refused without being asked for, and that the connection
/// ends.
async fn refused(
    server: &Server,
    caller: &ApiClient,
    (method, path, media_type): (&str, &str, &str),
    length: Option<u64>,
    (status, code): (u16, &str),
) -> ApiResponse {
    let what = format!("{method} {path} of {media_type}, {length:?} bytes");
    let framing = match length {
        Some(length) => ("Content-Length", length.to_string()),
        None => ("Transfer-Encoding", "chunked".to_owned()),
    };
    let mut wire = RawConnection::to(server).await;
    let headers = [("Content-Type", media_type), (framing.0, framing.1.as_str()), ("Origin", "https://app.example")];
    let answer = wire.announce(caller, method, path, &headers).await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (status, Some(code)), "{what}");
    assert_eq!(answer.header("content-type"), "application/problem+json", "{what}");
    assert_eq!(answer.header("access-control-allow-origin"), "https://app.example", "{what}");
    assert_eq!(answer.header("x-request-id"), answer.json()["request_id"], "{what}");
    assert_eq!(answer.header("connection"), "close", "{what}");
    assert!(wire.next().await.is_none(), "{what}: the connection goes on");
    answer
}

/// Announces `body`, is asked for it and sends it; returns the response. The connection can be used again.
async fn accepted(
    server: &Server,
    caller: &ApiClient,
    (method, path, media_type): (&str, &str, &str),
    key: Option<&str>,
    body: &[u8],
) -> ApiResponse {
    let length = body.len().to_string();
    let mut headers = vec![("Content-Type", media_type), ("Content-Length", length.as_str())];
    headers.extend(key.map(|key| ("Idempotency-Key", key)));
    let mut wire = RawConnection::to(server).await;
    let first = wire.announce(caller, method, path, &headers).await;
    assert_eq!(first.status, 100, "{method} {path}: {}", first.text());
    wire.send(body).await;
    let answer = wire.next().await.unwrap();
    wire.head(caller, "GET", "/health", &[]).await;
    assert_eq!(wire.next().await.unwrap().json(), json!({"status": "healthy"}), "after {method} {path}");
    answer
}

#[tokio::test]
async fn a_body_that_would_be_refused_by_the_head_alone_is_not_asked_for() {
    let server = Server::with(&[("DEFAULT_QUOTA_BYTES", "1000"), ("CORS_ORIGINS", "https://app.example")]).await;
    let (ann, anonymous, nonsense) = (server.user("ann").await, server.anonymous(), server.with_token("nonsense"));
    let file = text(&ann.send_form(&[], "a.txt", b"hello").await.ok()["id"]);
    let content = format!("/file/{file}/content");
    let json = ("POST", "/drive", "application/json");
    let upload = ("POST", "/file", FORM);
    let replace = ("PUT", content.as_str(), "application/octet-stream");
    let photo = ("POST", "/profile_photo", "image/png");
    let photo_form = ("POST", "/profile_photo", FORM);

    let strangers = [json, upload, replace, photo, photo_form].into_iter().flat_map(|request| {
        let (anonymous, nonsense, server) = (&anonymous, &nonsense, &server);
        [Some(100), None].map(move |length| async move {
            let answer = refused(server, anonymous, request, length, (401, "unauthenticated")).await;
            assert_eq!(answer.header("www-authenticate"), "Bearer");
            let answer = refused(server, nonsense, request, length, (401, "invalid_token")).await;
            assert!(answer.header("www-authenticate").contains("invalid_token"));
        })
    });
    join_all(strangers).await;

    let too_large = (413, "payload_too_large");
    let known = [
        (json, (1 << 20) + 1, too_large),
        (upload, SIX_TEBIBYTES, too_large),
        (replace, SIX_TEBIBYTES, too_large),
        (replace, 1001, (403, "quota_exceeded")),
        (photo, (5 << 20) + 1, too_large),
        (photo_form, 8 << 20, too_large),
        (("POST", "/drive", "text/plain"), 100, (415, "unsupported_media_type")),
        (("POST", "/nowhere", "text/plain"), 100, (404, "not_found")),
        (("PATCH", "/file", "text/plain"), 100, (405, "method_not_allowed")),
    ];
    let known = known.map(|(request, length, refusal)| refused(&server, &ann, request, Some(length), refusal));
    join_all(known).await;

    assert_eq!(ann.names(None).await, ["a.txt"]);
    assert_eq!(ann.download(&file).await, b"hello");
    assert_well(&server).await;
}

#[tokio::test]
async fn a_body_is_asked_for_once_and_then_taken() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let folder =
        accepted(&server, &ann, ("POST", "/drive", "application/json"), None, b"{\"folder_name\": \"f\"}").await;
    assert_eq!(folder.status, 201);
    let file = accepted(&server, &ann, ("POST", "/file", FORM), None, form(&[], 100_000).as_bytes()).await;
    assert_eq!(file.status, 201, "{}", file.text());
    let file = text(&file.json()["id"]);
    let path = format!("/file/{file}/content");
    let content = ("PUT", path.as_str(), "application/octet-stream");
    assert_eq!(accepted(&server, &ann, content, None, &[7; 200_000]).await.status, 200);
    assert_eq!(ann.download(&file).await, vec![7; 200_000]);
    let photo = accepted(&server, &ann, ("POST", "/profile_photo", "image/png"), None, &png(40, 40)).await;
    assert_eq!(photo.status, 200, "{}", photo.text());
}

#[tokio::test]
async fn a_request_that_waits_is_executed_once() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let id = text(&ann.send_form(&[], "a.txt", b"hello").await.ok()["id"]);
    let path = format!("/file/{id}/content");
    for (request, body, status) in [
        (("POST", "/drive", "application/json"), "{\"folder_name\": \"f\"}".to_owned(), 201),
        (("POST", "/file", FORM), form(&[], 10), 201),
        (("PUT", &path, "text/plain"), "next".to_owned(), 200),
    ] {
        let first = accepted(&server, &ann, request, Some("one"), body.as_bytes()).await;
        assert_eq!(first.status, status, "{}", first.text());
        let again = accepted(&server, &ann, request, Some("one"), body.as_bytes()).await;
        assert_eq!((again.status, again.header("idempotent-replayed")), (status, "true"), "{}", again.text());
        assert_eq!(again.json()["id"], first.json()["id"]);
    }
    assert_eq!(ann.names(None).await.len(), 3);
}

#[tokio::test]
async fn a_form_is_asked_for_its_folder_before_the_quota_is_known() {
    let server = Server::with(&[("DEFAULT_QUOTA_BYTES", "1000")]).await;
    let ann = server.user("ann").await;
    let folder = ann.folder("f", None).await;
    let form = form(&[("parent_folder_id", &folder), ("file_size_in_bytes", "2000")], 2000);
    let answer = accepted(&server, &ann, ("POST", "/file", FORM), None, form.as_bytes()).await;
    answer.refused(403, "quota_exceeded");
}

#[tokio::test]
async fn a_client_that_does_not_wait_is_also_answered() {
    let server = Server::start().await;
    let (ann, anonymous) = (server.user("ann").await, server.anonymous());
    let body = "{\"folder_name\": \"impatience\"}";
    let length = body.len().to_string();
    let headers =
        [("Content-Type", "application/json"), ("Content-Length", length.as_str()), ("Expect", "100-continue")];
    for (caller, status) in [(&ann, 201), (&anonymous, 401)] {
        let mut wire = RawConnection::to(&server).await;
        wire.head(caller, "POST", "/drive", &headers).await;
        wire.send(body).await;
        assert_eq!(wire.answer().await.status, status);
    }
}

#[tokio::test]
async fn without_a_body_there_is_nothing_to_wait_for() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let mut wire = RawConnection::to(&server).await;
    for _ in 0..2 {
        assert_eq!(wire.announce(&ann, "GET", "/user", &[]).await.json()["username"], "ann");
    }
}
