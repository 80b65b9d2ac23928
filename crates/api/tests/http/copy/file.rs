use reqwest::Method;
use serde_json::{Value, json};

use super::copy_file;
use crate::support::{ABSENT, Server, text};

#[tokio::test]
async fn a_copy_is_described_whole_and_no_byte_is_stored_again() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = ann.folder("Top", None).await;
    let fields = [
        ("parent_folder_id", top.as_str()),
        ("content_type", "image/png"),
        ("client_modified_at", "2020-01-02T03:04:05.678Z"),
    ];
    let file = ann.send_form(&fields, "beach.png", b"sand and sea").await.ok();
    let blobs = server.blobs();
    let path = format!("/file/{}/copy", text(&file["id"]));
    let answer = ann.send(ann.request(Method::POST, &path)).await;
    assert_eq!(answer.status, 201);
    let (location, etag) = (answer.header("location").to_owned(), answer.header("etag").to_owned());
    let copy = answer.ok();
    let mut expected = file.clone();
    for field in ["id", "created_at", "modified_at", "version_id", "content_etag"] {
        assert_ne!(copy[field], Value::Null);
        expected[field] = copy[field].clone();
    }
    expected["parent_folder_id"] = Value::Null;
    assert_eq!(copy, expected);
    assert!(copy["id"] != file["id"] && copy["version_id"] != file["version_id"]);
    assert_eq!(copy["client_modified_at"], "2020-01-02T03:04:05.678Z");
    assert_eq!((location, etag), (format!("/file/{}", text(&copy["id"])), text(&copy["etag"])));
    assert_eq!(ann.download(&text(&copy["id"])).await, b"sand and sea");
    assert_eq!((server.blobs(), ann.quota().await["used_bytes"].clone()), (blobs, json!(24)));
}

#[tokio::test]
async fn a_name_that_is_taken_is_refused_kept_beside_or_replaced() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = text(&ann.upload("note.txt", b"new", None).await["id"]);
    let old = text(&ann.upload("old.txt", b"former words", None).await["id"]);
    ann.folder("folder", None).await;
    let problem = copy_file(&ann, &file, json!({})).await.refused(409, "name_taken");
    assert_eq!(problem["conflict"]["item"]["id"], json!(file));
    assert_eq!(problem["conflict"]["suggested_name"], "note (1).txt");
    for expected in ["note (1).txt", "note (2).txt"] {
        assert_eq!(copy_file(&ann, &file, json!({"file_conflict": "Keep"})).await.ok()["name"], expected);
    }
    assert_eq!(copy_file(&ann, &file, json!({"file_name": "other.txt"})).await.ok()["name"], "other.txt");
    let replaced = copy_file(&ann, &file, json!({"file_name": "old.txt", "file_conflict": "replace"})).await;
    assert_eq!((replaced.status, replaced.header("location")), (201, format!("/file/{old}").as_str()));
    let replaced = replaced.ok();
    assert_eq!((&replaced["id"], &replaced["etag"]), (&json!(old), &json!("\"2\"")));
    assert_eq!(ann.download(&old).await, b"new");
    let body = json!({"file_name": "folder", "file_conflict": "Replace"});
    copy_file(&ann, &file, body).await.refused(409, "name_taken");
}

#[tokio::test]
async fn a_viewer_copies_out_and_keeps_it_when_the_share_ends() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let file = text(&ann.upload("note.txt", b"note", None).await["id"]);
    copy_file(&ben, &file, json!({})).await.refused(404, "not_found");
    let share = ann.share_file(&file, "ben", "view").await;
    let copy = copy_file(&ben, &file, json!({})).await.ok();
    for field in ["owner", "created_by"] {
        assert_eq!(copy[field]["username"], "ben", "{field}");
    }
    assert_eq!(copy["permission"], "owner");
    assert_eq!((&ben.quota().await["used_bytes"], &ann.quota().await["used_bytes"]), (&json!(4), &json!(4)));
    ann.delete(&format!("/share/{share}")).await.ok_empty();
    copy_file(&ben, &file, json!({"file_conflict": "Keep"})).await.refused(404, "not_found");
    assert_eq!(ben.download(&text(&copy["id"])).await, b"note");
    ann.get(&format!("/file/{}", text(&copy["id"]))).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_copy_into_a_shared_folder_belongs_to_its_owner() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let shared = ann.folder("Shared", None).await;
    let share = ann.share_folder(&shared, "ben", "view").await;
    let file = text(&ben.upload("note.txt", b"note", None).await["id"]);
    let into = json!({"parent_folder_id": shared});
    copy_file(&ben, &file, into.clone()).await.refused(403, "permission_denied");
    ben.patch(&format!("/share/{share}"), json!({"permission": "edit"})).await.refused(403, "permission_denied");
    ann.patch(&format!("/share/{share}"), json!({"permission": "edit"})).await.ok();
    let copy = copy_file(&ben, &file, into).await.ok();
    assert_eq!((&copy["owner"]["username"], &copy["created_by"]["username"]), (&json!("ann"), &json!("ben")));
    assert_eq!((&copy["permission"], &copy["parent_folder_id"]), (&json!("edit"), &json!(shared)));
    assert_eq!((&ben.quota().await["used_bytes"], &ann.quota().await["used_bytes"]), (&json!(4), &json!(4)));
}

#[tokio::test]
async fn a_file_that_changed_since_it_was_seen_is_not_copied() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = ann.upload("note.txt", b"note", None).await;
    let path = format!("/file/{}/copy", text(&file["id"]));
    let etag = text(&file["etag"]);
    let copy = async |etag: &str, name: &str| {
        let request = ann.request(Method::POST, &path).header("If-Match", etag);
        ann.send(request.json(&json!({"file_name": name}))).await
    };
    copy(&etag, "first.txt").await.ok();
    ann.send_form(&[("file_conflict", "Replace")], "note.txt", b"other").await.ok();
    for stale in [etag.as_str(), "\"99\"", "W/\"2\""] {
        copy(stale, "second.txt").await.refused(412, "precondition_failed");
    }
    copy("\"2\"", "third.txt").await.ok();
    assert_eq!(ann.names(None).await, ["first.txt", "note.txt", "third.txt"]);
}

#[tokio::test]
async fn copies_over_quota_are_refused_with_the_needed_bytes() {
    let server = Server::with(&[("DEFAULT_QUOTA_BYTES", "25")]).await;
    let ann = server.user("ann").await;
    let file = text(&ann.upload("ten", b"0123456789", None).await["id"]);
    copy_file(&ann, &file, json!({"file_name": "twenty"})).await.ok();
    let problem = copy_file(&ann, &file, json!({"file_name": "thirty"})).await.refused(403, "quota_exceeded");
    let quota = json!({"total_bytes": 25, "used_bytes": 20, "reserved_bytes": 0, "needed_bytes": 10});
    assert_eq!(problem["quota"], quota);
    assert_eq!(ann.names(None).await, ["ten", "twenty"]);
}

#[tokio::test]
async fn invalid_fields_of_a_copy_are_named() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let file = text(&ann.upload("note.txt", b"note", None).await["id"]);
    let (folder, of_ben) = (ann.folder("Folder", None).await, ben.folder("Private", None).await);
    for (body, field) in [
        (json!({"file_name": "a/b"}), "file_name"),
        (json!({"file_name": ""}), "file_name"),
        (json!({"file_conflict": "overwrite"}), "file_conflict"),
        (json!({"parent_folder_id": 7}), "parent_folder_id"),
        (json!({"folder_name": "a"}), "folder_name"),
    ] {
        copy_file(&ann, &file, body).await.refused_field(field);
    }
    for parent in [ABSENT, &of_ben, &file] {
        copy_file(&ann, &file, json!({"parent_folder_id": parent})).await.refused(404, "not_found");
    }
    for absent in [ABSENT, &folder, "nothing"] {
        copy_file(&ann, absent, json!({})).await.refused(404, "not_found");
    }
    copy_file(&server.anonymous(), &file, json!({})).await.refused(401, "unauthenticated");
    assert_eq!(ann.names(None).await, ["Folder", "note.txt"]);
}
