use serde_json::{Value, json};

use super::{bytes_of, versions};
use crate::support::{ABSENT, SHORT_GRACE, Server, eventually, sha256, text};

#[tokio::test]
async fn every_way_to_replace_a_file_keeps_what_it_was() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let file = ann.send_form(&[("content_type", "text/plain")], "plan", b"A").await.ok();
    let id = text(&file["id"]);
    ann.share_file(&id, "ben", "edit").await;
    ann.send_form(&[("file_conflict", "Replace")], "plan", b"BB").await.ok();
    let body = json!({"file_name": "plan", "file_size_in_bytes": 3, "file_conflict": "Replace"});
    let upload = ann.post("/file", body).await.ok();
    ann.put(&upload, "CCC").await.ok_empty();
    ann.complete(&upload).await.ok();
    let last = ben.put_content(&id, b"DDDD", &[("Content-Type", "text/markdown")]).await.ok();
    assert_eq!((&last["id"], &last["name"], &last["size_in_bytes"]), (&json!(id), &json!("plan"), &json!(4)));

    let answer = ann.get(&format!("/file/{id}/version")).await;
    assert_eq!(answer.ok()["next_cursor"], Value::Null);
    let all = versions(&ann, &id).await;
    let column = |name: &str| all.iter().map(|version| version[name].clone()).collect::<Vec<_>>();
    assert_eq!(column("size_in_bytes"), [4, 3, 2, 1]);
    assert_eq!(column("current"), [true, false, false, false]);
    assert_eq!(column("version_id")[0], last["version_id"]);
    assert_eq!(column("version_id")[3], file["version_id"]);
    assert_eq!(column("content_type")[0], "text/markdown");
    assert_eq!(column("content_type")[3], "text/plain");
    assert_eq!(column("sha256")[3], sha256(b"A"));
    let makers: Vec<&Value> = all.iter().map(|version| &version["created_by"]["username"]).collect();
    assert_eq!(makers, ["ben", "ann", "ann", "ann"]);
    for (version, bytes) in all.iter().zip(["DDDD", "CCC", "BB", "A"]) {
        assert_eq!(bytes_of(&ben, &id, version).await, bytes.as_bytes());
    }
    assert_eq!(ann.quota().await["used_bytes"], 10);
}

#[tokio::test]
async fn a_versions_url_is_not_cached_and_it_belongs_to_its_file() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let (file, other) = (ann.upload("a", b"a", None).await, ann.upload("b", b"b", None).await);
    let (id, other_id) = (text(&file["id"]), text(&other["id"]));
    let path = format!("/file/{id}/version/{}", text(&file["version_id"]));
    let answer = ann.get(&path).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let mut version = answer.ok();
    assert!(text(&version["download"]["url"]).starts_with("http"));
    version.as_object_mut().unwrap().remove("download").unwrap();
    assert_eq!(versions(&ann, &id).await, [version]);
    for version in [text(&other["version_id"]), ABSENT.to_owned(), id.clone(), "x".to_owned()] {
        let path = format!("/file/{id}/version/{version}");
        ann.get(&path).await.refused(404, "not_found");
        ann.delete(&path).await.refused(404, "not_found");
        ann.post_empty(&format!("{path}/restore")).await.refused(404, "not_found");
    }
    ann.get(&format!("/file/{other_id}/version/{}", text(&file["version_id"]))).await.refused(404, "not_found");
    ann.get(&format!("/file/{}/version", ann.folder("Top", None).await)).await.refused(404, "not_found");
}

#[tokio::test]
async fn the_history_comes_in_pages_that_belong_to_its_file() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let (id, other) = (text(&ann.upload("a", b"0", None).await["id"]), text(&ann.upload("b", b"0", None).await["id"]));
    for number in 1..7 {
        ann.put_content(&id, &vec![b'x'; number], &[]).await.ok();
    }
    let (mut sizes, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = ann.get(&format!("/file/{id}/version?limit=3{cursor}")).await.ok();
        sizes
            .extend(page["items"].as_array().unwrap().iter().map(|version| version["size_in_bytes"].as_u64().unwrap()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(sizes, [6, 5, 4, 3, 2, 1, 1]);
    let cursor = text(&ann.get(&format!("/file/{id}/version?limit=1")).await.ok()["next_cursor"]);
    ann.get(&format!("/file/{other}/version?cursor={cursor}")).await.refused(400, "invalid_cursor");
}

#[tokio::test]
async fn a_former_content_comes_back_as_another_version() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = ann.send_form(&[("content_type", "text/plain")], "plan", b"plan A").await.ok();
    let id = text(&file["id"]);
    let second = ann.put_content(&id, b"plan BB", &[]).await.ok();
    let path = format!("/file/{id}/version/{}/restore", text(&file["version_id"]));
    let stale = ann.request(reqwest::Method::POST, &path).header("If-Match", text(&file["etag"]));
    ann.send(stale).await.refused(412, "precondition_failed");
    let list = format!("\"other\", {}", text(&second["etag"]));
    let fresh = ann.request(reqwest::Method::POST, &path).header("If-Match", list);
    let answer = ann.send(fresh).await;
    let etag = answer.header("etag").to_owned();
    let restored = answer.ok();
    assert_eq!(restored["etag"], json!(etag));
    for same in ["id", "name", "size_in_bytes", "content_type", "sha256"] {
        assert_eq!(restored[same], file[same], "{same}");
    }
    assert_ne!(restored["version_id"], file["version_id"]);
    assert_eq!(ann.download(&id).await, b"plan A");
    assert_eq!(ann.quota().await["used_bytes"], 19);
    // Restoring the current content changes nothing.
    assert_eq!(ann.post_empty(&path).await.ok(), restored);
    assert_eq!(versions(&ann, &id).await.len(), 3);

    // A blob is kept while any version uses it.
    for version in versions(&ann, &id).await.iter().skip(1) {
        ann.delete(&format!("/file/{id}/version/{}", text(&version["version_id"]))).await.ok_empty();
    }
    assert_eq!(ann.quota().await["used_bytes"], 6);
    eventually("the other bytes are cleared away", async || {
        server.run("collect", SHORT_GRACE);
        server.blobs().len() == 1
    })
    .await;
    assert_eq!(ann.download(&id).await, b"plan A");
}

#[tokio::test]
async fn a_guest_who_exceeds_the_quota_does_not_learn_the_usage() {
    let server = Server::with(&[("DEFAULT_QUOTA_BYTES", "10")]).await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let file = ann.upload("plan", b"plan A", None).await;
    let id = text(&file["id"]);
    ann.put_content(&id, b"new", &[]).await.ok();
    ann.share_file(&id, "ben", "edit").await;
    let path = format!("/file/{id}/version/{}/restore", text(&file["version_id"]));
    let problem = ben.post_empty(&path).await.refused(403, "quota_exceeded");
    assert_eq!(problem["quota"], json!({"needed_bytes": 6}));
    let detail = text(&problem["detail"]);
    assert!(!detail.contains(|letter: char| letter.is_ascii_digit()), "{detail}");
    let problem = ann.post_empty(&path).await.refused(403, "quota_exceeded");
    let full = json!({"total_bytes": 10, "used_bytes": 9, "reserved_bytes": 0, "needed_bytes": 6});
    assert_eq!(problem["quota"], full);
    assert_eq!(ben.download(&id).await, b"new");
}

#[tokio::test]
async fn a_version_is_deleted_unless_it_is_the_current_one() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = ann.upload("plan", b"plan A", None).await;
    let id = text(&file["id"]);
    let second = ann.put_content(&id, b"plan BB", &[]).await.ok();
    let at = |version: &Value| format!("/file/{id}/version/{}", text(&version["version_id"]));
    ann.delete(&at(&second)).await.refused(409, "version_in_use");
    ann.delete_if(&text(&file["etag"]), &at(&file)).await.refused(412, "precondition_failed");
    ann.delete_if(&format!("\"other\", {}", text(&second["etag"])), &at(&file)).await.ok_empty();
    ann.delete(&at(&file)).await.refused(404, "not_found");
    assert_eq!(versions(&ann, &id).await.len(), 1);
    assert_eq!(ann.quota().await["used_bytes"], 7);
    // The history is not part of the file's metadata: its ETag stays.
    assert_eq!(ann.get(&format!("/file/{id}")).await.ok()["etag"], second["etag"]);
}

#[tokio::test]
async fn excess_versions_are_removed_and_release_their_bytes() {
    let server = Server::with(&[("MAX_VERSIONS", "3"), ("DEFAULT_QUOTA_BYTES", "100")]).await;
    let ann = server.user("ann").await;
    let file = ann.send_form(&[], "plan", &[b'0'; 10]).await.ok();
    let id = text(&file["id"]);
    for size in [20, 30] {
        ann.put_content(&id, &vec![b'x'; size], &[]).await.ok();
    }
    // Of 60 used bytes, the dropped version frees 20.
    ann.put_content(&id, &[b'x'; 40], &[]).await.ok();
    let sizes: Vec<Value> = versions(&ann, &id).await.iter().map(|version| version["size_in_bytes"].clone()).collect();
    assert_eq!(sizes, [40, 30, 10]);
    assert_eq!(ann.quota().await["used_bytes"], 80);
    let problem = ann.put_content(&id, &[b'x'; 51], &[]).await.refused(403, "quota_exceeded");
    assert_eq!(problem["quota"]["needed_bytes"], 51);
}

#[tokio::test]
async fn frequent_replaces_by_an_editor_keep_the_owners_version() {
    let server = Server::with(&[("MAX_VERSIONS", "5")]).await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let file = ann.send_form(&[], "plan", b"what ann had").await.ok();
    let id = text(&file["id"]);
    ann.share_file(&id, "ben", "edit").await;
    for number in 0..20 {
        ben.put_content(&id, format!("by ben {number}").as_bytes(), &[]).await.ok();
    }
    let left = versions(&ann, &id).await;
    assert_eq!(left.len(), 5);
    assert_eq!(left.last().unwrap()["version_id"], file["version_id"]);
    ann.post_empty(&format!("/file/{id}/version/{}/restore", text(&file["version_id"]))).await.ok();
    assert_eq!(ann.download(&id).await, b"what ann had");
}
