//! `POST /share`.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{ABSENT, ApiClient, Server, text};

fn of_folder(folder: &str, guest: &str) -> Value {
    json!({"share_object_type": "folder", "folder_id": folder, "username": guest, "permission": "view"})
}

#[tokio::test]
async fn a_share_is_described_whole() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let top = ann.folder("Top", None).await;
    let answer = ann.post("/share", of_folder(&top, "ben")).await;
    assert_eq!(answer.status, 201);
    let location = answer.header("location").to_owned();
    let share = answer.ok();
    let person = async |user: &ApiClient| {
        let user = user.get("/user").await.ok();
        json!({"id": user["id"], "username": user["username"]})
    };
    let expected = json!({
        "id": share["id"], "permission": "view", "item": {"kind": "folder", "id": top, "name": "Top"},
        "shared_with": person(&ben).await, "shared_by": person(&ann).await, "shared_at": share["shared_at"],
    });
    assert_eq!(share, expected);
    assert_eq!(location, format!("/share/{}", text(&share["id"])));

    let file = ann.upload("note.txt", b"note", None).await;
    let body = json!({"share_object_type": "file", "file_id": file["id"], "username": "ben", "permission": "edit"});
    let share = ann.post("/share", body).await.ok();
    assert_eq!(share["permission"], "edit");
    assert_eq!(share["item"], json!({"kind": "file", "id": file["id"], "name": "note.txt"}));
}

#[tokio::test]
async fn a_guest_is_found_by_name_or_address_in_any_case() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("Ben").await);
    let id = ben.get("/user").await.ok()["id"].clone();
    for (number, guest) in
        ["Ben", "ben", "BEN", "Ben@example.com", "ben@example.com", "BEN@EXAMPLE.COM"].iter().enumerate()
    {
        let folder = ann.folder(&format!("Top {number}"), None).await;
        let share = ann.post("/share", of_folder(&folder, guest)).await.ok();
        assert_eq!(share["shared_with"], json!({"id": id, "username": "Ben"}), "{guest}");
        ben.get(&format!("/drive/{folder}")).await.ok();
    }
}

#[tokio::test]
async fn an_unknown_guest_and_an_invisible_item_are_not_found() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let top = ann.folder("Top", None).await;
    let of_ben = ben.folder("Ben's", None).await;
    for guest in ["stranger", "stranger@example.com", "", "b en", "%", "b_n", "ben@example.com.", "'--"] {
        ann.post("/share", of_folder(&top, guest)).await.refused(404, "not_found");
    }
    for item in [ABSENT, &of_ben] {
        ann.post("/share", of_folder(item, "ben")).await.refused(404, "not_found");
        // The item is checked before the guest, so that nothing is revealed.
        ann.post("/share", of_folder(item, "ann")).await.refused(404, "not_found");
    }
    ben.get(&format!("/drive/{top}")).await.refused(404, "not_found");
}

#[tokio::test]
async fn an_item_is_shared_with_a_guest_once_and_with_its_owner_never() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let top = ann.folder("Top", None).await;
    let inner = ann.folder("Inner", Some(&top)).await;
    ann.post("/share", of_folder(&top, "ben")).await.ok();
    let mut again = of_folder(&top, "ben@example.com");
    again["permission"] = json!("edit");
    ann.post("/share", again).await.refused(409, "already_shared");
    for owner in ["ann", "ANN", "ann@example.com"] {
        ann.post("/share", of_folder(&top, owner)).await.refused(409, "cannot_share_with_owner");
    }
    assert_eq!(ben.get(&format!("/drive/{top}")).await.ok()["folder"]["permission"], "view", "the first share holds");
    // Another item, or another guest, is another share.
    ann.post("/share", of_folder(&inner, "ben")).await.ok();
    server.user("cara").await;
    ann.post("/share", of_folder(&top, "cara")).await.ok();
}

#[tokio::test]
async fn the_kind_and_the_identifier_must_belong_together() {
    let server = Server::start().await;
    let (ann, _) = (server.user("ann").await, server.user("ben").await);
    let folder = ann.folder("Top", None).await;
    let file = text(&ann.upload("note.txt", b"note", None).await["id"]);
    let body = |kind: &str, ids: Value| {
        let mut body = json!({"share_object_type": kind, "username": "ben", "permission": "view"});
        body.as_object_mut().unwrap().extend(ids.as_object().unwrap().clone());
        body
    };
    for (kind, ids, field) in [
        ("file", json!({}), "file_id"),
        ("folder", json!({}), "folder_id"),
        ("file", json!({"file_id": null}), "file_id"),
        ("file", json!({"folder_id": folder}), "folder_id"),
        ("folder", json!({"file_id": file}), "file_id"),
        ("file", json!({"file_id": file, "folder_id": folder}), "folder_id"),
        ("folder", json!({"file_id": file, "folder_id": folder}), "file_id"),
        ("file", json!({"file_id": "note.txt"}), "file_id"),
        ("folder", json!({"folder_id": 7}), "folder_id"),
        ("drive", json!({"folder_id": folder}), "share_object_type"),
        ("Folder", json!({"folder_id": folder}), "share_object_type"),
    ] {
        eprintln!("{kind} {ids}");
        ann.post("/share", body(kind, ids)).await.refused_field(field);
    }
    ann.post("/share", body("file", json!({"file_id": folder}))).await.refused(404, "not_found");
    ann.post("/share", body("folder", json!({"folder_id": file}))).await.refused(404, "not_found");
    // A null identifier counts as absent.
    ann.post("/share", body("file", json!({"file_id": file, "folder_id": null}))).await.ok();
}

#[tokio::test]
async fn a_body_that_lacks_or_misspells_a_field_is_refused_by_that_field() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let top = ann.folder("Top", None).await;
    let whole = of_folder(&top, "ben");
    for field in ["share_object_type", "username", "permission"] {
        let mut body = whole.clone();
        body.as_object_mut().unwrap().remove(field);
        ann.post("/share", body.clone()).await.refused_field(field);
        body[field] = json!(7);
        ann.post("/share", body).await.refused_field(field);
    }
    for permission in ["owner", "Edit", "write", ""] {
        let mut body = whole.clone();
        body["permission"] = json!(permission);
        ann.post("/share", body).await.refused_field("permission");
    }
    let mut body = whole;
    body["expires_at"] = json!("2026-11-22T06:12:00.000Z");
    ann.post("/share", body).await.refused_field("expires_at");
    let twice = format!(
        r#"{{"share_object_type":"folder","folder_id":"{top}","username":"ben","username":"ben","permission":"view"}}"#
    );
    ann.send_text(Method::POST, "/share", &twice).await.refused(400, "malformed_request");
    ben.get(&format!("/drive/{top}")).await.refused(404, "not_found");
}

#[tokio::test]
async fn only_the_owner_shares() {
    let server = Server::start().await;
    let (ann, ben, cara) = (server.user("ann").await, server.user("ben").await, server.user("cara").await);
    let top = ann.folder("Top", None).await;
    let inner = ann.folder("Inner", Some(&top)).await;
    ann.share_folder(&top, "ben", "edit").await;
    // An editor may not share, not even what they have created: it belongs to the folder's owner.
    let made = ben.folder("Made by ben", Some(&inner)).await;
    for folder in [&top, &inner, &made] {
        // The refusal does not reveal whether the guest exists.
        for guest in ["cara", "ann", "ben", "stranger"] {
            ben.post("/share", of_folder(folder, guest)).await.refused(403, "permission_denied");
        }
    }
    cara.get(&format!("/drive/{made}")).await.refused(404, "not_found");
    ann.post("/share", of_folder(&made, "cara")).await.ok();
    cara.get(&format!("/drive/{made}")).await.ok();
}
