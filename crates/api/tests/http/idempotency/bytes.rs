//! Idempotency keys on uploads: forms, contents and photos.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::{is_repeat, one_was_done, post};
use crate::support::{ApiClient, ApiResponse, Server, text};

/// Uploads the file `name` with these bytes by a form, with a key.
pub async fn form(caller: &ApiClient, key: &str, fields: &[(&str, &str)], name: &str, bytes: &[u8]) -> ApiResponse {
    let mut form = reqwest::multipart::Form::new();
    for (field, value) in fields {
        form = form.text((*field).to_owned(), (*value).to_owned());
    }
    let part = reqwest::multipart::Part::bytes(bytes.to_vec()).file_name(name.to_owned());
    let request = caller.request(Method::POST, "/file").header("Idempotency-Key", key);
    caller.send(request.multipart(form.part("file", part))).await
}

/// Asserts that the second answer repeats the first.
#[track_caller]
fn assert_same(first: ApiResponse, again: ApiResponse) -> Value {
    assert!(!is_repeat(&first) && is_repeat(&again), "{} {}", first.text(), again.text());
    for header in ["location", "etag", "content-type"] {
        assert_eq!(first.header(header), again.header(header), "{header}");
    }
    assert_eq!((first.status, first.text()), (again.status, again.text()));
    first.ok()
}

#[tokio::test]
async fn a_repeated_form_creates_one_file() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let keep = [("file_conflict", "Keep")];
    let first = form(&ann, "photo", &keep, "a.jpg", b"bytes").await;
    // Another boundary with the same fields and file is the same form.
    let file = assert_same(first, form(&ann, "photo", &keep, "a.jpg", b"bytes").await);
    assert_eq!(file["name"], "a.jpg");
    for (fields, name, bytes) in [
        (&keep[..], "a.jpg", &b"other"[..]),
        (&keep, "b.jpg", b"bytes"),
        (&[], "a.jpg", b"bytes"),
        (&[("file_conflict", "Replace")], "a.jpg", b"bytes"),
    ] {
        form(&ann, "photo", fields, name, bytes).await.refused(422, "idempotency_key_reused");
    }
    post(&ann, "photo", "/file", &json!({"file_name": "c", "file_size_in_bytes": 1}))
        .await
        .refused(422, "idempotency_key_reused");
    // Refusals are not recorded: a retry is evaluated again.
    for _ in 0..2 {
        form(&ann, "taken", &[], "a.jpg", b"bytes").await.refused(409, "name_taken");
    }
    assert!(!is_repeat(&form(&ann, "next", &keep, "a.jpg", b"bytes").await));
    assert_eq!(ann.names(None).await, ["a (1).jpg", "a.jpg"]);
    assert_eq!(server.blobs().len(), 2, "repeats leave no bytes behind");
    let long = "x".repeat(256);
    let answer = form(&ann, &long, &keep, "a.jpg", b"bytes").await;
    answer.refused_field("Idempotency-Key");
}

#[tokio::test]
async fn concurrent_repeats_of_a_form_execute_once() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let keep = [("file_conflict", "Keep")];
    for key in ["a", "b"] {
        one_was_done(join_all((0..8).map(|_| form(&ann, key, &keep, "a.jpg", b"bytes"))).await);
    }
    assert_eq!(ann.names(None).await, ["a (1).jpg", "a.jpg"]);
}

#[tokio::test]
async fn a_repeated_content_put_executes_once() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = ann.upload("note.txt", b"note", None).await;
    let (id, etag) = (text(&file["id"]), text(&file["etag"]));
    let key = ("Idempotency-Key", "one");
    let seen = ("If-Match", etag.as_str());
    let first = ann.put_content(&id, b"second", &[key, seen]).await;
    // The repeat succeeds, although its `If-Match` tag is outdated by now.
    let put = assert_same(first, ann.put_content(&id, b"second", &[key, seen]).await);
    ann.put_content(&id, b"other", &[key]).await.refused(422, "idempotency_key_reused");
    ann.put_content(&id, b"third", &[("Idempotency-Key", "two")]).await.ok();
    let late = ann.put_content(&id, b"second", &[key, seen]).await;
    assert!(is_repeat(&late));
    assert_eq!(late.ok(), put);
    assert_eq!(ann.download(&id).await, b"third");
    let versions = ann.get(&format!("/file/{id}/version")).await.ok();
    assert_eq!(versions["items"].as_array().unwrap().len(), 3);
    assert_eq!(server.blobs().len(), 3);
}

#[tokio::test]
async fn a_photo_is_set_once_and_a_repeat_gets_a_url_that_works() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let set = async |key: &str, colour: u8| {
        let mut png = std::io::Cursor::new(Vec::new());
        image::RgbImage::from_pixel(9, 9, image::Rgb([colour; 3])).write_to(&mut png, image::ImageFormat::Png).unwrap();
        let request = ann.request(Method::POST, "/profile_photo").header("Idempotency-Key", key);
        ann.send(request.header("Content-Type", "image/png").body(png.into_inner())).await
    };
    assert!(!is_repeat(&set("one", 1).await));
    set("two", 2).await.ok();
    let photo = || server.value("SELECT photo_blob FROM users");
    let newest = photo();
    // The repeat does not replace a newer photo.
    let repeat = set("one", 1).await;
    assert!(is_repeat(&repeat));
    assert_eq!(repeat.header("cache-control"), "no-store");
    let url = text(&repeat.ok()["url"]);
    assert_eq!(server.anonymous().fetch(&url, &[]).await.status, 200);
    assert_eq!(photo(), newest);
    set("one", 3).await.refused(422, "idempotency_key_reused");
}
