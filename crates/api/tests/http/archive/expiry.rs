//! How long the URLs of `POST /archive` are good.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;

use super::selection::url_of;
use crate::support::{ApiClient, Server, mac, signing_key, text};

const DAY: i64 = 86_400;

/// The range of every resumption here.
const REST: (&str, &str) = ("Range", "bytes=4-");

/// The URL that the server would have returned `seconds` before it returned `url`.
fn aged(server: &Server, url: &str, seconds: i64) -> String {
    let (path, ticket) = url.split_once("?ticket=").unwrap();
    let mut ticket = URL_SAFE_NO_PAD.decode(ticket).unwrap();
    // The signature is at the end; the date follows the first three bytes.
    ticket.truncate(ticket.len() - 32);
    let expires_at = i64::from_be_bytes(ticket[3..11].try_into().unwrap()) - seconds * 1000;
    ticket[3..11].copy_from_slice(&expires_at.to_be_bytes());
    let key = signing_key(&server.storage().key(), "clouddrive/archive-urls/v1");
    let signature = mac(&key[..32], &[&ticket]);
    format!("{path}?ticket={}", URL_SAFE_NO_PAD.encode([ticket, signature].concat()))
}

/// A folder with one file: the identifiers of both, and a URL of the folder's archive.
async fn sample(server: &Server, ann: &ApiClient) -> (String, String, String) {
    let top = ann.folder("Top", None).await;
    let file = text(&ann.upload("x", b"words", Some(&top)).await["id"]);
    let url = url_of(ann, &top).await;
    assert_eq!(aged(server, &url, 0), url, "this is how the server signs");
    (top, file, url)
}

#[tokio::test]
async fn a_download_begins_within_300_seconds_and_is_resumed_for_a_day_after_that() {
    let server = Server::start().await;
    let (ann, visitor) = (server.user("ann").await, server.anonymous());
    let (_, _, url) = sample(&server, &ann).await;
    let whole = visitor.get(&url).await;
    let (tag, at) = (whole.header("etag"), whole.header("last-modified"));
    let weak = format!("W/{tag}");
    let in_time = aged(&server, &url, 240);
    assert!(visitor.get(&in_time).await.body == whole.body);
    assert_eq!(visitor.fetch(&in_time, &[REST]).await.status, 206);
    for age in [300, 300 + DAY - 60] {
        let late = aged(&server, &url, age);
        let rest = visitor.fetch(&late, &[REST, ("If-Range", tag)]).await;
        assert_eq!((rest.status, rest.header("etag")), (206, tag), "{age}");
        assert!(rest.body == whole.body[4..], "{age}");
        for headers in [
            vec![],
            vec![REST],
            vec![("If-Range", tag)],
            vec![REST, ("If-Match", tag)],
            vec![REST, ("If-Range", "\"other\"")],
            vec![REST, ("If-Range", &weak)],
            // A date says nothing about which bytes the client has.
            vec![REST, ("If-Range", at)],
            vec![("If-None-Match", tag)],
        ] {
            visitor.fetch(&late, &headers).await.refused(403, "url_expired");
        }
        assert_eq!(visitor.send(visitor.request(Method::HEAD, &late)).await.status, 403, "{age}");
    }
    let over = aged(&server, &url, 300 + DAY);
    visitor.fetch(&over, &[REST, ("If-Range", tag)]).await.refused(403, "url_expired");
}

#[tokio::test]
async fn only_the_same_bytes_are_resumed_and_only_while_the_caller_may_have_them() {
    let server = Server::start().await;
    let (ann, visitor) = (server.user("ann").await, server.anonymous());
    let (top, file, url) = sample(&server, &ann).await;
    let late = aged(&server, &url, 300);
    let former = visitor.get(&url).await.header("etag").to_owned();
    ann.put_content(&file, b"other", &[]).await.ok();
    visitor.fetch(&late, &[REST, ("If-Range", &former)]).await.refused(403, "url_expired");
    let current = visitor.get(&url).await.header("etag").to_owned();
    assert_eq!(visitor.fetch(&late, &[REST, ("If-Range", &current)]).await.status, 206);
    ann.delete(&format!("/drive/{top}")).await.ok_empty();
    visitor.fetch(&late, &[REST, ("If-Range", &current)]).await.refused(404, "not_found");
}
