use std::any::Any;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{attach, exit_code, log_of, signal, start_in};
use crate::support::{RawConnection, Server, Storage, eventually, report_skipped};
use crate::telemetry::metrics::{self, requests_under_way};

/// Waits until new connections are refused.
pub async fn closed(server: &Server) {
    eventually("new connections are refused", async || TcpStream::connect(server.address()).await.is_err()).await;
}

/// Opens a connection and sends this on it.
pub async fn connection(server: &Server, sent: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(sent.as_bytes()).await.unwrap();
    stream
}

/// Reads to the end.
pub async fn rest(mut stream: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    bytes
}

#[tokio::test]
async fn connections_on_which_nothing_happens_do_not_hold_the_server_up() {
    // Running requests have an hour, so the test passes only if idle connections are told apart.
    let (mut server, _) = start_in(Storage::new(), &[("SHUTDOWN_SECONDS", "3600")]).await;
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
async fn a_stopping_server_is_unready_before_it_refuses_connections() {
    let (mut server, _) = start_in(Storage::new(), &[("DRAIN_SECONDS", "3600")]).await;
    let ann = server.user("ann").await;
    assert_eq!(server.anonymous().get("/health/ready").await.status, 200);
    signal(server.process().id(), "TERM");
    eventually("it is not ready any more", async || server.anonymous().get("/health/ready").await.status == 503).await;
    // Other requests are served, on connections that then close.
    let answer = ann.post("/drive", json!({"folder_name": "Late"})).await;
    assert_eq!((answer.status, answer.header("connection")), (201, "close"));
    assert_eq!(server.anonymous().get("/health").await.status, 200);
    // A second signal skips the wait.
    signal(server.process().id(), "TERM");
    assert_eq!(exit_code(&mut server).await, 0);
}

/// Starts a server that deletes a folder, and whose database is occupied until the result is dropped. The client stays
/// as long, or has left.
async fn deleting(variables: &[(&str, &str)], client_stays: bool) -> (Server, Box<dyn Any>) {
    let (server, metrics) = metrics::start(variables).await;
    let ann = server.user("ann").await;
    let folder = ann.folder("Plans", None).await;
    requests_under_way(&metrics, 0).await;
    let occupied = server.occupy();
    let mut wire = RawConnection::to(&server).await;
    wire.head(&ann, "DELETE", &format!("/drive/{folder}"), &[]).await;
    requests_under_way(&metrics, 1).await;
    if client_stays {
        return (server, Box::new((occupied, wire)));
    }
    wire.break_off();
    requests_under_way(&metrics, 0).await;
    (server, occupied)
}

#[tokio::test]
async fn a_change_whose_client_has_left_is_brought_to_its_end() {
    let (mut server, occupied) = deleting(&[("RUST_LOG", "warn")], false).await;
    signal(server.process().id(), "TERM");
    closed(&server).await;
    drop(occupied);
    assert_eq!(exit_code(&mut server).await, 0);
    let log = log_of(&server);
    assert!(log.contains("item.trashed") && !log.contains("cut off"), "{log}");
}

#[tokio::test]
async fn a_change_is_not_waited_for_beyond_the_limit_and_then_logged_as_cut_off() {
    for client_stays in [false, true] {
        let (mut server, occupied) = deleting(&[("SHUTDOWN_SECONDS", "0")], client_stays).await;
        signal(server.process().id(), "TERM");
        assert_eq!(exit_code(&mut server).await, 0);
        drop(occupied);
        let log = log_of(&server);
        assert!(log.contains("requests that change something were cut off"), "{client_stays}: {log}");
    }
}

/// The `unshare` options to run a command as process 1 of a PID namespace, if this machine allows it.
fn as_first_process() -> Option<Vec<&'static str>> {
    let ways =
        [vec!["--pid", "--fork", "--kill-child"], vec!["--user", "--map-root-user", "--pid", "--fork", "--kill-child"]];
    ways.into_iter().find(|way| {
        let tried = Command::new("unshare").args(way).arg("true").stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    })
}

/// As in a container: process 1 receives only signals for which it has a handler.
#[tokio::test]
async fn the_first_process_of_a_container_stops_on_a_signal() {
    let Some(way) = as_first_process() else {
        report_skipped("no process may be made the first of a namespace");
        return;
    };
    for name in ["TERM", "INT"] {
        let place = Arc::new(Storage::new());
        let direct = place.command(&[]);
        let mut command = Command::new("unshare");
        command.args(&way).arg(direct.get_program()).current_dir(place.path()).env_clear();
        command.envs(direct.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (mut server, _) = attach(process, place).await;
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
