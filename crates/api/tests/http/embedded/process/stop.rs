use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::process::stop::{closed, connection, rest};
use crate::process::{exit_code, log_of, signal, start_in};
use crate::support::{Server, Storage, eventually, sha256, text};

#[tokio::test]
async fn running_requests_finish_after_a_stop_signal() {
    for name in ["TERM", "INT"] {
        let (mut server, _) = start_in(Storage::new(), &[("RUST_LOG", "info")]).await;
        let ann = server.user("ann").await;
        // More than the connection can buffer, so that the response is unfinished at SIGTERM.
        let large: Vec<u8> = (0..48_u32 << 20).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let file = ann.upload("large.bin", &large, None).await;
        let url = text(&ann.get(&format!("/file/{}", text(&file["id"]))).await.ok()["download"]["url"]);
        let get = format!("GET {} HTTP/1.1\r\nHost: drive\r\n\r\n", target(&server, &url));
        let mut download = connection(&server, &get).await;
        let mut begun = vec![0; 1000];
        download.read_exact(&mut begun).await.unwrap();
        let upload = ann.begin("half.txt", 10, None).await.ok();
        let url = text(&upload["parts"][0]["url"]);
        let put = format!(
            "PUT {} HTTP/1.1\r\nHost: drive\r\nIf-None-Match: *\r\nContent-Length: 10\r\n\r\n01234",
            target(&server, &url)
        );
        let mut sending = connection(&server, &put).await;
        eventually("the first half has arrived", async || !server.unfinished().is_empty()).await;

        signal(server.process().id(), name);
        closed(&server).await;
        assert!(server.process().try_wait().unwrap().is_none(), "it waits for both");
        sending.write_all(b"56789").await.unwrap();
        let stored = String::from_utf8(rest(sending).await).unwrap();
        assert!(stored.starts_with("HTTP/1.1 200 OK\r\n"), "{stored}");
        begun.extend(rest(download).await);
        let end_of_head = begun.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        assert_eq!(sha256(&begun[end_of_head..]), sha256(&large));
        assert_eq!(exit_code(&mut server).await, 0, "{name}");
        let log = log_of(&server);
        assert!(
            log.contains(&format!("SIG{name}: finishing running requests")) && log.contains("server stopped"),
            "{log}"
        );

        // What was acknowledged during the shutdown is there after a restart.
        let server = server.restart(&[]).await;
        let ann = server.login("ann").await;
        let file = ann.complete(&upload).await.ok();
        assert_eq!(ann.download(&text(&file["id"])).await, b"0123456789");
    }
}

#[tokio::test]
async fn shutdown_does_not_wait_for_endless_clients() {
    let (mut server, _) = start_in(Storage::new(), &[("SHUTDOWN_SECONDS", "1")]).await;
    let ann = server.user("ann").await;
    let upload = ann.begin("half.txt", 10, None).await.ok();
    let url = text(&upload["parts"][0]["url"]);
    let put = format!(
        "PUT {} HTTP/1.1\r\nHost: drive\r\nIf-None-Match: *\r\nContent-Length: 10\r\n\r\n01234",
        target(&server, &url)
    );
    let stalled = connection(&server, &put).await;
    eventually("the first half has arrived", async || !server.unfinished().is_empty()).await;
    signal(server.process().id(), "TERM");
    assert_eq!(exit_code(&mut server).await, 0);
    drop(stalled);
    // Half a part does not count: the upload is unchanged.
    let server = server.restart(&[]).await;
    let ann = server.login("ann").await;
    ann.complete(&upload).await.refused(409, "upload_incomplete");
}

/// The path and query of one of the server's URLs.
fn target<'a>(server: &Server, url: &'a str) -> &'a str {
    url.strip_prefix(server.url()).unwrap()
}
