use serde_json::json;

use super::trashed;
use crate::support::{ABSENT, Server, text};

#[tokio::test]
async fn trashed_items_are_invisible_and_still_count_against_the_quota() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let top = ann.folder("Top", None).await;
    let inner = ann.folder("Inner", Some(&top)).await;
    let file = text(&ann.upload("note.txt", b"note", Some(&inner)).await["id"]);
    ann.share_folder(&top, "ben", "edit").await;
    ann.share_file(&file, "ben", "view").await;
    ann.delete(&format!("/drive/{top}")).await.ok_empty();
    for user in [&ann, &ben] {
        for path in [format!("/drive/{top}"), format!("/drive/{inner}"), format!("/file/{file}")] {
            user.get(&path).await.refused(404, "not_found");
            user.delete(&path).await.refused(404, "not_found");
        }
        user.get(&format!("/file/{file}/content")).await.refused(404, "not_found");
        user.get(&format!("/file/{file}/version")).await.refused(404, "not_found");
        user.put_content(&file, b"other", &[]).await.refused(404, "not_found");
        user.begin("x", 1, Some(&inner)).await.refused(404, "not_found");
    }
    assert_eq!(ben.get("/shared-with-me").await.ok()["items"], json!([]));
    assert_eq!(ann.names(None).await, Vec::<String>::new());
    assert_eq!(ann.quota().await["used_bytes"], 4);
    assert_eq!((trashed(&ann).await, trashed(&ben).await), (vec!["Top".to_owned()], vec![]));
}

#[tokio::test]
async fn a_deleted_name_is_free_at_once_however_often() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    for _ in 0..3 {
        let file = ann.upload("plan", b"plan", None).await;
        ann.delete(&format!("/file/{}", text(&file["id"]))).await.ok_empty();
        let folder = ann.folder("plan", None).await;
        ann.delete(&format!("/drive/{folder}")).await.ok_empty();
    }
    assert_eq!(trashed(&ann).await, ["plan"; 6]);
}

#[tokio::test]
async fn only_what_is_there_and_as_it_was_seen_is_deleted() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let folder = ann.folder("Top", None).await;
    let file = ann.upload("note.txt", b"note", None).await;
    let (id, first) = (text(&file["id"]), text(&file["etag"]));
    for path in [format!("/file/{folder}"), format!("/drive/{id}"), format!("/file/{ABSENT}"), "/drive/x".to_owned()] {
        ann.delete(&path).await.refused(404, "not_found");
    }
    let path = format!("/file/{id}");
    let second = text(&ann.patch(&path, json!({"file_name": "diary"})).await.ok()["etag"]);
    ann.delete_if(&first, &path).await.refused(412, "precondition_failed");
    assert_eq!(ann.names(None).await, ["diary", "Top"]);
    ann.delete_if(&second, &path).await.ok_empty();
    ann.delete_if("*", &path).await.refused(404, "not_found");
}

#[tokio::test]
async fn an_upload_into_what_was_deleted_waits_for_it_to_come_back() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let folder = ann.folder("Top", None).await;
    let upload = ann.begin("note.txt", 4, Some(&folder)).await.ok();
    ann.put(&upload, "note").await.ok_empty();
    ann.delete(&format!("/drive/{folder}")).await.ok_empty();
    ann.complete(&upload).await.refused(404, "not_found");
    super::restore(&ann, &folder).await;
    let file = ann.complete(&upload).await.ok();
    assert_eq!(ann.download(&text(&file["id"])).await, b"note");
}
