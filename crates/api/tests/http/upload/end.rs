use serde_json::json;

use super::{path, progress};
use crate::support::{SHORT_GRACE, Server, eventually};

#[tokio::test]
async fn an_upload_that_is_given_up_stays_given_up() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let upload = ann.begin("hello.txt", 5, None).await.ok();
    ann.put(&upload, "hello").await.ok_empty();
    for _ in 0..2 {
        let answer = ann.delete(&path(&upload)).await;
        assert_eq!(answer.status, 204);
        answer.ok_empty();
    }
    let seen = progress(&ann, &upload).await;
    assert_eq!((&seen["state"], &seen["received_bytes"]), (&json!("aborted"), &json!(0)));
    ann.complete(&upload).await.refused(409, "upload_closed");
    let parts = ann.post(&format!("{}/parts", path(&upload)), json!({"part_numbers": [1]})).await;
    parts.refused(409, "upload_closed");
    assert_eq!(ann.names(None).await, Vec::<String>::new());
    assert_eq!(ann.quota().await["reserved_bytes"], 0);
}

#[tokio::test]
async fn what_is_given_up_takes_no_room_and_its_url_is_worth_nothing() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let upload = ann.begin("hello.txt", 5, None).await.ok();
    ann.put(&upload, "hello").await.ok_empty();
    assert!(!server.files_in("blobs").is_empty());
    ann.delete(&path(&upload)).await.ok_empty();
    assert_eq!(server.files_in("blobs"), Vec::<std::path::PathBuf>::new());
    ann.put(&upload, "hello").await.refused(409, "upload_closed");
    assert_eq!(server.files_in("blobs"), Vec::<std::path::PathBuf>::new());
}

#[tokio::test]
async fn an_upload_that_is_given_up_while_its_bytes_come_leaves_none_of_them() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let upload = ann.begin("slow.bin", 2, None).await.ok();
    let (more, body) = tokio::sync::mpsc::unbounded_channel::<Result<Vec<u8>, std::io::Error>>();
    let body = futures_util::stream::unfold(body, async |mut body| Some((body.recv().await?, body)));
    let part = &upload["parts"][0];
    let anonymous = server.anonymous();
    let request = anonymous.request(reqwest::Method::PUT, part["url"].as_str().unwrap());
    let request = request.header("If-None-Match", "*").body(reqwest::Body::wrap_stream(body));
    more.send(Ok(vec![1])).unwrap();
    let sending = tokio::spawn(async move { anonymous.send(request).await });
    eventually("the first byte is being written", async || !server.files_in("tmp").is_empty()).await;
    ann.delete(&path(&upload)).await.ok_empty();
    more.send(Ok(vec![2])).unwrap();
    drop(more);
    sending.await.unwrap().refused(409, "upload_closed");
    assert_eq!(server.files_in("blobs"), Vec::<std::path::PathBuf>::new());
    assert_eq!(server.files_in("tmp"), Vec::<std::path::PathBuf>::new());
}

#[tokio::test]
async fn a_complete_upload_cannot_be_taken_back() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let upload = ann.begin("hello.txt", 5, None).await.ok();
    ann.put(&upload, "hello").await.ok_empty();
    let file = ann.complete(&upload).await.ok();
    ann.delete(&path(&upload)).await.refused(409, "upload_closed");
    let parts = ann.post(&format!("{}/parts", path(&upload)), json!({"part_numbers": [1]})).await;
    parts.refused(409, "upload_closed");
    assert_eq!(ann.complete(&upload).await.ok(), file);
    assert_eq!(ann.names(None).await, ["hello.txt"]);
}

#[tokio::test]
async fn an_upload_whose_time_runs_out_is_over_and_its_room_comes_back() {
    let server = Server::with(&[("UPLOAD_LIFETIME_SECONDS", "1")]).await;
    let ann = server.user("ann").await;
    let upload = ann.begin("hello.txt", 5, None).await.ok();
    ann.put(&upload, "hello").await.ok_empty();
    eventually("the upload expires", async || progress(&ann, &upload).await["state"] == "expired").await;
    ann.complete(&upload).await.refused(410, "upload_expired");
    let parts = ann.post(&format!("{}/parts", path(&upload)), json!({"part_numbers": [1]})).await;
    parts.refused(410, "upload_expired");
    ann.delete(&path(&upload)).await.ok_empty();
    assert_eq!(progress(&ann, &upload).await["state"], "expired");
    let printed = server.run("collect", SHORT_GRACE);
    assert!(printed.contains("uploads expired: 1"), "{printed}");
    assert_eq!(ann.quota().await["reserved_bytes"], 0);
    // Bytes that arrived and were never completed become nothing by themselves.
    assert_eq!(ann.names(None).await, Vec::<String>::new());
    eventually("its bytes are cleared away", async || {
        server.run("collect", SHORT_GRACE);
        server.files_in("blobs").is_empty()
    })
    .await;
    ann.get(&path(&upload)).await.refused(404, "not_found");
}

#[tokio::test]
async fn an_expired_upload_is_not_an_open_one() {
    let server = Server::with(&[("UPLOAD_LIFETIME_SECONDS", "1"), ("MAX_OPEN_UPLOADS", "1")]).await;
    let ann = server.user("ann").await;
    let upload = ann.begin("one", 1, None).await.ok();
    eventually("the upload expires", async || progress(&ann, &upload).await["state"] == "expired").await;
    ann.begin("two", 1, None).await.ok();
}
