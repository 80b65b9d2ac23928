use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;

use crate::support::{Server, eventually, text};
use crate::upload::{parts, path};

#[tokio::test]
async fn the_urls_of_an_upload_lead_back_to_the_server() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let upload = ann.begin("beach.jpg", 5, None).await.ok();
    let part = &upload["parts"][0];
    assert_eq!(part["headers"], serde_json::json!({"If-None-Match": "*"}));
    assert!(text(&part["url"]).starts_with(&format!("{}/blob/", server.url())));
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
    eventually("the first byte is being written", async || !server.unfinished().is_empty()).await;
    ann.delete(&path(&upload)).await.ok_empty();
    more.send(Ok(vec![2])).unwrap();
    drop(more);
    sending.await.unwrap().refused(409, "upload_closed");
    assert!(server.blobs().is_empty() && server.unfinished().is_empty());
}

/// The sender of a request body.
type More = UnboundedSender<Result<Vec<u8>, std::io::Error>>;

/// Starts to PUT a part; returns the sender of its body, and the pending response.
fn begin_to_send(server: &Server, part: &Value) -> (More, JoinHandle<reqwest::Result<reqwest::Response>>) {
    let (more, body) = tokio::sync::mpsc::unbounded_channel();
    let body =
        futures_util::stream::unfold(body, async |mut body: UnboundedReceiver<_>| Some((body.recv().await?, body)));
    let request = server.anonymous().request(reqwest::Method::PUT, part["url"].as_str().unwrap());
    let request = request.header("If-None-Match", "*").body(reqwest::Body::wrap_stream(body));
    (more, tokio::spawn(request.send()))
}

#[tokio::test]
async fn a_part_whose_sender_goes_away_may_be_sent_again_and_then_no_more() {
    let server = Server::with(&[parts::SMALL]).await;
    let ann = server.user("ann").await;
    let upload = ann.begin("film.mkv", parts::SIZE, None).await.ok();
    let before = server.unfinished();
    let (more, sending) = begin_to_send(&server, &upload["parts"][2]);
    more.send(Ok(vec![1, 2, 3])).unwrap();
    eventually("the first bytes are being written", async || server.unfinished().len() > before.len()).await;
    more.send(Err(std::io::Error::other("the network is gone"))).unwrap();
    assert!(sending.await.unwrap().is_err());
    eventually("nothing of them is left", async || server.unfinished() == before).await;
    assert_eq!(ann.get(&path(&upload)).await.ok()["received_bytes"], 0);
    let bytes = parts::bytes();
    parts::send(&ann, &upload, &bytes, &[3]).await;
    ann.put_part(&upload["parts"][2], *b"another").await.refused(412, "precondition_failed");
    parts::send(&ann, &upload, &bytes, &[1, 2]).await;
    let file = ann.complete(&upload).await.ok();
    ann.put_part(&upload["parts"][2], *b"another").await.refused(412, "precondition_failed");
    assert!(ann.download(&text(&file["id"])).await == bytes);
}

#[tokio::test]
async fn an_upload_aborted_while_a_part_arrives_leaves_nothing() {
    let server = Server::with(&[parts::SMALL]).await;
    let ann = server.user("ann").await;
    let upload = ann.begin("film.mkv", parts::SIZE, None).await.ok();
    parts::send(&ann, &upload, &parts::bytes(), &[1]).await;
    let before = server.unfinished();
    let (more, sending) = begin_to_send(&server, &upload["parts"][2]);
    more.send(Ok(vec![1, 2, 3])).unwrap();
    eventually("the first bytes are being written", async || server.unfinished().len() > before.len()).await;
    ann.delete(&path(&upload)).await.ok_empty();
    more.send(Ok(vec![4, 5, 6, 7])).unwrap();
    drop(more);
    assert_eq!(sending.await.unwrap().unwrap().status(), 409);
    assert!(server.blobs().is_empty() && server.unfinished().is_empty());
}
