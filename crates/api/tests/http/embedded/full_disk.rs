//! A small disk for the test, which fills up.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use serde_json::json;

use crate::process::{attach, exit_code, signal};
use crate::support::{ApiClient, Server, Storage, eventually, report_skipped, text};

/// Mounts a small tmpfs on the directory, visible only to this process and its children.
const MOUNT: &str =
    r#"mkdir -p "$0" && mount -t tmpfs -o size=64m,mode=0700 none "$0" && echo mounted && exec sleep 3600"#;

/// A disk of 64 MiB, which exists as long as its holder process.
struct SmallDisk {
    holder: Child,
    /// The `nsenter` options to enter its namespaces.
    enter: Vec<&'static str>,
    data: PathBuf,
}

impl SmallDisk {
    /// Mounts one at `data`: as root, or as the root of a user namespace. Reports it where this machine allows neither.
    /// A limit of file sizes needs no privileges, but its error is not that of a full disk.
    fn mount(data: &Path) -> Option<Self> {
        let ways = [
            (vec!["--mount"], vec!["--mount"]),
            (vec!["--user", "--map-root-user", "--mount"], vec!["--user", "--preserve-credentials", "--mount"]),
        ];
        let disk = ways.into_iter().find_map(|(make, enter)| {
            let mut command = Command::new("unshare");
            command.args(make).args(["sh", "-c", MOUNT]).arg(data).stdout(Stdio::piped()).stderr(Stdio::null());
            let mut holder = command.spawn().ok()?;
            let mut line = String::new();
            BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
            let disk = Self { holder, enter, data: data.to_owned() };
            (line == "mounted\n").then_some(disk)
        });
        if disk.is_none() {
            report_skipped("no disk may be mounted");
        }
        disk
    }

    /// The path of a file on it, as seen from this process.
    fn path(&self, name: &str) -> PathBuf {
        let root = format!("/proc/{}/root", self.holder.id());
        Path::new(&root).join(self.data.strip_prefix("/").unwrap()).join(name)
    }

    async fn start(&self, place: &Arc<Storage>) -> Server {
        let data = self.data.to_str().unwrap();
        let direct = place.command(&[("DATA_DIR", data)]);
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.holder.id().to_string()]).args(&self.enter).arg("--");
        command.arg(direct.get_program()).env_clear();
        command.envs(direct.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let process = command.stdout(Stdio::piped()).spawn().unwrap();
        attach(process, place.clone()).await.0
    }

    /// Fills the disk to the last byte.
    fn fill(&self) {
        let mut balloon = File::options().create(true).append(true).open(self.path("balloon")).unwrap();
        for size in [1 << 20, 4096, 1] {
            while balloon.write_all(&vec![7; size]).is_ok() {}
        }
    }

    fn make_room(&self) {
        std::fs::remove_file(self.path("balloon")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// Reads, logins and deletions succeed and free space; nothing can be added or replaced.
async fn there_is_a_way_out(server: &Server, ann: &ApiClient, kept_file: &str, spare: &str) {
    let problem = server.anonymous().get("/health/ready").await.refused(503, "unavailable");
    let detail = text(&problem["detail"]);
    assert!(detail.contains("database") || detail.contains("storage"), "{problem}");
    server.anonymous().get("/health").await.ok();
    let kept = ann.names(None).await;
    assert!(kept.contains(&"kept.txt".to_owned()), "{kept:?}");
    let stranger = server.anonymous();
    let other = json!({"username": "bob", "email": "bob@example.com", "password": "a quiet morning"});
    stranger.post("/user", other).await.refused(503, "unavailable");
    ann.post("/drive", json!({"folder_name": "More"})).await.refused(503, "unavailable");
    ann.begin("more.txt", 5, None).await.refused(503, "unavailable");
    ann.send_form(&[], "more.txt", b"hello").await.refused(503, "unavailable");
    ann.put_content(kept_file, b"other", &[]).await.refused(503, "unavailable");
    assert_eq!(ann.download(kept_file).await, b"hello");

    // Logging in and deleting permanently still work.
    let again = server.login("ann").await;
    let used = again.quota().await["used_bytes"].as_u64().unwrap();
    again.delete(&format!("/file/{spare}")).await.ok_empty();
    again.delete(&format!("/trash/{spare}")).await.ok_empty();
    assert_eq!(again.quota().await["used_bytes"], used - 100_000);
}

#[tokio::test]
async fn a_full_disk_leaves_a_way_out() {
    let place = Arc::new(Storage::new());
    let Some(disk) = SmallDisk::mount(&place.path().join("data")) else {
        return;
    };
    let mut server = disk.start(&place).await;
    let ann = server.user("ann").await;
    let kept = text(&ann.upload("kept.txt", b"hello", None).await["id"]);
    let mut spare = Vec::new();
    for name in ["one.bin", "two.bin"] {
        spare.push(text(&ann.upload(name, &vec![7; 100_000], None).await["id"]));
    }
    server.anonymous().get("/health/ready").await.ok();
    signal(server.process().id(), "TERM");
    assert_eq!(exit_code(&mut server).await, 0);

    // The server starts on a full disk.
    disk.fill();
    let server = disk.start(&place).await;
    let ann = server.login("ann").await;
    assert_eq!(ann.download(&kept).await, b"hello");
    there_is_a_way_out(&server, &ann, &kept, &spare[0]).await;
    disk.make_room();
    eventually("it is ready again", async || server.anonymous().get("/health/ready").await.status == 200).await;
    ann.folder("First", None).await;

    // It also keeps running when the disk fills up.
    disk.fill();
    there_is_a_way_out(&server, &ann, &kept, &spare[1]).await;
    assert_eq!(ann.download(&kept).await, b"hello");
    disk.make_room();
    eventually("it is ready again", async || server.anonymous().get("/health/ready").await.status == 200).await;
    ann.folder("Second", None).await;
    ann.put_content(&kept, b"other", &[]).await.ok();
    assert_eq!(ann.download(&kept).await, b"other");
    assert_eq!(ann.names(None).await, ["First", "kept.txt", "Second"]);
}

/// Uploads stop before they use the last of the disk.
#[tokio::test]
async fn uploads_leave_room_for_all_else() {
    let place = Arc::new(Storage::new());
    let Some(disk) = SmallDisk::mount(&place.path().join("data")) else {
        return;
    };
    let server = disk.start(&place).await;
    let ann = server.user("ann").await;
    ann.send_form(&[], "large.bin", &vec![7; 30 << 20]).await.refused(503, "unavailable");
    assert_eq!(ann.names(None).await, Vec::<String>::new());
    assert_eq!(ann.quota().await["used_bytes"], 0);
    // Partial uploads are removed, so there is free space.
    server.anonymous().get("/health/ready").await.ok();
    ann.folder("Small", None).await;
    ann.send_form(&[], "small.txt", b"hello").await.ok();
}
