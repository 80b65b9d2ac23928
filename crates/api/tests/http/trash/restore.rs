use reqwest::Method;
use serde_json::{Value, json};

use super::{restore, trash, trashed};
use crate::support::{ABSENT, Server, text};

#[tokio::test]
async fn restored_items_keep_their_state_and_shares() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let top = ann.folder("Top", None).await;
    let inner = ann.folder("Inner", Some(&top)).await;
    let file = text(&ann.upload("note.txt", b"note", Some(&inner)).await["id"]);
    ann.share_folder(&inner, "ben", "edit").await;
    let before = ann.get(&format!("/drive/{inner}")).await.ok();
    ann.delete(&format!("/drive/{inner}")).await.ok_empty();
    let answer = ann.post_empty(&format!("/trash/{inner}/restore")).await;
    let etag = answer.header("etag").to_owned();
    let restored = answer.ok();
    let mut expected = before["folder"].clone();
    expected["etag"] = json!(etag);
    assert_eq!(restored, expected);
    assert_eq!(ann.get(&format!("/drive/{inner}")).await.ok()["items"], before["items"]);
    assert_eq!(ben.download(&file).await, b"note");
    assert_eq!(trashed(&ann).await, Vec::<String>::new());
    ann.post_empty(&format!("/trash/{inner}/restore")).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_taken_name_gets_a_number_and_a_lost_parent_is_the_root() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = ann.folder("Top", None).await;
    let files = [ann.upload("a.tar.gz", b"1", Some(&top)).await, ann.upload("b.txt", b"2", Some(&top)).await];
    let [first, second] = files.map(|file| text(&file["id"]));
    for id in [&first, &second] {
        ann.delete(&format!("/file/{id}")).await.ok_empty();
    }
    ann.upload("a.tar.gz", b"3", Some(&top)).await;
    let restored = restore(&ann, &first).await;
    assert_eq!((&restored["name"], &restored["parent_folder_id"]), (&json!("a.tar (1).gz"), &json!(top)));
    ann.delete(&format!("/drive/{top}")).await.ok_empty();
    ann.delete(&format!("/trash/{top}")).await.ok_empty();
    ann.folder("b.txt", None).await;
    let restored = restore(&ann, &second).await;
    assert_eq!((&restored["name"], &restored["parent_folder_id"]), (&json!("b (1).txt"), &Value::Null));
    assert_eq!(ann.download(&second).await, b"2");
}

#[tokio::test]
async fn an_item_is_restored_to_the_requested_folder() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let (top, other) = (ann.folder("Top", None).await, ann.folder("Other", None).await);
    let inner = ann.folder("Inner", Some(&top)).await;
    let path = format!("/trash/{inner}/restore");
    for parent in [json!(other), Value::Null] {
        ann.delete(&format!("/drive/{inner}")).await.ok_empty();
        let restored = ann.post(&path, json!({"parent_folder_id": parent})).await.ok();
        assert_eq!(restored["parent_folder_id"], parent);
    }
    ann.delete(&format!("/drive/{inner}")).await.ok_empty();
    let of_ben = ben.folder("Ben's", None).await;
    for into in [ABSENT, &inner, &of_ben] {
        ann.post(&path, json!({"parent_folder_id": into})).await.refused(404, "not_found");
    }
    ben.share_folder(&of_ben, "ann", "edit").await;
    ann.post(&path, json!({"parent_folder_id": of_ben})).await.refused(409, "cross_drive_move");
    ann.post(&path, json!({"parent_folder": top})).await.refused_field("parent_folder");
    ann.send_text(Method::POST, &path, "{").await.refused(400, "malformed_request");
    assert_eq!(trashed(&ann).await, ["Inner"]);
    assert_eq!(ann.post(&path, json!({})).await.ok()["parent_folder_id"], Value::Null);
}

#[tokio::test]
async fn a_trashed_item_is_restored_as_listed() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = ann.upload("note.txt", b"note", None).await;
    let id = text(&file["id"]);
    ann.delete(&format!("/file/{id}")).await.ok_empty();
    let seen = text(&trash(&ann).await[0]["item"]["etag"]);
    let insist = async |etag: &str, method: Method, path: &str| {
        ann.send(ann.request(method, path).header("If-Match", etag)).await
    };
    let (at, path) = (format!("/trash/{id}"), format!("/trash/{id}/restore"));
    let old = text(&file["etag"]);
    insist(&old, Method::POST, &path).await.refused(412, "precondition_failed");
    insist(&old, Method::DELETE, &at).await.refused(412, "precondition_failed");
    insist(&seen, Method::POST, &path).await.ok();
    ann.delete(&format!("/file/{id}")).await.ok_empty();
    insist(&seen, Method::DELETE, &at).await.refused(412, "precondition_failed");
    let seen = text(&trash(&ann).await[0]["item"]["etag"]);
    insist(&seen, Method::DELETE, &at).await.ok_empty();
}

#[tokio::test]
async fn descendants_of_trashed_folders_are_listed_and_restored_alone() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = ann.folder("Top", None).await;
    let inner = ann.folder("Inner", Some(&top)).await;
    let mut files = Vec::new();
    for name in ["a.txt", "b.txt", "c.txt"] {
        files.push(text(&ann.upload(name, name.as_bytes(), Some(&inner)).await["id"]));
    }
    ann.delete(&format!("/file/{}", files[2])).await.ok_empty();
    ann.get(&format!("/trash/{top}/item")).await.refused(404, "not_found");
    ann.delete(&format!("/drive/{top}")).await.ok_empty();
    let names = async |folder: &str, query: &str| {
        let page = ann.get(&format!("/trash/{folder}/item{query}")).await.ok();
        let items = page["items"].as_array().unwrap();
        assert!(items.iter().all(|item| item["parent_folder_id"] == json!(folder) && item["permission"] == "owner"));
        (items.iter().map(|item| text(&item["name"])).collect::<Vec<_>>(), page["next_cursor"].clone())
    };
    assert_eq!(names(&top, "").await, (vec!["Inner".to_owned()], Value::Null));
    let (first, next) = names(&inner, "?limit=1&order=desc").await;
    assert_eq!(first, ["b.txt"]);
    let rest = format!("?limit=1&order=desc&cursor={}", text(&next));
    assert_eq!(names(&inner, &rest).await, (vec!["a.txt".to_owned()], Value::Null));
    ann.get(&format!("/trash/{top}/item{rest}")).await.refused(400, "invalid_cursor");
    ann.get(&format!("/trash/{}/item", files[0])).await.refused(404, "not_found");
    ann.get(&format!("/trash/{ABSENT}/item")).await.refused(404, "not_found");
    ann.get(&format!("/trash/{top}/item?limit=0")).await.refused_field("limit");

    // Without a destination, a file whose folder is trashed goes to the root; another goes where told; the rest stays.
    let restored = restore(&ann, &files[0]).await;
    assert_eq!((&restored["name"], &restored["parent_folder_id"]), (&json!("a.txt"), &Value::Null));
    assert_eq!(ann.download(&files[0]).await, b"a.txt");
    let to = ann.folder("To", None).await;
    let path = format!("/trash/{}/restore", files[1]);
    let restored = ann.post(&path, json!({"parent_folder_id": to})).await.ok();
    assert_eq!(restored["parent_folder_id"], json!(to));
    ann.post_empty(&path).await.refused(404, "not_found");
    assert_eq!(names(&inner, "").await.0, Vec::<String>::new());
    assert_eq!(trashed(&ann).await, ["Top", "c.txt"]);
    // A folder inside a trashed one is restored with its contents.
    restore(&ann, &inner).await;
    ann.post_empty(&format!("/trash/{}/restore", files[2])).await.ok();
    assert_eq!(ann.names(Some(&inner)).await, ["c.txt"]);
    // Purging a folder also purges its contents.
    ann.delete(&format!("/drive/{inner}")).await.ok_empty();
    ann.delete(&format!("/trash/{inner}")).await.ok_empty();
    ann.post_empty(&format!("/trash/{}/restore", files[2])).await.refused(404, "not_found");
    ann.get(&format!("/trash/{inner}/item")).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_guest_can_restore_their_deletions_for_an_hour() {
    let server = Server::start().await;
    let (ann, ben, cat) = (server.user("ann").await, server.user("ben").await, server.user("cat").await);
    let top = ann.folder("Top", None).await;
    let inner = ann.folder("Inner", Some(&top)).await;
    let file = text(&ann.upload("note.txt", b"note", Some(&inner)).await["id"]);
    let share = format!("/share/{}", ann.share_folder(&top, "ben", "edit").await);
    ann.share_folder(&top, "cat", "edit").await;
    let (delete, undo) = (format!("/file/{file}"), format!("/trash/{file}/restore"));
    ben.delete(&delete).await.ok_empty();
    // Only the guest who deleted it may undo, only to its old place; it is listed in the owner's trash only.
    cat.post_empty(&undo).await.refused(404, "not_found");
    ben.post(&undo, json!({"parent_folder_id": top})).await.refused(404, "not_found");
    ben.post(&undo, json!({"parent_folder_id": null})).await.refused(404, "not_found");
    ben.delete(&format!("/trash/{file}")).await.refused(404, "not_found");
    assert_eq!(trashed(&ben).await, Vec::<String>::new());
    let restored = restore(&ben, &file).await;
    assert_eq!((&restored["permission"], &restored["parent_folder_id"]), (&json!("edit"), &json!(inner)));
    assert_eq!(ann.download(&file).await, b"note");
    ben.post_empty(&undo).await.refused(404, "not_found");

    // Folders too, with their contents; a taken name gets a number.
    ben.delete(&format!("/drive/{inner}")).await.ok_empty();
    ann.folder("Inner", Some(&top)).await;
    assert_eq!(restore(&ben, &inner).await["name"], "Inner (1)");
    assert_eq!(ben.names(Some(&inner)).await, ["note.txt"]);

    // Ben cannot undo ann's deletion, nor his own after ann has restored the item.
    ann.delete(&delete).await.ok_empty();
    ben.post_empty(&undo).await.refused(404, "not_found");
    restore(&ann, &file).await;
    ben.delete(&delete).await.ok_empty();
    server.execute("UPDATE nodes SET trashed_at = trashed_at - 3600000 WHERE trashed_at IS NOT NULL");
    ben.post_empty(&undo).await.refused(404, "not_found");
    restore(&ann, &file).await;
    for ended in ["view", "none"] {
        ben.delete(&delete).await.ok_empty();
        match ended {
            "view" => drop(ann.patch(&share, json!({"permission": "view"})).await.ok()),
            _ => ann.delete(&share).await.ok_empty(),
        }
        ben.post_empty(&undo).await.refused(404, "not_found");
        restore(&ann, &file).await;
        if ended == "view" {
            ann.patch(&share, json!({"permission": "edit"})).await.ok();
        }
    }
}

#[tokio::test]
async fn a_guest_takes_nothing_back_to_a_folder_that_is_gone() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let top = ann.folder("Top", None).await;
    let inner = ann.folder("Inner", Some(&top)).await;
    let file = text(&ann.upload("note.txt", b"note", Some(&inner)).await["id"]);
    ann.share_folder(&top, "ben", "edit").await;
    ben.delete(&format!("/file/{file}")).await.ok_empty();
    ben.delete(&format!("/drive/{inner}")).await.ok_empty();
    ben.post_empty(&format!("/trash/{file}/restore")).await.refused(404, "not_found");
    // Items inside a folder that ben deleted were not deleted by ben themselves.
    restore(&ben, &inner).await;
    restore(&ben, &file).await;
    ben.delete(&format!("/drive/{inner}")).await.ok_empty();
    ben.post_empty(&format!("/trash/{file}/restore")).await.refused(404, "not_found");
    ben.get(&format!("/trash/{inner}/item")).await.refused(404, "not_found");
}
