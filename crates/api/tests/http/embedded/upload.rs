use crate::support::{Server, eventually, text};
use crate::upload::path;

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
