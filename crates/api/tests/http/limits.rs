//! Limits on what one user may have, and may run at once.

use futures_util::future::join_all;

use crate::support::{Server, text};

#[tokio::test]
async fn many_lists_of_one_user_at_once_wait_their_turn_and_all_succeed() {
    let server = Server::with(&[("DATABASE_CONNECTIONS", "2"), ("RATE_LIMITS", "off")]).await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let folder = ann.folder("Folder", None).await;
    let lists = join_all((0..64).map(async |_| ann.get(&format!("/drive/{folder}")).await.ok()));
    let others = join_all((0..8).map(async |_| ben.get("/drive").await.ok()));
    futures_util::future::join(lists, others).await;
}

#[tokio::test]
async fn who_asks_for_too_much_at_once_is_refused_and_others_are_not() {
    let one_second = [("DATABASE_CONNECTIONS", "2"), ("DATABASE_WAIT_SECONDS", "1"), ("RATE_LIMITS", "off")];
    let server = Server::with(&one_second).await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let flood = join_all((0..300).map(async |number| match number % 3 {
        0 => ann.get("/search?q=a").await,
        1 => ann.get("/drive").await,
        _ => ann.patch("/user", serde_json::json!({"email": "ann@example.org"})).await,
    }));
    let others = join_all((0..4).map(async |_| ben.get("/drive").await.ok()));
    let (answers, _) = futures_util::future::join(flood, others).await;
    for answer in answers {
        if answer.status != 200 {
            assert!(!answer.header("retry-after").is_empty());
            answer.refused(429, "rate_limited");
        }
    }
}

#[tokio::test]
async fn many_copies_of_one_user_at_once_wait_their_turn() {
    let server = Server::with(&[("RATE_LIMITS", "off")]).await;
    let ann = server.user("ann").await;
    let file = text(&ann.send_form(&[], "note", b"note").await.ok()["id"]);
    let body = serde_json::json!({"file_conflict": "Keep"});
    join_all((0..20).map(async |_| ann.post(&format!("/file/{file}/copy"), body.clone()).await.ok())).await;
    assert_eq!(ann.quota().await["used_entries"], 21);
}

#[tokio::test]
async fn a_drive_has_only_so_many_files_and_folders() {
    let server = Server::with(&[("DEFAULT_QUOTA_ENTRIES", "3")]).await;
    let ann = server.user("ann").await;
    let quota = ann.quota().await;
    assert_eq!((&quota["total_entries"], &quota["used_entries"]), (&3.into(), &0.into()));
    let folder = ann.folder("Folder", None).await;
    let file = text(&ann.send_form(&[("parent_folder_id", &folder)], "note", b"note").await.ok()["id"]);
    let body = serde_json::json!({"folder_conflict": "Keep"});
    let problem = ann.post(&format!("/drive/{folder}/copy"), body).await.refused(403, "quota_exceeded");
    let told = ["total_entries", "used_entries", "needed_entries"].map(|field| problem["quota"][field].clone());
    assert_eq!(told, [3, 2, 2]);
    ann.folder("Other", None).await;
    ann.post("/drive", serde_json::json!({"folder_name": "One more"})).await.refused(403, "quota_exceeded");
    ann.send_form(&[], "one more", b"x").await.refused(403, "quota_exceeded");
    ann.begin("one more", 1, None).await.refused(403, "quota_exceeded");
    assert_eq!(ann.quota().await["reserved_bytes"], 0);
    let replacing = serde_json::json!({"file_name": "note", "file_size_in_bytes": 3, "parent_folder_id": folder,
        "file_conflict": "Replace"});
    let upload = ann.post("/file", replacing).await.ok();
    ann.put(&upload, "new").await.ok_empty();
    ann.complete(&upload).await.ok();
    // New versions do not count as entries; trashed items do, purged ones do not.
    ann.put_content(&file, b"another", &[]).await.ok();
    ann.delete(&format!("/file/{file}")).await.ok_empty();
    assert_eq!(ann.quota().await["used_entries"], 3);
    ann.send_form(&[], "one more", b"x").await.refused(403, "quota_exceeded");
    ann.delete(&format!("/trash/{file}")).await.ok_empty();
    assert_eq!(ann.quota().await["used_entries"], 2);
    ann.send_form(&[], "one more", b"x").await.ok();
}
