use reqwest::Method;
use serde_json::json;

use crate::support::stack::is_default_store;
use crate::support::{ApiClient, ApiResponse, Server, text};

async fn fetch(caller: &ApiClient, file: &str, headers: &[(&str, &str)]) -> ApiResponse {
    caller.fetch(&format!("/file/{file}/content"), headers).await
}

async fn head(caller: &ApiClient, file: &str, headers: &[(&str, &str)]) -> ApiResponse {
    let request = caller.request(Method::HEAD, &format!("/file/{file}/content"));
    caller.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

/// A text file of ten digits.
pub async fn digits(caller: &ApiClient) -> String {
    text(&caller.send_form(&[("content_type", "text/plain")], "digits.txt", b"0123456789").await.ok()["id"])
}

#[tokio::test]
async fn a_file_can_be_read_with_the_token_alone() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = digits(&ann).await;
    let whole = fetch(&ann, &file, &[]).await;
    assert_eq!((whole.status, whole.text().as_str()), (200, "0123456789"));
    let head = head(&ann, &file, &[]).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    for (header, value) in [
        ("content-type", "text/plain"),
        ("content-length", "10"),
        ("accept-ranges", "bytes"),
        ("content-disposition", "attachment; filename=\"digits.txt\"; filename*=UTF-8''digits.txt"),
    ] {
        // Swift supports ranges without saying so.
        if header == "accept-ranges" && !is_default_store() {
            continue;
        }
        assert_eq!((whole.header(header), head.header(header)), (value, value), "{header}");
    }
}

#[tokio::test]
async fn ranges_and_conditions_hold_here_too() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = digits(&ann).await;
    let etag = head(&ann, &file, &[]).await.header("etag").to_owned();
    for (range, content_range, bytes) in [
        ("bytes=0-0", "bytes 0-0/10", "0"),
        ("bytes=3-5", "bytes 3-5/10", "345"),
        ("bytes=-4", "bytes 6-9/10", "6789"),
        ("bytes=8-", "bytes 8-9/10", "89"),
    ] {
        let part = fetch(&ann, &file, &[("Range", range)]).await;
        assert_eq!((part.status, part.header("content-range"), part.text().as_str()), (206, content_range, bytes));
        // Only a GET has ranges.
        let head = head(&ann, &file, &[("Range", range)]).await;
        assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, "10", 0), "{range}");
    }
    fetch(&ann, &file, &[("Range", "bytes=10-")]).await.refused(416, "range_not_satisfiable");
    let condition = [("If-None-Match", etag.as_str())];
    for unchanged in [fetch(&ann, &file, &condition).await, head(&ann, &file, &condition).await] {
        assert_eq!((unchanged.status, unchanged.header("etag")), (304, etag.as_str()));
    }
}

#[tokio::test]
async fn the_tag_of_bytes_changes_with_the_bytes_and_not_with_the_name() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = digits(&ann).await;
    let before = head(&ann, &file, &[]).await.header("etag").to_owned();
    ann.patch(&format!("/file/{file}"), json!({"file_name": "renamed.txt"})).await.ok();
    let renamed = fetch(&ann, &file, &[("If-None-Match", &before)]).await;
    assert_eq!(renamed.status, 304);
    ann.send_form(&[("file_conflict", "Replace")], "renamed.txt", b"abc").await.ok();
    let replaced = fetch(&ann, &file, &[("If-None-Match", &before)]).await;
    assert_eq!((replaced.status, replaced.text().as_str()), (200, "abc"));
}

#[tokio::test]
async fn an_empty_file_is_read_whole_or_not_at_all() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = text(&ann.send_form(&[], "empty", b"").await.ok()["id"]);
    let whole = fetch(&ann, &file, &[]).await;
    assert_eq!((whole.status, whole.header("content-length"), whole.body.len()), (200, "0", 0));
    let head = head(&ann, &file, &[]).await;
    assert_eq!((head.status, head.header("content-length")), (200, "0"));
    fetch(&ann, &file, &[("Range", "bytes=0-0")]).await.refused(416, "range_not_satisfiable");
}

#[tokio::test]
async fn only_files_that_one_may_see_have_content() {
    let server = Server::start().await;
    let (ann, bob) = (server.user("ann").await, server.user("bob").await);
    let (file, folder) = (digits(&ann).await, ann.folder("folder", None).await);
    fetch(&bob, &file, &[]).await.refused(404, "not_found");
    assert_eq!(head(&bob, &file, &[]).await.status, 404);
    fetch(&ann, &folder, &[]).await.refused(404, "not_found");
    fetch(&ann, "nothing", &[]).await.refused(404, "not_found");
    fetch(&server.anonymous(), &file, &[]).await.refused(401, "unauthenticated");
    ann.share_file(&file, "bob", "view").await;
    assert_eq!(fetch(&bob, &file, &[]).await.text(), "0123456789");
}

#[tokio::test]
async fn a_reader_gets_all_of_the_old_or_all_of_the_new() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = text(&ann.send_form(&[], "turning.bin", &[b'0'; 300_000]).await.ok()["id"]);
    let writing = {
        let ann = ann.clone();
        tokio::spawn(async move {
            for round in b'1'..=b'9' {
                ann.send_form(&[("file_conflict", "Replace")], "turning.bin", &[round; 300_000]).await.ok();
            }
        })
    };
    while !writing.is_finished() {
        let read = fetch(&ann, &file, &[]).await;
        assert_eq!((read.status, read.body.len()), (200, 300_000));
        assert!(read.body.iter().all(|byte| *byte == read.body[0]), "two contents in one answer");
    }
    writing.await.unwrap();
    assert_eq!(fetch(&ann, &file, &[]).await.body, [b'9'; 300_000]);
}
