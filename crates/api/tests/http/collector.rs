use std::collections::BTreeSet;

use reqwest::Method;

use crate::support::{ApiClient, SHORT_GRACE, Server, eventually, png, text};

/// The output of a round that finds nothing.
pub const NOTHING: &str = "uploads expired: 0\nblobs removed: 0\npartial writes removed: 0\nfiles and folders purged: 0\n\
    drives without an owner removed: 0\nsessions removed: 0\n\
                           refresh tokens removed: 0\nlog entries pruned: 0\n";

/// The keys with stored bytes, complete or partial.
fn held(server: &Server) -> BTreeSet<String> {
    &server.blobs() | &server.unfinished()
}

/// Runs the collector once, and returns the number on the line `what`.
fn collect(server: &Server, what: &str) -> u64 {
    let printed = server.run("collect", SHORT_GRACE);
    let line = printed.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("no {what:?} in {printed}")).parse().unwrap()
}

async fn set_photo(caller: &ApiClient) {
    let request = caller.request(Method::POST, "/profile_photo").header("Content-Type", "image/png");
    caller.send(request.body(png(50, 50))).await.ok();
}

#[tokio::test]
async fn only_unreferenced_blobs_are_deleted() {
    let server = Server::with(&[("MAX_VERSIONS", "1")]).await;
    let ann = server.user("ann").await;
    let replaced = ann.upload("plan.txt", b"plan A", None).await;
    let aborted = ann.begin("never.txt", 5, None).await.ok();
    ann.put(&aborted, "never").await.ok_empty();
    set_photo(&ann).await;
    let doomed = held(&server);
    assert_eq!(doomed.len(), 3);
    ann.send_form(&[("file_conflict", "Replace")], "plan.txt", b"plan B").await.ok();
    ann.delete(&format!("/upload/{}", text(&aborted["upload_id"]))).await.ok_empty();
    set_photo(&ann).await;
    let kept = ann.upload("kept.txt", b"kept", None).await;
    let open = ann.begin("open.txt", 4, None).await.ok();
    ann.put(&open, "open").await.ok_empty();
    let safe: BTreeSet<String> = held(&server).difference(&doomed).cloned().collect();
    assert_eq!(safe.len(), 4);
    // The content of a removed version does not wait for the collector.
    assert_eq!(held(&server).intersection(&doomed).count(), 1, "only the former photo waits");
    let mut removed = 0;
    eventually("what nothing refers to is gone", async || {
        removed += collect(&server, "blobs removed");
        held(&server) == safe
    })
    .await;
    assert_eq!(removed, 2, "the former photo, and the record of the aborted upload");
    assert_eq!(collect(&server, "blobs removed"), 0);
    assert_eq!(ann.download(&text(&replaced["id"])).await, b"plan B");
    assert_eq!(ann.download(&text(&kept["id"])).await, b"kept");
    let photo = text(&ann.get("/profile_photo").await.ok()["url"]);
    assert_eq!(server.anonymous().get(&photo).await.status, 200);
    // Open uploads are untouched.
    let completed = ann.complete(&open).await.ok();
    assert_eq!(ann.download(&text(&completed["id"])).await, b"open");
    assert_eq!(held(&server), safe);
}

#[tokio::test]
async fn nothing_is_collected_before_its_grace_period_ends() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    for _ in 0..2 {
        set_photo(&ann).await;
    }
    let before = held(&server);
    assert_eq!(before.len(), 2);
    let printed = server.run("collect", &[]);
    assert_eq!(printed, NOTHING);
    assert_eq!(held(&server), before);
}

#[tokio::test]
async fn the_server_collects_by_itself() {
    let server = Server::with(&[SHORT_GRACE, &[("COLLECT_INTERVAL_SECONDS", "1")]].concat()).await;
    let ann = server.user("ann").await;
    set_photo(&ann).await;
    let doomed = held(&server);
    set_photo(&ann).await;
    ann.begin("hello.txt", 5, None).await.ok();
    eventually("the upload is over, and of the photos only the last is there", async || {
        let held = held(&server);
        held.len() == 1 && held.is_disjoint(&doomed) && ann.quota().await["reserved_bytes"] == 0
    })
    .await;
}
