//! Concurrent downloads by one link.

use futures_util::future::{join, join_all};
use reqwest::Method;
use serde_json::{Value, json};

use super::{link_file, path};
use crate::content::digits;
use crate::support::{Answer, Caller, Server, text};

/// The number of answers with the bytes, or a redirect to them.
fn let_in(answers: &[Answer]) -> usize {
    answers.iter().filter(|answer| [200, 206, 307].contains(&answer.status)).count()
}

#[tokio::test]
async fn of_fifty_downloads_at_once_just_as_many_begin_as_are_allowed() {
    let server = Server::with(&[("TRUSTED_PROXIES", "127.0.0.0/8")]).await;
    let ann = server.user("ann").await;
    let file = digits(&ann).await;
    for most in [1, 7] {
        let link = link_file(&ann, &file, json!({"max_downloads": most})).await;
        let content = format!("{}/content", path(&link));
        let holders: Vec<_> = (0..50).map(|_| server.anonymous()).collect();
        let from = |nth: usize, holder: &Caller| {
            let request = holder.request(Method::GET, &content);
            request.header("X-Forwarded-For", format!("198.51.100.{nth}")).header("Range", "bytes=5-")
        };
        let requests = holders.iter().enumerate();
        let answers = join_all(requests.map(|(nth, holder)| holder.send(from(nth, holder)))).await;
        assert_eq!(let_in(&answers), most);
        for answer in answers.into_iter().filter(|answer| ![206, 307].contains(&answer.status)) {
            answer.refused(410, "link_exhausted");
        }
        let listed: Vec<Value> = ann.get("/link").await.ok()["items"].as_array().unwrap().clone();
        let listed = listed.iter().find(|listed| listed["id"] == link["id"]).unwrap();
        assert_eq!(listed["downloads"], json!(most));
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
        let (at, anybody) = (format!("/link/{}", text(&link["id"])), server.anonymous());
        let before = join_all((0..20).map(|_| anybody.get(&content)));
        let revoking = async {
            ann.delete(&at).await.ok_empty();
            join_all((0..5).map(|_| anybody.get(&content))).await
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
    assert_eq!(ann.get("/link").await.ok()["items"][0]["downloads"], 1);
}
