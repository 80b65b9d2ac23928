use serde_json::json;

use crate::support::{Server, text};

#[tokio::test]
async fn a_file_goes_up_by_a_presigned_url_and_comes_down_by_another() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let upload = ann.begin("hello.txt", 5, None).await.ok();
    assert_eq!(upload["state"], "open");
    assert_eq!(ann.names(None).await, Vec::<String>::new());
    ann.put(&upload, "hello").await.ok_empty();
    let file = ann.complete(&upload).await.ok();
    assert_eq!((&file["name"], &file["size_in_bytes"]), (&json!("hello.txt"), &json!(5)));
    assert_eq!(ann.download(&text(&file["id"])).await, b"hello");
}
