use reqwest::Method;

use crate::content::digits;
use crate::support::{ApiClient, ApiResponse, Server};

async fn fetch(caller: &ApiClient, method: Method, file: &str, headers: &[(&str, &str)]) -> ApiResponse {
    let request = caller.request(method, &format!("/file/{file}/content"));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    caller.send(request).await
}

#[tokio::test]
async fn the_server_hands_the_bytes_out_itself() {
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
        // Only a GET has ranges.
        let head = fetch(&ann, Method::HEAD, &file, &[("Range", range)]).await;
        assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, "10", 0), "{range}");
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
async fn half_of_the_old_is_not_made_whole_by_the_new() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = digits(&ann).await;
    let before = fetch(&ann, Method::GET, &file, &[]).await.header("etag").to_owned();
    ann.send_form(&[("file_conflict", "Replace")], "digits.txt", b"abc").await.ok();
    let resumed = fetch(&ann, Method::GET, &file, &[("Range", "bytes=1-"), ("If-Range", &before)]).await;
    assert_eq!((resumed.status, resumed.text().as_str()), (200, "abc"));
}
