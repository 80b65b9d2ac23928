//! Bytes that the store fails to delete count against the quota until the collector has removed them.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use diesel::connection::SimpleConnection;
use reqwest::{Body, Method};
use serde_json::json;

use crate::support::stack::{Stack, stack};
use crate::support::{Proxy, SHORT_GRACE, Server, eventually, text};
use crate::upload::parts::{SIZE, SMALL, bytes, send};
use crate::upload::path;

/// A server whose store can be made to fail to delete.
struct UndeletableStore {
    server: Server,
    /// Whether the bucket, if it is one, deletes nothing.
    keeps_all: Arc<AtomicBool>,
    _bucket: Option<Proxy>,
}

impl UndeletableStore {
    async fn start(variables: &[(&str, &str)]) -> Self {
        let keeps_all = Arc::new(AtomicBool::new(false));
        let kept = keeps_all.clone();
        let bucket = (stack() == Stack::Production).then(|| {
            Proxy::to_s3_except(move |method, _| {
                let refused = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                (method == "DELETE" && kept.load(Ordering::Relaxed)).then(|| refused.to_owned())
            })
        });
        let url = bucket.as_ref().map(Proxy::url).unwrap_or_default();
        let endpoint = bucket.iter().map(|_| ("AWS_ENDPOINT_URL_S3", url.as_str()));
        let variables: Vec<_> = variables.iter().copied().chain(endpoint).chain([("RUST_LOG", "off")]).collect();
        Self { server: Server::with(&variables).await, keeps_all, _bucket: bucket }
    }

    /// What stops the local disk from deleting the blob, or what was received for it: a directory where it expects a
    /// file, which stops even the superuser.
    fn obstacle(&self, key: &str) -> PathBuf {
        let blob = self.server.blob_file(key);
        if blob.exists() { blob.with_extension("sha256") } else { blob.with_file_name("lock") }
    }

    /// From now on, the bytes of this blob, and those received for it, cannot be deleted.
    fn make_undeletable(&self, key: &str) {
        match stack() {
            Stack::Production => self.keeps_all.store(true, Ordering::Relaxed),
            Stack::Embedded => {
                let obstacle = self.obstacle(key);
                let _ = fs::remove_file(&obstacle);
                fs::create_dir(&obstacle).unwrap();
            }
        }
    }

    fn let_go(&self, key: &str) {
        match stack() {
            Stack::Production => self.keeps_all.store(false, Ordering::Relaxed),
            Stack::Embedded => fs::remove_dir(self.obstacle(key)).unwrap(),
        }
    }

    /// The one blob that is not among `known`.
    fn new_blob(&self, known: &[String]) -> String {
        self.server.blobs().into_iter().find(|key| !known.contains(key)).unwrap()
    }

    /// Runs the collector until nothing remains but `blobs` blobs.
    async fn collect(&self, blobs: usize) {
        eventually("the collector has removed the rest", async || {
            self.server.run("collect", SHORT_GRACE);
            self.server.value("SELECT count(*) FROM blobs") == blobs.to_string()
        })
        .await;
        assert_eq!((self.server.blobs().len(), self.server.unfinished().len()), (blobs, 0));
    }
}

#[tokio::test]
async fn superfluous_versions_count_and_make_no_room_until_they_are_deleted() {
    let store = UndeletableStore::start(&[("MAX_VERSIONS", "1"), ("DEFAULT_QUOTA_BYTES", "100")]).await;
    let ann = store.server.user("ann").await;
    let file = text(&ann.upload("plan", &[b'0'; 40], None).await["id"]);
    let mut kept = Vec::new();
    for used in [70, 100] {
        kept.push(store.new_blob(&kept));
        store.make_undeletable(kept.last().unwrap());
        ann.put_content(&file, &[b'1'; 30], &[]).await.ok();
        assert_eq!(ann.quota().await["used_bytes"], used);
    }
    ann.put_content(&file, b"2", &[]).await.refused(403, "quota_exceeded");
    assert_eq!(store.server.blobs().len(), 3, "as many as count");
    for key in &kept {
        store.let_go(key);
    }
    store.collect(1).await;
    assert_eq!(ann.quota().await["used_bytes"], 30);
    ann.put_content(&file, b"3", &[]).await.ok();
    assert_eq!(ann.quota().await["used_bytes"], 1);
    assert_eq!(store.server.blobs().len(), 1);
}

#[tokio::test]
async fn a_refused_content_stays_reserved_until_it_is_deleted() {
    let store = UndeletableStore::start(&[]).await;
    let (server, ann) = (&store.server, store.server.user("ann").await);
    let file = ann.upload("note.txt", b"note", None).await;
    let (id, known) = (text(&file["id"]), store.new_blob(&[]));
    let (pieces, body) = tokio::sync::mpsc::channel::<Result<Vec<u8>, std::io::Error>>(1);
    let body = Body::wrap_stream(futures_util::stream::unfold(body, async |mut body| Some((body.recv().await?, body))));
    let etag = text(&file["etag"]);
    let request = ann.request(Method::PUT, &format!("/file/{id}/content")).header("If-Match", etag).body(body);
    let putting = tokio::spawn({
        let ann = ann.clone();
        async move { ann.send(request).await }
    });
    pieces.send(Ok(vec![b'x'; 1 << 20])).await.unwrap();
    eventually("the first bytes have come", async || server.value("SELECT count(*) FROM blobs") == "2").await;
    let key = if stack() == Stack::Production {
        store.make_undeletable("");
        ann.patch(&format!("/file/{id}"), json!({"file_name": "diary"})).await.ok();
        drop(pieces);
        None
    } else {
        // The file changes while the server, which has stored the bytes, waits for the database.
        let mut database = server.sqlite();
        database.batch_execute("BEGIN IMMEDIATE").unwrap();
        drop(pieces);
        eventually("the bytes are stored", async || server.blobs().len() == 2).await;
        let key = store.new_blob(&[known]);
        store.make_undeletable(&key);
        database.batch_execute("UPDATE nodes SET revision = revision + 1 WHERE kind = 'file'; COMMIT").unwrap();
        Some(key)
    };
    putting.await.unwrap().refused(412, "precondition_failed");
    let quota = ann.quota().await;
    assert_eq!((&quota["used_bytes"], &quota["reserved_bytes"]), (&json!(4), &json!(1 << 20)));
    assert_eq!(server.blobs().len(), 2);
    store.let_go(key.as_deref().unwrap_or_default());
    store.collect(1).await;
    assert_eq!(ann.quota().await["reserved_bytes"], 0);
    assert_eq!(ann.download(&id).await, b"note");
}

#[tokio::test]
async fn an_aborted_upload_stays_reserved_for_what_arrived_until_it_is_deleted() {
    let store = UndeletableStore::start(&[SMALL]).await;
    let ann = store.server.user("ann").await;
    let upload = ann.begin("film.mkv", SIZE, None).await.ok();
    send(&ann, &upload, &bytes(), &[1]).await;
    let key = store.server.value("SELECT key FROM blobs");
    assert_eq!(ann.quota().await["reserved_bytes"], SIZE);
    store.make_undeletable(&key);
    ann.delete(&path(&upload)).await.ok_empty();
    assert_eq!(ann.quota().await["reserved_bytes"], upload["part_size"], "one part has arrived");
    store.let_go(&key);
    store.collect(0).await;
    assert_eq!(ann.quota().await["reserved_bytes"], 0);
}
