//! Archives: length, ETag, ranges and conditional requests.

use reqwest::Method;
use serde_json::json;

use super::{entries, paths, unpacked};
use crate::support::{ApiClient, ApiResponse, Server, text};

async fn fetch(caller: &ApiClient, method: Method, path: &str, headers: &[(&str, &str)]) -> ApiResponse {
    let request = caller.request(method, path);
    caller.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

/// A folder with small, large and empty files and an empty folder, and the path of its archive.
async fn sample(ann: &ApiClient) -> (String, String) {
    let top = ann.folder("Top", None).await;
    let inner = ann.folder("inner", Some(&top)).await;
    ann.folder("empty", Some(&inner)).await;
    for (name, size, parent) in
        [("a", 100, &top), ("b", 70_000, &inner), ("c", 0, &inner), ("d", 3, &inner), ("é", 65_536, &top)]
    {
        let bytes: Vec<u8> = (0..size).map(|at: usize| (at % 249) as u8).collect();
        ann.upload(name, &bytes, Some(parent)).await;
    }
    let archive = format!("/drive/{top}/archive");
    (top, archive)
}

#[tokio::test]
async fn the_parts_of_an_archive_make_up_the_whole() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let (_, path) = sample(&ann).await;
    let whole = ann.get(&path).await;
    let (etag, size) = (whole.header("etag").to_owned(), whole.body.len());
    assert!(etag.starts_with('"') && etag.ends_with('"'), "{etag}");
    let head = fetch(&ann, Method::HEAD, &path, &[]).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    for header in ["content-length", "content-type", "content-disposition", "etag", "accept-ranges"] {
        assert_eq!(head.header(header), whole.header(header), "{header}");
    }
    assert_eq!((whole.header("content-length"), whole.header("accept-ranges")), (&*size.to_string(), "bytes"));
    // Cuts at the ZIP records' boundaries, and at regular intervals.
    let mut cuts: Vec<usize> = (0..size).step_by(9_973).chain([1, 29, 30, size - 1, size - 22, size - 23]).collect();
    cuts.extend(whole.body.windows(4).enumerate().filter(|(_, window)| window.starts_with(b"PK")).map(|(at, _)| at));
    for cut in cuts {
        let (before, after) = (format!("bytes=0-{cut}"), format!("bytes={cut}-"));
        let first = fetch(&ann, Method::GET, &path, &[("Range", &before), ("If-Range", &etag)]).await;
        assert_eq!((first.status, first.header("content-range")), (206, &*format!("bytes 0-{cut}/{size}")));
        assert!(first.body == whole.body[..=cut], "{before}");
        let rest = fetch(&ann, Method::GET, &path, &[("Range", &after), ("If-Range", &etag)]).await;
        assert_eq!((rest.status, rest.header("etag")), (206, &*etag));
        assert!(rest.body == whole.body[cut..], "{after}");
    }
    let middle = fetch(&ann, Method::GET, &path, &[("Range", "bytes=40-90")]).await;
    assert!(middle.body == whole.body[40..=90]);
    let beyond = format!("bytes={size}-");
    fetch(&ann, Method::GET, &path, &[("Range", &beyond)]).await.refused(416, "range_not_satisfiable");
    let several = fetch(&ann, Method::GET, &path, &[("Range", "bytes=0-1,5-6")]).await;
    assert!(several.status == 200 && several.body == whole.body);
}

#[tokio::test]
async fn the_tag_is_of_every_byte() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let (top, path) = sample(&ann).await;
    let tag = async || fetch(&ann, Method::HEAD, &path, &[]).await.header("etag").to_owned();
    let first = tag().await;
    assert_eq!(tag().await, first);
    for conditions in [[("If-None-Match", first.as_str())], [("If-None-Match", "*")]] {
        assert_eq!(fetch(&ann, Method::GET, &path, &conditions).await.status, 304);
    }
    fetch(&ann, Method::GET, &path, &[("If-Match", "\"another\"")]).await.refused(412, "precondition_failed");
    assert_eq!(fetch(&ann, Method::GET, &path, &[("If-Match", &first)]).await.status, 200);
    let files = ann.get(&format!("/drive/{top}")).await.ok();
    let file = text(&files["items"].as_array().unwrap().iter().find(|item| item["name"] == "a").unwrap()["id"]);
    let mut tags = vec![first];
    // A rename, new content of the same size, an added and a removed entry.
    ann.patch(&format!("/file/{file}"), json!({"file_name": "A"})).await.ok();
    tags.push(tag().await);
    ann.put_content(&file, &[9; 100], &[]).await.ok();
    tags.push(tag().await);
    ann.folder("more", Some(&top)).await;
    tags.push(tag().await);
    ann.delete(&format!("/file/{file}")).await.ok_empty();
    tags.push(tag().await);
    for (at, tag) in tags.iter().enumerate() {
        assert!(!tags[..at].contains(tag), "{tags:?}");
    }
    // A changed archive is sent whole.
    let whole = fetch(&ann, Method::GET, &path, &[("Range", "bytes=9-"), ("If-Range", &tags[0])]).await;
    assert_eq!(whole.status, 200);
    assert_eq!(paths(&mut unpacked(whole))[..2], ["Top/", "Top/inner/"]);
}

#[tokio::test]
async fn a_checksum_that_is_not_known_is_taken_once_and_kept() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let (_, path) = sample(&ann).await;
    let whole = ann.get(&path).await;
    let size = whole.body.len();
    // Empty files need no checksum.
    let unknown = || {
        let count = "SELECT COUNT(*) FROM blobs WHERE crc32 IS NULL AND size_bytes > 0";
        server.value(count).parse::<u32>().unwrap()
    };
    for range in [None, Some(format!("bytes={}-", size - 30)), Some("bytes=75000-".to_owned())] {
        server.execute("UPDATE blobs SET crc32 = NULL");
        assert!(unknown() > 0);
        let from = range.as_ref().map_or(0, |range| range[6..range.len() - 1].parse().unwrap());
        let headers: Vec<(&str, &str)> = range.iter().map(|range| ("Range", range.as_str())).collect();
        let again = fetch(&ann, Method::GET, &path, &headers).await;
        assert!(again.body == whole.body[from..], "{range:?}");
        if range.is_none() {
            assert_eq!(unknown(), 0);
        }
    }
    entries(&mut unpacked(ann.get(&path).await));
    // A checksum mismatch means damage: the archive must not complete.
    server.execute("UPDATE blobs SET crc32 = 7");
    let answer = ann.request(Method::GET, &path).send().await;
    let broken = match answer {
        Ok(answer) => answer.status() == 500 || super::taken(answer).await.1,
        Err(_) => true,
    };
    assert!(broken);
}
