use reqwest::Method;

use crate::body::assert_well;
use crate::support::Server;

#[tokio::test]
async fn a_refusal_reaches_a_client_that_still_sends_by_a_signed_url() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let eight = vec![7; 8 << 20];
    let forged = format!("/blob/{}?signature=x", "0".repeat(32));
    ann.send(ann.request(Method::PUT, &forged).body(eight.clone())).await.refused(403, "invalid_signature");
    let upload = ann.begin("small.bin", 5, None).await.ok();
    ann.put(&upload, eight).await.refused(422, "size_mismatch");
    assert_well(&server).await;
}
