//! `GET`, `HEAD /s/{token}/content`, `/s/{token}/file/{file_id}/content`.

use reqwest::Method;
use serde_json::json;

use super::{address, behind_a_proxy, downloads, link_file, link_folder, path};
use crate::content::digits;
use crate::support::{ApiClient, ApiResponse, Server, text};

async fn head(caller: &ApiClient, path: &str, headers: &[(&str, &str)]) -> ApiResponse {
    let request = caller.request(Method::HEAD, path);
    caller.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

#[tokio::test]
async fn the_bytes_come_as_an_attachment_whole_or_in_ranges() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let linked = ann.folder("Linked", None).await;
    let file = digits(&ann).await;
    ann.patch(&format!("/file/{file}"), json!({"parent_folder_id": linked})).await.ok();
    let (by_file, by_folder) = (link_file(&ann, &file, json!({})).await, link_folder(&ann, &linked, json!({})).await);
    let visitor = server.anonymous();
    for content in [format!("{}/content", path(&by_file)), format!("{}/file/{file}/content", path(&by_folder))] {
        let whole = visitor.fetch(&content, &[]).await;
        assert_eq!((whole.status, whole.text().as_str()), (200, "0123456789"));
        let head = head(&visitor, &content, &[]).await;
        for (header, value) in [
            ("content-type", "text/plain"),
            ("content-length", "10"),
            ("content-disposition", "attachment; filename=\"digits.txt\"; filename*=UTF-8''digits.txt"),
        ] {
            assert_eq!((whole.header(header), head.header(header)), (value, value), "{header}");
        }
        assert_eq!(head.header("x-content-type-options"), "nosniff");
        assert_eq!(head.header("content-security-policy"), "sandbox; default-src 'none'");
        for (range, content_range, bytes) in [
            ("bytes=0-0", "bytes 0-0/10", "0"),
            ("bytes=3-5", "bytes 3-5/10", "345"),
            ("bytes=-4", "bytes 6-9/10", "6789"),
        ] {
            let part = visitor.fetch(&content, &[("Range", range)]).await;
            assert_eq!((part.status, part.header("content-range"), part.text().as_str()), (206, content_range, bytes));
        }
        let etag = head.header("etag").to_owned();
        assert_eq!(visitor.fetch(&content, &[("If-None-Match", &etag)]).await.status, 304);
        visitor.fetch(&content, &[("Range", "bytes=10-")]).await.refused(416, "range_not_satisfiable");
    }
    visitor.get(&format!("{}/content", path(&by_folder))).await.refused(404, "not_found");
}

#[tokio::test]
async fn all_requests_of_one_address_for_one_file_are_one_download() {
    let server = behind_a_proxy().await;
    let ann = server.user("ann").await;
    let file = digits(&ann).await;
    let link = link_file(&ann, &file, json!({"max_downloads": 100})).await;
    let (at, visitor) = (path(&link), server.anonymous());
    let content = format!("{at}/content");
    let etag = head(&visitor, &content, &[]).await.header("etag").to_owned();
    for (nth, (headers, counted)) in [
        (vec![], 1),
        (vec![("Range", "bytes=0-3")], 1),
        // Wherever the first range begins.
        (vec![("Range", "bytes=4-")], 1),
        (vec![("Range", "bytes=-1")], 1),
        (vec![("Range", "bytes=4-5,7-8")], 1),
        (vec![("Range", "bytes=4-5"), ("If-Range", "\"other\"")], 1),
        // Answers without bytes do not count.
        (vec![("If-None-Match", etag.as_str())], 0),
        (vec![("Range", "bytes=10-")], 0),
    ]
    .into_iter()
    .enumerate()
    {
        let (here, before) = (address(nth), downloads(&ann).await);
        let headers = [headers, vec![("X-Forwarded-For", here.as_str())]].concat();
        // As a media player does: HEAD, a range, then more requests.
        head(&visitor, &content, &headers).await;
        assert_eq!(downloads(&ann).await, before, "HEAD never counts");
        for _ in 0..3 {
            visitor.fetch(&content, &headers).await;
        }
        assert_eq!(downloads(&ann).await - before, counted, "{headers:?}");
        let others = [("Range", "bytes=7-"), ("X-Forwarded-For", here.as_str())];
        assert_eq!(visitor.fetch(&content, &others).await.status, 206);
        assert_eq!(downloads(&ann).await - before, 1, "{headers:?}");
    }
    let before = downloads(&ann).await;
    visitor.get(&at).await.ok();
    assert_eq!(downloads(&ann).await, before);
}

#[tokio::test]
async fn every_file_of_a_folder_is_a_download_of_its_own() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let linked = ann.folder("Linked", None).await;
    let mut files = Vec::new();
    for name in ["a.txt", "b.txt", "c.txt"] {
        files.push(text(&ann.send_form(&[("parent_folder_id", &linked)], name, b"words").await.ok()["id"]));
    }
    let at = path(&link_folder(&ann, &linked, json!({"max_downloads": 2})).await);
    let visitor = server.anonymous();
    for _ in 0..2 {
        for file in &files[..2] {
            assert_eq!(visitor.fetch(&format!("{at}/file/{file}/content"), &[]).await.text(), "words");
        }
    }
    visitor.get(&format!("{at}/file/{}/content", files[2])).await.refused(410, "link_exhausted");
    assert_eq!(downloads(&ann).await, 2);
}

#[tokio::test]
async fn a_used_up_link_serves_a_download_that_has_begun_for_another_hour() {
    let server = behind_a_proxy().await;
    let ann = server.user("ann").await;
    let linked = ann.folder("Linked", None).await;
    let file = digits(&ann).await;
    ann.patch(&format!("/file/{file}"), json!({"parent_folder_id": linked})).await.ok();
    let link = link_folder(&ann, &linked, json!({"max_downloads": 2})).await;
    let (at, visitor) = (path(&link), server.anonymous());
    let content = format!("{at}/file/{file}/content");
    let (one, two, three) = (address(1), address(2), address(3));
    for here in [&one, &two, &one] {
        let taken = visitor.fetch(&content, &[("X-Forwarded-For", here)]).await;
        assert_eq!(taken.text(), "0123456789");
    }
    let late = [("X-Forwarded-For", three.as_str())];
    visitor.fetch(&content, &late).await.refused(410, "link_exhausted");
    assert_eq!(head(&visitor, &content, &late).await.status, 410);
    let rest = visitor.fetch(&content, &[("X-Forwarded-For", &two), ("Range", "bytes=4-")]).await;
    assert_eq!((rest.status, rest.text().as_str()), (206, "456789"));
    assert_eq!(head(&visitor, &content, &[("X-Forwarded-For", &two)]).await.status, 200);
    server.execute("UPDATE link_downloads SET counted_at = counted_at - 3600000");
    for here in [&one, &two, &three] {
        visitor.fetch(&content, &[("X-Forwarded-For", here)]).await.refused(410, "link_exhausted");
    }
    visitor.get(&at).await.ok();
    assert_eq!(downloads(&ann).await, 2);
    let of_link = format!("/link/{}", text(&link["id"]));
    ann.patch(&of_link, json!({"max_downloads": 3})).await.ok();
    assert_eq!(visitor.fetch(&content, &[("X-Forwarded-For", &three)]).await.text(), "0123456789");
    visitor.fetch(&content, &[("X-Forwarded-For", &one)]).await.refused(410, "link_exhausted");
}

#[tokio::test]
async fn an_admitted_download_finishes_after_the_link_is_revoked() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|at| (at % 251) as u8).collect();
    let file = text(&ann.upload("large.bin", &bytes, None).await["id"]);
    let link = link_file(&ann, &file, json!({})).await;
    let content = format!("{}/content", path(&link));
    let visitor = server.anonymous();
    let client = reqwest::Client::new();
    let url = visitor.request(Method::GET, &content).build().unwrap().url().clone();
    // The head has arrived, the body has not.
    let response = client.get(url).send().await.unwrap();
    ann.delete(&format!("/link/{}", text(&link["id"]))).await.ok_empty();
    visitor.get(&content).await.refused(404, "not_found");
    assert_eq!(response.status(), 200);
    assert!(response.bytes().await.unwrap() == bytes, "other bytes");
}
