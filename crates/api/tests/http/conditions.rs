//! ETags, dates and conditional requests on every route that serves bytes.

use reqwest::Method;
use serde_json::{Value, json};

use crate::link::{link_file, link_folder, path};
use crate::support::stack::{Stack, stack};
use crate::support::{ApiClient, ApiResponse, Server, png, sql_id, text};

/// `Last-Modified` dates in the past and in the future.
const LONG_AGO: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const TO_COME: &str = "Fri, 01 Jan 2100 00:00:00 GMT";

/// The range of every resumption in these tests.
const RANGE: (&str, &str) = ("Range", "bytes=4-");

async fn ask(caller: &ApiClient, method: Method, path: &str, headers: &[(&str, &str)]) -> ApiResponse {
    let request = caller.request(method, path);
    caller.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

/// A file of ten digits, and every route on which the API serves its bytes.
async fn ways(ann: &ApiClient) -> (Value, Vec<String>) {
    let folder = ann.folder("Linked", None).await;
    let fields = [("parent_folder_id", folder.as_str()), ("client_modified_at", "2026-01-02T03:04:05.678Z")];
    let file = ann.send_form(&fields, "digits.txt", b"0123456789").await.ok();
    let id = text(&file["id"]);
    let by_file = path(&link_file(ann, &id, json!({})).await);
    let by_folder = path(&link_folder(ann, &folder, json!({})).await);
    let ways = [format!("/file/{id}/content"), format!("{by_file}/content"), format!("{by_folder}/file/{id}/content")]
        .to_vec();
    (file, ways)
}

/// Presigned URLs of the file, of the version that it was, and of the file for streaming.
async fn signed(ann: &ApiClient, file: &Value) -> [String; 3] {
    let path = format!("/file/{}", text(&file["id"]));
    let version = format!("{path}/version/{}", text(&file["version_id"]));
    let url = async |path: &str| text(&ann.get(path).await.ok()["download"]["url"]);
    [url(&path).await, url(&version).await, url(&format!("{path}?use=stream")).await]
}

#[tokio::test]
async fn the_bytes_of_a_version_have_one_tag_and_one_time_wherever_they_come_from() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let (file, ways) = ways(&ann).await;
    let id = text(&file["id"]);
    let tag = text(&file["content_etag"]);
    assert!(tag.starts_with('"') && tag.len() > 2, "strong, and in quotes: {tag}");
    let version = ann.get(&format!("/file/{id}/version/{}", text(&file["version_id"]))).await.ok();
    assert_eq!(version["content_etag"], tag);
    assert_eq!(ann.get(&format!("/file/{id}/version")).await.ok()["items"][0]["content_etag"], tag);
    assert_eq!(ann.get(&format!("/file/{id}")).await.ok()["content_etag"], tag);
    let folder = text(&file["parent_folder_id"]);
    assert_eq!(ann.get(&format!("/drive/{folder}")).await.ok()["items"][0]["content_etag"], tag);
    for way in &ways {
        let whole = ann.fetch(way, &[]).await;
        assert_eq!((whole.status, whole.header("etag")), (200, tag.as_str()), "{way}");
        assert!(!whole.header("last-modified").is_empty(), "{way}");
        let head = ask(&ann, Method::HEAD, way, &[]).await;
        assert_eq!((head.status, head.header("etag"), head.header("content-length")), (200, tag.as_str(), "10"));
        assert_eq!(head.header("x-client-modified-at"), "2026-01-02T03:04:05.678Z", "{way}");
    }
    for url in signed(&ann, &file).await {
        let whole = ann.fetch(&url, &[]).await;
        assert_eq!((whole.status, whole.header("etag")), (200, tag.as_str()), "{url}");
        assert!(!whole.header("last-modified").is_empty(), "{url}");
    }
    // A rename keeps the content ETag; new bytes change it.
    let renamed = ann.patch(&format!("/file/{id}"), json!({"file_name": "other.txt"})).await.ok();
    assert_eq!(renamed["content_etag"], tag);
    let put = ann.put_content(&id, b"abc", &[]).await;
    let answered = put.header("etag").to_owned();
    let replaced = put.ok();
    assert_eq!(replaced["content_etag"], answered);
    assert_ne!(answered, tag);
    assert_eq!(ann.fetch(&ways[0], &[]).await.header("etag"), answered);
}

#[tokio::test]
async fn uploads_of_every_kind_have_the_tag_with_which_the_bytes_come_down() {
    let server = Server::with(&[("UPLOAD_PART_BYTES", "5242880")]).await;
    let ann = server.user("ann").await;
    let small = ann.upload("small", b"0123456789", None).await;
    let empty = ann.upload("empty", b"", None).await;
    let form = ann.send_form(&[], "form", &vec![7; 9 << 20]).await.ok();
    let begun = ann.begin("parts", 6 << 20, None).await.ok();
    ann.put_part(&begun["parts"][0], vec![1; 5 << 20]).await.ok_empty();
    ann.put_part(&begun["parts"][1], vec![2; 1 << 20]).await.ok_empty();
    let parts = ann.complete(&begun).await.ok();
    let copy = ann.post(&format!("/file/{}/copy", text(&parts["id"])), json!({"file_name": "copy"})).await.ok();
    for file in [small, empty, form, parts, copy] {
        let path = format!("/file/{}", text(&file["id"]));
        let head = ask(&ann, Method::HEAD, &format!("{path}/content"), &[]).await;
        assert_eq!(head.header("etag"), file["content_etag"], "{file}");
        let whole = ann.fetch(&text(&ann.get(&path).await.ok()["download"]["url"]), &[]).await;
        assert_eq!((whole.status, whole.header("etag")), (200, head.header("etag")), "{file}");
    }
}

/// Sends every precondition, by HEAD and GET, to a URL on which the API serves `bytes` under the entity tag `tag`.
async fn assert_conditions(caller: &ApiClient, way: &str, tag: &str, bytes: &[u8]) {
    let head = ask(caller, Method::HEAD, way, &[]).await;
    assert_eq!((head.status, head.header("etag")), (200, tag), "{way}");
    assert_eq!(head.header("content-length"), bytes.len().to_string(), "{way}");
    let at = head.header("last-modified");
    assert!(!at.is_empty(), "{way}");
    let (weak, list) = (format!("W/{tag}"), format!("\"other\", {tag}"));
    let (weak, list, weak_list) = (weak.as_str(), list.as_str(), format!("\"other\", {weak}"));
    for (headers, status) in [
        (vec![("If-Match", tag)], 200),
        (vec![("If-Match", "*")], 200),
        (vec![("If-Match", list)], 200),
        (vec![("If-Match", weak)], 412),
        (vec![("If-Match", weak_list.as_str())], 412),
        (vec![("If-Match", "\"other\"")], 412),
        (vec![("If-Unmodified-Since", at)], 200),
        (vec![("If-Unmodified-Since", TO_COME)], 200),
        (vec![("If-Unmodified-Since", LONG_AGO)], 412),
        (vec![("If-Match", tag), ("If-Unmodified-Since", LONG_AGO)], 200),
        (vec![("If-None-Match", tag)], 304),
        (vec![("If-None-Match", weak)], 304),
        (vec![("If-None-Match", list)], 304),
        (vec![("If-None-Match", weak_list.as_str())], 304),
        (vec![("If-None-Match", "*")], 304),
        (vec![("If-None-Match", "\"other\"")], 200),
        (vec![("If-Modified-Since", at)], 304),
        (vec![("If-Modified-Since", TO_COME)], 304),
        (vec![("If-Modified-Since", LONG_AGO)], 200),
        (vec![("If-None-Match", "\"other\""), ("If-Modified-Since", TO_COME)], 200),
        (vec![("If-Match", "\"other\""), ("If-None-Match", tag)], 412),
        (vec![("If-Unmodified-Since", LONG_AGO), ("If-None-Match", tag)], 412),
        (vec![RANGE, ("If-Range", tag)], 206),
        (vec![RANGE, ("If-Range", weak)], 200),
        (vec![RANGE, ("If-Range", "\"other\"")], 200),
        // A date is too coarse to identify the bytes.
        (vec![RANGE, ("If-Range", at)], 200),
        (vec![RANGE, ("If-Match", tag)], 206),
        (vec![RANGE, ("If-Match", list)], 206),
        (vec![RANGE, ("If-Match", weak)], 412),
        (vec![RANGE, ("If-Unmodified-Since", at)], 206),
        (vec![RANGE, ("If-Unmodified-Since", LONG_AGO)], 412),
        (vec![RANGE, ("If-None-Match", weak)], 304),
        (vec![RANGE, ("If-Modified-Since", at)], 304),
        (vec![RANGE, ("If-Modified-Since", LONG_AGO)], 206),
    ] {
        // Ranges apply to GET only.
        let of_head = if status == 206 { 200 } else { status };
        let head = ask(caller, Method::HEAD, way, &headers).await;
        assert_eq!(head.status, of_head, "HEAD {way} {headers:?}");
        let answer = caller.fetch(way, &headers).await;
        assert_eq!(answer.status, status, "GET {way} {headers:?}");
        match status {
            200 => assert!(answer.body == bytes, "{way} {headers:?}"),
            206 => assert!(answer.body == bytes[4..], "{way} {headers:?}"),
            304 => assert_eq!((answer.header("etag"), answer.body.len()), (tag, 0), "{way} {headers:?}"),
            _ => drop(answer.refused(412, "precondition_failed")),
        }
    }
}

/// Like [`assert_conditions`] for a signed URL. One that leads to a bucket, which evaluates conditions itself, gets
/// only those with which the API redirects to it.
async fn assert_conditions_when_signed(server: &Server, caller: &ApiClient, url: &str, tag: &str, bytes: &[u8]) {
    if url.starts_with(server.url()) {
        return assert_conditions(caller, url, tag, bytes).await;
    }
    for (headers, status) in [
        (vec![], 200),
        (vec![("If-Match", tag)], 200),
        (vec![("If-None-Match", "\"other\"")], 200),
        (vec![RANGE, ("If-Match", tag)], 206),
        (vec![RANGE, ("If-Range", tag)], 206),
    ] {
        let answer = caller.fetch(url, &headers).await;
        assert_eq!((answer.status, answer.header("etag")), (status, tag), "{headers:?}");
        assert!(!answer.header("last-modified").is_empty(), "{headers:?}");
        let expected = if status == 206 { &bytes[4..] } else { bytes };
        assert!(answer.body == expected, "{headers:?}");
    }
}

#[tokio::test]
async fn every_precondition_holds_on_every_way_to_the_bytes() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let (file, ways) = ways(&ann).await;
    let tag = text(&file["content_etag"]);
    for way in &ways {
        assert_conditions(&ann, way, &tag, b"0123456789").await;
    }
    for url in signed(&ann, &file).await {
        assert_conditions_when_signed(&server, &ann, &url, &tag, b"0123456789").await;
    }
    // The URL of a former version leads to its own bytes, under their own tag.
    ann.put_content(&text(&file["id"]), b"abcdefghij", &[]).await.ok();
    let [_, version, _] = signed(&ann, &file).await;
    assert_conditions_when_signed(&server, &ann, &version, &tag, b"0123456789").await;
}

#[tokio::test]
async fn every_precondition_holds_on_the_url_of_a_photo() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let request = ann.request(Method::POST, "/profile_photo").header("Content-Type", "image/png");
    let set = text(&ann.send(request.body(png(40, 40))).await.ok()["url"]);
    let got = text(&ann.get("/profile_photo").await.ok()["url"]);
    let whole = ann.fetch(&set, &[]).await;
    assert_eq!((whole.status, whole.header("content-type")), (200, "image/jpeg"));
    for url in [set, got] {
        let same = ann.fetch(&url, &[]).await;
        assert_eq!(same.header("last-modified"), whole.header("last-modified"));
        assert_conditions_when_signed(&server, &ann, &url, whole.header("etag"), &whole.body).await;
    }
}

#[tokio::test]
async fn every_precondition_holds_on_every_archive() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let folder = ann.folder("Linked", None).await;
    ann.upload("digits.txt", b"0123456789", Some(&folder)).await;
    let link = path(&link_folder(&ann, &folder, json!({})).await);
    let mut archives = vec![
        format!("/drive/{folder}/archive"),
        format!("{link}/archive"),
        format!("{link}/drive/{folder}/archive"),
        format!("{link}/archive?names=portable"),
    ];
    for selection in [json!({"item_ids": [folder]}), json!({"root": true})] {
        archives.push(text(&ann.post("/archive", selection).await.ok()["url"]));
    }
    for archive in archives {
        let whole = ann.get(&archive).await;
        assert_eq!((whole.status, whole.header("content-type")), (200, "application/zip"), "{archive}");
        assert_conditions(&ann, &archive, whole.header("etag"), &whole.body).await;
    }
}

#[tokio::test]
async fn a_range_never_mixes_two_contents() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let (file, ways) = ways(&ann).await;
    let before = text(&file["content_etag"]);
    let at = ask(&ann, Method::HEAD, &ways[0], &[]).await.header("last-modified").to_owned();
    for way in &ways {
        for condition in [("If-Range", before.as_str()), ("If-Match", before.as_str())] {
            let part = ann.fetch(way, &[RANGE, condition]).await;
            assert_eq!((part.status, part.text().as_str()), (206, "456789"), "{way} {condition:?}");
            assert_eq!(part.header("etag"), before, "{way} {condition:?}");
        }
    }
    ann.put_content(&text(&file["id"]), b"abcdefghij", &[]).await.ok();
    for way in &ways {
        let whole = ann.fetch(way, &[RANGE, ("If-Range", &before)]).await;
        assert_eq!((whole.status, whole.text().as_str()), (200, "abcdefghij"), "{way}");
        ann.fetch(way, &[RANGE, ("If-Match", &before)]).await.refused(412, "precondition_failed");
        let dated = ann.fetch(way, &[RANGE, ("If-Range", &at)]).await;
        assert_eq!((dated.status, dated.text().as_str()), (200, "abcdefghij"), "{way}");
    }
}

#[tokio::test]
async fn a_downloaded_file_can_be_replaced_with_the_received_tag() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = ann.upload("note.txt", b"one", None).await;
    let id = text(&file["id"]);
    let got = ann.fetch(&format!("/file/{id}/content"), &[]).await.header("etag").to_owned();
    // A rename does not change the content ETag.
    ann.patch(&format!("/file/{id}"), json!({"file_name": "other.txt"})).await.ok();
    let put = ann.put_content(&id, b"two", &[("If-Match", &got)]).await;
    let next = put.header("etag").to_owned();
    put.ok();
    ann.put_content(&id, b"lost", &[("If-Match", &got)]).await.refused(412, "precondition_failed");
    let list = format!("\"other\", {next}");
    let file = ann.put_content(&id, b"three", &[("If-Match", &list)]).await.ok();
    // The file's own ETag works too; weak ones do not.
    let weak = format!("W/{}", text(&file["content_etag"]));
    ann.put_content(&id, b"lost", &[("If-Match", &weak)]).await.refused(412, "precondition_failed");
    let tag = text(&file["etag"]);
    ann.put_content(&id, b"four", &[("If-Match", &tag)]).await.ok();
    assert_eq!(ann.download(&id).await, b"four");
}

#[tokio::test]
async fn uploads_support_all_other_preconditions() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = ann.upload("note.txt", b"one", None).await;
    let id = text(&file["id"]);
    let at = ann.fetch(&format!("/file/{id}/content"), &[]).await.header("last-modified").to_owned();
    let (tag, etag) = (text(&file["content_etag"]), text(&file["etag"]));
    let weak = format!("\"other\", W/{tag}");
    let mut refused = vec![("If-None-Match", "*"), ("If-None-Match", &tag), ("If-None-Match", &weak)];
    refused.push(("If-None-Match", &etag));
    if stack() == Stack::Embedded {
        refused.push(("If-Unmodified-Since", LONG_AGO));
    }
    for condition in refused {
        ann.put_content(&id, b"lost", &[condition]).await.refused(412, "precondition_failed");
    }
    assert_eq!(ann.download(&id).await, b"one");
    for (bytes, held) in [
        (&b"two"[..], &[("If-Unmodified-Since", at.as_str()), ("If-None-Match", "\"other\"")][..]),
        (b"three", &[("If-Unmodified-Since", TO_COME)]),
        (b"four", &[("If-Match", "*"), ("If-Unmodified-Since", LONG_AGO)]),
        (b"five", &[("If-Unmodified-Since", "yesterday"), ("If-None-Match", &tag)]),
    ] {
        ann.put_content(&id, bytes, held).await.ok();
        assert_eq!(ann.download(&id).await, bytes);
    }
}

#[tokio::test]
async fn every_change_takes_a_list_of_tags() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let folder = ann.folder("folder", None).await;
    let file = text(&ann.upload("file", b"1", None).await["id"]);
    for path in [format!("/file/{file}"), format!("/drive/{folder}")] {
        let name = if path.starts_with("/file") { "file_name" } else { "folder_name" };
        let first = ann.get(&path).await.header("etag").to_owned();
        let first = if first.is_empty() { "\"1\"".to_owned() } else { first };
        let list = format!("\"9\", {first}");
        ann.patch_if(&list, &path, json!({ name: "b" })).await.ok();
        ann.patch_if(&list, &path, json!({ name: "c" })).await.refused(412, "precondition_failed");
        ann.send(ann.request(Method::POST, &format!("{path}/copy")).header("If-Match", &list).json(&json!({})))
            .await
            .refused(412, "precondition_failed");
        ann.delete_if(&list, &path).await.refused(412, "precondition_failed");
        ann.delete_if("\"9\", \"2\"", &path).await.ok_empty();
    }
    let restoring = |path: String, list: &str| ann.request(Method::POST, &path).header("If-Match", list);
    let restore = |list: &str| restoring(format!("/trash/{file}/restore"), list);
    ann.send(restore("\"1\", \"2\"")).await.refused(412, "precondition_failed");
    ann.send(restore("\"2\", \"3\"")).await.ok();
    ann.delete_if("\"7\", \"8\"", &format!("/trash/{folder}")).await.refused(412, "precondition_failed");
    ann.delete_if("\"7\", \"3\"", &format!("/trash/{folder}")).await.ok_empty();
    let plan = ann.upload("plan", b"plan A", None).await;
    let path = format!("/file/{}/version/{}", text(&plan["id"]), text(&plan["version_id"]));
    let second = ann.put_content(&text(&plan["id"]), b"plan B", &[]).await.ok();
    let restore = |list: &str| restoring(format!("{path}/restore"), list);
    // A stale tag, and the current one in its weak form.
    let (stale, weak) = (text(&plan["etag"]), format!("W/{}", text(&second["etag"])));
    for list in [format!("\"9\", {stale}"), format!("{weak}, \"9\"")] {
        ann.send(restore(&list)).await.refused(412, "precondition_failed");
        ann.delete_if(&list, &path).await.refused(412, "precondition_failed");
    }
    let restored = ann.send(restore(&format!("\"9\", {}, {stale}", text(&second["etag"])))).await.ok();
    let former = format!("\"9\", {}", text(&second["etag"]));
    ann.delete_if(&former, &path).await.refused(412, "precondition_failed");
    ann.delete_if(&format!("\"9\", {}", text(&restored["etag"])), &path).await.ok_empty();
    assert_eq!(ann.download(&text(&plan["id"])).await, b"plan A");
}

#[tokio::test]
async fn the_tag_of_older_bytes_is_found_out_once() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = ann.upload("note.txt", b"one", None).await;
    let id = text(&file["id"]);
    let recorded = || server.value("SELECT COALESCE(MAX(etag), '-') FROM blobs");
    let before = recorded();
    // As rows written by the previous release.
    server.execute("UPDATE blobs SET etag = NULL");
    let content = format!("/file/{id}/content");
    let head = ask(&ann, Method::HEAD, &content, &[]).await.header("etag").to_owned();
    assert_eq!(head, file["content_etag"]);
    assert_eq!(recorded(), before, "what was found out is kept, where there was anything to find out");
    server.execute("UPDATE blobs SET etag = NULL");
    assert_eq!(ann.get(&format!("/file/{id}")).await.ok()["content_etag"], file["content_etag"]);
    // The former ETag, the version's identifier, is accepted too.
    let former = format!("\"{}\"", text(&file["version_id"]));
    assert_eq!(ask(&ann, Method::GET, &content, &[("If-None-Match", &former)]).await.status, 304);
    server.execute("UPDATE blobs SET etag = NULL");
    ann.put_content(&id, b"two", &[("If-Match", &head)]).await.ok();
    let other = sql_id(&id);
    assert_eq!(server.value(&format!("SELECT CAST(COUNT(*) AS text) FROM versions WHERE node_id = {other}")), "2");
}
