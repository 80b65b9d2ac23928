use reqwest::Method;
use serde_json::json;

use super::{download_url, part_url, upload_as};
use crate::support::{ApiClient, RawConnection, Server, eventually, sha256};

/// Asserts that `url` is refused for GET and PUT.
async fn refused_for_all(anonymous: &ApiClient, url: &str) {
    anonymous.get(url).await.refused(403, "invalid_signature");
    let put = anonymous.request(Method::PUT, url).header("If-None-Match", "*").body("hello");
    anonymous.send(put).await.refused(403, "invalid_signature");
}

/// Manipulated variants of a signed URL.
fn tampered(url: &str) -> Vec<String> {
    let (path, query) = url.split_once('?').unwrap();
    let (parameters, signature) = query.rsplit_once("&signature=").unwrap();
    let with = |parameters: &str| format!("{path}?{parameters}&signature={signature}");
    let mut urls = Vec::new();
    let pairs: Vec<(&str, &str)> = parameters.split('&').map(|pair| pair.split_once('=').unwrap()).collect();
    for (at, (name, value)) in pairs.iter().enumerate() {
        for other in [format!("{name}={value}0"), format!("{name}="), format!("{}=9{value}", name.to_uppercase())] {
            let mut pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
            other.clone_into(&mut pairs[at]);
            urls.push(with(&pairs.join("&")));
            pairs.remove(at);
            urls.push(with(&pairs.join("&")));
        }
    }
    let reversed: Vec<String> = pairs.iter().rev().map(|(name, value)| format!("{name}={value}")).collect();
    urls.push(with(&reversed.join("&")));
    urls.push(with(&format!("{parameters}&x=1")));
    urls.push(with(&format!("x=1&{parameters}")));
    urls.push(with(&format!("{parameters}&{parameters}")));
    urls.push(format!("{url}&x=1"));
    urls.push(format!("{url}&signature={signature}"));
    urls.push(format!("{path}?signature={signature}&{parameters}"));
    urls.push(format!("{path}?{parameters}"));
    urls.push(format!("{path}?{parameters}&signature="));
    urls.push(path.to_owned());
    for length in [1, 16, signature.len() - 1] {
        urls.push(format!("{path}?{parameters}&signature={}", &signature[..length]));
    }
    urls.push(format!("{url}A"));
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    urls.push(format!("{path}?{parameters}&signature={first}{}", &signature[1..]));
    urls
}

#[tokio::test]
async fn not_a_letter_of_a_url_can_be_changed() {
    let server = Server::start().await;
    let (ann, anonymous) = (server.user("ann").await, server.anonymous());
    let file = upload_as(&ann, "hello.txt", "text/plain", "hello").await;
    let body = json!({"file_name": "next.txt", "file_size_in_bytes": 5, "sha256": sha256(b"hello")});
    let next = ann.post("/file", body).await.ok();
    for url in [download_url(&ann, &file).await, part_url(&next)] {
        for url in tampered(&url) {
            refused_for_all(&anonymous, &url).await;
        }
    }
    ann.complete(&next).await.refused(409, "upload_incomplete");
    ann.put(&next, "hello").await.ok_empty();
}

#[tokio::test]
async fn a_url_for_fetching_does_not_allow_storing_nor_the_reverse() {
    let server = Server::start().await;
    let (ann, anonymous) = (server.user("ann").await, server.anonymous());
    let file = upload_as(&ann, "hello.txt", "text/plain", "hello").await;
    let upload = ann.begin("next.txt", 5, None).await.ok();
    ann.put(&upload, "hello").await.ok_empty();
    anonymous.get(&part_url(&upload)).await.refused(403, "invalid_signature");
    let get = download_url(&ann, &file).await;
    anonymous.send(anonymous.request(Method::PUT, &get).body("hello")).await.refused(403, "invalid_signature");
    anonymous.send(anonymous.request(Method::DELETE, &get)).await.refused(405, "method_not_allowed");
    assert_eq!(anonymous.get(&get).await.body, b"hello");
}

#[tokio::test]
async fn a_url_leads_to_one_blob_and_no_other() {
    let server = Server::start().await;
    let (ann, anonymous) = (server.user("ann").await, server.anonymous());
    let path = |url: &str| url.split_once('?').unwrap().0.to_owned();
    let query = |url: &str| url.split_once('?').unwrap().1.to_owned();
    let one = download_url(&ann, &upload_as(&ann, "one", "text/plain", "hello").await).await;
    let two = download_url(&ann, &upload_as(&ann, "two", "text/plain", "hello").await).await;
    refused_for_all(&anonymous, &format!("{}?{}", path(&one), query(&two))).await;
    let three = part_url(&ann.begin("three", 5, None).await.ok());
    let four = part_url(&ann.begin("four", 5, None).await.ok());
    refused_for_all(&anonymous, &format!("{}?{}", path(&three), query(&four))).await;
    refused_for_all(&anonymous, &format!("{}?{}", path(&one), query(&four))).await;
}

#[tokio::test]
async fn a_url_of_another_server_is_refused() {
    let (here, there) = (Server::start().await, Server::start().await);
    let ann = there.user("ann").await;
    let file = upload_as(&ann, "hello.txt", "text/plain", "hello").await;
    let foreign = [download_url(&ann, &file).await, part_url(&ann.begin("next", 5, None).await.ok())];
    for url in foreign {
        refused_for_all(&here.anonymous(), url.strip_prefix(there.url()).unwrap()).await;
    }
}

#[tokio::test]
async fn a_url_is_good_for_its_time_only() {
    let server = Server::with(&[("SIGNED_URL_SECONDS", "1")]).await;
    let (ann, anonymous) = (server.user("ann").await, server.anonymous());
    let file = ann.send_form(&[], "hello.txt", b"hello").await.ok();
    let get = download_url(&ann, &file).await;
    let upload = ann.begin("next.txt", 5, None).await.ok();
    eventually("the URL for fetching expires", async || anonymous.get(&get).await.status == 403).await;
    anonymous.get(&get).await.refused(403, "url_expired");
    eventually("the URL for storing expires", async || {
        // Not the announced bytes, so that none are accepted before it expires.
        ann.put(&upload, "hello!").await.status == 403
    })
    .await;
    ann.put(&upload, "hello").await.refused(403, "url_expired");
    // An expired URL with a bad signature is reported as invalid.
    anonymous.get(&format!("{get}A")).await.refused(403, "invalid_signature");
    ann.complete(&upload).await.refused(409, "upload_incomplete");
}

#[tokio::test]
async fn no_path_leads_past_the_gate() {
    let server = Server::start().await;
    let (ann, anonymous) = (server.user("ann").await, server.anonymous());
    let file = upload_as(&ann, "hello.txt", "text/plain", "hello").await;
    let url = download_url(&ann, &file).await;
    let (path, query) = url.strip_prefix(server.url()).unwrap().split_once('?').unwrap();
    let key = path.strip_prefix("/blob/").unwrap();
    let shard = &key[..2];
    for target in [
        "/blob/".to_owned(),
        "/blob/..".to_owned(),
        "/blob/%2e%2e".to_owned(),
        "/blob/../user".to_owned(),
        "/blob/../secret.key".to_owned(),
        "/blob/..%2fsecret.key".to_owned(),
        "/blob/..%2F..%2F..%2Fetc%2Fpasswd".to_owned(),
        "/blob/..%5c..%5csecret.key".to_owned(),
        "/blob/%2fetc%2fpasswd".to_owned(),
        "/blob//etc/passwd".to_owned(),
        format!("/blob/{shard}/{key}"),
        format!("/blob/{shard}%2f{key}"),
        format!("/blob/./{key}?{query}"),
        format!("/blob/x/../{key}?{query}"),
        format!("/blob//{key}?{query}"),
        format!("/blob/{key}/?{query}"),
        format!("/blob/{key}%00?{query}"),
        format!("/blob/{key}%20?{query}"),
        format!("/blob/{key}.sha256?{query}"),
        format!("/blob/{}?{query}", key.to_uppercase()),
        format!("/BLOB/{key}?{query}"),
    ] {
        let mut wire = RawConnection::to(&server).await;
        wire.head(&anonymous, "GET", &target, &[]).await;
        let answer = wire.answer().await;
        // Some of these reach the blob handler, others match no route.
        assert!([403, 404].contains(&answer.status), "{target}: {} {}", answer.status, answer.text());
        assert!(!answer.text().contains("data"), "{target}: {}", answer.text());
    }
}
