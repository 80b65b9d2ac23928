use serde_json::json;

use crate::body::gone::nothing_is_left;
use crate::body::{assert_well, begin_form};
use crate::support::{RawConnection, Server, eventually, text};

const LENGTH: usize = 4_000_000;

#[tokio::test]
async fn a_sender_who_leaves_in_the_middle_of_a_part_may_come_back() {
    let server = Server::start().await;
    let (ann, anonymous) = (server.user("ann").await, server.anonymous());
    let upload = ann.begin("half.bin", LENGTH, None).await.ok();
    let url = text(&upload["parts"][0]["url"]);
    let length = LENGTH.to_string();
    for polite in [false, true] {
        for framing in [("Content-Length", length.as_str()), ("Transfer-Encoding", "chunked")] {
            let mut wire = RawConnection::to(&server).await;
            wire.head(&anonymous, "PUT", &url, &[framing, ("If-None-Match", "*")]).await;
            if framing.1 == "chunked" {
                wire.send(format!("{LENGTH:x}\r\n")).await;
            }
            wire.send(vec![7; LENGTH / 2]).await;
            eventually("half of the bytes arrive", async || !server.unfinished().is_empty()).await;
            if polite {
                wire.end().await;
                let answer = wire.next_answer().await;
                assert!(answer.is_none_or(|answer| answer.status == 400));
            }
            drop(wire);
            nothing_is_left(&server).await;
        }
    }
    let seen = ann.get(&format!("/upload/{}", text(&upload["upload_id"]))).await.ok();
    assert_eq!((&seen["state"], &seen["received_bytes"]), (&json!("open"), &json!(0)));
    ann.complete(&upload).await.refused(409, "upload_incomplete");
    ann.put(&upload, vec![7; LENGTH]).await.ok_empty();
    ann.complete(&upload).await.ok();
    assert_well(&server).await;
}

#[tokio::test]
async fn a_sender_who_leaves_while_a_form_is_being_stored_leaves_nothing() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let mut wire = RawConnection::to(&server).await;
    begin_form(&mut wire, &ann, "", LENGTH).await;
    eventually("some of the bytes arrive", async || !server.unfinished().is_empty()).await;
    drop(wire);
    nothing_is_left(&server).await;
    assert_eq!(ann.names(None).await, Vec::<String>::new());
}

#[tokio::test]
async fn clients_silent_within_a_part_get_a_timeout_response() {
    let server = Server::with(&[("BODY_IDLE_SECONDS", "1")]).await;
    let (ann, anonymous) = (server.user("ann").await, server.anonymous());
    let upload = ann.begin("half.bin", LENGTH, None).await.ok();
    let length = LENGTH.to_string();
    let mut wire = RawConnection::to(&server).await;
    let headers = [("Content-Length", length.as_str()), ("If-None-Match", "*")];
    wire.head(&anonymous, "PUT", &text(&upload["parts"][0]["url"]), &headers).await;
    wire.send(vec![7; LENGTH / 2]).await;
    let answer = wire.answer().await;
    assert!(answer.headers.contains_key("x-request-id"));
    answer.refused(408, "request_timeout");
    nothing_is_left(&server).await;
    assert_eq!(ann.quota().await["reserved_bytes"], LENGTH);
    ann.put(&upload, vec![7; LENGTH]).await.ok_empty();
    assert_well(&server).await;
}
