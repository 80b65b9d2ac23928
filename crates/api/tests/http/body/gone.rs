use super::{assert_well, begin_form};
use crate::support::{RawConnection, Server, eventually};

const LENGTH: usize = 4_000_000;

/// Waits until no bytes of an interrupted upload are left.
pub async fn nothing_is_left(server: &Server) {
    eventually("nothing is left of the bytes", async || server.unfinished().is_empty() && server.blobs().is_empty())
        .await;
}

#[tokio::test]
async fn a_sender_who_leaves_in_the_middle_of_a_form_leaves_nothing() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let before = ann.quota().await;
    let fields = "--b\r\nContent-Disposition: form-data; name=\"file_size_in_bytes\"\r\n\r\n1000000\r\n";
    for fields in ["", fields] {
        for polite in [false, true] {
            let mut wire = RawConnection::to(&server).await;
            begin_form(&mut wire, &ann, fields, LENGTH).await;
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
async fn many_cancelled_uploads_leave_nothing() {
    let server = Server::with(&[("MAX_OPEN_UPLOADS", "1")]).await;
    let ann = server.user("ann").await;
    for _ in 0..20 {
        let mut wire = RawConnection::to(&server).await;
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
        let mut wire = RawConnection::to(&server).await;
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
async fn silent_clients_get_a_timeout_response() {
    let server = Server::with(&[("BODY_IDLE_SECONDS", "1")]).await;
    let (ann, anonymous) = (server.user("ann").await, server.anonymous());
    let mut form = RawConnection::to(&server).await;
    begin_form(&mut form, &ann, "", LENGTH).await;
    let mut json = RawConnection::to(&server).await;
    json.head(&ann, "POST", "/drive", &[("Content-Type", "application/json"), ("Content-Length", "30")]).await;
    json.send("{").await;
    let mut photo = RawConnection::to(&server).await;
    photo
        .head(&ann, "POST", "/profile_photo", &[("Content-Type", "image/png"), ("Transfer-Encoding", "chunked")])
        .await;
    let mut unknown = RawConnection::to(&server).await;
    unknown.head(&anonymous, "POST", "/login", &[("Content-Type", "application/json"), ("Content-Length", "9")]).await;

    for wire in [&mut form, &mut json, &mut photo, &mut unknown] {
        let answer = wire.answer().await;
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert!(answer.headers.contains_key("x-request-id"));
        answer.refused(408, "request_timeout");
    }
    nothing_is_left(&server).await;
    assert_eq!(ann.names(None).await, Vec::<String>::new());
    assert_eq!(ann.quota().await["reserved_bytes"], 0);
    assert_well(&server).await;
}

#[tokio::test]
async fn a_connection_whose_chunks_never_end_is_closed_after_the_response() {
    let server = Server::with(&[("BODY_IDLE_SECONDS", "1")]).await;
    let ann = server.user("ann").await;
    let headers = [("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")];
    for (path, status) in [("/drive", 408), ("/verify-token", 405)] {
        let mut wire = RawConnection::to(&server).await;
        wire.head(&ann, "POST", path, &headers).await;
        wire.send("1\r\n{\r\n").await;
        assert_eq!(wire.answer().await.status, status, "{path}");
        assert!(wire.next_answer().await.is_none(), "{path}: the connection ends");
    }
}

#[tokio::test]
async fn a_request_to_upgrade_has_no_body() {
    let server = Server::start().await;
    let anonymous = server.anonymous();
    for upgrade in ["websocket", "h2c"] {
        let mut wire = RawConnection::to(&server).await;
        let headers = [("Content-Type", "application/json"), ("Connection", "Upgrade"), ("Upgrade", upgrade)];
        wire.head(&anonymous, "POST", "/login", &headers).await;
        assert_eq!(wire.answer().await.status, 400, "{upgrade}");
    }
    assert_well(&server).await;
}
