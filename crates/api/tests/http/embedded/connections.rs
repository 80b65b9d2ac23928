use std::time::{Duration, Instant};

use serde_json::json;

use crate::link::{link_file, path};
use crate::support::{Caller, Server, Wire, eventually, text};

/// More than the kernel buffers for a client that does not read.
const MUCH: usize = 24 << 20;
/// So large that the bytes read at the beginning do not matter.
const LARGE: usize = 2 * MUCH;

/// Waits for this long: a client sees nothing of a timeout but its end.
async fn passes(time: Duration) {
    let began = Instant::now();
    eventually("time passes", async || began.elapsed() > time).await;
}

async fn large(caller: &Caller) -> String {
    text(&caller.send_form(&[], "large.bin", &vec![7; LARGE]).await.ok()["id"])
}

#[tokio::test]
async fn who_takes_nothing_of_a_response_is_disconnected() {
    let server = Server::with(&[("RESPONSE_IDLE_SECONDS", "1")]).await;
    let ann = server.user("ann").await;
    let file = large(&ann).await;
    let mut wire = Wire::to(&server).await;
    wire.head(&ann, "GET", &format!("/file/{file}/content"), &[]).await;
    assert!(wire.take(1).await);
    passes(Duration::from_secs(4)).await;
    assert!(!wire.take(MUCH).await);
    // A client that reads gets all of it.
    assert_eq!(ann.download(&file).await.len(), LARGE);
}

#[tokio::test]
async fn for_one_connection_too_many_the_longest_stalled_goes() {
    let server = Server::with(&[("CONNECTIONS_PER_ADDRESS", "4"), ("RESPONSE_IDLE_SECONDS", "600")]).await;
    let ann = server.user("ann").await;
    let file = large(&ann).await;
    let mut stalled = Wire::to(&server).await;
    stalled.head(&ann, "GET", &format!("/file/{file}/content"), &[]).await;
    assert!(stalled.take(1).await);
    let mut others = Vec::new();
    for _ in 0..6 {
        let mut wire = Wire::to(&server).await;
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
async fn a_download_that_runs_ends_with_the_share_the_link_or_the_session() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let (file, top) = (large(&ann).await, ann.folder("Top", None).await);
    ann.patch(&format!("/file/{file}"), json!({"parent_folder_id": top})).await.ok();
    let share = ann.share_folder(&top, "ben", "view").await;
    let link = link_file(&ann, &file, json!({})).await;
    let watching = async |caller: &Caller| {
        let url = text(&caller.get(&format!("/file/{file}?use=stream")).await.ok()["download"]["url"]);
        url.strip_prefix(server.url()).unwrap().to_owned()
    };
    let (by_ben, by_ann) = (watching(&ben).await, watching(&ann).await);
    let begin = async |caller: &Caller, target: &str| {
        let mut wire = Wire::to(&server).await;
        wire.head(caller, "GET", target, &[]).await;
        assert!(wire.take(1 << 10).await);
        wire
    };
    let anonymous = server.anonymous();
    let (content, archive) = (format!("/file/{file}/content"), format!("/drive/{top}/archive"));
    let of_share = [begin(&ben, &content).await, begin(&ben, &archive).await, begin(&anonymous, &by_ben).await];
    let of_link = begin(&anonymous, &format!("{}/content", path(&link))).await;
    let of_session = [begin(&ann, &content).await, begin(&ann, &archive).await, begin(&anonymous, &by_ann).await];
    ann.delete(&format!("/share/{share}")).await.ok_empty();
    ann.delete(&format!("/link/{}", text(&link["id"]))).await.ok_empty();
    passes(Duration::from_secs(1)).await;
    for (at, mut wire) in of_share.into_iter().chain([of_link]).enumerate() {
        assert!(!wire.take(MUCH).await, "{at}");
    }
    let sessions = ann.get("/session").await.ok();
    ann.delete(&format!("/session/{}", text(&sessions["items"][0]["id"]))).await.ok_empty();
    passes(Duration::from_secs(1)).await;
    for (at, mut wire) in of_session.into_iter().enumerate() {
        assert!(!wire.take(MUCH).await, "{at}");
    }
}
