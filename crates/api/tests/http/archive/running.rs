//! What ends a running archive, and how many may run at once.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::json;

use super::taken;
use crate::link::{link_folder, path};
use crate::support::{ApiClient, Server, eventually, text};

/// More than all buffers on the way can hold.
const SIZE: usize = 48 << 20;

async fn begin(caller: &ApiClient, path: &str) -> Response {
    let answer = caller.request(Method::GET, path).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer
}

/// Asserts that the archive breaks off before its end.
async fn breaks_off(answer: Response, what: &str) {
    let (arrived, broken) = taken(answer).await;
    assert!(broken && arrived.len() < SIZE, "{what}: {} bytes arrived", arrived.len());
}

#[tokio::test]
async fn losing_access_ends_an_archive_even_within_a_file() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let top = ann.folder("Top", None).await;
    ann.upload("a film", &vec![7; SIZE], Some(&top)).await;
    let share = ann.share_folder(&top, "ben", "view").await;
    let link = link_folder(&ann, &top, json!({})).await;
    let url = text(&ben.post("/archive", json!({"item_ids": [top]})).await.ok()["url"]);

    let shared = begin(&ben, &format!("/drive/{top}/archive")).await;
    let selected = begin(&server.anonymous(), &url).await;
    let linked = begin(&server.anonymous(), &format!("{}/archive", path(&link))).await;
    let own = begin(&ann, &format!("/drive/{top}/archive")).await;
    ann.delete(&format!("/share/{share}")).await.ok_empty();
    ann.delete(&format!("/link/{}", text(&link["id"]))).await.ok_empty();
    let sessions = ann.get("/session").await.ok();
    let current = sessions["items"].as_array().unwrap().iter().find(|session| session["current"] == true).unwrap();
    ann.delete(&format!("/session/{}", text(&current["id"]))).await.ok_empty();
    // Authorisation is cached for up to a second.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    breaks_off(shared, "a share that was revoked").await;
    breaks_off(selected, "a selection whose share was revoked").await;
    breaks_off(linked, "a link that was taken back").await;
    breaks_off(own, "a session that was ended").await;
}

#[tokio::test]
async fn a_user_has_four_archives_at_once_and_no_more() {
    let server = Server::with(&[("RATE_LIMITS", "off")]).await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let top = ann.folder("Top", None).await;
    ann.upload("a film", &vec![7; SIZE], Some(&top)).await;
    ann.share_folder(&top, "ben", "view").await;
    let link = link_folder(&ann, &top, json!({})).await;
    let (archive, linked) = (format!("/drive/{top}/archive"), format!("{}/archive", path(&link)));
    let mut running = Vec::new();
    for _ in 0..4 {
        running.push(begin(&ann, &archive).await);
    }
    let refusal = ann.get(&archive).await;
    assert!(refusal.header("retry-after").parse::<u32>().unwrap() > 0);
    let problem = refusal.refused(429, "rate_limited");
    assert!(text(&problem["detail"]).contains("4 archives"), "{problem}");
    let url = text(&ann.post("/archive", json!({"root": true})).await.ok()["url"]);
    server.anonymous().get(&url).await.refused(429, "rate_limited");
    // The limit is per user, and does not affect other requests.
    running.push(begin(&ben, &archive).await);
    ann.get(&format!("/drive/{top}")).await.ok();
    for _ in 0..4 {
        running.push(begin(&server.anonymous(), &linked).await);
    }
    server.anonymous().get(&linked).await.refused(429, "rate_limited");
    drop(running);
    eventually("there is room again", async || {
        let head = ann.request(Method::HEAD, &archive).send().await.unwrap();
        head.status() == 200
    })
    .await;
    let (arrived, broken) = taken(begin(&ann, &archive).await).await;
    assert!(!broken && arrived.len() > SIZE);
}
