//! `GET`, `HEAD /s/{token}/content`, `/s/{token}/file/{file_id}/content`.

use reqwest::Method;
use serde_json::{Value, json};

use super::{link_file, link_folder, path};
use crate::content::digits;
use crate::support::{Answer, Caller, Server, text};

async fn downloads(owner: &Caller) -> Value {
    owner.get("/link").await.ok()["items"][0]["downloads"].clone()
}

async fn head(caller: &Caller, path: &str, headers: &[(&str, &str)]) -> Answer {
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
    let anybody = server.anonymous();
    for content in [format!("{}/content", path(&by_file)), format!("{}/file/{file}/content", path(&by_folder))] {
        let whole = anybody.fetch(&content, &[]).await;
        assert_eq!((whole.status, whole.text().as_str()), (200, "0123456789"));
        let head = head(&anybody, &content, &[]).await;
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
            let part = anybody.fetch(&content, &[("Range", range)]).await;
            assert_eq!((part.status, part.header("content-range"), part.text().as_str()), (206, content_range, bytes));
        }
        let etag = head.header("etag").to_owned();
        assert_eq!(anybody.fetch(&content, &[("If-None-Match", &etag)]).await.status, 304);
        anybody.fetch(&content, &[("Range", "bytes=10-")]).await.refused(416, "range_not_satisfiable");
    }
    anybody.get(&format!("{}/content", path(&by_folder))).await.refused(404, "not_found");
}

#[tokio::test]
async fn only_bytes_from_the_first_on_count() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = digits(&ann).await;
    let link = link_file(&ann, &file, json!({"max_downloads": 100})).await;
    let (at, anybody) = (path(&link), server.anonymous());
    let content = format!("{at}/content");
    let etag = head(&anybody, &content, &[]).await.header("etag").to_owned();
    for (headers, counted) in [
        (vec![], 1),
        (vec![("Range", "bytes=0-3")], 1),
        (vec![("Range", "bytes=4-")], 0),
        (vec![("Range", "bytes=-1")], 0),
        (vec![("Range", "bytes=-10")], 1),
        // Several ranges, and none that can be read, are the whole.
        (vec![("Range", "bytes=4-5,7-8")], 1),
        (vec![("Range", "lines=4-5")], 1),
        (vec![("Range", "bytes=4-5"), ("If-Range", "\"other\"")], 1),
        (vec![("If-None-Match", etag.as_str())], 0),
        (vec![("Range", "bytes=10-")], 0),
    ] {
        let before = downloads(&ann).await.as_u64().unwrap();
        anybody.fetch(&content, &headers).await;
        assert_eq!(downloads(&ann).await.as_u64().unwrap() - before, counted, "{headers:?}");
    }
    let before = downloads(&ann).await;
    head(&anybody, &content, &[]).await;
    anybody.get(&at).await.ok();
    assert_eq!(downloads(&ann).await, before);
}

#[tokio::test]
async fn a_used_up_link_still_shows_what_it_leads_to_and_gives_no_bytes() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let linked = ann.folder("Linked", None).await;
    let file = digits(&ann).await;
    ann.patch(&format!("/file/{file}"), json!({"parent_folder_id": linked})).await.ok();
    let link = link_folder(&ann, &linked, json!({"max_downloads": 2})).await;
    let (at, anybody) = (path(&link), server.anonymous());
    let content = format!("{at}/file/{file}/content");
    for _ in 0..2 {
        assert_eq!(anybody.fetch(&content, &[]).await.text(), "0123456789");
    }
    anybody.get(&content).await.refused(410, "link_exhausted");
    assert_eq!(head(&anybody, &content, &[]).await.status, 410);
    anybody.fetch(&content, &[("Range", "bytes=0-0")]).await.refused(410, "link_exhausted");
    // What broke off may be fetched to its end, today.
    let rest = anybody.fetch(&content, &[("Range", "bytes=4-")]).await;
    assert_eq!((rest.status, rest.text().as_str()), (206, "456789"));
    server.execute("UPDATE links SET last_download_at = last_download_at - 86400000");
    anybody.fetch(&content, &[("Range", "bytes=4-")]).await.refused(410, "link_exhausted");
    anybody.get(&at).await.ok();
    assert_eq!(downloads(&ann).await, 2);
    let of_link = format!("/link/{}", text(&link["id"]));
    ann.patch(&of_link, json!({"max_downloads": 3})).await.ok();
    assert_eq!(anybody.fetch(&content, &[]).await.text(), "0123456789");
    anybody.get(&content).await.refused(410, "link_exhausted");
}

#[tokio::test]
async fn where_downloads_are_limited_the_rest_of_one_is_no_way_to_the_whole() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = digits(&ann).await;
    let link = link_file(&ann, &file, json!({"max_downloads": 1})).await;
    let content = format!("{}/content", path(&link));
    let anybody = server.anonymous();
    // No URL of the store, which would be good for all of the bytes.
    let part = anybody.send(anybody.request(Method::GET, &content).header("Range", "bytes=9-9")).await;
    assert_eq!((part.status, part.text().as_str(), part.header("location")), (206, "9", ""));
    assert_eq!(downloads(&ann).await, 0);
}

#[tokio::test]
async fn a_download_that_was_let_in_ends_although_the_link_is_taken_back() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|at| (at % 251) as u8).collect();
    let file = text(&ann.upload("large.bin", &bytes, None).await["id"]);
    let link = link_file(&ann, &file, json!({})).await;
    let content = format!("{}/content", path(&link));
    let anybody = server.anonymous();
    let client = reqwest::Client::new();
    let url = anybody.request(Method::GET, &content).build().unwrap().url().clone();
    // The answer has begun: its head is here, its body is still on the way.
    let response = client.get(url).send().await.unwrap();
    ann.delete(&format!("/link/{}", text(&link["id"]))).await.ok_empty();
    anybody.get(&content).await.refused(404, "not_found");
    assert_eq!(response.status(), 200);
    assert!(response.bytes().await.unwrap() == bytes, "other bytes");
}
