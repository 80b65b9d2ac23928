//! PgBouncer in front of the PostgreSQL server.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Command};

use tempfile::TempDir;
use tokio::net::TcpStream;

use super::proxy::database_url;
use super::stack::production;
use super::{Proxy, Storage, eventually, free_port};

/// PgBouncer in transaction mode, with two server connections; killed when dropped.
pub struct Pooler {
    process: Child,
    port: u16,
    _dir: TempDir,
}

impl Pooler {
    pub async fn start() -> Self {
        let (server, port, dir) = (Proxy::to_postgres(), free_port(), tempfile::tempdir().unwrap());
        let role = production().database_url.split("://").nth(1).unwrap().split('@').next().unwrap();
        let login = match role.split_once(':') {
            Some((user, password)) => format!("user={user} password={password}"),
            None => format!("user={role}"),
        };
        let config = format!(
            "[databases]\n* = host=127.0.0.1 port={} {login}\n[pgbouncer]\n\
             pool_mode = transaction\ndefault_pool_size = 2\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = any\n",
            server.port()
        );
        let (file, log) = (dir.path().join("pgbouncer.ini"), dir.path().join("log"));
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new("pgbouncer");
        // Debian installs it in a directory that only root's PATH has.
        command.env("PATH", format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default()));
        if std::fs::metadata(dir.path()).unwrap().uid() == 0 {
            // It refuses to run as root.
            command.args(["-u", "nobody"]);
        }
        command.arg(&file).stderr(File::create(&log).unwrap());
        let mut process = command
            .spawn()
            .unwrap_or_else(|error| panic!("this test needs PgBouncer (Debian's package `pgbouncer`): {error}"));
        eventually("PgBouncer listens", async || {
            assert!(process.try_wait().unwrap().is_none(), "{}", std::fs::read_to_string(&log).unwrap());
            TcpStream::connect(("127.0.0.1", port)).await.is_ok()
        })
        .await;
        Self { process, port, _dir: dir }
    }

    /// The URL of `place`'s database through the pooler.
    pub fn database_url(&self, place: &Storage) -> String {
        database_url(place, self.port)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
