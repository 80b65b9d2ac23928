use reqwest::Method;

use super::{download_url, upload_as};
use crate::support::{ApiClient, ApiResponse, Server};

async fn get(caller: &ApiClient, url: &str, headers: &[(&str, &str)]) -> ApiResponse {
    let request =
        headers.iter().fold(caller.request(Method::GET, url), |request, (name, value)| request.header(*name, *value));
    caller.send(request).await
}

#[tokio::test]
async fn bytes_come_down_as_a_harmless_attachment() {
    let server = Server::start().await;
    let (ann, anonymous) = (server.user("ann").await, server.anonymous());
    for (name, media_type) in [
        ("page.html", "text/html; charset=utf-8"),
        ("drawing.svg", "image/svg+xml"),
        ("script.js", "text/javascript"),
        ("Grüße \"an\" alle.txt", "text/plain"),
    ] {
        let url = download_url(&ann, &upload_as(&ann, name, media_type, "<script>alert(1)</script>").await).await;
        let answer = anonymous.get(&url).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, media_type));
        assert_eq!(answer.header("content-length"), "25");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("accept-ranges"), "bytes");
        assert!(answer.header("content-security-policy").contains("sandbox"), "{name}");
        assert!(!answer.header("etag").is_empty());
        let disposition = answer.header("content-disposition");
        assert!(disposition.starts_with("attachment; "), "{disposition}");
        let encoded = match name {
            "Grüße \"an\" alle.txt" => "filename*=UTF-8''Gr%C3%BC%C3%9Fe%20%22an%22%20alle.txt".to_owned(),
            plain => format!("filename*=UTF-8''{plain}"),
        };
        assert!(disposition.ends_with(&encoded), "{disposition}");
    }
}

#[tokio::test]
async fn a_range_of_bytes_comes_as_asked_for() {
    let server = Server::start().await;
    let (ann, anonymous) = (server.user("ann").await, server.anonymous());
    let url = download_url(&ann, &upload_as(&ann, "digits", "text/plain", "0123456789").await).await;
    for (range, content_range, bytes) in [
        ("bytes=0-3", "bytes 0-3/10", "0123"),
        ("bytes=4-6", "bytes 4-6/10", "456"),
        ("bytes=7-", "bytes 7-9/10", "789"),
        ("bytes=-2", "bytes 8-9/10", "89"),
        ("bytes=-99", "bytes 0-9/10", "0123456789"),
        ("bytes=9-99", "bytes 9-9/10", "9"),
    ] {
        let answer = get(&anonymous, &url, &[("Range", range)]).await;
        assert_eq!((answer.status, answer.header("content-range")), (206, content_range), "{range}");
        assert_eq!(answer.header("content-length"), bytes.len().to_string());
        assert_eq!(answer.text(), bytes, "{range}");
        assert!(answer.header("content-disposition").starts_with("attachment"));
    }
    for range in ["bytes=10-", "bytes=99-100", "bytes=-0"] {
        let answer = get(&anonymous, &url, &[("Range", range)]).await;
        assert_eq!(answer.header("content-range"), "bytes */10", "{range}");
        answer.refused(416, "range_not_satisfiable");
    }
    for range in ["bytes=5-2", "bytes=0-1,4-5", "pages=1-2", "bytes=a-b", "bytes", ""] {
        let answer = get(&anonymous, &url, &[("Range", range)]).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "0123456789"), "{range}");
    }
}

#[tokio::test]
async fn matching_tags_are_answered_without_bytes() {
    let server = Server::start().await;
    let (ann, anonymous) = (server.user("ann").await, server.anonymous());
    let url = download_url(&ann, &upload_as(&ann, "digits", "text/plain", "0123456789").await).await;
    let etag = anonymous.get(&url).await.header("etag").to_owned();
    for tags in [etag.clone(), format!("W/{etag}"), format!("\"other\", {etag}"), "*".to_owned()] {
        let answer = get(&anonymous, &url, &[("If-None-Match", &tags)]).await;
        assert_eq!((answer.status, answer.header("etag"), answer.body.len()), (304, etag.as_str(), 0), "{tags}");
    }
    let answer = get(&anonymous, &url, &[("If-None-Match", "\"other\"")]).await;
    assert_eq!(answer.status, 200);
    let answer = get(&anonymous, &url, &[("Range", "bytes=2-3"), ("If-Range", &etag)]).await;
    assert_eq!((answer.status, answer.text().as_str()), (206, "23"));
    let answer = get(&anonymous, &url, &[("Range", "bytes=2-3"), ("If-Range", "\"other\"")]).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "0123456789"));
}

#[tokio::test]
async fn an_empty_blob_has_no_range() {
    let server = Server::start().await;
    let (ann, anonymous) = (server.user("ann").await, server.anonymous());
    let url = download_url(&ann, &upload_as(&ann, "empty", "text/plain", "").await).await;
    let whole = anonymous.get(&url).await;
    assert_eq!((whole.status, whole.header("content-length"), whole.body.len()), (200, "0", 0));
    get(&anonymous, &url, &[("Range", "bytes=0-")]).await.refused(416, "range_not_satisfiable");
}

#[tokio::test]
async fn a_url_outlives_neither_its_blob_nor_a_replacement() {
    let server = Server::with(&[("MAX_VERSIONS", "1")]).await;
    let (ann, anonymous) = (server.user("ann").await, server.anonymous());
    let file = upload_as(&ann, "plan.txt", "text/plain", "plan A").await;
    let before = download_url(&ann, &file).await;
    ann.send_form(&[("file_conflict", "Replace")], "plan.txt", b"plan B").await.ok();
    // No version has the old bytes any more.
    anonymous.get(&before).await.refused(404, "not_found");
    assert_eq!(anonymous.get(&download_url(&ann, &file).await).await.text(), "plan B");
}
