use reqwest::Method;
use serde_json::json;

use crate::support::{Answer, Caller, Server, text};

async fn fetch(caller: &Caller, method: Method, file: &str, headers: &[(&str, &str)]) -> Answer {
    let request = caller.request(method, &format!("/file/{file}/content"));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    caller.send(request).await
}

/// A text file of ten digits.
async fn digits(caller: &Caller) -> String {
    text(&caller.send_form(&[("content_type", "text/plain")], "digits.txt", b"0123456789").await.ok()["id"])
}

#[tokio::test]
async fn a_file_can_be_read_with_the_token_alone() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = digits(&ann).await;
    let whole = fetch(&ann, Method::GET, &file, &[]).await;
    assert_eq!((whole.status, whole.text().as_str()), (200, "0123456789"));
    for (header, value) in [
        ("content-type", "text/plain"),
        ("content-length", "10"),
        ("accept-ranges", "bytes"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "sandbox; default-src 'none'"),
        ("content-disposition", "attachment; filename=\"digits.txt\"; filename*=UTF-8''digits.txt"),
        ("cache-control", "private, no-cache"),
    ] {
        assert_eq!(whole.header(header), value, "{header}");
    }
    let head = fetch(&ann, Method::HEAD, &file, &[]).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    for header in ["content-type", "content-length", "etag", "accept-ranges", "content-disposition"] {
        assert_eq!(head.header(header), whole.header(header), "{header}");
    }
}

#[tokio::test]
async fn ranges_and_conditions_hold_here_too() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = digits(&ann).await;
    let etag = fetch(&ann, Method::GET, &file, &[]).await.header("etag").to_owned();
    for (range, content_range, bytes) in [
        ("bytes=0-0", "bytes 0-0/10", "0"),
        ("bytes=3-5", "bytes 3-5/10", "345"),
        ("bytes=-4", "bytes 6-9/10", "6789"),
        ("bytes=8-", "bytes 8-9/10", "89"),
    ] {
        let part = fetch(&ann, Method::GET, &file, &[("Range", range)]).await;
        assert_eq!((part.status, part.header("content-range"), part.text().as_str()), (206, content_range, bytes));
        let head = fetch(&ann, Method::HEAD, &file, &[("Range", range)]).await;
        assert_eq!(head.header("content-length"), bytes.len().to_string(), "{range}");
        assert_eq!((head.status, head.body.len()), (206, 0));
    }
    let beyond = fetch(&ann, Method::GET, &file, &[("Range", "bytes=10-")]).await;
    assert_eq!(beyond.header("content-range"), "bytes */10");
    beyond.refused(416, "range_not_satisfiable");
    for method in [Method::GET, Method::HEAD] {
        let unchanged = fetch(&ann, method, &file, &[("If-None-Match", &etag)]).await;
        assert_eq!((unchanged.status, unchanged.header("etag")), (304, etag.as_str()));
    }
    let mixed = [("Range", "bytes=3-5"), ("If-Range", "\"other\"")];
    assert_eq!(fetch(&ann, Method::GET, &file, &mixed).await.status, 200);
    let same = [("Range", "bytes=3-5"), ("If-Range", etag.as_str())];
    assert_eq!(fetch(&ann, Method::GET, &file, &same).await.text(), "345");
}

#[tokio::test]
async fn the_tag_of_bytes_changes_with_the_bytes_and_not_with_the_name() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = digits(&ann).await;
    let before = fetch(&ann, Method::GET, &file, &[]).await.header("etag").to_owned();
    ann.patch(&format!("/file/{file}"), json!({"file_name": "renamed.txt"})).await.ok();
    let renamed = fetch(&ann, Method::GET, &file, &[("If-None-Match", &before)]).await;
    assert_eq!(renamed.status, 304);
    ann.send_form(&[("file_conflict", "Replace")], "renamed.txt", b"abc").await.ok();
    let replaced = fetch(&ann, Method::GET, &file, &[("If-None-Match", &before)]).await;
    assert_eq!((replaced.status, replaced.text().as_str()), (200, "abc"));
    let resumed = fetch(&ann, Method::GET, &file, &[("Range", "bytes=1-"), ("If-Range", &before)]).await;
    assert_eq!((resumed.status, resumed.text().as_str()), (200, "abc"));
}

#[tokio::test]
async fn an_empty_file_is_read_whole_or_not_at_all() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = text(&ann.send_form(&[], "empty", b"").await.ok()["id"]);
    let whole = fetch(&ann, Method::GET, &file, &[]).await;
    assert_eq!((whole.status, whole.header("content-length"), whole.body.len()), (200, "0", 0));
    let head = fetch(&ann, Method::HEAD, &file, &[]).await;
    assert_eq!((head.status, head.header("content-length")), (200, "0"));
    fetch(&ann, Method::GET, &file, &[("Range", "bytes=0-0")]).await.refused(416, "range_not_satisfiable");
}

#[tokio::test]
async fn only_files_that_one_may_see_have_content() {
    let server = Server::start().await;
    let (ann, bob) = (server.user("ann").await, server.user("bob").await);
    let (file, folder) = (digits(&ann).await, ann.folder("folder", None).await);
    fetch(&bob, Method::GET, &file, &[]).await.refused(404, "not_found");
    assert_eq!(fetch(&bob, Method::HEAD, &file, &[]).await.status, 404);
    fetch(&ann, Method::GET, &folder, &[]).await.refused(404, "not_found");
    fetch(&ann, Method::GET, "nothing", &[]).await.refused(404, "not_found");
    fetch(&server.anonymous(), Method::GET, &file, &[]).await.refused(401, "unauthenticated");
    ann.share_file(&file, "bob", "view").await;
    assert_eq!(fetch(&bob, Method::GET, &file, &[]).await.text(), "0123456789");
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
        let read = fetch(&ann, Method::GET, &file, &[]).await;
        assert_eq!((read.status, read.body.len()), (200, 300_000));
        assert!(read.body.iter().all(|byte| *byte == read.body[0]), "two contents in one answer");
    }
    writing.await.unwrap();
    assert_eq!(fetch(&ann, Method::GET, &file, &[]).await.body, [b'9'; 300_000]);
}
