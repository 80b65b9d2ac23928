use reqwest::Method;
use serde_json::{Value, json};

use super::{restore, trash, trashed};
use crate::support::{ABSENT, Server, text};

#[tokio::test]
async fn what_comes_back_is_what_it_was_with_its_shares() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let top = ann.folder("Top", None).await;
    let inner = ann.folder("Inner", Some(&top)).await;
    let file = text(&ann.upload("note.txt", b"note", Some(&inner)).await["id"]);
    ann.share_folder(&inner, "ben", "edit").await;
    let before = ann.get(&format!("/drive/{inner}")).await.ok();
    ann.delete(&format!("/drive/{inner}")).await.ok_empty();
    let answer = ann.ask(&format!("/trash/{inner}/restore")).await;
    let etag = answer.header("etag").to_owned();
    let restored = answer.ok();
    let mut expected = before["folder"].clone();
    expected["etag"] = json!(etag);
    assert_eq!(restored, expected);
    assert_eq!(ann.get(&format!("/drive/{inner}")).await.ok()["items"], before["items"]);
    assert_eq!(ben.download(&file).await, b"note");
    assert_eq!(trashed(&ann).await, Vec::<String>::new());
    ann.ask(&format!("/trash/{inner}/restore")).await.refused(404, "not_found");
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
async fn it_goes_where_one_says() {
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
async fn it_comes_back_as_it_was_seen_in_the_trash() {
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
