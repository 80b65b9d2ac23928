//! File metadata: `GET` and `PATCH /file/{file_id}`.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{ABSENT, ApiClient, Server, sha256, text};

fn path_of(file: &Value) -> String {
    format!("/file/{}", text(&file["id"]))
}

/// The file at `path` without its download URL, which is new each time.
async fn file_at(user: &ApiClient, path: &str) -> Value {
    let mut file = user.get(path).await.ok();
    file.as_object_mut().unwrap().remove("download").unwrap();
    file
}

#[tokio::test]
async fn a_file_is_described_whole_with_a_url_for_its_bytes() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = ann.folder("Top", None).await;
    let body = json!({
        "file_name": "note.txt", "file_size_in_bytes": 4, "parent_folder_id": top, "content_type": "text/plain",
        "sha256": sha256(b"note").to_uppercase(), "client_modified_at": "2026-01-02T04:04:05.678+01:00",
    });
    let upload = ann.post("/file", body).await.ok();
    ann.put(&upload, "note").await.ok_empty();
    let completed = ann.complete(&upload).await.ok();
    let answer = ann.get(&path_of(&completed)).await;
    assert_eq!(answer.header("cache-control"), "no-store", "it bears a URL");
    let etag = answer.header("etag").to_owned();
    let file = answer.ok();
    let me = ann.get("/user").await.ok();
    let person = json!({"id": me["id"], "username": "ann"});
    let expected = json!({
        "kind": "file", "id": file["id"], "name": "note.txt", "parent_folder_id": top, "owner": person,
        "created_by": person, "created_at": file["created_at"], "modified_at": file["created_at"], "etag": etag,
        "permission": "owner", "size_in_bytes": 4, "content_type": "text/plain", "sha256": sha256(b"note"),
        "version_id": file["version_id"], "content_etag": file["content_etag"], "client_modified_at": "2026-01-02T03:04:05.678Z",
        "download": file["download"],
    });
    assert_eq!(file, expected);
    assert_ne!(file["version_id"], file["id"]);
    assert!(text(&file["download"]["expires_at"]) > text(&file["created_at"]));
    assert_eq!(ann.download(&text(&file["id"])).await, b"note");

    // Apart from the URL, completion and lists return the same.
    assert_eq!(file_at(&ann, &path_of(&file)).await, completed);
    assert_eq!(ann.get(&format!("/drive/{top}")).await.ok()["items"], json!([completed]));
}

#[tokio::test]
async fn omitted_metadata_is_null_or_the_generic_type() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = ann.upload("note", b"note", None).await;
    assert_eq!(file["content_type"], "application/octet-stream");
    assert_eq!((&file["client_modified_at"], &file["parent_folder_id"]), (&Value::Null, &Value::Null));
    // The digest may be unknown if the bytes bypass the server; it is always known if they pass through it.
    assert!(file["sha256"].is_null() || file["sha256"] == sha256(b"note"), "{file}");
    let seen = ann.send_form(&[], "seen", b"note").await.ok();
    assert_eq!(seen["sha256"], sha256(b"note"));
    let empty = ann.upload("empty", b"", None).await;
    assert_eq!(empty["size_in_bytes"], 0);
}

#[tokio::test]
async fn a_new_file_has_the_type_of_its_name_and_a_replaced_one_keeps_its_own() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let kind = |file: &Value| text(&file["content_type"]);
    assert_eq!(kind(&ann.upload("beach.jpg", b"x", None).await), "image/jpeg");
    // Many clients send this type for every file.
    let silent = [("content_type", "application/octet-stream")];
    let page = ann.send_form(&silent, "page.html", b"one").await.ok();
    assert_eq!(kind(&page), "text/html");
    let id = text(&page["id"]);
    ann.patch(&format!("/file/{id}"), json!({"content_type": "text/x-mine"})).await.ok();
    let replace = [("file_conflict", "Replace"), silent[0]];
    assert_eq!(kind(&ann.send_form(&replace, "page.html", b"two").await.ok()), "text/x-mine");
    let none: &[(&str, &str)] = &[];
    let form = &[("Content-Type", "application/x-www-form-urlencoded")];
    for headers in [none, &[("Content-Type", silent[0].1)], form] {
        assert_eq!(kind(&ann.put_content(&id, b"three", headers).await.ok()), "text/x-mine");
    }
    let reported = ann.put_content(&id, b"four", &[("Content-Type", "image/png")]).await.ok();
    assert_eq!(kind(&reported), "image/png");
    let response = ann.get(&format!("/file/{id}")).await.ok();
    assert_eq!(response["content_type"], "image/png");
}

#[tokio::test]
async fn type_and_time_of_a_file_can_be_changed_alone_and_with_its_name() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let top = ann.folder("Top", None).await;
    let file = ann.upload("note.txt", b"note", Some(&top)).await;
    let path = path_of(&file);
    let time = "2026-11-22T06:12:00.000Z";
    let changed = ann.patch(&path, json!({"content_type": "text/markdown", "client_modified_at": time})).await;
    let etag = changed.header("etag").to_owned();
    let changed = changed.ok();
    assert_eq!((&changed["content_type"], &changed["client_modified_at"]), (&json!("text/markdown"), &json!(time)));
    assert_eq!((&changed["version_id"], &changed["name"]), (&file["version_id"], &json!("note.txt")));
    assert_ne!(changed["etag"], file["etag"]);
    let stale = json!({"content_type": "text/plain"});
    let stale = ann.request(Method::PATCH, &path).header("If-Match", text(&file["etag"])).json(&stale);
    ann.send(stale).await.refused(412, "precondition_failed");
    let both = json!({"file_name": "diary.md", "parent_folder_id": null, "content_type": "text/x-diary"});
    let both = ann.send(ann.request(Method::PATCH, &path).header("If-Match", etag).json(&both)).await.ok();
    assert_eq!((&both["name"], &both["content_type"]), (&json!("diary.md"), &json!("text/x-diary")));
    // An update to the same value changes nothing.
    assert_eq!(ann.patch(&path, json!({"content_type": "text/x-diary"})).await.ok()["etag"], both["etag"]);
    ann.patch(&path, json!({"content_type": "nonsense"})).await.refused_field("content_type");
    ann.patch(&path, json!({"client_modified_at": "yesterday"})).await.refused_field("client_modified_at");
    ann.patch(&path, json!({})).await.refused_field("body");
    // Editors may change the type; viewers may not.
    let id = text(&file["id"]);
    ann.share_file(&id, "ben", "edit").await;
    ben.patch(&path, json!({"content_type": "text/x-bens"})).await.ok();
    ben.patch(&path, json!({"content_type": "text/x", "file_name": "bens"})).await.refused(403, "permission_denied");
    let put = ann.put_content(&id, b"more", &[("X-Client-Modified-At", "2026-11-23T08:12:00+02:00")]).await.ok();
    assert_eq!(put["client_modified_at"], "2026-11-23T06:12:00.000Z");
    assert_eq!(ann.put_content(&id, b"less", &[]).await.ok()["client_modified_at"], Value::Null);
    ann.put_content(&id, b"less", &[("X-Client-Modified-At", "now")]).await.refused_field("X-Client-Modified-At");
}

#[tokio::test]
async fn a_folder_shows_when_something_came_or_went_and_keeps_its_etag() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let (a, b) = (ann.folder("a", None).await, ann.folder("b", None).await);
    let look = async |folder: &str| {
        server.execute("UPDATE nodes SET modified_at = 1000 WHERE kind = 'folder'");
        let folder = ann.get(&format!("/drive/{folder}?limit=1")).await.ok()["folder"].clone();
        text(&folder["etag"])
    };
    let shows = async |folder: &str, etag: &str, changed: bool| {
        let folder = ann.get(&format!("/drive/{folder}?limit=1")).await.ok()["folder"].clone();
        assert_eq!(text(&folder["etag"]), etag);
        assert_eq!(folder["modified_at"] != "1970-01-01T00:00:01.000Z", changed, "{folder}");
    };
    let (of_a, of_b) = (look(&a).await, look(&b).await);
    let file = ann.upload("note.txt", b"note", Some(&a)).await;
    shows(&a, &of_a, true).await;
    shows(&b, &of_b, false).await;
    let id = text(&file["id"]);
    look(&a).await;
    ann.put_content(&id, b"more", &[]).await.ok();
    ann.patch(&format!("/file/{id}"), json!({"file_name": "diary.txt"})).await.ok();
    shows(&a, &of_a, false).await;
    ann.patch(&format!("/file/{id}"), json!({"parent_folder_id": b})).await.ok();
    shows(&a, &of_a, true).await;
    shows(&b, &of_b, true).await;
    look(&b).await;
    ann.delete(&format!("/file/{id}")).await.ok_empty();
    shows(&b, &of_b, true).await;
    look(&b).await;
    ann.post(&format!("/trash/{id}/restore"), json!({})).await.ok();
    shows(&b, &of_b, true).await;
    look(&b).await;
    ann.send_form(&[("parent_folder_id", &b)], "form.txt", b"x").await.ok();
    shows(&b, &of_b, true).await;
}

#[tokio::test]
async fn a_file_that_is_absent_malformed_or_a_folder_is_not_found() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let folder = ann.folder("Top", None).await;
    for id in [ABSENT, &folder, "note.txt", "7", "null", "%00", "..%2f.."] {
        let path = format!("/file/{id}");
        ann.get(&path).await.refused(404, "not_found");
        ann.get(&format!("{path}/content")).await.refused(404, "not_found");
        ann.patch(&path, json!({"file_name": "x"})).await.refused(404, "not_found");
    }
}

#[tokio::test]
async fn a_file_shows_the_callers_permission() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = ann.folder("Top", None).await;
    let inner = ann.folder("Inner", Some(&top)).await;
    let file = ann.upload("note.txt", b"note", Some(&inner)).await;
    let id = text(&file["id"]);
    for (name, on_top, on_file, permission) in [
        ("viewer", Some("view"), None, "view"),
        ("editor", Some("edit"), None, "edit"),
        ("reader", None, Some("view"), "view"),
        ("writer", None, Some("edit"), "edit"),
        ("raised", Some("view"), Some("edit"), "edit"),
        ("not_lowered", Some("edit"), Some("view"), "edit"),
    ] {
        let guest = server.user(name).await;
        if let Some(permission) = on_top {
            ann.share_folder(&top, name, permission).await;
        }
        if let Some(permission) = on_file {
            ann.share_file(&id, name, permission).await;
        }
        let seen = file_at(&guest, &path_of(&file)).await;
        assert_eq!(seen["permission"], permission, "{name}");
        assert_eq!(seen["owner"]["username"], "ann", "{name}");
        if on_top.is_some() {
            let listed = guest.get(&format!("/drive/{inner}")).await.ok()["items"].clone();
            assert_eq!(listed, json!([seen]), "{name} is shown the same in the list");
        }
    }
}

#[tokio::test]
async fn a_rename_keeps_the_bytes_and_changes_the_etag() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let before = ann.upload("note.txt", b"note", None).await;
    let answer = ann.patch(&path_of(&before), json!({"file_name": "diary.md"})).await;
    let etag = answer.header("etag").to_owned();
    let after = answer.ok();
    assert_ne!(before["etag"], after["etag"]);
    let mut expected = before;
    expected["name"] = json!("diary.md");
    expected["etag"] = json!(etag);
    expected["modified_at"] = after["modified_at"].clone();
    assert_eq!(after, expected, "type, version and all the rest stay");
    assert_eq!(ann.download(&text(&after["id"])).await, b"note");
    let renamed = ann.patch(&path_of(&after), json!({"new_name": "memoirs"})).await.ok();
    assert_eq!(renamed["name"], "memoirs");
    assert_eq!(ann.names(None).await, ["memoirs"]);
}

#[tokio::test]
async fn a_file_moves_and_null_brings_it_to_the_root() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let (top, other) = (ann.folder("Top", None).await, ann.folder("Other", None).await);
    let file = ann.upload("note.txt", b"note", None).await;
    let path = path_of(&file);
    for parent in [json!(top), json!(other), Value::Null] {
        let moved = ann.patch(&path, json!({"parent_folder_id": parent})).await.ok();
        assert_eq!((&moved["parent_folder_id"], &moved["name"]), (&parent, &json!("note.txt")));
    }
    assert_eq!(ann.names(None).await, ["note.txt", "Other", "Top"]);
    let both = json!({"file_name": "diary.md", "parent_folder_id": top});
    let moved = ann.patch(&path, both).await.ok();
    assert_eq!((&moved["parent_folder_id"], &moved["name"]), (&json!(top), &json!("diary.md")));
    assert_eq!(ann.names(None).await, ["Other", "Top"]);
    assert_eq!(ann.names(Some(&top)).await, ["diary.md"]);
    assert_eq!(ann.names(Some(&other)).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_taken_name_leaves_the_file_as_it_was_and_suggests_a_free_one() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = ann.folder("Top", None).await;
    let file = ann.upload("a.tar.gz", b"note", None).await;
    let path = path_of(&file);
    let holder = ann.upload("b.tar.gz", b"other", None).await;
    ann.folder("b.tar (1).gz", None).await;
    ann.upload("a.tar.gz", b"other", Some(&top)).await;
    let problem = ann.patch(&path, json!({"file_name": "b.tar.gz"})).await.refused(409, "name_taken");
    let item = json!({"kind": "file", "id": holder["id"], "name": "b.tar.gz", "etag": holder["etag"]});
    assert_eq!(problem["conflict"], json!({"item": item, "suggested_name": "b.tar (2).gz"}));
    let problem = ann.patch(&path, json!({"parent_folder_id": top})).await.refused(409, "name_taken");
    assert_eq!(problem["conflict"]["suggested_name"], "a.tar (1).gz");
    // Folders and files share one namespace.
    let problem = ann.patch(&path, json!({"file_name": "Top"})).await.refused(409, "name_taken");
    assert_eq!(
        (&problem["conflict"]["item"]["kind"], &problem["conflict"]["item"]["id"]),
        (&json!("folder"), &json!(top))
    );
    assert_eq!(file_at(&ann, &path).await, file);
    // A move and a rename in one request avoid the conflict.
    ann.patch(&path, json!({"parent_folder_id": top, "file_name": "a.tar (1).gz"})).await.ok();
}

#[tokio::test]
async fn a_file_that_is_where_it_is_to_be_keeps_its_etag() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = ann.folder("Top", None).await;
    let file = ann.upload("note.txt", b"note", Some(&top)).await;
    for body in [
        json!({"file_name": "note.txt"}),
        json!({"parent_folder_id": top}),
        json!({"new_name": "note.txt", "parent_folder_id": top}),
    ] {
        assert_eq!(ann.patch(&path_of(&file), body).await.ok(), file);
    }
}

#[tokio::test]
async fn if_match_requires_the_current_file_tag() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = ann.upload("note.txt", b"note", None).await;
    let (path, first) = (path_of(&file), text(&file["etag"]));
    let name = |name: &str| json!({"file_name": name});
    ann.patch_if(&first, &path, name("a")).await.ok();
    ann.patch_if(&first, &path, name("b")).await.refused(412, "precondition_failed");
    ann.patch_if("note", &path, name("b")).await.refused(412, "precondition_failed");
    // The content's ETag is not the file's.
    let of_bytes = ann.get(&format!("{path}/content")).await.header("etag").to_owned();
    ann.patch_if(&of_bytes, &path, name("b")).await.refused(412, "precondition_failed");
    ann.patch_if("*", &path, name("c")).await.ok();
    // New content also changes the file's ETag.
    let second = text(&file_at(&ann, &path).await["etag"]);
    ann.send_form(&[("file_name", "c"), ("file_conflict", "Replace")], "c", b"other").await.ok();
    ann.patch_if(&second, &path, name("d")).await.refused(412, "precondition_failed");
    assert_eq!(ann.names(None).await, ["c"]);
}

#[tokio::test]
async fn a_file_does_not_leave_its_owners_drive() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let (of_ann, of_ben) = (ann.folder("Ann's", None).await, ben.folder("Ben's", None).await);
    let file = ann.upload("note.txt", b"note", Some(&of_ann)).await;
    ann.share_folder(&of_ann, "ben", "edit").await;
    ben.share_folder(&of_ben, "ann", "edit").await;
    let path = path_of(&file);
    for user in [&ann, &ben] {
        let body = json!({"parent_folder_id": of_ben, "file_name": "diary.md"});
        user.patch(&path, body).await.refused(409, "cross_drive_move");
    }
    ben.patch(&path, json!({"parent_folder_id": null})).await.refused(403, "permission_denied");
    assert_eq!(file_at(&ann, &path).await, file);
    assert_eq!(ben.names(Some(&of_ben)).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_destination_that_is_absent_invisible_or_a_file_is_not_found() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let file = ann.upload("note.txt", b"note", None).await;
    let other = text(&ann.upload("other.txt", b"other", None).await["id"]);
    let of_ben = ben.folder("Ben's", None).await;
    for into in [ABSENT, &other, &of_ben, &text(&file["id"])] {
        ann.patch(&path_of(&file), json!({"parent_folder_id": into})).await.refused(404, "not_found");
    }
    assert_eq!(file_at(&ann, &path_of(&file)).await, file);
}

#[tokio::test]
async fn a_body_that_asks_for_nothing_or_in_the_wrong_words_is_refused() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = ann.upload("note.txt", b"note", None).await;
    let path = path_of(&file);
    for (body, field) in [
        (json!({}), "body"),
        (json!(null), "body"),
        (json!({"parent_folder_Id": null}), "parent_folder_Id"),
        (json!({"file_name": "a", "parentFolderId": null}), "parentFolderId"),
        (json!({"folder_name": "a"}), "folder_name"),
        (json!({"content_type": "text"}), "content_type"),
        (json!({"file_name": ["a"]}), "file_name"),
        (json!({"parent_folder_id": 0}), "parent_folder_id"),
        (json!({"new_name": "a", "file_name": "b"}), "file_name"),
    ] {
        eprintln!("{body}");
        ann.patch(&path, body).await.refused_field(field);
    }
    for text in ["", "[", r#"{"file_name":"a","file_name":"a"}"#] {
        ann.send_text(Method::PATCH, &path, text).await.refused(400, "malformed_request");
    }
    assert_eq!(file_at(&ann, &path).await, file);
}
