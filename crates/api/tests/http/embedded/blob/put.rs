use reqwest::{Body, Method};
use serde_json::{Value, json};

use super::part_url;
use crate::support::{ApiClient, ApiResponse, RawConnection, Server, text};
use crate::upload::parts::{SIZE, SMALL, bytes};

/// PUTs a body without a `Content-Length`.
async fn put_chunked(anonymous: &ApiClient, upload: &Value, pieces: &[&'static str]) -> ApiResponse {
    let pieces: Vec<Result<&str, std::io::Error>> = pieces.iter().copied().map(Ok).collect();
    let body = Body::wrap_stream(futures_util::stream::iter(pieces));
    let put = anonymous.request(Method::PUT, &part_url(upload)).header("If-None-Match", "*").body(body);
    anonymous.send(put).await
}

#[tokio::test]
async fn bytes_are_stored_once_and_stay_as_they_are() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let upload = ann.begin("hello.txt", 5, None).await.ok();
    let answer = ann.put(&upload, "hello").await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("etag").starts_with('"'));
    ann.put(&upload, "jello").await.refused(412, "precondition_failed");
    put_chunked(&server.anonymous(), &upload, &["jel", "lo"]).await.refused(412, "precondition_failed");
    let file = ann.complete(&upload).await.ok();
    ann.put(&upload, "jello").await.refused(412, "precondition_failed");
    assert_eq!(ann.download(file["id"].as_str().unwrap()).await, b"hello");
}

#[tokio::test]
async fn just_as_many_bytes_are_taken_as_were_announced() {
    let server = Server::start().await;
    let (ann, anonymous) = (server.user("ann").await, server.anonymous());
    let upload = ann.begin("hello.txt", 5, None).await.ok();
    for bytes in ["", "hell", "hello!", "hello hello hello"] {
        ann.put(&upload, bytes).await.refused(422, "size_mismatch");
    }
    for pieces in [&[][..], &["hell"], &["hello", "!"], &["hell", "o", " hello hello"]] {
        put_chunked(&anonymous, &upload, pieces).await.refused(422, "size_mismatch");
    }
    let seen = ann.get(&format!("/upload/{}", upload["upload_id"].as_str().unwrap())).await.ok();
    assert_eq!((&seen["state"], &seen["received_bytes"]), (&json!("open"), &json!(0)));
    assert!(server.blobs().is_empty() && server.unfinished().is_empty());
    put_chunked(&anonymous, &upload, &["hel", "lo"]).await.ok_empty();
    ann.complete(&upload).await.ok();
}

/// A part of an upload is a whole body, and the server knows its place.
#[tokio::test]
async fn a_body_with_a_range_is_refused_even_if_its_length_is_right() {
    let server = Server::with(&[SMALL]).await;
    let ann = server.user("ann").await;
    let (single, several) = (ann.begin("a.bin", 7, None).await.ok(), ann.begin("b.bin", SIZE, None).await.ok());
    let bytes = bytes();
    let last = &bytes[SIZE - 7..];
    let place = format!("bytes {}-{}/{SIZE}", SIZE - 7, SIZE - 1);
    for part in [&single["parts"][0], &several["parts"][2]] {
        for range in [place.as_str(), "bytes 0-6/7", "bytes */7"] {
            let put = ann.request(Method::PUT, &text(&part["url"])).header("Content-Range", range);
            ann.send(put.body(last.to_vec())).await.refused(400, "malformed_request");
        }
    }
    for upload in [&single, &several] {
        let seen = ann.get(&format!("/upload/{}", text(&upload["upload_id"]))).await.ok();
        assert_eq!((&seen["state"], &seen["received_bytes"]), (&json!("open"), &json!(0)));
    }
    ann.put_part(&single["parts"][0], last).await.ok_empty();
    ann.put_part(&several["parts"][2], last).await.ok_empty();
}

#[tokio::test]
async fn concurrent_writes_of_a_part_store_it_once() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let upload = ann.begin("race.bin", 200_000, None).await.ok();
    let senders: Vec<_> = (0..8_u8)
        .map(|number| {
            let (ann, upload) = (ann.clone(), upload.clone());
            tokio::spawn(async move { (number, ann.put(&upload, vec![number; 200_000]).await.status) })
        })
        .collect();
    let mut winner = None;
    for sender in senders {
        match sender.await.unwrap() {
            (number, 200) => assert_eq!(winner.replace(number), None),
            (_, status) => assert_eq!(status, 412),
        }
    }
    let file = ann.complete(&upload).await.ok();
    assert_eq!(ann.download(file["id"].as_str().unwrap()).await, vec![winner.unwrap(); 200_000]);
    assert!(server.unfinished().is_empty());
}

#[tokio::test]
async fn a_client_that_waits_is_asked_only_for_bytes_that_are_wanted() {
    let server = Server::start().await;
    let (ann, anonymous) = (server.user("ann").await, server.anonymous());
    let upload = ann.begin("hello.txt", 5, None).await.ok();
    let url = part_url(&upload);
    let aborted = ann.begin("none.txt", 5, None).await.ok();
    ann.delete(&format!("/upload/{}", text(&aborted["upload_id"]))).await.ok_empty();
    for (url, length, status, code) in [
        (format!("{url}A"), "5", 403, "invalid_signature"),
        (url.clone(), "6", 422, "size_mismatch"),
        (part_url(&aborted), "5", 409, "upload_closed"),
    ] {
        let mut wire = RawConnection::to(&server).await;
        let answer = wire.announce(&anonymous, "PUT", &url, &[("Content-Length", length)]).await;
        assert_eq!(answer.header("connection"), "close", "{code}");
        answer.refused(status, code);
        assert!(wire.next().await.is_none(), "{code}: the connection goes on");
    }
    let mut wire = RawConnection::to(&server).await;
    assert_eq!(wire.announce(&anonymous, "PUT", &url, &[("Content-Length", "5")]).await.status, 100);
    wire.send("hello").await;
    assert_eq!(wire.next().await.unwrap().status, 200);
    wire.head(&anonymous, "GET", "/health", &[]).await;
    assert_eq!(wire.next().await.unwrap().status, 200);
    let file = ann.complete(&upload).await.ok();
    assert_eq!(ann.download(&text(&file["id"])).await, b"hello");
}
