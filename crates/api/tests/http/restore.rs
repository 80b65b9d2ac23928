//! Restore drill: a backup taken under load restores every file acknowledged before it began. It is taken by
//! `support/backup.rs`; docs/operations.md has the steps for operators.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::{JoinHandle, block_in_place};

use crate::support::{ApiClient, ApiResponse, Backup, SHORT_GRACE, Server, eventually, png, sha256, text};

/// What the server has acknowledged.
#[derive(Clone, Default)]
struct Acknowledged {
    /// Files and the digests of their bytes.
    files: Vec<(String, String)>,
    /// Files whose content is replaced repeatedly.
    replaced: HashMap<String, ReplacedFile>,
}

/// The digests of all contents sent for a file, and the index of the last acknowledged one.
#[derive(Clone, Default)]
struct ReplacedFile {
    sent: Vec<String>,
    acknowledged: usize,
}

/// Users working while the backup is taken.
struct Work {
    ann: ApiClient,
    folder: String,
    numbers: AtomicUsize,
    over: AtomicBool,
    acknowledged: Mutex<Acknowledged>,
}

/// Bytes unique to `number`.
fn bytes(number: usize) -> Vec<u8> {
    (0..1 + number * 7919 % 60_000).map(|at| (at * 31 + number * 17 + at / 251) as u8).collect()
}

impl Work {
    async fn begin(ann: &ApiClient) -> (Arc<Self>, Vec<JoinHandle<()>>) {
        let folder = ann.folder("Work", None).await;
        let (numbers, over, acknowledged) = (AtomicUsize::new(1000), AtomicBool::new(false), Mutex::default());
        let work = Arc::new(Self { ann: ann.clone(), folder, numbers, over, acknowledged });
        let people = [0, 1, 2].map(|turn| {
            let work = work.clone();
            tokio::spawn(async move {
                match turn {
                    0 => work.add().await,
                    1 => work.replace().await,
                    _ => work.give_up().await,
                }
            })
        });
        (work, people.into())
    }

    fn goes_on(&self) -> bool {
        !self.over.load(Ordering::Relaxed)
    }

    fn number(&self) -> usize {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Uploads a file by a URL or a form, and returns its identifier.
    async fn send(&self, name: &str, bytes: &[u8], by_url: bool) -> String {
        let file = if by_url {
            let body = json!({
                "file_name": name, "file_size_in_bytes": bytes.len(), "parent_folder_id": self.folder,
                "file_conflict": "Replace"
            });
            let upload = self.ann.post("/file", body).await.ok();
            self.ann.put(&upload, bytes).await.ok_empty();
            self.ann.complete(&upload).await.ok()
        } else {
            let fields = [("parent_folder_id", self.folder.as_str()), ("file_conflict", "Replace")];
            self.ann.send_form(&fields, name, bytes).await.ok()
        };
        text(&file["id"])
    }

    async fn add(&self) {
        while self.goes_on() {
            let number = self.number();
            let bytes = bytes(number);
            let file = self.send(&format!("{number}.bin"), &bytes, number.is_multiple_of(2)).await;
            self.acknowledged.lock().unwrap().files.push((file, sha256(&bytes)));
        }
    }

    async fn replace(&self) {
        let mut files = Vec::new();
        for turn in 0..4 {
            let name = format!("turning {turn}");
            let file = self.send(&name, name.as_bytes(), false).await;
            let replaced = ReplacedFile { sent: vec![sha256(name.as_bytes())], acknowledged: 0 };
            self.acknowledged.lock().unwrap().replaced.insert(file.clone(), replaced);
            files.push((file, name));
        }
        while self.goes_on() {
            let number = self.number();
            let (file, name) = &files[number % files.len()];
            let bytes = bytes(number);
            let turn = |change: fn(&mut ReplacedFile, String)| {
                change(self.acknowledged.lock().unwrap().replaced.get_mut(file).unwrap(), sha256(&bytes));
            };
            turn(|replaced, digest| replaced.sent.push(digest));
            self.send(name, &bytes, number.is_multiple_of(3)).await;
            turn(|replaced, _| replaced.acknowledged = replaced.sent.len() - 1);
        }
    }

    async fn give_up(&self) {
        while self.goes_on() {
            let number = self.number();
            let bytes = bytes(number);
            let upload = self.ann.begin(&format!("{number}.tmp"), bytes.len(), Some(&self.folder)).await.ok();
            if number.is_multiple_of(2) {
                self.ann.put(&upload, bytes).await.ok_empty();
            }
            self.ann.delete(&path_of(&upload)).await.ok_empty();
        }
    }

    fn acknowledged(&self) -> Acknowledged {
        self.acknowledged.lock().unwrap().clone()
    }

    /// Waits for this many more files to be acknowledged.
    async fn more(&self, files: usize) {
        let enough = self.acknowledged().files.len() + files;
        eventually("files are acknowledged", async || self.acknowledged().files.len() >= enough).await;
    }
}

fn path_of(upload: &Value) -> String {
    format!("/upload/{}", text(&upload["upload_id"]))
}

async fn set_photo(caller: &ApiClient, side: u32) {
    let request = caller.request(Method::POST, "/profile_photo").header("Content-Type", "image/png");
    caller.send(request.body(png(side, side))).await.ok();
}

async fn photo(server: &Server, caller: &ApiClient) -> ApiResponse {
    server.anonymous().get(&text(&caller.get("/profile_photo").await.ok()["url"])).await
}

/// The keys that this statement returns.
fn keys(server: &Server, statement: &str) -> BTreeSet<String> {
    let all = server.value(&format!("SELECT coalesce(string_agg(key, ','), '') FROM ({statement}) AS found"));
    all.split(',').filter(|key| !key.is_empty()).map(str::to_owned).collect()
}

/// Downloads every file in the root and in `folder`: their digests.
async fn read_back(caller: &ApiClient, folder: &str) -> HashMap<String, String> {
    let mut digests = HashMap::new();
    for path in ["/drive?limit=1000", &format!("/drive/{folder}?limit=1000")] {
        let page = caller.get(path).await.ok();
        assert_eq!(page["next_cursor"], json!(null));
        for file in page["items"].as_array().unwrap().iter().filter(|item| item["kind"] == "file") {
            let bytes = caller.download(&text(&file["id"])).await;
            let digest = sha256(&bytes);
            assert_eq!(file["size_in_bytes"], bytes.len(), "{file}");
            assert!(file["sha256"] == digest || file["sha256"].is_null(), "{file}");
            digests.insert(text(&file["id"]), digest);
        }
    }
    digests
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_file_that_was_acknowledged_before_the_backup_reads_back_elsewhere() {
    // By default, unreferenced blobs are kept for longer than this backup takes. Versions beyond the maximum are not,
    // so the maximum exceeds the number of replaced contents.
    let all_versions = ("MAX_VERSIONS", "1000");
    let mut server = Server::with(&[("COLLECT_INTERVAL_SECONDS", "1"), all_versions]).await;
    let ann = server.user("ann").await;
    server.user("ben").await;
    // Replaced long before the backup.
    for side in 10..16 {
        set_photo(&ann, side).await;
    }
    let garbage = keys(&server, "SELECT key FROM blobs WHERE unreferenced_at IS NOT NULL");
    assert_eq!(garbage.len(), 5);
    // To be replaced, completed or aborted after the database is copied and before the blobs are.
    let mut kept = Vec::new();
    for number in 0..20 {
        let bytes = bytes(number);
        kept.push((text(&ann.upload(&format!("kept {number}"), &bytes, None).await["id"]), sha256(&bytes)));
    }
    let mut open = Vec::new();
    for name in ["completed", "given up", "left"] {
        let upload = ann.begin(name, name.len(), None).await.ok();
        ann.put(&upload, name).await.ok_empty();
        open.push(upload);
    }
    set_photo(&ann, 40).await;
    let portrait = photo(&server, &ann).await.body;
    let (work, people) = Work::begin(&ann).await;
    ann.share_folder(&work.folder, "ben", "view").await;
    work.more(15).await;

    let before = work.acknowledged();
    let backup = block_in_place(|| Backup::of_database(&server));
    work.more(10).await;
    for (number, _) in kept.iter().enumerate() {
        ann.send_form(&[("file_conflict", "Replace")], &format!("kept {number}"), b"another").await.ok();
    }
    ann.complete(&open[0]).await.ok();
    ann.delete(&path_of(&open[1])).await.ok_empty();
    set_photo(&ann, 60).await;
    block_in_place(|| server.run("collect", &[]));
    // Ages the garbage, so that it is removed while the blobs are copied.
    let list = garbage.iter().map(|key| format!("'{key}'")).collect::<Vec<_>>().join(", ");
    server.execute(&format!("UPDATE blobs SET unreferenced_at = 1 WHERE key IN ({list})"));
    block_in_place(|| backup.add_blobs(&server));
    work.more(10).await;
    eventually("the garbage is gone", async || server.blobs().is_disjoint(&garbage)).await;
    work.over.store(true, Ordering::Relaxed);
    for person in people {
        person.await.unwrap();
    }
    let after = work.acknowledged();
    server.kill();
    drop(server);

    let restored = backup.restore(&[all_versions]).await;
    restored.with_token(ann.token()).get("/verify-token").await.ok();
    let ann = restored.login("ann").await;
    let digests = read_back(&ann, &work.folder).await;
    assert!(before.files.len() >= 15 && digests.len() < kept.len() + after.files.len());
    for (id, digest) in kept.iter().chain(&before.files) {
        assert_eq!(digests.get(id), Some(digest), "{id} was stored before the backup began");
    }
    for (id, ReplacedFile { acknowledged, .. }) in &before.replaced {
        let since = &after.replaced[id].sent[*acknowledged..];
        assert!(since.contains(&digests[id]), "{id} was stored before the backup began");
    }
    let used = restored.value("SELECT sum(size_bytes) FROM versions");
    assert_eq!(ann.quota().await["used_bytes"].to_string(), used);
    assert_eq!(photo(&restored, &ann).await.body, portrait);
    assert!(restored.login("ben").await.names(Some(&work.folder)).await.contains(&"turning 0".to_owned()));

    // The restored server works, also for uploads that were open.
    let new = text(&ann.upload("new.txt", b"new", None).await["id"]);
    ann.send_form(&[], "form.txt", b"form").await.ok();
    let completed = text(&ann.complete(&open[0]).await.ok()["id"]);
    assert_eq!(ann.download(&completed).await, b"completed");
    ann.complete(&open[1]).await.refused(409, "upload_incomplete");
    ann.delete(&path_of(&open[1])).await.ok_empty();
    restored.execute("UPDATE uploads SET expires_at = created_at WHERE state = 'open'");

    // The collector removes only what is unreferenced.
    let needed = "SELECT blob_key AS key FROM versions UNION SELECT photo_blob FROM users WHERE photo_blob IS NOT NULL";
    let needed = keys(&restored, needed);
    let known = keys(&restored, "SELECT key FROM blobs");
    assert!(needed.is_subset(&restored.blobs()) && known.len() > needed.len());
    let stray: BTreeSet<_> = restored.blobs().difference(&known).cloned().collect();
    eventually("what nothing refers to is gone", async || {
        restored.run("collect", SHORT_GRACE);
        keys(&restored, "SELECT key FROM blobs") == needed
    })
    .await;
    // Blobs stored after the database was copied are unknown to it, and stay.
    assert_eq!(restored.blobs(), &needed | &stray);
    assert!(!stray.is_empty());
    let still = read_back(&ann, &work.folder).await;
    assert!(digests.iter().all(|(id, digest)| still.get(id) == Some(digest)));
    assert_eq!(still[&new], sha256(b"new"));
}
