use reqwest::{Body, Method};
use serde_json::{Value, json};

use super::versions;
use crate::support::{Server, eventually, sha256, text};

#[tokio::test]
async fn a_body_becomes_the_content_of_a_file_of_any_name() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = ann.folder("Top", None).await;
    let file = ann.send_form(&[("content_type", "text/plain")], "note.txt", b"note").await.ok();
    let id = text(&file["id"]);
    ann.patch(&format!("/file/{id}"), json!({"file_name": "diary.md", "parent_folder_id": top})).await.ok();
    let answer = ann.put_content(&id, b"dear diary", &[("Content-Type", "text/markdown; charset=utf-8")]).await;
    let etag = answer.header("etag").to_owned();
    let put = answer.ok();
    assert_eq!(put["content_etag"], json!(etag));
    let expected = [
        ("name", json!("diary.md")),
        ("parent_folder_id", json!(top)),
        ("size_in_bytes", json!(10)),
        ("content_type", json!("text/markdown; charset=utf-8")),
        ("sha256", json!(sha256(b"dear diary"))),
        ("created_at", file["created_at"].clone()),
        ("client_modified_at", json!(null)),
    ];
    for (field, value) in expected {
        assert_eq!(put[field], value, "{field}");
    }
    assert_eq!(ann.download(&id).await, b"dear diary");
    // Empty content is valid; without a `Content-Type`, the file keeps its own.
    let empty = ann.put_content(&id, b"", &[]).await.ok();
    assert_eq!((&empty["size_in_bytes"], &empty["content_type"]), (&json!(0), &json!("text/markdown; charset=utf-8")));
    assert_eq!(versions(&ann, &id).await.len(), 3);
}

#[tokio::test]
async fn if_match_prevents_overwriting_unseen_changes() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = ann.upload("note.txt", b"note", None).await;
    let (id, first) = (text(&file["id"]), text(&file["etag"]));
    let second = text(&ann.put_content(&id, b"two", &[("If-Match", &first)]).await.ok()["etag"]);
    ann.put_content(&id, b"lost", &[("If-Match", &first)]).await.refused(412, "precondition_failed");
    ann.put_content(&id, b"lost", &[("If-Match", "two")]).await.refused(412, "precondition_failed");
    ann.put_content(&id, b"three", &[("If-Match", &second)]).await.ok();
    ann.put_content(&id, b"four", &[("If-Match", "*")]).await.ok();
    assert_eq!(versions(&ann, &id).await.len(), 4);
    assert_eq!(ann.download(&id).await, b"four");
    assert_eq!(server.blobs().len(), 4, "what was refused leaves no bytes behind");
}

#[tokio::test]
async fn a_part_of_a_content_and_one_for_where_there_is_no_file_are_refused() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let id = text(&ann.upload("note.txt", b"note", None).await["id"]);
    let part = ann.put_content(&id, b"ot", &[("Content-Range", "bytes 1-2/4")]).await;
    part.refused(400, "malformed_request");
    let absent = ann.put_content(&id, b"new", &[("If-None-Match", "*")]).await;
    absent.refused(412, "precondition_failed");
    ann.put_content(crate::support::ABSENT, b"new", &[("If-None-Match", "*")]).await.refused(404, "not_found");
    assert_eq!(ann.download(&id).await, b"note");
    assert_eq!(server.blobs().len(), 1);
}

#[tokio::test]
async fn a_file_that_changes_while_the_bytes_come_is_not_overwritten() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = ann.upload("note.txt", b"note", None).await;
    let (id, first) = (text(&file["id"]), text(&file["etag"]));
    let (pieces, body) = tokio::sync::mpsc::channel::<Result<Vec<u8>, std::io::Error>>(1);
    let body = Body::wrap_stream(futures_util::stream::unfold(body, async |mut body| Some((body.recv().await?, body))));
    let request = ann.request(Method::PUT, &format!("/file/{id}/content")).header("If-Match", &first).body(body);
    let putting = tokio::spawn({
        let ann = ann.clone();
        async move { ann.send(request).await }
    });
    pieces.send(Ok(vec![b'x'; 1 << 20])).await.unwrap();
    // The ETag is checked before the first bytes are stored.
    eventually("the first bytes have come", async || server.value("SELECT count(*) FROM blobs") == "2").await;
    ann.patch(&format!("/file/{id}"), json!({"file_name": "diary"})).await.ok();
    drop(pieces);
    putting.await.unwrap().refused(412, "precondition_failed");
    assert_eq!(ann.download(&id).await, b"note");
    assert_eq!(ann.quota().await["used_bytes"], 4);
}

#[tokio::test]
async fn oversized_or_untyped_content_is_refused() {
    let server = Server::with(&[("DEFAULT_QUOTA_BYTES", "10")]).await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let id = text(&ann.upload("note.txt", b"note", None).await["id"]);
    ann.share_file(&id, "ben", "edit").await;
    ann.put_content(&id, b"x", &[("Content-Type", "nonsense")]).await.refused_field("content_type");
    let full = json!({"total_bytes": 10, "used_bytes": 4, "reserved_bytes": 0, "needed_bytes": 7});
    // Ben does not learn how full ann's drive is.
    for (user, announced, streaming) in
        [(&ann, full.clone(), full.clone()), (&ben, json!({"needed_bytes": 7}), Value::Null)]
    {
        let problem = user.put_content(&id, b"seven b", &[]).await.refused(403, "quota_exceeded");
        assert_eq!(problem["quota"], announced);
        // Also without a `Content-Length`.
        let pieces = futures_util::stream::iter([Ok::<_, std::io::Error>(b"seven b".to_vec())]);
        let request = user.request(Method::PUT, &format!("/file/{id}/content")).body(Body::wrap_stream(pieces));
        let problem = user.send(request).await.refused(403, "quota_exceeded");
        assert_eq!(problem["quota"], streaming);
    }
    ann.put_content(&id, b"just so", &[]).await.refused(403, "quota_exceeded");
    ann.put_content(&id, b"sixsix", &[]).await.ok();
    assert_eq!(ann.quota().await["used_bytes"], 10);
}

#[tokio::test]
async fn a_client_that_goes_away_changes_nothing() {
    use crate::support::RawConnection;
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let id = text(&ann.upload("note.txt", b"note", None).await["id"]);
    let before = server.blobs();
    let mut wire = RawConnection::to(&server).await;
    wire.head(&ann, "PUT", &format!("/file/{id}/content"), &[("Content-Length", "1000")]).await;
    eventually("the server waits for the bytes", async || server.value("SELECT count(*) FROM blobs") == "2").await;
    drop(wire);
    eventually("nothing is left of it", async || server.unfinished().is_empty() && server.blobs() == before).await;
    assert_eq!(versions(&ann, &id).await.len(), 1);
    assert_eq!(ann.download(&id).await, b"note");
}

/// Some client libraries serialize bytes as JSON, which would be stored as text.
#[tokio::test]
async fn bytes_that_a_client_has_serialized_are_refused_unless_the_file_is_json() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let text_file = text(&ann.upload("note.txt", b"note", None).await["id"]);
    for media_type in ["application/json", "Application/JSON; charset=utf-8"] {
        let answer = ann.put_content(&text_file, b"[104,101]", &[("Content-Type", media_type)]).await;
        answer.refused(415, "unsupported_media_type");
    }
    assert_eq!(ann.download(&text_file).await, b"note");
    assert_eq!(versions(&ann, &text_file).await.len(), 1);
    // JSON files are recognised by name or type.
    let named = text(&ann.upload("Settings.JSON", b"{}", None).await["id"]);
    let typed = text(&ann.send_form(&[("content_type", "application/json")], "settings", b"{}").await.ok()["id"]);
    for file in [&named, &typed] {
        ann.put_content(file, b"[104]", &[("Content-Type", "application/json")]).await.ok();
        assert_eq!(ann.download(file).await, b"[104]");
    }
}
