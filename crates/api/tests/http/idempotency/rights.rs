//! Idempotency keys of a guest whose rights end.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::json;

use super::bytes::form;
use super::{is_repeat, post};
use crate::support::{ApiClient, ApiResponse, Server, text};

/// POSTs without a body, with an idempotency key.
async fn ask(caller: &ApiClient, key: &str, path: &str) -> ApiResponse {
    caller.send(caller.request(Method::POST, path).header("Idempotency-Key", key)).await
}

/// The keys of requests whose responses only an editor may get.
const OF_EDITORS: [&str; 8] = ["folder", "upload", "parts", "complete", "form", "content", "version", "trash"];

#[tokio::test]
async fn a_repeat_gives_no_right_that_has_ended() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let top = ann.folder("Top", None).await;
    let share = format!("/share/{}", ann.share_folder(&top, "ben", "edit").await);
    let open = format!("/upload/{}", text(&ben.begin("open.txt", 4, Some(&top)).await.ok()["upload_id"]));
    let done = ben.begin("done.txt", 4, Some(&top)).await.ok();
    ben.put(&done, "done").await.ok_empty();
    let done = format!("/upload/{}", text(&done["upload_id"]));
    let file = ann.upload("file.txt", b"first", Some(&top)).await;
    let (id, version) = (text(&file["id"]), text(&file["version_id"]));
    let mistake = text(&ann.upload("mistake.txt", b"mistake", Some(&top)).await["id"]);
    ben.delete(&format!("/file/{mistake}")).await.ok_empty();
    let send = async |key: &str| match key {
        "folder" => post(&ben, key, "/drive", &json!({"folder_name": "Of ben", "parent_folder_id": top})).await,
        "upload" => {
            let upload = json!({"file_name": "note.txt", "file_size_in_bytes": 4, "parent_folder_id": top});
            post(&ben, key, "/file", &upload).await
        }
        "parts" => post(&ben, key, &format!("{open}/parts"), &json!({"part_numbers": [1]})).await,
        "complete" => post(&ben, key, &format!("{done}/complete"), &json!({})).await,
        "form" => form(&ben, key, &[("parent_folder_id", &top)], "form.txt", b"form").await,
        "content" => ben.put_content(&id, b"second", &[("Idempotency-Key", key)]).await,
        "version" => ask(&ben, key, &format!("/file/{id}/version/{version}/restore")).await,
        "trash" => ask(&ben, key, &format!("/trash/{mistake}/restore")).await,
        "archive" => post(&ben, key, "/archive", &json!({"item_ids": [top]})).await,
        _ => post(&ben, key, &format!("/file/{id}/copy"), &json!({})).await,
    };
    let mut reported = BTreeMap::new();
    for key in OF_EDITORS.into_iter().chain(["archive", "copy"]) {
        let first = send(key).await;
        assert!(!is_repeat(&first), "{key}");
        reported.insert(key, first.ok());
        let again = send(key).await;
        assert!(is_repeat(&again), "{key}: {}", again.text());
        again.ok();
    }

    ann.patch(&share, json!({"permission": "view"})).await.ok();
    for key in OF_EDITORS {
        let again = send(key).await;
        assert!(!again.text().contains("http://"), "{key}: {}", again.text());
        assert_eq!(again.status, 403, "{key}: {}", again.text());
        again.refused(403, "permission_denied");
    }
    // An archive only needs the right to read.
    send("archive").await.ok();

    ann.delete(&share).await.ok_empty();
    for key in OF_EDITORS.into_iter().chain(["archive"]) {
        let again = send(key).await;
        assert_eq!(again.status, 404, "{key}: {}", again.text());
        again.refused(404, "not_found");
    }
    // A copy in ben's own drive is independent of the original.
    let again = send("copy").await;
    assert!(is_repeat(&again));
    assert_eq!(again.ok(), reported["copy"]);

    // With access restored, a repeat gets the answer again, for what still exists.
    ann.share_folder(&top, "ben", "edit").await;
    for key in ["folder", "complete", "form", "content", "version", "trash"] {
        let again = send(key).await;
        assert!(is_repeat(&again), "{key}: {}", again.text());
        assert_eq!(again.ok(), reported[key], "{key}");
    }
    let made = &reported["folder"]["id"];
    let shared = json!({"share_object_type": "folder", "folder_id": made, "username": "ben", "permission": "view"});
    post(&ben, "share", "/share", &shared).await.refused(403, "permission_denied");
}
