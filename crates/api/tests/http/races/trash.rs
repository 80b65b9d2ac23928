//! The trash under concurrent changes.

use futures_util::future::{join, join_all};
use serde_json::{Value, json};

use super::count;
use crate::support::{ApiClient, Server, text};

/// The used bytes, which must equal the sum of the user's version sizes.
async fn used(server: &Server, user: &ApiClient) -> u64 {
    let sum: u64 = server.value("SELECT coalesce(sum(size_bytes), 0) FROM versions").parse().unwrap();
    assert_eq!(user.quota().await["used_bytes"], sum);
    sum
}

#[tokio::test]
async fn an_upload_that_completes_while_its_folder_is_deleted_is_in_it_or_nowhere() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    for round in 0..8 {
        let folder = ann.folder(&format!("{round}"), None).await;
        let upload = ann.begin("note", 4, Some(&folder)).await.ok();
        ann.put(&upload, "note").await.ok_empty();
        let path = format!("/drive/{folder}");
        let (deleted, completed) = join(ann.delete(&path), ann.complete(&upload)).await;
        assert_eq!(deleted.status, 204);
        assert!([200, 404].contains(&completed.status), "{}", completed.text());
        ann.post_empty(&format!("/trash/{folder}/restore")).await.ok();
        let names = ann.names(Some(&folder)).await;
        assert_eq!(names, vec!["note"; usize::from(completed.status == 200)]);
    }
}

#[tokio::test]
async fn a_purge_and_a_restore_at_once_leave_all_or_nothing() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    for round in 0..8 {
        let folder = ann.folder(&format!("{round}"), None).await;
        let file = ann.send_form(&[("parent_folder_id", &folder)], "note", b"note").await.ok();
        ann.delete(&format!("/drive/{folder}")).await.ok_empty();
        let (at, back) = (format!("/trash/{folder}"), format!("/trash/{folder}/restore"));
        let (purged, restored) = join(ann.delete(&at), ann.post_empty(&back)).await;
        let found = ann.get(&format!("/file/{}", text(&file["id"]))).await.status;
        match (purged.status, restored.status) {
            (204, 404) => assert_eq!(found, 404),
            (404, 200) => assert_eq!(found, 200),
            other => panic!("{other:?}"),
        }
        used(&server, &ann).await;
    }
}

#[tokio::test]
async fn concurrent_purges_release_each_byte_once() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    ann.send_form(&[], "kept", b"kept").await.ok();
    let folder = ann.folder("Top", None).await;
    for number in 0..20 {
        ann.send_form(&[("parent_folder_id", &folder)], &format!("{number}"), b"1234567890").await.ok();
    }
    ann.delete(&format!("/drive/{folder}")).await.ok_empty();
    let at = format!("/trash/{folder}");
    let purges = join_all((0..5).map(|_| ann.delete(&at)));
    let empties = join_all((0..5).map(|_| ann.delete("/trash")));
    let (purges, empties) = join(purges, empties).await;
    assert!(count(&purges, 204, None) <= 1, "it is not there twice");
    assert_eq!(count(&empties, 204, None), 5);
    assert_eq!(used(&server, &ann).await, 4);
    assert_eq!(ann.get("/trash").await.ok()["items"], json!([]));
}

#[tokio::test]
async fn an_item_restored_while_its_name_is_taken_gets_a_free_name() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    for round in 0..8 {
        let name = format!("{round}");
        let folder = ann.folder(&name, None).await;
        ann.delete(&format!("/drive/{folder}")).await.ok_empty();
        let path = format!("/trash/{folder}/restore");
        let (restored, made) = join(ann.post_empty(&path), ann.post("/drive", json!({"folder_name": name}))).await;
        let restored: Value = restored.ok();
        match made.status {
            201 => assert_eq!(restored["name"], format!("{name} (1)")),
            _ => {
                made.refused(409, "name_taken");
                assert_eq!(restored["name"], name);
            }
        }
    }
}

#[tokio::test]
async fn concurrent_version_changes_keep_the_quota_right() {
    let server = Server::with(&[("MAX_VERSIONS", "4")]).await;
    let ann = server.user("ann").await;
    let id = text(&ann.upload("note", b"0", None).await["id"]);
    for size in 2..5 {
        ann.put_content(&id, &vec![b'x'; size], &[]).await.ok();
    }
    let all = ann.get(&format!("/file/{id}/version")).await.ok()["items"].as_array().unwrap().clone();
    let at: Vec<String> =
        all.iter().map(|version| format!("/file/{id}/version/{}", text(&version["version_id"]))).collect();
    let puts = join_all((5..9).map(async |size| ann.put_content(&id, &vec![b'y'; size], &[]).await));
    let restores = join_all(at.iter().map(async |path| ann.post_empty(&format!("{path}/restore")).await));
    let deletes = join_all(at.iter().map(|path| ann.delete(path)));
    let (puts, (restores, deletes)) = join(puts, join(restores, deletes)).await;
    assert_eq!(count(&puts, 200, None), 4);
    assert!(restores.iter().all(|answer| [200, 404].contains(&answer.status)));
    assert!(deletes.iter().all(|answer| [204, 404, 409].contains(&answer.status)));
    let left = ann.get(&format!("/file/{id}/version")).await.ok()["items"].as_array().unwrap().clone();
    assert!((1..=4).contains(&left.len()));
    assert_eq!(left.iter().filter(|version| version["current"] == true).count(), 1);
    assert_eq!(left[0]["current"], true);
    used(&server, &ann).await;
    assert_eq!(ann.download(&id).await.len() as u64, left[0]["size_in_bytes"].as_u64().unwrap());
}
