//! Clients that read too slowly, too many connections, and downloads whose right ends while they run. All bytes pass
//! through the server: it does not redirect pages of other origins to a bucket.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::link::{link_file, path};
use crate::support::stack::{Stack, stack};
use crate::support::{ApiClient, RawConnection, Server, eventually, text};
use crate::tokens::{SECRET, claims_of, sign};

/// Keeps the server from redirecting to a bucket.
const ORIGIN: (&str, &str) = ("Origin", "https://app.example");

/// More than the kernel buffers for a client that does not read.
const MUCH: usize = 24 << 20;
/// So large that the bytes read at the beginning do not matter.
const LARGE: usize = 2 * MUCH;

/// Waits for this long: of a timeout, a client only sees the end.
async fn passes(time: Duration) {
    let began = Instant::now();
    eventually("time passes", async || began.elapsed() > time).await;
}

async fn large(caller: &ApiClient) -> String {
    text(&caller.upload("large.bin", &vec![7; LARGE], None).await["id"])
}

/// Sends a request for bytes.
async fn ask(server: &Server, caller: &ApiClient, target: &str) -> RawConnection {
    let mut wire = RawConnection::to(server).await;
    wire.head(caller, "GET", target, &[ORIGIN]).await;
    wire
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_a_response_is_disconnected() {
    let server = Server::with(&[("RESPONSE_IDLE_SECONDS", "1")]).await;
    let ann = server.user("ann").await;
    let file = large(&ann).await;
    let content = format!("/file/{file}/content");
    let mut wire = ask(&server, &ann, &content).await;
    assert!(wire.take(1).await);
    passes(Duration::from_secs(4)).await;
    assert!(!wire.take(MUCH).await);
    // A client that reads gets all of it.
    assert_eq!(ann.fetch(&content, &[ORIGIN]).await.body.len(), LARGE);
}

#[tokio::test]
async fn a_client_that_takes_less_than_the_minimum_rate_is_disconnected() {
    const SIP: usize = 128 << 10;
    let rate = (1 << 30).to_string();
    let server = Server::with(&[("BODY_MIN_BYTES_PER_SECOND", &rate), ("RESPONSE_IDLE_SECONDS", "600")]).await;
    let ann = server.user("ann").await;
    let content = format!("/file/{}/content", large(&ann).await);
    let mut wire = ask(&server, &ann, &content).await;
    let mut taken = 0;
    while taken < LARGE && wire.take(SIP).await {
        taken += SIP;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(taken > SIP && taken < LARGE, "{taken}");
    // No client is that fast, but one that the server hardly waits for gets all of it.
    assert_eq!(ann.fetch(&content, &[ORIGIN]).await.body.len(), LARGE);
}

#[tokio::test]
async fn one_connection_too_many_closes_the_longest_stalled_one() {
    let server = Server::with(&[("CONNECTIONS_PER_ADDRESS", "4"), ("RESPONSE_IDLE_SECONDS", "600")]).await;
    let ann = server.user("ann").await;
    let file = large(&ann).await;
    let mut stalled = ask(&server, &ann, &format!("/file/{file}/content")).await;
    assert!(stalled.take(1).await);
    // More than the limit, so that the download has filled the buffers on the way before the last of them come.
    let mut others = Vec::new();
    for _ in 0..40 {
        let mut wire = RawConnection::to(&server).await;
        wire.head(&ann, "GET", "/health", &[]).await;
        wire.answer().await.ok();
        others.push(wire);
    }
    assert!(!stalled.take(MUCH).await);
    // The latest connections are still open.
    for wire in others.iter_mut().rev().take(3) {
        wire.head(&ann, "GET", "/health", &[]).await;
        wire.answer().await.ok();
    }
}

#[tokio::test]
async fn a_running_download_ends_with_its_share_link_or_session() {
    let server = Server::with(&[("RESPONSE_IDLE_SECONDS", "600")]).await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let (file, top) = (large(&ann).await, ann.folder("Top", None).await);
    ann.patch(&format!("/file/{file}"), json!({"parent_folder_id": top})).await.ok();
    let share = ann.share_folder(&top, "ben", "view").await;
    let link = link_file(&ann, &file, json!({})).await;
    let (content, archive) = (format!("/file/{file}/content"), format!("/drive/{top}/archive"));
    let (mut of_share, mut of_session) =
        (vec![(&ben, content.clone()), (&ben, archive.clone())], vec![(&ann, content), (&ann, archive)]);
    let anonymous = server.anonymous();
    // A bucket's own URLs cannot end early.
    if stack() == Stack::Embedded {
        for (caller, downloads) in [(&ben, &mut of_share), (&ann, &mut of_session)] {
            let url = text(&caller.get(&format!("/file/{file}?use=stream")).await.ok()["download"]["url"]);
            downloads.push((&anonymous, url));
        }
    }
    of_share.push((&anonymous, format!("{}/content", path(&link))));
    let begin = async |downloads: Vec<(&ApiClient, String)>| {
        let mut running = Vec::new();
        for (caller, target) in downloads {
            let mut wire = ask(&server, caller, &target).await;
            assert!(wire.take(1 << 10).await, "{target}");
            running.push((wire, target));
        }
        running
    };
    let (of_share, of_session) = (begin(of_share).await, begin(of_session).await);
    ann.delete(&format!("/share/{share}")).await.ok_empty();
    ann.delete(&format!("/link/{}", text(&link["id"]))).await.ok_empty();
    passes(Duration::from_secs(1)).await;
    for (mut wire, target) in of_share {
        assert!(!wire.take(MUCH).await, "{target}");
    }
    let sessions = ann.get("/session").await.ok();
    ann.delete(&format!("/session/{}", text(&sessions["items"][0]["id"]))).await.ok_empty();
    passes(Duration::from_secs(1)).await;
    for (mut wire, target) in of_session {
        assert!(!wire.take(MUCH).await, "{target}");
    }
}

#[tokio::test]
async fn a_running_download_does_not_end_with_its_token() {
    let server = Server::with(&[("SECRET_KEY", SECRET), ("RESPONSE_IDLE_SECONDS", "600")]).await;
    let ann = server.user("ann").await;
    let (file, top) = (large(&ann).await, ann.folder("Top", None).await);
    ann.patch(&format!("/file/{file}"), json!({"parent_folder_id": top})).await.ok();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let mut claims = claims_of(&ann);
    claims["exp"] = json!(now.as_secs() + 5);
    let brief = server.with_token(&sign(&claims));
    let mut running = Vec::new();
    for target in [format!("/file/{file}/content"), format!("/drive/{top}/archive")] {
        running.push((ask(&server, &brief, &target).await, target));
    }
    for (wire, target) in &mut running {
        assert!(wire.take(1 << 10).await, "{target}");
    }
    eventually("the token has expired", async || brief.get("/user").await.status == 401).await;
    brief.get("/user").await.refused(401, "token_expired");
    for (wire, target) in &mut running {
        assert!(wire.take(LARGE - (1 << 20)).await, "{target}");
    }
}
