//! `file_conflict` and `folder_conflict` of `PATCH /file/{file_id}` and `PATCH /drive/{folder_id}`.

use futures_util::future::{join, join_all};
use serde_json::{Value, json};

use crate::support::{ApiClient, Server, text};

/// The identifiers of what is in the trash, newest first.
async fn trashed(user: &ApiClient) -> Vec<String> {
    let listed = user.get("/trash").await.ok();
    listed["items"].as_array().unwrap().iter().map(|row| text(&row["item"]["id"])).collect()
}

async fn file(user: &ApiClient, name: &str, bytes: &[u8], parent: Option<&str>) -> String {
    text(&user.upload(name, bytes, parent).await["id"])
}

#[tokio::test]
async fn a_replaced_file_goes_to_the_trash_with_its_versions_and_comes_back() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let top = ann.folder("Top", None).await;
    let old = file(&ann, "plan.txt", b"plan A", Some(&top)).await;
    ann.put_content(&old, b"plan B", &[]).await.ok();
    ann.share_file(&old, "ben", "view").await;
    let new = file(&ann, "plan.txt", b"plan C", None).await;
    let used = ann.quota().await;
    let body = json!({"parent_folder_id": top, "file_conflict": "Replace"});
    let answer = ann.patch(&format!("/file/{new}"), body.clone()).await;
    let etag = answer.header("etag").to_owned();
    let moved = answer.ok();
    assert_eq!((&moved["id"], &moved["name"], &moved["etag"]), (&json!(new), &json!("plan.txt"), &json!(etag)));
    assert_eq!((ann.names(Some(&top)).await, trashed(&ann).await), (vec!["plan.txt".to_owned()], vec![old.clone()]));
    assert_eq!(ann.download(&new).await, b"plan C");
    assert_eq!(ann.quota().await, used, "what is in the trash counts");
    for user in [&ann, &ben] {
        user.get(&format!("/file/{old}")).await.refused(404, "not_found");
    }
    ben.get(&format!("/file/{new}")).await.refused(404, "not_found");
    // Where it is already, it replaces nothing.
    assert_eq!(ann.patch(&format!("/file/{new}"), body).await.ok(), moved);
    assert_eq!(trashed(&ann).await, [old.as_str()]);
    let back = ann.post_empty(&format!("/trash/{old}/restore")).await.ok();
    assert_eq!((&back["name"], &back["parent_folder_id"]), (&json!("plan (1).txt"), &json!(top)));
    assert_eq!(ben.download(&old).await, b"plan B");
    let versions = ann.get(&format!("/file/{old}/version")).await.ok();
    assert_eq!(versions["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_replaced_folder_goes_to_the_trash_with_all_below_it() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let old = ann.folder("Photos", None).await;
    let below = file(&ann, "beach.jpg", b"sand", Some(&old)).await;
    let new = ann.folder("New photos", None).await;
    file(&ann, "city.jpg", b"stone", Some(&new)).await;
    let body = json!({"new_name": "Photos", "folder_conflict": "replace"});
    let renamed = ann.patch(&format!("/drive/{new}"), body).await.ok();
    assert_eq!((&renamed["id"], &renamed["name"]), (&json!(new), &json!("Photos")));
    assert_eq!((ann.names(None).await, trashed(&ann).await), (vec!["Photos".to_owned()], vec![old.clone()]));
    assert_eq!(ann.names(Some(&new)).await, ["city.jpg"]);
    ann.get(&format!("/file/{below}")).await.refused(404, "not_found");
    let restored = ann.post_empty(&format!("/trash/{old}/restore")).await.ok();
    assert_eq!(restored["name"], "Photos (1)");
    assert_eq!(ann.download(&below).await, b"sand");
}

#[tokio::test]
async fn both_are_kept_and_a_repeat_changes_nothing() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = ann.folder("Top", None).await;
    file(&ann, "a.tar.gz", b"one", Some(&top)).await;
    ann.folder("v1.2", Some(&top)).await;
    let new = file(&ann, "a.tar.gz", b"two", None).await;
    let folder = ann.folder("v1.2", None).await;
    for (path, field, name, expected) in [
        (format!("/file/{new}"), "file", "a.tar.gz", "a.tar (1).gz"),
        (format!("/drive/{folder}"), "folder", "v1.2", "v1.2 (1)"),
    ] {
        let (named, conflict) = (format!("{field}_name"), format!("{field}_conflict"));
        let body = json!({named: name, conflict: "KEEP", "parent_folder_id": top});
        let moved = ann.patch(&path, body.clone()).await.ok();
        assert_eq!((&moved["name"], &moved["parent_folder_id"]), (&json!(expected), &json!(top)));
        assert_eq!(ann.patch(&path, body).await.ok(), moved);
    }
    assert_eq!(ann.names(Some(&top)).await, ["a.tar (1).gz", "a.tar.gz", "v1.2", "v1.2 (1)"]);
    assert_eq!(trashed(&ann).await, Vec::<String>::new());
}

#[tokio::test]
async fn without_a_policy_or_with_fail_a_taken_name_is_refused() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let (one, two) = (file(&ann, "one", b"1", None).await, file(&ann, "two", b"2", None).await);
    for body in [json!({"file_name": "one"}), json!({"file_name": "one", "file_conflict": "Fail"})] {
        let problem = ann.patch(&format!("/file/{two}"), body).await.refused(409, "name_taken");
        assert_eq!(problem["conflict"]["item"]["id"], json!(one));
    }
    assert_eq!(ann.names(None).await, ["one", "two"]);
}

#[tokio::test]
async fn a_file_and_a_folder_do_not_replace_each_other() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let (folder, other) = (ann.folder("a", None).await, ann.folder("b", None).await);
    let (of_file, taken) = (file(&ann, "c", b"c", None).await, file(&ann, "d", b"d", None).await);
    let body = json!({"file_name": "a", "file_conflict": "Replace"});
    let problem = ann.patch(&format!("/file/{of_file}"), body).await.refused(409, "name_taken");
    assert_eq!(
        (&problem["conflict"]["item"]["kind"], &problem["conflict"]["item"]["id"]),
        (&json!("folder"), &json!(folder))
    );
    let body = json!({"folder_name": "d", "folder_conflict": "Replace"});
    let problem = ann.patch(&format!("/drive/{other}"), body).await.refused(409, "name_taken");
    assert_eq!(
        (&problem["conflict"]["item"]["kind"], &problem["conflict"]["item"]["id"]),
        (&json!("file"), &json!(taken))
    );
    assert_eq!(problem["conflict"]["suggested_name"], "d (1)");
    assert_eq!(ann.names(None).await, ["a", "b", "c", "d"]);
    assert_eq!(trashed(&ann).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_folder_is_not_replaced_by_what_is_in_it() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = ann.folder("a", None).await;
    let middle = ann.folder("b", Some(&top)).await;
    let inner = ann.folder("a", Some(&middle)).await;
    let path = format!("/drive/{inner}");
    let out = |conflict: &str| json!({"parent_folder_id": null, "folder_conflict": conflict});
    ann.patch(&path, out("Replace")).await.refused(409, "folder_cycle");
    assert_eq!(ann.names(Some(&middle)).await, ["a"]);
    assert_eq!(trashed(&ann).await, Vec::<String>::new());
    assert_eq!(ann.patch(&path, out("Keep")).await.ok()["name"], "a (1)");
}

#[tokio::test]
async fn a_refused_request_replaces_nothing() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let (top, seen) = (ann.folder("Top", None).await, ann.folder("Seen", None).await);
    ann.share_folder(&top, "ben", "edit").await;
    ann.share_folder(&seen, "ben", "view").await;
    let new = format!("/file/{}", file(&ann, "note", b"new", Some(&top)).await);
    file(&ann, "note", b"old", Some(&seen)).await;
    file(&ben, "note", b"ben's", None).await;
    let own = ben.folder("Own", None).await;
    file(&ben, "note", b"ben's", Some(&own)).await;
    let into = |folder: &str| json!({"parent_folder_id": folder, "file_conflict": "Replace"});
    ann.patch_if("\"99\"", &new, into(&seen)).await.refused(412, "precondition_failed");
    ben.patch(&new, into(&seen)).await.refused(403, "permission_denied");
    ben.patch(&new, into(&own)).await.refused(409, "cross_drive_move");
    for user in [&ann, &ben] {
        assert_eq!(trashed(user).await, Vec::<String>::new());
    }
    assert_eq!(
        (ann.names(Some(&top)).await, ann.names(Some(&seen)).await),
        (vec!["note".to_owned()], vec!["note".to_owned()])
    );
}

#[tokio::test]
async fn a_guest_who_may_edit_replaces_and_may_undo_it() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let top = ann.folder("Top", None).await;
    ann.share_folder(&top, "ben", "edit").await;
    let old = file(&ann, "note", b"old", Some(&top)).await;
    let new = file(&ben, "draft", b"new", Some(&top)).await;
    ben.patch(&format!("/file/{new}"), json!({"file_name": "note", "file_conflict": "Replace"})).await.ok();
    assert_eq!((trashed(&ann).await, trashed(&ben).await), (vec![old.clone()], vec![]));
    assert_eq!(ben.post_empty(&format!("/trash/{old}/restore")).await.ok()["name"], "note (1)");
    assert_eq!(ann.names(Some(&top)).await, ["note", "note (1)"]);
}

#[tokio::test]
async fn the_policy_alone_asks_for_nothing_and_other_words_are_refused() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let (of_file, folder) = (file(&ann, "a", b"a", None).await, ann.folder("b", None).await);
    for (path, body, field) in [
        (format!("/file/{of_file}"), json!({"file_conflict": "Keep"}), "body"),
        (format!("/file/{of_file}"), json!({"file_name": "c", "file_conflict": "overwrite"}), "file_conflict"),
        (format!("/file/{of_file}"), json!({"file_name": "c", "file_conflict": true}), "file_conflict"),
        (format!("/file/{of_file}"), json!({"file_name": "c", "folder_conflict": "Keep"}), "folder_conflict"),
        (format!("/drive/{folder}"), json!({"folder_conflict": "Replace"}), "body"),
        (format!("/drive/{folder}"), json!({"folder_name": "c", "folder_conflict": "merge"}), "folder_conflict"),
        (format!("/drive/{folder}"), json!({"folder_name": "c", "file_conflict": "Keep"}), "file_conflict"),
    ] {
        eprintln!("{body}");
        ann.patch(&path, body).await.refused_field(field);
    }
    assert_eq!(ann.names(None).await, ["a", "b"]);
    // Null counts as absent.
    ann.patch(&format!("/file/{of_file}"), json!({"file_name": "b", "file_conflict": null}))
        .await
        .refused(409, "name_taken");
}

#[tokio::test]
async fn concurrent_replacements_leave_one_node_and_trash_the_others() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = ann.folder("Top", None).await;
    for kind in ["file", "folder"] {
        let mut all = Vec::new();
        for number in 0..7 {
            // The first has the name already.
            let (name, parent) =
                if number == 0 { (kind.to_owned(), Some(top.as_str())) } else { (format!("{kind} {number}"), None) };
            all.push(match kind {
                "file" => format!("/file/{}", file(&ann, &name, name.as_bytes(), parent).await),
                _ => format!("/drive/{}", ann.folder(&name, parent).await),
            });
        }
        let (named, conflict) = (format!("{kind}_name"), format!("{kind}_conflict"));
        let body = json!({named: kind, conflict: "Replace", "parent_folder_id": top});
        let answers = join_all(all[1..].iter().map(|path| ann.patch(path, body.clone()))).await;
        for answer in answers {
            assert_eq!(answer.ok()["name"], json!(kind));
        }
        assert_eq!(ann.names(Some(&top)).await.iter().filter(|name| *name == kind).count(), 1);
        let items = ann.get(&format!("/drive/{top}")).await.ok()["items"].clone();
        let live: Vec<String> = items.as_array().unwrap().iter().map(|item| text(&item["id"])).collect();
        let gone = trashed(&ann).await;
        for id in all.iter().map(|path| path.rsplit('/').next().unwrap().to_owned()) {
            assert!(live.contains(&id) != gone.contains(&id), "{id} is in one of the two");
        }
    }
    assert_eq!(trashed(&ann).await.len(), 12);
}

#[tokio::test]
async fn concurrent_edits_of_a_replaced_file_are_not_lost() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    for round in 0..6 {
        let name = format!("note {round}");
        let (old, new) = (file(&ann, &name, b"old", None).await, file(&ann, "draft", b"new", None).await);
        let body = json!({"file_name": name, "file_conflict": "Replace"});
        let (path, content) = (format!("/file/{new}"), format!("edited in round {round}"));
        let (moved, edited) = join(ann.patch(&path, body), ann.put_content(&old, content.as_bytes(), &[])).await;
        moved.ok();
        assert!([200, 404].contains(&edited.status), "{}", edited.text());
        assert_eq!(ann.download(&new).await, b"new");
        ann.post_empty(&format!("/trash/{old}/restore")).await.ok();
        let expected = if edited.status == 200 { content.as_bytes() } else { &b"old"[..] };
        assert_eq!(ann.download(&old).await, expected);
    }
    for round in 0..6 {
        let name = format!("folder {round}");
        let (old, new) = (ann.folder(&name, None).await, ann.folder("draft folder", None).await);
        let body = json!({"folder_name": name, "folder_conflict": "Replace"});
        let (path, fields) = (format!("/drive/{new}"), [("parent_folder_id", old.as_str())]);
        let (moved, sent) = join(ann.patch(&path, body), ann.send_form(&fields, "late", b"late")).await;
        moved.ok();
        assert!([201, 404].contains(&sent.status), "{}", sent.text());
        assert_eq!(ann.names(Some(&new)).await, Vec::<String>::new());
        let restored: Value = ann.post_empty(&format!("/trash/{old}/restore")).await.ok();
        assert_eq!(restored["name"], format!("{name} (1)"));
        assert_eq!(ann.names(Some(&old)).await, vec!["late"; usize::from(sent.status == 201)]);
    }
}
