use serde_json::json;

use super::{assert_well, begin_form};
use crate::support::{Server, Wire, eventually, text};

const LENGTH: usize = 4_000_000;

/// Waits until no byte of an upload that broke off is left.
async fn nothing_is_left(server: &Server) {
    eventually("nothing is left of the bytes", async || {
        server.files_in("tmp").is_empty() && server.files_in("blobs").is_empty()
    })
    .await;
}

#[tokio::test]
async fn a_sender_who_leaves_in_the_middle_of_a_part_may_come_back() {
    let server = Server::start().await;
    let (ann, nobody) = (server.user("ann").await, server.anonymous());
    let upload = ann.begin("half.bin", LENGTH, None).await.ok();
    let url = text(&upload["parts"][0]["url"]);
    let length = LENGTH.to_string();
    for polite in [false, true] {
        for framing in [("Content-Length", length.as_str()), ("Transfer-Encoding", "chunked")] {
            let mut wire = Wire::to(&server).await;
            wire.head(&nobody, "PUT", &url, &[framing, ("If-None-Match", "*")]).await;
            if framing.1 == "chunked" {
                wire.send(format!("{LENGTH:x}\r\n")).await;
            }
            wire.send(vec![7; LENGTH / 2]).await;
            eventually("half of the bytes arrive", async || !server.files_in("tmp").is_empty()).await;
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
async fn a_sender_who_leaves_in_the_middle_of_a_form_leaves_nothing() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let before = ann.quota().await;
    let fields = "--b\r\nContent-Disposition: form-data; name=\"file_size_in_bytes\"\r\n\r\n1000000\r\n";
    for fields in ["", fields] {
        for polite in [false, true] {
            let mut wire = Wire::to(&server).await;
            begin_form(&mut wire, &ann, fields, LENGTH).await;
            eventually("some of the bytes arrive", async || !server.files_in("tmp").is_empty() || !fields.is_empty())
                .await;
            if polite {
                wire.end().await;
                let answer = wire.next_answer().await;
                assert!(answer.is_none_or(|answer| (400..500).contains(&answer.status)));
            }
            drop(wire);
            nothing_is_left(&server).await;
        }
    }
    assert_eq!(ann.names(None).await, Vec::<String>::new());
    assert_eq!(ann.quota().await, before);
    ann.send_form(&[], "half.bin", b"whole").await.ok();
    assert_well(&server).await;
}

#[tokio::test]
async fn many_who_leave_at_once_leave_nothing_either() {
    let server = Server::with(&[("MAX_OPEN_UPLOADS", "1")]).await;
    let ann = server.user("ann").await;
    for _ in 0..20 {
        let mut wire = Wire::to(&server).await;
        begin_form(&mut wire, &ann, "", LENGTH).await;
    }
    nothing_is_left(&server).await;
    eventually("their places are free again", async || {
        ann.send_form(&[("file_conflict", "Replace")], "whole.bin", b"whole").await.status == 201
    })
    .await;
    assert_eq!(ann.names(None).await, ["whole.bin"]);
}

#[tokio::test]
async fn half_a_request_does_nothing() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    for polite in [false, true] {
        let mut wire = Wire::to(&server).await;
        let headers = [("Content-Type", "application/json"), ("Content-Length", "1000")];
        wire.head(&ann, "POST", "/drive", &headers).await;
        wire.send("{\"folder_name\": \"half\"}").await;
        if polite {
            wire.end().await;
            let answer = wire.next_answer().await;
            assert!(answer.is_none_or(|answer| answer.status == 400));
        }
    }
    assert_well(&server).await;
    assert_eq!(ann.names(None).await, Vec::<String>::new());
}

#[tokio::test]
async fn who_falls_silent_is_told_so() {
    let server = Server::with(&[("BODY_IDLE_SECONDS", "1")]).await;
    let (ann, nobody) = (server.user("ann").await, server.anonymous());
    let upload = ann.begin("half.bin", LENGTH, None).await.ok();
    let length = LENGTH.to_string();

    let mut put = Wire::to(&server).await;
    let headers = [("Content-Length", length.as_str()), ("If-None-Match", "*")];
    put.head(&nobody, "PUT", &text(&upload["parts"][0]["url"]), &headers).await;
    put.send(vec![7; LENGTH / 2]).await;
    let mut form = Wire::to(&server).await;
    begin_form(&mut form, &ann, "", LENGTH).await;
    let mut json = Wire::to(&server).await;
    json.head(&ann, "POST", "/drive", &[("Content-Type", "application/json"), ("Content-Length", "30")]).await;
    json.send("{").await;
    let mut photo = Wire::to(&server).await;
    photo
        .head(&ann, "POST", "/profile_photo", &[("Content-Type", "image/png"), ("Transfer-Encoding", "chunked")])
        .await;
    let mut unknown = Wire::to(&server).await;
    unknown.head(&nobody, "POST", "/login", &[("Content-Type", "application/json"), ("Content-Length", "9")]).await;

    for wire in [&mut put, &mut form, &mut json, &mut photo, &mut unknown] {
        let answer = wire.answer().await;
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert!(answer.headers.contains_key("x-request-id"));
        answer.refused(408, "request_timeout");
    }
    nothing_is_left(&server).await;
    assert_eq!(ann.names(None).await, Vec::<String>::new());
    assert_eq!(ann.quota().await["reserved_bytes"], LENGTH);
    ann.put(&upload, vec![7; LENGTH]).await.ok_empty();
    assert_well(&server).await;
}
