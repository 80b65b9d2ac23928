//! Presigned URLs, by which bytes bypass the server.

use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::json;

use super::id;
use crate::support::stack::is_default_store;
use crate::support::{Proxy, Reason, Server, eventually, sha256, text};

#[tokio::test]
async fn download_urls_are_shown_only_to_readers() {
    let server = Server::start().await;
    let (ann, anonymous) = (server.user("ann").await, server.anonymous());
    let file = id(&ann.upload("note.txt", b"hello", None).await);
    let path = format!("/file/{file}/content");
    let answer = ann.get(&path).await;
    assert_eq!((answer.status, answer.body.len(), answer.header("cache-control")), (307, 0, "no-store"));
    let url = answer.header("location").to_owned();
    assert_eq!(anonymous.get(&url).await.text(), "hello");
    anonymous.get(&path).await.refused(401, "unauthenticated");
    server.user("ben").await.get(&path).await.refused(404, "not_found");
    // Requests that need no bytes are answered by the server itself.
    let head = ann.send(ann.request(Method::HEAD, &path)).await;
    assert_eq!((head.status, head.header("content-length")), (200, "5"));
    let has = ann.request(Method::GET, &path).header("If-None-Match", head.header("etag"));
    assert_eq!(ann.send(has).await.status, 304);
}

#[tokio::test]
async fn bytes_come_down_from_the_store_as_an_attachment_whole_or_in_part() {
    let server = Server::start().await;
    let (ann, anonymous) = (server.user("ann").await, server.anonymous());
    for (name, encoded) in [("page.html", "page.html"), ("Grüße \"an\" alle", "Gr%C3%BC%C3%9Fe%20%22an%22%20alle")] {
        let body = json!({"file_name": name, "file_size_in_bytes": 10, "content_type": "text/html"});
        let upload = ann.post("/file", body).await.ok();
        ann.put(&upload, "0123456789").await.ok_empty();
        let file = id(&ann.complete(&upload).await.ok());
        let url = text(&ann.get(&format!("/file/{file}")).await.ok()["download"]["url"]);
        let whole = anonymous.get(&url).await;
        assert_eq!((whole.status, whole.header("content-type")), (200, "text/html"));
        let disposition = whole.header("content-disposition");
        assert!(disposition.starts_with("attachment; "), "{disposition}");
        assert!(disposition.ends_with(&format!("filename*=UTF-8''{encoded}")), "{disposition}");
        let part = anonymous.send(anonymous.request(Method::GET, &url).header("Range", "bytes=3-5")).await;
        assert_eq!((part.status, part.text().as_str()), (206, "345"));
        for header in ["content-type", "content-disposition"] {
            assert_eq!(part.header(header), whole.header(header), "{header}");
        }
        anonymous.get(&format!("{url}0")).await.turned_away(Reason::Forged);
        anonymous.send(anonymous.request(Method::PUT, &url).body("other")).await.turned_away(Reason::Forged);
        assert_eq!(anonymous.get(&url).await.text(), "0123456789");
    }
}

/// Whichever way the bytes were uploaded: media players and download managers request only ranges.
#[tokio::test]
async fn every_range_has_the_type_and_the_name_of_the_whole() {
    let server = Server::start().await;
    let (ann, anonymous) = (server.user("ann").await, server.anonymous());
    let film = |name: &str| Part::bytes(vec![7; 9 << 20]).file_name(name.to_owned());
    let form = async |form: Form| id(&ann.send(ann.request(Method::POST, "/file").multipart(form)).await.ok());
    let by_part = form(Form::new().part("file", film("a.mp4"))).await;
    let by_field = form(Form::new().text("file_name", "b.mp4").part("file", film("x"))).await;
    let replaced = id(&ann.upload("c.mp4", b"0123456789", None).await);
    ann.put_content(&replaced, &[8; 100], &[]).await.ok();
    let copies = ann.folder("Copies", None).await;
    let copy = json!({"parent_folder_id": copies});
    let copied = id(&ann.post(&format!("/file/{by_part}/copy"), copy).await.ok());
    for (file, name) in [(by_part, "a.mp4"), (by_field, "b.mp4"), (replaced, "c.mp4"), (copied, "a.mp4")] {
        let url = text(&ann.get(&format!("/file/{file}")).await.ok()["download"]["url"]);
        let part = anonymous.send(anonymous.request(Method::GET, &url).header("Range", "bytes=2-9")).await;
        assert_eq!((part.status, part.body.len(), part.header("content-type")), (206, 8, "video/mp4"), "{name}");
        assert!(part.header("content-disposition").contains(name), "{}", part.header("content-disposition"));
    }
}

#[tokio::test]
async fn a_url_of_the_store_is_good_for_its_time_only() {
    let server = Server::with(&[("SIGNED_URL_SECONDS", "1")]).await;
    let (ann, anonymous) = (server.user("ann").await, server.anonymous());
    let file = id(&ann.send_form(&[], "note.txt", b"hello").await.ok());
    let url = text(&ann.get(&format!("/file/{file}")).await.ok()["download"]["url"]);
    let upload = ann.begin("late.txt", 5, None).await.ok();
    let began = Instant::now();
    eventually("the URLs expire", async || began.elapsed() > Duration::from_secs(3)).await;
    anonymous.get(&url).await.turned_away(Reason::Expired);
    ann.put(&upload, "hello").await.turned_away(Reason::Expired);
    ann.complete(&upload).await.refused(409, "upload_incomplete");
}

#[tokio::test]
async fn a_completed_upload_cannot_be_overwritten_through_its_url() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let body = json!({"file_name": "note.txt", "file_size_in_bytes": 5, "sha256": sha256(b"hello")});
    for (upload, bytes) in
        [(ann.post("/file", body).await.ok(), "hello"), (ann.begin("any", 5, None).await.ok(), "other")]
    {
        // Sent twice, as after a lost answer: the second time a store may say that it has the bytes.
        ann.put(&upload, bytes).await.ok_empty();
        assert!([200, 412].contains(&ann.put(&upload, bytes).await.status));
        let file = id(&ann.complete(&upload).await.ok());
        let late = ann.put(&upload, if is_default_store() { bytes } else { "later" }).await;
        if is_default_store() {
            late.turned_away(Reason::Closed);
        }
        assert_eq!(ann.download(&file).await, bytes.as_bytes());
    }
}

#[tokio::test]
async fn clients_may_reach_the_store_by_another_address_than_the_server() {
    let (private, public) = (Proxy::to_s3(), Proxy::to_s3());
    let (private_url, public_url) = (private.url(), public.url());
    let server = Server::with(&[("AWS_ENDPOINT_URL_S3", &private_url), ("S3_PUBLIC_ENDPOINT", &public_url)]).await;
    let ann = server.user("ann").await;
    let upload = ann.begin("note.txt", 5, None).await.ok();
    assert!(text(&upload["parts"][0]["url"]).starts_with(&format!("{public_url}/")), "{upload}");
    ann.put(&upload, "hello").await.ok_empty();
    // The URL is invalid at the other address: the host is part of its signature.
    let path = format!("/file/{}", id(&ann.complete(&upload).await.ok()));
    let url = text(&ann.get(&path).await.ok()["download"]["url"]);
    assert!(url.starts_with(&format!("{public_url}/")), "{url}");
    let anonymous = server.anonymous();
    assert_eq!(anonymous.get(&url).await.text(), "hello");
    anonymous.get(&url.replace(&public_url, &private_url)).await.turned_away(Reason::Forged);
    let location = ann.get(&format!("{path}/content")).await.header("location").to_owned();
    assert!(location.starts_with(&public_url), "{location}");
    // The server itself uses the private address.
    public.cut();
    ann.send_form(&[], "form.txt", b"hello").await.ok();
    server.anonymous().get("/health/ready").await.ok();
}
