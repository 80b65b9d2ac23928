use reqwest::Method;
use serde_json::{Value, json};

use super::{delete_user, logged_in, refresh};
use crate::support::{PASSWORD, SHORT_GRACE, Server, eventually, png, text};

#[tokio::test]
async fn a_deleted_account_is_gone_and_its_names_are_free() {
    let server = Server::start().await;
    server.user("ann").await;
    let (ann, token) = logged_in(&server, "ann").await;
    ann.upload("diary.txt", b"dear diary", None).await;
    ann.get("/user").await.ok();
    for wrong in ["", "another morning"] {
        delete_user(&ann, wrong).await.refused(403, "wrong_password");
    }
    ann.post("/user/delete", json!({})).await.refused_field("password");
    ann.get("/user").await.ok();
    delete_user(&ann, PASSWORD).await.ok_empty();
    ann.get("/user").await.refused(401, "invalid_token");
    ann.get("/drive").await.refused(401, "invalid_token");
    refresh(&server, &token).await.refused(401, "invalid_token");
    let body = json!({"username": "ann", "password": PASSWORD});
    server.anonymous().post("/login", body).await.refused(401, "invalid_credentials");
    // A new account with the same name starts empty.
    let heir = server.user("ann").await;
    assert_eq!(heir.names(None).await, Vec::<String>::new());
    assert_eq!(heir.quota().await["used_bytes"], 0);
}

#[tokio::test]
async fn a_deleted_users_items_are_not_found() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let folder = ann.folder("Plans", None).await;
    let file = text(&ann.upload("plan.txt", b"plan", Some(&folder)).await["id"]);
    let share = ann.share_folder(&folder, "ben", "edit").await;
    let upload = ben.begin("half.txt", 5, Some(&folder)).await.ok();
    assert_eq!(ben.download(&file).await, b"plan");
    delete_user(&ann, PASSWORD).await.ok_empty();
    for path in [format!("/drive/{folder}"), format!("/file/{file}"), format!("/file/{file}/content")] {
        ben.get(&path).await.refused(404, "not_found");
    }
    assert_eq!(ben.get("/shared-with-me").await.ok()["items"], json!([]));
    ben.patch(&format!("/share/{share}"), json!({"permission": "view"})).await.refused(404, "not_found");
    ben.send_form(&[("parent_folder_id", &folder)], "late.txt", b"x").await.refused(404, "not_found");
    // A pending upload cannot be completed.
    ben.put(&upload, "hello").await;
    ben.complete(&upload).await.refused(404, "not_found");
}

#[tokio::test]
async fn contributions_of_a_deleted_user_stay_and_are_marked() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let id = text(&ben.get("/user").await.ok()["id"]);
    let folder = ann.folder("Plans", None).await;
    ann.share_folder(&folder, "ben", "edit").await;
    let made = ben.folder("His", Some(&folder)).await;
    let file = text(&ben.upload("his.txt", b"hello", Some(&folder)).await["id"]);
    let open = ben.begin("half.txt", 70, Some(&folder)).await.ok();
    ben.put(&open, [7; 70]).await.ok_empty();
    assert_eq!(ann.quota().await["reserved_bytes"], 70);
    delete_user(&ben, PASSWORD).await.ok_empty();
    // Ben's reservation in ann's drive is released; what he made stays, with a deleted creator.
    let quota = ann.quota().await;
    assert_eq!((&quota["reserved_bytes"], &quota["used_bytes"]), (&json!(0), &json!(5)));
    let deleted = json!({"id": id, "username": null});
    for path in [format!("/drive/{made}"), format!("/file/{file}")] {
        let shown = ann.get(&path).await.ok();
        let shown = shown.get("folder").unwrap_or(&shown);
        assert_eq!(shown["created_by"], deleted, "{path}");
        assert_eq!(shown["owner"]["username"], "ann");
    }
    let items = ann.get(&format!("/drive/{folder}")).await.ok()["items"].as_array().unwrap().clone();
    assert!(items.iter().all(|item: &Value| item["created_by"] == deleted), "{items:?}");
    assert_eq!(ann.download(&file).await, b"hello");
    ann.patch(&format!("/file/{file}"), json!({"file_name": "ours.txt"})).await.ok();
    // His share is gone: a new account with his name does not inherit it.
    let heir = server.user("ben").await;
    heir.get(&format!("/drive/{folder}")).await.refused(404, "not_found");
    ann.share_folder(&folder, "ben", "view").await;
    assert_eq!(heir.download(&file).await, b"hello");
}

#[tokio::test]
async fn the_bytes_that_only_the_account_needed_are_cleared_away() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let kept = ann.upload("kept.txt", b"kept", None).await;
    let before = server.blobs();
    let request = ben.request(Method::POST, "/profile_photo").header("Content-Type", "image/png");
    ben.send(request.body(png(50, 50))).await.ok();
    let open = ben.begin("half.txt", 4, None).await.ok();
    ben.put(&open, "half").await.ok_empty();
    delete_user(&ben, PASSWORD).await.ok_empty();
    eventually("his photo and what he had sent are gone", async || {
        server.run("collect", SHORT_GRACE);
        server.blobs() == before && server.unfinished().is_empty()
    })
    .await;
    assert_eq!(ann.download(&text(&kept["id"])).await, b"kept");
}
