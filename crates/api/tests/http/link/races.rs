//! Concurrent downloads by one link.

use futures_util::future::{join, join_all};
use reqwest::Method;
use serde_json::{Value, json};

use super::{address, behind_a_proxy, downloads, link_file, link_folder, path};
use crate::content::digits;
use crate::support::{ApiClient, ApiResponse, Server, text};

/// The number of answers with the bytes, or a redirect to them.
fn let_in(answers: &[ApiResponse]) -> usize {
    answers.iter().filter(|answer| [200, 206, 307].contains(&answer.status)).count()
}

#[tokio::test]
async fn fifty_simultaneous_downloads_do_not_exceed_the_limit() {
    let server = behind_a_proxy().await;
    let ann = server.user("ann").await;
    let file = digits(&ann).await;
    for max in [1, 7] {
        let link = link_file(&ann, &file, json!({"max_downloads": max})).await;
        let content = format!("{}/content", path(&link));
        let holders: Vec<_> = (0..50).map(|_| server.anonymous()).collect();
        let from = |nth: usize, holder: &ApiClient| {
            let request = holder.request(Method::GET, &content);
            request.header("X-Forwarded-For", address(nth)).header("Range", "bytes=5-")
        };
        let requests = holders.iter().enumerate();
        let answers = join_all(requests.map(|(nth, holder)| holder.send(from(nth, holder)))).await;
        assert_eq!(let_in(&answers), max);
        for answer in answers.into_iter().filter(|answer| ![206, 307].contains(&answer.status)) {
            answer.refused(410, "link_exhausted");
        }
        let listed: Vec<Value> = ann.get("/link").await.ok()["items"].as_array().unwrap().clone();
        let listed = listed.iter().find(|listed| listed["id"] == link["id"]).unwrap();
        assert_eq!(listed["downloads"], json!(max));
    }
}

#[tokio::test]
async fn no_download_begins_after_a_link_is_revoked() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = digits(&ann).await;
    for _ in 0..4 {
        let link = link_file(&ann, &file, json!({})).await;
        let content = format!("{}/content", path(&link));
        let (at, visitor) = (format!("/link/{}", text(&link["id"])), server.anonymous());
        let before = join_all((0..20).map(|_| visitor.get(&content)));
        let revoking = async {
            ann.delete(&at).await.ok_empty();
            join_all((0..5).map(|_| visitor.get(&content))).await
        };
        let (before, after) = join(before, revoking).await;
        for answer in after {
            answer.refused(404, "not_found");
        }
        assert!(before.iter().all(|answer| [200, 307, 404].contains(&answer.status)));
    }
}

#[tokio::test]
async fn one_address_that_takes_a_file_in_many_parts_at_once_takes_it_once() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = digits(&ann).await;
    let link = link_file(&ann, &file, json!({"max_downloads": 1})).await;
    let content = format!("{}/content", path(&link));
    let holders: Vec<_> = (0..20).map(|_| server.anonymous()).collect();
    let parts = holders.iter().enumerate().map(|(nth, holder)| {
        let range = format!("bytes={}-{}", nth % 10, nth % 10);
        holder.send(holder.request(Method::GET, &content).header("Range", range))
    });
    assert_eq!(let_in(&join_all(parts).await), 20);
    assert_eq!(downloads(&ann).await, 1);
}

#[tokio::test]
async fn as_many_concurrent_archives_begin_as_are_allowed_and_each_address_counts_once() {
    let server = behind_a_proxy().await;
    let ann = server.user("ann").await;
    let linked = ann.folder("Linked", None).await;
    ann.upload("x", b"words", Some(&linked)).await;
    let link = link_folder(&ann, &linked, json!({"max_downloads": 5})).await;
    let archive = format!("{}/archive", path(&link));
    // Fewer than may run at once from one address, and through one link.
    for (requests, addresses, max) in [(3, 1, 1), (12, 12, 5)] {
        let holders: Vec<_> = (0..requests).map(|_| server.anonymous()).collect();
        let from = |nth: usize, holder: &ApiClient| {
            let request = holder.request(Method::GET, &archive);
            request.header("X-Forwarded-For", address(nth % addresses)).header("Range", "bytes=40-")
        };
        let requests = holders.iter().enumerate();
        let answers = join_all(requests.map(|(nth, holder)| holder.send(from(nth, holder)))).await;
        assert_eq!(downloads(&ann).await, max);
        // All requests of one address are one download.
        assert_eq!(let_in(&answers), if addresses == 1 { 3 } else { 5 });
        for answer in answers.into_iter().filter(|answer| answer.status != 206) {
            answer.refused(410, "link_exhausted");
        }
    }
}
