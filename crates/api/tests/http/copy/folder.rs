use reqwest::Method;
use serde_json::{Value, json};

use super::{copy_folder, copy_times, multiplied};
use crate::support::{ABSENT, ApiClient, Server, sql_id, text};

/// Creates a folder `name` with two files, one of them in a subfolder, and an empty folder.
async fn sample(user: &ApiClient, name: &str) -> String {
    let top = user.folder(name, None).await;
    user.folder("Empty", Some(&top)).await;
    let inner = user.folder("Inner", Some(&top)).await;
    user.upload("a.txt", b"aa", Some(&top)).await;
    user.upload("été.txt", b"bbb", Some(&inner)).await;
    top
}

/// The identifier of the item `name` in `folder`.
async fn within(user: &ApiClient, folder: &str, name: &str) -> String {
    let items = user.get(&format!("/drive/{folder}")).await.ok()["items"].clone();
    text(&items.as_array().unwrap().iter().find(|item| item["name"] == name).unwrap()["id"])
}

#[tokio::test]
async fn a_copy_has_all_that_lies_below_and_is_described_whole() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = sample(&ann, "Top").await;
    let (there, blobs) = (ann.folder("There", None).await, server.blobs());
    let answer = copy_folder(&ann, &top, json!({"parent_folder_id": there, "folder_name": "Copy"})).await;
    assert_eq!(answer.status, 201);
    let (location, etag) = (answer.header("location").to_owned(), answer.header("etag").to_owned());
    let copy = answer.ok();
    let id = text(&copy["id"]);
    let me = json!({"id": ann.get("/user").await.ok()["id"], "username": "ann"});
    let expected = json!({
        "kind": "folder", "id": id, "name": "Copy", "parent_folder_id": there, "owner": me, "created_by": me,
        "created_at": copy["created_at"], "modified_at": copy["created_at"], "etag": "\"1\"", "permission": "owner",
    });
    assert_eq!(copy, expected);
    assert_eq!((location.as_str(), etag.as_str()), (format!("/drive/{id}").as_str(), "\"1\""));
    let listing = ann.get(&location).await.ok();
    assert_eq!(listing["folder"], copy);
    assert_eq!(ann.names(Some(&id)).await, ["a.txt", "Empty", "Inner"]);
    let inner = within(&ann, &id, "Inner").await;
    let file = within(&ann, &inner, "été.txt").await;
    assert_eq!(ann.download(&file).await, b"bbb");
    assert_eq!((server.blobs(), ann.quota().await["used_bytes"].clone()), (blobs, json!(10)));
    // The copies are independent.
    ann.send_form(&[("parent_folder_id", &inner), ("file_conflict", "Replace")], "été.txt", b"other").await.ok();
    let original = within(&ann, &within(&ann, &top, "Inner").await, "été.txt").await;
    assert_eq!(ann.download(&original).await, b"bbb");
}

#[tokio::test]
async fn the_default_destination_is_the_root_of_the_callers_drive() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let top = sample(&ann, "Top").await;
    ann.share_folder(&top, "ben", "view").await;
    let path = format!("/drive/{top}/copy");
    let copy = ben.send(ben.request(Method::POST, &path)).await.ok();
    assert_eq!((&copy["owner"]["username"], &copy["parent_folder_id"]), (&json!("ben"), &Value::Null));
    let id = text(&copy["id"]);
    assert_eq!(ben.names(Some(&id)).await, ["a.txt", "Empty", "Inner"]);
    let file = within(&ben, &id, "a.txt").await;
    let file = ben.get(&format!("/file/{file}")).await.ok();
    assert_eq!((&file["owner"]["username"], &file["created_by"]["username"]), (&json!("ben"), &json!("ben")));
    assert_eq!((&ben.quota().await["used_bytes"], &ann.quota().await["used_bytes"]), (&json!(5), &json!(5)));
    assert_eq!(ben.get("/shared-with-me").await.ok()["items"].as_array().unwrap().len(), 1, "shares are not copied");
}

#[tokio::test]
async fn trashed_items_are_left_out() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = sample(&ann, "Top").await;
    let gone = [within(&ann, &top, "Inner").await, within(&ann, &top, "a.txt").await];
    for id in gone {
        server.execute(&format!("UPDATE nodes SET trashed_at = 1 WHERE id = {}", sql_id(&id)));
    }
    let copy = copy_folder(&ann, &top, json!({"folder_name": "Copy"})).await.ok();
    assert_eq!(ann.names(Some(&text(&copy["id"]))).await, ["Empty"]);
    assert_eq!(ann.quota().await["used_bytes"], 5);
}

#[tokio::test]
async fn a_folder_is_not_copied_into_itself_nor_too_deep() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = sample(&ann, "Top").await;
    let inner = within(&ann, &top, "Inner").await;
    for parent in [&top, &inner] {
        copy_folder(&ann, &top, json!({"parent_folder_id": parent})).await.refused(409, "folder_cycle");
    }
    copy_folder(&ann, &inner, json!({"parent_folder_id": top, "folder_name": "Inner 2"})).await.ok();
    let mut deep = ann.folder("1", None).await;
    for level in 2..=98 {
        deep = ann.folder(&format!("{level}"), Some(&deep)).await;
    }
    copy_folder(&ann, &top, json!({"parent_folder_id": deep})).await.ok();
    let deeper = ann.folder("99", Some(&deep)).await;
    copy_folder(&ann, &top, json!({"parent_folder_id": deeper})).await.refused_field("parent_folder_id");
    assert_eq!(ann.names(Some(&deeper)).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_taken_name_is_refused_or_stood_beside() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = sample(&ann, "v1.2").await;
    for body in [json!({}), json!({"folder_conflict": "fail"})] {
        let problem = copy_folder(&ann, &top, body).await.refused(409, "name_taken");
        assert_eq!(problem["conflict"]["suggested_name"], "v1.2 (1)");
        assert_eq!(problem["conflict"]["item"]["id"], json!(top));
    }
    copy_folder(&ann, &top, json!({"folder_conflict": "Replace"})).await.refused_field("folder_conflict");
    for expected in ["v1.2 (1)", "v1.2 (2)"] {
        assert_eq!(copy_folder(&ann, &top, json!({"folder_conflict": "keep"})).await.ok()["name"], expected);
    }
}

#[tokio::test]
async fn more_than_ten_thousand_are_refused_and_nothing_of_them_is_copied() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let one = ann.folder("one", None).await;
    let ten = multiplied(&ann, &one, "ten", 9).await;
    let hundred = multiplied(&ann, &ten, "hundred", 9).await;
    let thousand = multiplied(&ann, &hundred, "thousand", 11).await;
    // These have 1, 10, 91 and 1,002 nodes.
    let most = multiplied(&ann, &thousand, "most", 9).await;
    copy_times(&ann, &hundred, &most, 10).await;
    copy_times(&ann, &ten, &most, 7).await;
    ann.folder("the ten thousandth", Some(&most)).await;
    let body = json!({"folder_name": "copy of most"});
    copy_folder(&ann, &most, body.clone()).await.ok();
    ann.folder("one too many", Some(&most)).await;
    let body = json!({"folder_name": "another"});
    let problem = copy_folder(&ann, &most, body).await.refused(422, "too_many_entries");
    assert!(text(&problem["detail"]).contains("10000"), "{problem}");
    assert!(!ann.names(None).await.contains(&"another".to_owned()));
}

#[tokio::test]
async fn a_copy_that_does_not_fit_leaves_nothing() {
    let server = Server::with(&[("DEFAULT_QUOTA_BYTES", "9")]).await;
    let ann = server.user("ann").await;
    let top = sample(&ann, "Top").await;
    let problem = copy_folder(&ann, &top, json!({"folder_name": "Copy"})).await.refused(403, "quota_exceeded");
    assert_eq!(problem["quota"]["needed_bytes"], 5);
    assert_eq!(ann.names(None).await, ["Top"]);
    assert_eq!(ann.quota().await["used_bytes"], 5);
}

#[tokio::test]
async fn only_visible_folders_are_copied() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let top = sample(&ann, "Top").await;
    let file = within(&ann, &top, "a.txt").await;
    for absent in [ABSENT, &file, "nothing"] {
        copy_folder(&ann, absent, json!({})).await.refused(404, "not_found");
    }
    copy_folder(&ben, &top, json!({})).await.refused(404, "not_found");
    let request = ann.request(Method::POST, &format!("/drive/{top}/copy")).header("If-Match", "\"2\"");
    ann.send(request.json(&json!({"folder_name": "x"}))).await.refused(412, "precondition_failed");
    copy_folder(&ann, &top, json!({"file_name": "x"})).await.refused_field("file_name");
    assert_eq!((ann.names(None).await, ben.names(None).await.len()), (vec!["Top".to_owned()], 0));
}
