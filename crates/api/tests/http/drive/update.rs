//! `PATCH /drive/{folder_id}`.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{ABSENT, ApiClient, Server, text};

async fn folder(user: &ApiClient, id: &str) -> Value {
    user.get(&format!("/drive/{id}")).await.ok()["folder"].clone()
}

#[tokio::test]
async fn a_rename_changes_name_time_and_etag_and_nothing_else() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let id = ann.folder("Photos", None).await;
    ann.folder("Beach", Some(&id)).await;
    let before = folder(&ann, &id).await;
    let answer = ann.patch(&format!("/drive/{id}"), json!({"folder_name": "Pictures"})).await;
    let etag = answer.header("etag").to_owned();
    let after = answer.ok();
    assert_ne!(after["etag"], before["etag"]);
    assert_eq!(after["etag"], json!(etag));
    assert!(text(&after["modified_at"]) >= text(&before["modified_at"]));
    let mut expected = before;
    expected["name"] = json!("Pictures");
    expected["etag"] = json!(etag);
    expected["modified_at"] = after["modified_at"].clone();
    assert_eq!(after, expected);
    assert_eq!(folder(&ann, &id).await, after);
    assert_eq!(ann.names(None).await, ["Pictures"]);
    assert_eq!(ann.names(Some(&id)).await, ["Beach"]);
}

#[tokio::test]
async fn new_name_is_another_word_for_the_name() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let path = format!("/drive/{}", ann.folder("Photos", None).await);
    assert_eq!(ann.patch(&path, json!({"new_name": "Pictures"})).await.ok()["name"], "Pictures");
    ann.patch(&path, json!({"new_name": "a", "folder_name": "b"})).await.refused_field("folder_name");
    assert_eq!(ann.names(None).await, ["Pictures"]);
}

#[tokio::test]
async fn a_folder_moves_with_all_below_it_and_null_brings_it_to_the_root() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let (top, year) = (ann.folder("Top", None).await, ann.folder("2026", None).await);
    let month = ann.folder("11", Some(&year)).await;
    let file = ann.upload("note.txt", b"note", Some(&month)).await;
    let path = format!("/drive/{year}");
    let moved = ann.patch(&path, json!({"parent_folder_id": top})).await.ok();
    assert_eq!((&moved["parent_folder_id"], &moved["name"]), (&json!(top), &json!("2026")));
    assert_eq!(ann.names(None).await, ["Top"]);
    assert_eq!(ann.names(Some(&top)).await, ["2026"]);
    let steps = ann.get(&format!("/drive/{month}")).await.ok()["path"].clone();
    let names: Vec<String> = steps.as_array().unwrap().iter().map(|step| text(&step["name"])).collect();
    assert_eq!(names, ["Top", "2026", "11"]);
    let listed = ann.get(&format!("/drive/{month}")).await.ok()["items"].clone();
    assert_eq!(listed, json!([file]), "what lies below is not touched by it");

    let back = ann.patch(&path, json!({"parent_folder_id": null})).await.ok();
    assert_eq!(back["parent_folder_id"], Value::Null);
    assert_eq!(ann.names(None).await, ["2026", "Top"]);
}

#[tokio::test]
async fn a_name_and_a_place_change_together_or_not_at_all() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let (top, photos) = (ann.folder("Top", None).await, ann.folder("Photos", None).await);
    let taken = ann.folder("Pictures", Some(&top)).await;
    // The name is free in the root.
    let path = format!("/drive/{photos}");
    let before = folder(&ann, &photos).await;
    let both = |name: &str| json!({"folder_name": name, "parent_folder_id": top});
    let problem = ann.patch(&path, both("Pictures")).await.refused(409, "name_taken");
    assert_eq!(problem["conflict"]["item"]["id"], json!(taken));
    assert_eq!(problem["conflict"]["suggested_name"], "Pictures (1)");
    assert_eq!(folder(&ann, &photos).await, before);

    let after = ann.patch(&path, both("Pictures (1)")).await.ok();
    assert_eq!((&after["name"], &after["parent_folder_id"]), (&json!("Pictures (1)"), &json!(top)));
    assert_eq!(ann.names(None).await, ["Top"]);
    assert_eq!(ann.names(Some(&top)).await, ["Pictures", "Pictures (1)"]);
}

#[tokio::test]
async fn a_taken_name_leaves_everything_as_it_was() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let (top, photos) = (ann.folder("Top", None).await, ann.folder("Photos", None).await);
    let file = ann.upload("Music", b"la la", None).await;
    ann.folder("Photos", Some(&top)).await;
    let path = format!("/drive/{photos}");
    let before = folder(&ann, &photos).await;
    let problem = ann.patch(&path, json!({"folder_name": "Music"})).await.refused(409, "name_taken");
    let item = json!({"kind": "file", "id": file["id"], "name": "Music", "etag": file["etag"]});
    assert_eq!(problem["conflict"], json!({"item": item, "suggested_name": "Music (1)"}));
    ann.patch(&path, json!({"parent_folder_id": top})).await.refused(409, "name_taken");
    assert_eq!(folder(&ann, &photos).await, before);
    assert_eq!(ann.names(None).await, ["Music", "Photos", "Top"]);
    assert_eq!(ann.names(Some(&top)).await, ["Photos"]);
}

#[tokio::test]
async fn a_folder_that_is_where_it_is_to_be_keeps_its_etag_and_its_time() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = ann.folder("Top", None).await;
    let inner = ann.folder("Café", Some(&top)).await;
    let before = folder(&ann, &inner).await;
    for body in [
        json!({"folder_name": "Café"}),
        json!({"folder_name": "Cafe\u{301}"}),
        json!({"parent_folder_id": top}),
        json!({"folder_name": "Café", "parent_folder_id": top}),
    ] {
        assert_eq!(ann.patch(&format!("/drive/{inner}"), body).await.ok(), before);
    }
    let before = folder(&ann, &top).await;
    assert_eq!(ann.patch(&format!("/drive/{top}"), json!({"parent_folder_id": null})).await.ok(), before);
    // Names are case-sensitive.
    let renamed = ann.patch(&format!("/drive/{top}"), json!({"folder_name": "TOP"})).await.ok();
    assert_eq!(renamed["name"], "TOP");
    assert_ne!(renamed["etag"], before["etag"]);
}

#[tokio::test]
async fn a_folder_keeps_its_etag_whatever_happens_in_it() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = ann.folder("Top", None).await;
    let before = folder(&ann, &top).await;
    let inner = ann.folder("Inner", Some(&top)).await;
    ann.upload("note.txt", b"note", Some(&top)).await;
    ann.patch(&format!("/drive/{inner}"), json!({"folder_name": "Outer", "parent_folder_id": null})).await.ok();
    assert_eq!(folder(&ann, &top).await["etag"], before["etag"]);
}

#[tokio::test]
async fn if_match_requires_the_current_folder_tag() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let id = ann.folder("Photos", None).await;
    let path = format!("/drive/{id}");
    let name = |name: &str| json!({"folder_name": name});
    let first = text(&folder(&ann, &id).await["etag"]);
    let second = text(&ann.patch_if(&first, &path, name("Pictures")).await.ok()["etag"]);
    ann.patch_if(&first, &path, name("Paintings")).await.refused(412, "precondition_failed");
    // Also if the request would change nothing.
    ann.patch_if(&first, &path, name("Pictures")).await.refused(412, "precondition_failed");
    let bare = second.trim_matches('"');
    for malformed in [
        "",
        "\"",
        "\"\"",
        bare,
        &format!("W/{second}"),
        &format!("\"+{bare}\""),
        &format!("\"0{bare}\""),
        &format!("\" {bare}\""),
        "\"photos\"",
        "\"-1\"",
        "\"99999999999999999999999999\"",
        "Pictures",
    ] {
        ann.patch_if(malformed, &path, name("Paintings")).await.refused(412, "precondition_failed");
    }
    assert_eq!(folder(&ann, &id).await["etag"], json!(second));
    ann.patch_if("*", &path, name("Paintings")).await.ok();
    assert_eq!(ann.names(None).await, ["Paintings"]);
}

#[tokio::test]
async fn a_folder_cannot_go_into_itself_or_below() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let a = ann.folder("a", None).await;
    let b = ann.folder("b", Some(&a)).await;
    let c = ann.folder("c", Some(&b)).await;
    for (moved, into) in [(&a, &a), (&a, &b), (&a, &c), (&b, &b), (&b, &c)] {
        let path = format!("/drive/{moved}");
        ann.patch(&path, json!({"parent_folder_id": into})).await.refused(409, "folder_cycle");
        ann.patch(&path, json!({"parent_folder_id": into, "folder_name": "z"})).await.refused(409, "folder_cycle");
    }
    ann.patch(&format!("/drive/{c}"), json!({"parent_folder_id": a})).await.ok();
    assert_eq!(ann.names(Some(&a)).await, ["b", "c"]);
}

#[tokio::test]
async fn nothing_moves_from_one_owners_drive_to_anothers() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let of_ann = ann.folder("Ann's", None).await;
    let inner = ann.folder("Inner", Some(&of_ann)).await;
    let of_ben = ben.folder("Ben's", None).await;
    ann.share_folder(&of_ann, "ben", "edit").await;
    ben.share_folder(&of_ben, "ann", "edit").await;
    let into = |folder: &str| json!({"parent_folder_id": folder});
    ann.patch(&format!("/drive/{inner}"), into(&of_ben)).await.refused(409, "cross_drive_move");
    ben.patch(&format!("/drive/{inner}"), into(&of_ben)).await.refused(409, "cross_drive_move");
    // Null is the root of the folder's drive, to which a guest may not add.
    ben.patch(&format!("/drive/{inner}"), json!({"parent_folder_id": null})).await.refused(403, "permission_denied");
    assert_eq!(ann.names(Some(&of_ann)).await, ["Inner"]);
    assert_eq!(ben.names(Some(&of_ben)).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_destination_that_is_absent_invisible_or_a_file_is_not_found() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let id = ann.folder("Photos", None).await;
    let file = text(&ann.upload("note.txt", b"note", None).await["id"]);
    let of_ben = ben.folder("Ben's", None).await;
    let before = folder(&ann, &id).await;
    for into in [ABSENT, &file, &of_ben] {
        let body = json!({"folder_name": "Pictures", "parent_folder_id": into});
        ann.patch(&format!("/drive/{id}"), body).await.refused(404, "not_found");
    }
    assert_eq!(folder(&ann, &id).await, before);
}

#[tokio::test]
async fn a_body_that_asks_for_nothing_or_in_the_wrong_words_is_refused() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let id = ann.folder("Photos", None).await;
    let path = format!("/drive/{id}");
    let before = folder(&ann, &id).await;
    for (body, field) in [
        (json!({}), "body"),
        (json!([]), "body"),
        (json!({"folder_name": "a", "parent_folder": null}), "parent_folder"),
        (json!({"name": "a"}), "name"),
        (json!({"file_name": "a"}), "file_name"),
        (json!({"folder_name": 7}), "folder_name"),
        (json!({"parent_folder_id": "root"}), "parent_folder_id"),
        (json!({"parent_folder_id": ""}), "parent_folder_id"),
        (json!({"parent_folder_id": []}), "parent_folder_id"),
        (json!({"folder_name": "a", "parent_folder_id": false}), "parent_folder_id"),
    ] {
        eprintln!("{body}");
        ann.patch(&path, body).await.refused_field(field);
    }
    for text in ["", "{", r#"{"folder_name":"a","folder_name":"b"}"#, r#"{"parent_folder_id":null}}"#] {
        ann.send_text(Method::PATCH, &path, text).await.refused(400, "malformed_request");
    }
    assert_eq!(folder(&ann, &id).await, before);
}
