use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::json;

use super::assert_well;
use crate::support::{ApiClient, RawConnection, Server, png, text};

/// Silences the framework's log line for each of these.
const QUIET: &[(&str, &str)] = &[("RUST_LOG", "warn,actix_http::h1=off")];

/// Ambiguous or invalid request framing (request smuggling).
const UNCLEAR: &[&str] = &[
    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "Content-Length: 0\r\nContent-Length: 5\r\n\r\nhello",
    "Content-Length: 5, 5\r\n\r\nhello",
    "Content-Length: -5\r\n\r\nhello",
    "Content-Length: +5\r\n\r\nhello",
    "Content-Length: 0x5\r\n\r\nhello",
    "Content-Length: 99999999999999999999999\r\n\r\nhello",
    "Content-Length : 5\r\n\r\nhello",
    "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "X: a\r\n b\r\n\r\n",
    "X\r\n\r\n",
    "X: \0\r\n\r\n",
];

/// Invalid chunked bodies.
const BROKEN: &[&str] = &["-1\r\nhello", "zz\r\nhello", "ffffffffffffffffff\r\nhello", "5\r\nhello world", "\r\n"];

/// The statuses of all answers to a request with this rest. A second request follows at once: a server that finds
/// another end of the first would answer it.
async fn answers(server: &Server, caller: &ApiClient, line: &str, rest: &str) -> Vec<u16> {
    let mut wire = RawConnection::to(server).await;
    let token = caller.token();
    wire.send(format!(
        "{line} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n{rest}\
         DELETE /profile_photo HTTP/1.1\r\nHost: a\r\n\r\n"
    ))
    .await;
    wire.end().await;
    let mut statuses = Vec::new();
    while let Some(answer) = wire.next_answer().await {
        statuses.push(answer.status);
    }
    statuses
}

#[tokio::test]
async fn ambiguous_requests_are_refused() {
    let server = Server::with(QUIET).await;
    let ann = server.user("ann").await;
    for line in ["POST /drive", "POST /file", "GET /health", "PUT /blob/0?signature=x"] {
        for rest in UNCLEAR {
            assert_eq!(answers(&server, &ann, line, rest).await, [400], "{line} {rest:?}");
        }
    }
    assert_well(&server).await;
}

#[tokio::test]
async fn an_endless_body_is_not_read_to_its_end() {
    let server = Server::with(QUIET).await;
    let ann = server.user("ann").await;
    for line in ["POST /drive", "POST /file", "POST /profile_photo", "GET /health", "PUT /blob/0?signature=x"] {
        for chunk in BROKEN {
            let rest = format!("Transfer-Encoding: chunked\r\n\r\n{chunk}\r\n0\r\n\r\n");
            let statuses = answers(&server, &ann, line, &rest).await;
            assert!(
                statuses.len() <= 1 && statuses.iter().all(|status| *status < 500),
                "{line} {chunk:?}: {statuses:?}"
            );
        }
    }
    assert_well(&server).await;
    assert_eq!(ann.names(None).await, Vec::<String>::new());
}

#[tokio::test]
async fn two_lengths_are_never_one_request_and_the_start_of_another() {
    let server = Server::with(QUIET).await;
    let smuggled = "GET /verify-token HTTP/1.1\r\nHost: a\r\n\r\n";
    for (length, transfer) in [("Content-Length", "Transfer-Encoding"), ("Transfer-Encoding", "Content-Length")] {
        let value =
            |name: &str| if name == "Content-Length" { (5 + smuggled.len()).to_string() } else { "chunked".to_owned() };
        let mut wire = RawConnection::to(&server).await;
        wire.send(format!(
            "POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n{length}: {}\r\n{transfer}: {}\r\n\r\n0\r\n\r\n{smuggled}",
            value(length),
            value(transfer)
        ))
        .await;
        wire.end().await;
        assert_eq!(wire.answer().await.status, 400);
        assert!(wire.next_answer().await.is_none(), "the body of one request was read as another");
    }
    assert_well(&server).await;
}

#[tokio::test]
async fn requests_that_are_not_http_are_refused() {
    let server = Server::with(QUIET).await;
    let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(300_000));
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(20_000));
    for text in [
        "hello\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        "\0\0\0\0\r\n\r\n",
        "\u{16}\u{3}\u{1}\0\u{a5}\u{1}\0\0\u{a1}\u{3}\u{3}\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\nX y\r\n\r\n",
        "GET http://[ HTTP/1.1\r\nHost: a\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /%zz%ff HTTP/1.1\r\nHost: a\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        &long,
        &many,
    ] {
        let mut wire = RawConnection::to(&server).await;
        wire.send(text).await;
        wire.end().await;
        while let Some(answer) = wire.next_answer().await {
            let shown = text.get(..40).unwrap_or(text);
            assert!((400..500).contains(&answer.status), "{shown:?}: {} {}", answer.status, answer.text());
        }
    }
    assert_well(&server).await;
}

#[tokio::test]
async fn a_body_in_an_encoding_is_taken_nowhere() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let id = text(&ann.upload("note.txt", b"note", None).await["id"]);
    let upload = ann.begin("signed", 5, None).await.ok();
    let signed = text(&upload["parts"][0]["url"]);
    let blob = signed.strip_prefix(server.url()).unwrap_or("/blob/00112233445566778899aabbccddeeff").to_owned();
    for (method, path, kind) in [
        (Method::PUT, blob, "application/octet-stream"),
        (Method::POST, "/drive".to_owned(), "application/json"),
        (Method::POST, "/login".to_owned(), "application/x-www-form-urlencoded"),
        (Method::POST, "/file".to_owned(), "multipart/form-data; boundary=b"),
        (Method::PUT, format!("/file/{id}/content"), "text/plain"),
        (Method::POST, "/profile_photo".to_owned(), "image/png"),
    ] {
        for encoding in ["gzip", "br", "x-unheard-of"] {
            let request = ann.request(method.clone(), &path).header("Content-Type", kind);
            let answer = ann.send(request.header("Content-Encoding", encoding).body("bytes")).await;
            assert_eq!(answer.header("accept-encoding"), "identity");
            answer.refused(415, "unsupported_media_type");
        }
    }
    assert_eq!(ann.download(&id).await, b"note");
    ann.put_content(&id, b"more", &[("Content-Encoding", "identity")]).await.ok();
    let marked = format!("\u{FEFF}{}", json!({"folder_name": "Marked"}));
    let request = ann.request(Method::POST, "/drive").header("Content-Type", "application/json");
    assert_eq!(ann.send(request.body(marked)).await.ok()["name"], "Marked");
}

#[tokio::test]
async fn no_route_takes_a_part_of_a_body() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let id = text(&ann.upload("note.txt", b"note", None).await["id"]);
    let content = format!("/file/{id}/content");
    let form = |field: &'static str, bytes: Vec<u8>| Form::new().part(field, Part::bytes(bytes).file_name("half"));
    let requests = || {
        [
            ann.request(Method::PUT, &content).body("half"),
            // Some protocols query progress like this.
            ann.request(Method::PUT, &content),
            ann.request(Method::POST, "/file").multipart(form("file", b"half".to_vec())),
            ann.request(Method::POST, "/profile_photo").header("Content-Type", "image/png").body(png(9, 9)),
            ann.request(Method::POST, "/profile-photo").multipart(form("photo", png(9, 9))),
            ann.request(Method::POST, "/drive").json(&json!({"folder_name": "Half"})),
        ]
    };
    for range in ["bytes 4-7/8", "bytes 0-3/4", "bytes */8"] {
        for request in requests() {
            ann.send(request.header("Content-Range", range)).await.refused(400, "malformed_request");
        }
    }
    assert_eq!(ann.names(None).await, ["note.txt"]);
    assert_eq!(ann.download(&id).await, b"note");
    ann.get("/profile_photo").await.refused(404, "not_found");
    assert_eq!(server.blobs().len(), 1);
    for request in requests() {
        ann.send(request).await.ok();
    }
}

#[tokio::test]
async fn duplicate_host_and_authorization_headers_are_refused() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let token = ann.token();
    for (head, expected) in [
        ("Host: a\r\n", 200),
        ("Host: a:80\r\n", 200),
        ("", 400),
        ("Host: a\r\nHost: a\r\n", 400),
        ("Host: a b\r\n", 400),
        ("Host: me@a\r\n", 400),
        ("Host: a/b\r\n", 400),
        ("Host:\r\n", 400),
        ("Host: a\r\nAuthorization: Bearer other\r\n", 400),
    ] {
        let mut wire = RawConnection::to(&server).await;
        wire.send(format!("GET /verify-token HTTP/1.1\r\nAuthorization: Bearer {token}\r\n{head}\r\n")).await;
        let answer = wire.answer().await;
        assert_eq!(answer.status, expected, "{head:?} {}", answer.text());
        // Errors of the framework's parser have no body.
        if expected == 400 && !answer.body.is_empty() {
            assert_ne!(answer.header("x-request-id"), "");
            answer.refused(400, "malformed_request");
        }
    }
}

#[tokio::test]
async fn a_client_of_http_1_0_gets_no_chunks() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let folder = ann.folder("Trips", None).await;
    ann.upload("note.txt", b"note", Some(&folder)).await;
    for path in ["/drive".to_owned(), format!("/drive/{folder}/archive")] {
        let mut wire = RawConnection::to(&server).await;
        let token = ann.token();
        wire.send(format!("GET {path} HTTP/1.0\r\nAuthorization: Bearer {token}\r\n\r\n")).await;
        let answer = wire.answer().await;
        assert_eq!(answer.status, 200);
        assert!(answer.headers.get("transfer-encoding").is_none(), "{path}: {:?}", answer.headers);
    }
}
