//! Form uploads, streamed through the server into the bucket.

use reqwest::Body;
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use sha2::Digest;

use super::id;
use crate::body::begin_form;
use crate::process::stop::closed;
use crate::process::{exit_code, signal, start_in};
use crate::support::{ApiClient, RawConnection, SHORT_GRACE, Server, Storage, eventually, sha256, text};

const PIECE: usize = 1 << 20;
const PIECES: usize = 40;

fn piece(number: usize) -> Vec<u8> {
    (0..PIECE).map(|at| (at ^ (number * 31) ^ (at >> 9)) as u8).collect()
}

#[tokio::test]
async fn a_form_of_many_parts_comes_back_as_it_was_sent() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let pieces = (0..PIECES).map(|number| Ok::<_, std::io::Error>(piece(number)));
    let body = Body::wrap_stream(futures_util::stream::iter(pieces));
    let form = Form::new().part("file", Part::stream(body).file_name("large.bin"));
    let file = ann.send(ann.request(Method::POST, "/file").multipart(form)).await.ok();
    let mut digest = sha2::Sha256::new();
    (0..PIECES).for_each(|number| digest.update(piece(number)));
    let digest: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((&file["size_in_bytes"], text(&file["sha256"])), (&(PIECE * PIECES).into(), digest.clone()));
    assert_eq!(sha256(&ann.download(&id(&file)).await), digest);
    assert!(server.unfinished().is_empty());
}

/// Starts a form of 40 MiB, and waits until parts of it are being stored.
async fn half_sent(server: &Server, caller: &ApiClient) -> RawConnection {
    let mut wire = RawConnection::to(server).await;
    begin_form(&mut wire, caller, "", PIECE * PIECES).await;
    eventually("parts are being stored", async || !server.unfinished().is_empty()).await;
    wire
}

#[tokio::test]
async fn a_sender_who_leaves_in_the_middle_leaves_nothing_in_the_bucket() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let before = ann.quota().await;
    let wire = half_sent(&server, &ann).await;
    drop(wire);
    eventually("nothing is left of it", async || {
        server.run("collect", SHORT_GRACE);
        server.unfinished().is_empty() && ann.quota().await == before
    })
    .await;
    assert!(server.blobs().is_empty());
    assert_eq!(ann.names(None).await, Vec::<String>::new());
}

#[tokio::test]
async fn partial_writes_of_a_killed_server_are_removed() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let wire = half_sent(&server, &ann).await;
    let server = server.restart(&[]).await;
    drop(wire);
    let ann = server.login("ann").await;
    assert!(!server.unfinished().is_empty());
    // The upload expires.
    server.execute("UPDATE uploads SET expires_at = created_at WHERE state = 'open'");
    eventually("nothing is left of it", async || {
        server.run("collect", SHORT_GRACE);
        server.unfinished().is_empty() && ann.quota().await["reserved_bytes"] == 0
    })
    .await;
    assert!(server.blobs().is_empty());
    assert_eq!(ann.names(None).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_running_form_upload_finishes_after_a_stop_signal() {
    for workers in ["1", "4"] {
        let (mut server, _) = start_in(Storage::new(), &[("WORKERS", workers)]).await;
        let ann = server.user("ann").await;
        let mut wire = half_sent(&server, &ann).await;
        signal(server.process().id(), "TERM");
        closed(&server).await;
        assert!(server.process().try_wait().unwrap().is_none(), "it waits for the form");
        let end = "\r\n--b--\r\n";
        let head = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"half.bin\"\r\n\r\n".len();
        let rest = PIECE * PIECES - PIECE * PIECES / 2 - head - end.len();
        wire.send(vec![b'x'; rest]).await;
        wire.send(end).await;
        let file = wire.answer().await.ok();
        assert_eq!(exit_code(&mut server).await, 0);
        let server = server.restart(&[]).await;
        let stored = server.login("ann").await.download(&id(&file)).await;
        assert_eq!(stored.len(), PIECE * PIECES - head - end.len());
        assert!(stored.iter().all(|byte| *byte == b'x'));
    }
}
