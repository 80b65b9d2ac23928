//! `POST /drive`.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{ABSENT, Server, text};

#[tokio::test]
async fn a_new_folder_is_fully_described_and_found_at_its_location() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let answer = ann.post("/drive", json!({"folder_name": "Photos"})).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("cache-control"), "private, no-cache");
    let (location, etag) = (answer.header("location").to_owned(), answer.header("etag").to_owned());
    let photos = answer.ok();
    let me = ann.get("/user").await.ok();
    let person = json!({"id": me["id"], "username": "ann"});
    let expected = json!({
        "kind": "folder", "id": photos["id"], "name": "Photos", "parent_folder_id": null,
        "owner": person, "created_by": person, "created_at": photos["created_at"], "modified_at": photos["created_at"],
        "etag": etag, "permission": "owner",
    });
    assert_eq!(photos, expected);
    assert_eq!(location, format!("/drive/{}", text(&photos["id"])));
    assert!(etag.starts_with('"') && etag.ends_with('"') && etag.len() > 2, "{etag}");
    assert!(is_uuid_v7(&photos["id"]), "{}", photos["id"]);
    assert!(is_time_in_utc(&photos["created_at"]), "{}", photos["created_at"]);

    let listing = ann.get(&location).await;
    assert_eq!(listing.header("etag"), etag);
    assert_eq!(listing.ok()["folder"], photos);
}

fn is_uuid_v7(id: &Value) -> bool {
    let id = uuid::Uuid::parse_str(id.as_str().unwrap()).unwrap();
    id.get_version_num() == 7
}

/// `2026-11-22T06:12:00.000Z`
fn is_time_in_utc(time: &Value) -> bool {
    let pattern = "dddd-dd-ddTdd:dd:dd.dddZ";
    let time = time.as_str().unwrap();
    let fits = |(pattern, byte): (u8, u8)| if pattern == b'd' { byte.is_ascii_digit() } else { pattern == byte };
    time.len() == pattern.len() && pattern.bytes().zip(time.bytes()).all(fits)
}

#[tokio::test]
async fn a_folder_is_made_in_the_root_unless_a_parent_is_named() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = ann.folder("Top", None).await;
    let inner = ann.post("/drive", json!({"folder_name": "Inner", "parent_folder_id": top})).await.ok();
    assert_eq!(inner["parent_folder_id"], json!(top));
    let beside = ann.post("/drive", json!({"folder_name": "Beside", "parent_folder_id": null})).await.ok();
    assert_eq!(beside["parent_folder_id"], Value::Null);
    assert_eq!(ann.names(None).await, ["Beside", "Top"]);
    assert_eq!(ann.names(Some(&top)).await, ["Inner"]);
}

#[tokio::test]
async fn a_parent_that_is_absent_foreign_or_a_file_is_not_found() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let of_ben = ben.folder("Private", None).await;
    let file = text(&ann.upload("note.txt", b"note", None).await["id"]);
    for parent in [ABSENT, &of_ben, &file] {
        let body = json!({"folder_name": "Inner", "parent_folder_id": parent});
        ann.post("/drive", body).await.refused(404, "not_found");
    }
    assert_eq!(ann.names(None).await, ["note.txt"]);
    assert_eq!(ben.names(Some(&of_ben)).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_taken_name_is_refused_with_all_that_a_client_needs_to_decide() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let first = ann.post("/drive", json!({"folder_name": "Trip 1.5"})).await.ok();
    let problem = ann.post("/drive", json!({"folder_name": "Trip 1.5"})).await.refused(409, "name_taken");
    let item = json!({"kind": "folder", "id": first["id"], "name": "Trip 1.5", "etag": first["etag"]});
    // Folder names have no extension.
    assert_eq!(problem["conflict"], json!({"item": item, "suggested_name": "Trip 1.5 (1)"}));
    ann.folder("Trip 1.5 (1)", None).await;
    ann.folder("Trip 1.5 (3)", None).await;
    let problem = ann.post("/drive", json!({"folder_name": "Trip 1.5"})).await.refused(409, "name_taken");
    assert_eq!(problem["conflict"]["suggested_name"], "Trip 1.5 (2)");
    assert_eq!(ann.names(None).await, ["Trip 1.5", "Trip 1.5 (1)", "Trip 1.5 (3)"]);
}

#[tokio::test]
async fn names_are_unique_per_folder_and_case_sensitive() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = ann.folder("Top", None).await;
    let file = ann.upload("readme.md", b"# Top", Some(&top)).await;
    let body = |name: &str| json!({"folder_name": name, "parent_folder_id": top});
    let problem = ann.post("/drive", body("readme.md")).await.refused(409, "name_taken");
    let item = json!({"kind": "file", "id": file["id"], "name": "readme.md", "etag": file["etag"]});
    assert_eq!(problem["conflict"], json!({"item": item, "suggested_name": "readme.md (1)"}));
    ann.post("/drive", body("README.md")).await.ok();
    ann.post("/drive", json!({"folder_name": "readme.md"})).await.ok();
    assert_eq!(ann.names(Some(&top)).await, ["readme.md", "README.md"]);
    assert_eq!(ann.names(None).await, ["readme.md", "Top"]);
}

#[tokio::test]
async fn folders_are_nested_at_most_a_hundred_deep() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let mut deepest = ann.folder("1", None).await;
    let mut chain = vec![deepest.clone()];
    for level in 2..=100 {
        deepest = ann.folder(&level.to_string(), Some(&deepest)).await;
        chain.push(deepest.clone());
    }
    let body = json!({"folder_name": "101", "parent_folder_id": deepest});
    ann.post("/drive", body).await.refused_field("parent_folder_id");
    ann.upload("at the bottom.txt", b"files may stand there", Some(&deepest)).await;
    assert_eq!(ann.names(Some(&deepest)).await, ["at the bottom.txt"]);

    let tower = ann.folder("tower", None).await;
    ann.folder("its floor", Some(&tower)).await;
    let into = |parent: &str| json!({"parent_folder_id": parent});
    let tower = format!("/drive/{tower}");
    ann.patch(&tower, into(&chain[98])).await.refused_field("parent_folder_id");
    ann.patch(&tower, into(&chain[97])).await.ok();
}

#[tokio::test]
async fn a_body_with_a_misspelt_missing_or_wrongly_typed_field_is_refused_by_that_field() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = ann.folder("Top", None).await;
    let cases = [
        (json!({"folder_name": "a", "parent_id": top}), "parent_id"),
        (json!({"folder_name": "a", "parent_folder_Id": top}), "parent_folder_Id"),
        (json!({"folder_name": "a", "parent_folder_id": "Top"}), "parent_folder_id"),
        (json!({"folder_name": "a", "parent_folder_id": 7}), "parent_folder_id"),
        (json!({"parent_folder_id": top}), "folder_name"),
        (json!({"folder_name": 7}), "folder_name"),
        (json!({"folder_name": null}), "folder_name"),
        (json!({"name": "a", "folder_name": "a"}), "name"),
        (json!([]), "body"),
        (json!("a"), "body"),
    ];
    for (body, field) in cases {
        ann.post("/drive", body).await.refused_field(field);
    }
    assert_eq!(ann.names(None).await, ["Top"]);
}

#[tokio::test]
async fn a_body_that_is_no_json_or_says_a_thing_twice_is_malformed() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    for text in ["", "{", "folder_name=a", r#"{"folder_name":"a","folder_name":"b"}"#, r#"{"folder_name":"\ud800"}"#] {
        ann.send_text(Method::POST, "/drive", text).await.refused(400, "malformed_request");
    }
    let untyped = ann.request(Method::POST, "/drive").body(r#"{"folder_name":"a"}"#);
    ann.send(untyped).await.refused(415, "unsupported_media_type");
    assert_eq!(ann.names(None).await, Vec::<String>::new());
}
