use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{attach, exit_code, log_of, signal, start_in};
use crate::support::{Server, binary, eventually, sha256, text};

/// Waits until nobody new is let in.
async fn closed(server: &Server) {
    eventually("new connections are refused", async || TcpStream::connect(server.address()).await.is_err()).await;
}

/// A connection on which this has been sent.
async fn connection(server: &Server, sent: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(sent.as_bytes()).await.unwrap();
    stream
}

/// All that still comes, up to the end.
async fn rest(mut stream: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    bytes
}

/// The path and the query of a URL of the server's.
fn target<'a>(server: &Server, url: &'a str) -> &'a str {
    url.strip_prefix(server.url()).unwrap()
}

#[tokio::test]
async fn what_is_under_way_when_the_server_is_told_to_stop_is_finished() {
    for name in ["TERM", "INT"] {
        let (mut server, _) = start_in(tempfile::tempdir().unwrap(), &[("RUST_LOG", "info")]).await;
        let ann = server.user("ann").await;
        // More than the connection itself can hold, so that the server is not done before it is told to stop.
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
        eventually("the first half has arrived", async || !server.files_in("tmp").is_empty()).await;

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
        assert!(log.contains(&format!("SIG{name}: finishing running requests")) && log.contains("stopped"), "{log}");

        // What was acknowledged on the way down is there on the way up.
        let server = server.restart(&[]).await;
        let ann = server.login("ann").await;
        let file = ann.complete(&upload).await.ok();
        assert_eq!(ann.download(&text(&file["id"])).await, b"0123456789");
    }
}

#[tokio::test]
async fn connections_on_which_nothing_happens_do_not_hold_the_server_up() {
    // An hour is granted to what is under way, so only a server that tells the idle ones apart ends in this test.
    let (mut server, _) = start_in(tempfile::tempdir().unwrap(), &[("SHUTDOWN_SECONDS", "3600")]).await;
    let mut idle = connection(&server, "GET /health HTTP/1.1\r\nHost: drive\r\n\r\n").await;
    let mut answer = vec![0; 15];
    idle.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 200 OK");
    let silent = connection(&server, "").await;
    let ann = server.user("ann").await;
    ann.get("/drive").await.ok();
    signal(server.process().id(), "TERM");
    assert_eq!(exit_code(&mut server).await, 0);
    drop((idle, silent));
}

#[tokio::test]
async fn a_client_that_never_comes_to_an_end_is_not_waited_for_beyond_the_limit() {
    let (mut server, _) = start_in(tempfile::tempdir().unwrap(), &[("SHUTDOWN_SECONDS", "1")]).await;
    let ann = server.user("ann").await;
    let upload = ann.begin("half.txt", 10, None).await.ok();
    let url = text(&upload["parts"][0]["url"]);
    let put = format!(
        "PUT {} HTTP/1.1\r\nHost: drive\r\nIf-None-Match: *\r\nContent-Length: 10\r\n\r\n01234",
        target(&server, &url)
    );
    let stalled = connection(&server, &put).await;
    eventually("the first half has arrived", async || !server.files_in("tmp").is_empty()).await;
    signal(server.process().id(), "TERM");
    assert_eq!(exit_code(&mut server).await, 0);
    drop(stalled);
    // The half counts for nothing: the upload is as it was.
    let server = server.restart(&[]).await;
    let ann = server.login("ann").await;
    ann.complete(&upload).await.refused(409, "upload_incomplete");
}

/// How this machine runs a command as the first process of its own, if it lets us.
fn as_first_process() -> Option<Vec<&'static str>> {
    let ways =
        [vec!["--pid", "--fork", "--kill-child"], vec!["--user", "--map-root-user", "--pid", "--fork", "--kill-child"]];
    ways.into_iter().find(|way| {
        let tried = Command::new("unshare").args(way).arg("true").stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    })
}

/// As a container runs it: process 1 gets no signal but those for which it has a handler.
#[tokio::test]
async fn the_first_process_of_a_container_stops_when_it_is_told_to() {
    let Some(way) = as_first_process() else {
        // Past the capture of the test's output, so that it shows also when all is well.
        writeln!(std::io::stderr(), "SKIPPED 1 test: no process may be made the first of its own here").unwrap();
        return;
    };
    for name in ["TERM", "INT"] {
        let dir = tempfile::tempdir().unwrap();
        let direct = binary(dir.path(), &[]);
        let mut command = Command::new("unshare");
        command.args(&way).arg(direct.get_program()).current_dir(dir.path()).env_clear();
        command.envs(direct.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (mut server, _) = attach(process, dir).await;
        server.user("ann").await;
        let parent = server.process().id();
        let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap();
        let first: u32 = children.trim().parse().unwrap();
        let status = std::fs::read_to_string(Path::new("/proc").join(first.to_string()).join("status")).unwrap();
        let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap();
        assert_eq!(numbers.split_whitespace().last(), Some("1"), "it is process 1 there");
        signal(first, name);
        assert_eq!(exit_code(&mut server).await, 0, "{name}");
    }
}
