//! HAProxy in front of two instances.

use std::fs::File;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use crate::support::{Server, Storage, eventually, free_port};

/// The response header that names the instance.
pub const SERVED_BY: &str = "x-served-by";

const CONFIGURATION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/http/production/rolling_restart/haproxy.cfg");

/// HAProxy; clients use `front` as the server.
pub struct HaProxy {
    pub front: Server,
    socket: PathBuf,
}

impl HaProxy {
    /// Starts HAProxy in front of the instances on these ports.
    pub async fn before(ports: [u16; 2], place: &Arc<Storage>) -> Self {
        let socket = place.path().join("haproxy.sock");
        let bind = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new("haproxy");
        command
            // Debian installs it in a directory that only root's PATH has.
            .env("PATH", format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default()))
            .args(["-db", "-f", CONFIGURATION])
            .env("HAPROXY_SOCKET", &socket)
            .env("HAPROXY_BIND", &bind)
            .stdout(File::create(Self::log(place)).unwrap())
            .stderr(File::create(place.path().join("haproxy.err")).unwrap());
        for (name, port) in ["INSTANCE_A", "INSTANCE_B"].into_iter().zip(ports) {
            command.env(name, format!("127.0.0.1:{port}"));
        }
        let mut process = command
            .spawn()
            .unwrap_or_else(|error| panic!("this test needs HAProxy (Debian's package `haproxy`): {error}"));
        eventually("HAProxy listens", async || {
            let printed = || std::fs::read_to_string(place.path().join("haproxy.err")).unwrap();
            assert!(process.try_wait().unwrap().is_none(), "{}", printed());
            TcpStream::connect(&bind).await.is_ok()
        })
        .await;
        Self { front: Server::attach(process, format!("http://{bind}"), place.clone()).await, socket }
    }

    /// Waits until HAProxy sends requests to this instance.
    pub async fn sees(&self, instance: &str) {
        eventually("HAProxy sees the instance", async || self.status_of(instance).await == "UP").await;
    }

    /// Waits until a form, which takes long and is not about to end, is under way at this instance.
    pub async fn holds_a_form(&self, instance: &str) {
        let server = format!(" srv={instance} ");
        eventually("a form is under way at the instance", async || {
            let streams = self.ask("show sess").await;
            streams.lines().any(|line| line.contains(&server) && line.contains(" age=1s "))
        })
        .await;
    }

    async fn status_of(&self, instance: &str) -> String {
        let table = self.ask("show stat instances 4 -1").await;
        let mut lines = table.lines().map(|line| line.split(',').collect::<Vec<_>>());
        let head = lines.next().unwrap();
        let status = head.iter().position(|name| *name == "status").unwrap();
        let row = lines.find(|row| row.get(1) == Some(&instance));
        row.unwrap_or_else(|| panic!("no {instance} in {table}"))[status].to_owned()
    }

    async fn ask(&self, command: &str) -> String {
        let mut stream = UnixStream::connect(&self.socket).await.unwrap();
        stream.write_all(format!("{command}\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    fn log(place: &Storage) -> PathBuf {
        place.path().join("haproxy.log")
    }

    /// The lines of HAProxy's log for failed requests.
    pub fn complaints(&self) -> String {
        let log = std::fs::read_to_string(Self::log(self.front.storage())).unwrap();
        // CLIENT TIME FRONTEND BACKEND/SERVER TIMERS STATUS …
        let status = |line: &str| line.split(' ').nth(5).unwrap_or_default().to_owned();
        let bad = |line: &&str| status(line).starts_with('5') || status(line) == "-1";
        log.lines().filter(bad).collect::<Vec<_>>().join("\n")
    }
}
