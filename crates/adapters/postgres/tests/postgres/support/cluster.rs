//! A test's own server: PostgreSQL, optionally behind PgBouncer.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A server in its own directory; both are removed on drop.
pub(crate) struct Cluster {
    dir: TempDir,
    server: Option<Child>,
    bouncer: Option<Child>,
}

/// The port in the name of the socket. The server does not listen on it.
const PORT: u16 = 5432;

impl Cluster {
    /// Creates a server with these lines in its configuration, and starts it.
    pub(crate) fn start(settings: &str) -> Self {
        let mut cluster = Self::make(settings);
        cluster.up();
        cluster
    }

    /// Creates a server without starting it.
    pub(crate) fn make(settings: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        give_away(dir.path());
        let cluster = Self { dir, server: None, bouncer: None };
        let data = cluster.data();
        run(program("initdb")
            .args(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "-D"])
            .arg(&data));
        let socket = cluster.dir.path().display().to_string();
        let own = format!("fsync = off\nlisten_addresses = ''\nport = {PORT}\nunix_socket_directories = '{socket}'\n");
        let file = data.join("postgresql.conf");
        let defaults = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("{defaults}\n{own}\nmax_connections = 50\n{settings}\n")).unwrap();
        cluster
    }

    /// Starts the server, and returns when it accepts connections.
    pub(crate) fn up(&mut self) {
        self.server = Some(self.launch());
    }

    /// Stops the server at once, like a crash; the connections break.
    pub(crate) fn down(&mut self) {
        if let Some(mut server) = self.server.take() {
            // SIGQUIT is PostgreSQL's immediate shutdown.
            let _ = Command::new("kill").args(["-QUIT", &server.id().to_string()]).status();
            let _ = server.wait();
        }
    }

    fn launch(&self) -> Child {
        let mut server = program("postgres").arg("-D").arg(self.data()).stderr(Stdio::piped()).spawn().unwrap();
        await_line(&mut server, "database system is ready to accept connections");
        server
    }

    /// Puts PgBouncer in front of the server, in transaction mode, with `pool` server connections, and returns its URL.
    pub(crate) fn bounce(&mut self, pool: u32) -> String {
        let dir = self.dir.path().display();
        let bouncer_dir = self.dir.path().join("bouncer");
        std::fs::create_dir(&bouncer_dir).unwrap();
        give_away(&bouncer_dir);
        let config = format!(
            "[databases]\n* = host={dir} port={PORT} user=postgres\n[pgbouncer]\npool_mode = transaction\n\
             default_pool_size = {pool}\nmax_client_conn = 100\nlisten_addr =\nlisten_port = {PORT}\n\
             unix_socket_dir = {}\nauth_type = any\n",
            bouncer_dir.display()
        );
        let file = bouncer_dir.join("pgbouncer.ini");
        std::fs::write(&file, config).unwrap();
        let mut command = as_server(Path::new("/usr/sbin/pgbouncer"));
        let mut bouncer = command
            .arg(&file)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("this test needs PgBouncer (Debian's package `pgbouncer`): {error}"));
        await_line(&mut bouncer, "process up");
        self.bouncer = Some(bouncer);
        url(&bouncer_dir, "postgres")
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The URL of the server's socket.
    pub(crate) fn url(&self) -> String {
        url(self.dir.path(), "postgres")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(mut bouncer) = self.bouncer.take() {
            let _ = bouncer.kill();
            let _ = bouncer.wait();
        }
        self.down();
    }
}

fn url(socket: &Path, database: &str) -> String {
    format!("postgres://postgres@{}:{PORT}/{database}", socket.display().to_string().replace('/', "%2F"))
}

/// One of the server's programs, which are not on the PATH, to be run as a user other than root.
#[expect(clippy::disallowed_methods, reason = "programs are found by the environment")]
fn program(name: &str) -> Command {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
    let mut places: Vec<PathBuf> = versions.map(|entry| entry.path().join("bin")).collect();
    places.sort();
    places.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let found = places.iter().rev().map(|place| place.join(name)).find(|path| path.is_file());
    as_server(&found.unwrap_or_else(|| panic!("this test needs PostgreSQL's `{name}` (Debian's package `postgresql`)")))
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// PostgreSQL refuses to run as root.
fn as_server(program: &Path) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--reset-env"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.stdout(Stdio::null()).stdin(Stdio::null());
    command
}

/// Changes the owner of the directory or file to the server's user.
pub(crate) fn give_away(path: &Path) {
    if is_root() {
        let entries = std::fs::read_to_string("/etc/passwd").unwrap();
        let entry = entries.lines().find(|line| line.starts_with("postgres:")).unwrap();
        let mut ids = entry.split(':').skip(2).map(|id| id.parse().unwrap());
        chown(path, ids.next(), ids.next()).unwrap();
    }
    let mode = if path.is_dir() { 0o700 } else { 0o600 };
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

fn run(command: &mut Command) {
    let done = command.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// Waits until the program prints `sign`, and keeps reading, so that it does not block on a full pipe.
fn await_line(child: &mut Child, sign: &str) {
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let mut said = Vec::new();
    let ready = lines.by_ref().any(|line| {
        let ready = line.contains(sign);
        said.push(line);
        ready
    });
    assert!(ready, "{}", said.join("\n"));
    std::thread::spawn(move || lines.for_each(drop));
}
