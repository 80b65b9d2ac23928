use futures_util::future::join_all;
use serde_json::json;

use super::{restore, trash, trashed};
use crate::support::{ApiClient, SHORT_GRACE, Server, eventually, sql_id, text};

/// A folder of `count` files of one byte each, in folders of a hundred.
async fn tree(user: &ApiClient, count: usize) -> String {
    let top = user.folder("Top", None).await;
    for folder in 0..count.div_ceil(100) {
        let folder = user.folder(&format!("{folder}"), Some(&top)).await;
        for tens in 0..10 {
            join_all((0..10).map(async |ones| {
                let (name, into) = (format!("{tens}{ones}"), folder.clone());
                user.send_form(&[("parent_folder_id", &into)], &name, b"x").await.ok();
            }))
            .await;
        }
    }
    top
}

#[tokio::test]
async fn a_purge_is_done_when_it_answers_and_the_bytes_are_gone() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = tree(&ann, 200).await;
    let deep = ann.folder("deep", Some(&top)).await;
    let file = text(&ann.send_form(&[("parent_folder_id", &deep)], "note", b"note").await.ok()["id"]);
    ann.put_content(&file, b"another", &[]).await.ok();
    let kept = text(&ann.send_form(&[], "kept", b"kept").await.ok()["id"]);
    assert_eq!(ann.quota().await["used_bytes"], 215);
    ann.delete(&format!("/trash/{top}")).await.refused(404, "not_found");
    ann.delete(&format!("/drive/{top}")).await.ok_empty();
    ann.delete(&format!("/trash/{top}")).await.ok_empty();
    assert_eq!(ann.quota().await["used_bytes"], 4);
    assert_eq!(trashed(&ann).await, Vec::<String>::new());
    assert_eq!(server.value("SELECT count(*) FROM nodes"), "2", "the root and what was kept");
    assert_eq!(server.value("SELECT count(*) FROM versions"), "1");
    for path in [format!("/trash/{top}"), format!("/trash/{file}")] {
        ann.delete(&path).await.refused(404, "not_found");
        ann.post_empty(&format!("{path}/restore")).await.refused(404, "not_found");
    }
    assert_eq!((server.blobs().len(), server.value("SELECT count(*) FROM blobs")), (1, "1".to_owned()));
    assert_eq!(ann.download(&kept).await, b"kept");
}

#[tokio::test]
async fn to_empty_the_trash_is_to_purge_all_of_ones_own() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    for user in [&ann, &ben] {
        let top = user.folder("Top", None).await;
        let file = text(&user.send_form(&[("parent_folder_id", &top)], "note", b"note").await.ok()["id"]);
        user.send_form(&[("parent_folder_id", &top)], "other", b"other").await.ok();
        user.send_form(&[], "live", b"live").await.ok();
        user.delete(&format!("/file/{file}")).await.ok_empty();
        user.delete(&format!("/drive/{top}")).await.ok_empty();
    }
    ann.delete("/trash").await.ok_empty();
    assert_eq!(ann.quota().await["used_bytes"], 4);
    assert_eq!(trashed(&ann).await, Vec::<String>::new());
    assert_eq!(ann.names(None).await, ["live"]);
    assert_eq!(trashed(&ben).await, ["Top", "note"]);
    assert_eq!(ben.quota().await["used_bytes"], 13);
    ann.delete("/trash").await.ok_empty();
}

#[tokio::test]
async fn trash_is_purged_after_its_retention() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let (old, new) = (ann.folder("old", None).await, ann.folder("new", None).await);
    ann.send_form(&[("parent_folder_id", &old)], "note", b"note").await.ok();
    for folder in [&old, &new] {
        ann.delete(&format!("/drive/{folder}")).await.ok_empty();
    }
    let purge_at = text(&trash(&ann).await[1]["purge_at"]);
    assert!(server.run("collect", &[]).contains("files and folders purged: 0\n"), "{purge_at}");
    let id = sql_id(&old);
    server.execute(&format!("UPDATE nodes SET trashed_at = trashed_at - 2592000000 WHERE id = {id}"));
    assert!(server.run("collect", &[]).contains("files and folders purged: 2\n"));
    assert_eq!(trashed(&ann).await, ["new"]);
    assert_eq!(ann.quota().await["used_bytes"], 0);
}

/// As after a jump of the clock: all of the trash is due at once.
#[tokio::test]
async fn a_round_purges_one_hour_of_due_deletions_oldest_first() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let mut folders = Vec::new();
    // By the minutes from the first deletion to theirs.
    for minutes in [0_i64, 30, 60, 61, 121, 300] {
        let folder = ann.folder(&format!("{minutes:03}"), None).await;
        ann.send_form(&[("parent_folder_id", &folder)], "note", b"note").await.ok();
        ann.delete(&format!("/drive/{folder}")).await.ok_empty();
        folders.push((minutes, folder));
    }
    let last = ann.folder("last", None).await;
    ann.delete(&format!("/drive/{last}")).await.ok_empty();
    let now: i64 = server.value("SELECT max(trashed_at) FROM nodes").parse().unwrap();
    for (minutes, folder) in &folders {
        let at = now - 40 * 86_400_000 + minutes * 60_000;
        server.execute(&format!("UPDATE nodes SET trashed_at = {at} WHERE id = {}", sql_id(folder)));
    }
    for (purged, left) in
        [(6, &["last", "300", "121", "061"][..]), (4, &["last", "300"]), (2, &["last"]), (0, &["last"])]
    {
        let printed = server.run("collect", &[]);
        assert!(printed.contains(&format!("files and folders purged: {purged}\n")), "{left:?}: {printed}");
        assert_eq!(trashed(&ann).await, left);
        assert_eq!(ann.quota().await["used_bytes"], 4 * (left.len() - 1), "{left:?}");
    }
    assert_eq!(restore(&ann, &last).await["name"], "last");
}

#[tokio::test]
async fn a_purge_that_broke_off_is_gone_on_with() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = tree(&ann, 100).await;
    ann.delete(&format!("/drive/{top}")).await.ok_empty();
    // As if the server had crashed just after the purge began.
    let (id, root) = (sql_id(&top), "(SELECT r.id FROM nodes r WHERE r.parent_id IS NULL)");
    server.execute(&format!("UPDATE nodes SET purge_id = id, parent_id = {root} WHERE id = {id}"));
    assert_eq!(trashed(&ann).await, Vec::<String>::new());
    assert_eq!(ann.get("/drive").await.ok()["items"], json!([]));
    ann.post_empty(&format!("/trash/{top}/restore")).await.refused(404, "not_found");
    assert!(server.run("collect", &[]).contains("files and folders purged: 102\n"));
    assert_eq!(ann.quota().await["used_bytes"], 0);
}

#[tokio::test]
async fn a_drive_whose_owner_is_gone_is_cleared_away() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let top = ann.folder("Top", None).await;
    ann.send_form(&[("parent_folder_id", &top)], "note", b"note").await.ok();
    ann.share_folder(&top, "ben", "edit").await;
    let upload = ben.begin("later", 5, Some(&top)).await.ok();
    ben.put(&upload, "later").await.ok_empty();
    let kept = text(&ben.send_form(&[], "kept", b"kept").await.ok()["id"]);
    // As deleting an account leaves it.
    server.execute("UPDATE drives SET owner_id = NULL WHERE owner_id = (SELECT id FROM users WHERE username = 'ann')");
    ben.get(&format!("/drive/{top}")).await.refused(404, "not_found");
    let printed = server.run("collect", &[]);
    assert!(printed.contains("files and folders purged: 2\n"), "{printed}");
    assert!(printed.contains("drives without an owner removed: 1\n"), "{printed}");
    ben.get(&format!("/upload/{}", text(&upload["upload_id"]))).await.refused(404, "not_found");
    assert_eq!(server.value("SELECT count(*) FROM drives"), "1");
    eventually("the bytes are cleared away", async || {
        server.run("collect", SHORT_GRACE);
        server.blobs().len() == 1 && server.unfinished().is_empty()
    })
    .await;
    assert_eq!(ben.download(&kept).await, b"kept");
}
