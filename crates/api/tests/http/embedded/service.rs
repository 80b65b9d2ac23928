use reqwest::Method;

use crate::service::assert_secured;
use crate::support::{Server, eventually, text};

#[tokio::test]
async fn a_server_without_its_storage_is_healthy_but_not_ready() {
    let server = Server::with(&[("BLOB_DIR", "blobs")]).await;
    let stranger = server.anonymous();
    let (there, gone) = (server.storage().path().join("blobs"), server.storage().path().join("unplugged"));
    stranger.get("/health/ready").await.ok();
    std::fs::rename(&there, &gone).unwrap();
    let answer = stranger.get("/health/ready").await;
    assert!(!answer.header("retry-after").is_empty());
    let problem = answer.refused(503, "unavailable");
    assert!(text(&problem["detail"]).contains("storage"), "{problem}");
    assert!(!problem.to_string().contains("blobs"), "no path shows: {problem}");
    stranger.get("/health").await.ok();
    // A file in place of the directory does not help.
    std::fs::write(&there, "").unwrap();
    stranger.get("/health/ready").await.refused(503, "unavailable");
    std::fs::remove_file(&there).unwrap();
    std::fs::rename(&gone, &there).unwrap();
    eventually("the server is ready again", async || stranger.get("/health/ready").await.status == 200).await;
}

#[tokio::test]
async fn stored_files_are_never_executed_by_browsers() {
    const BYTES: &str = "sandbox; default-src 'none'";
    let server = Server::start().await;
    let (ann, stranger) = (server.user("ann").await, server.anonymous());
    let file = ann.upload("page.html", b"<script>alert(1)</script>", None).await;
    let file = format!("/file/{}", text(&file["id"]));
    let signed = text(&ann.get(&file).await.ok()["download"]["url"]);
    let content = format!("{file}/content");
    for (what, answer) in [
        ("bytes", ann.get(&content).await),
        ("bytes by URL", stranger.get(&signed).await),
        ("some bytes", ann.send(ann.request(Method::GET, &content).header("Range", "bytes=0-3")).await),
        ("no bytes", ann.send(ann.request(Method::HEAD, &content)).await),
    ] {
        assert_secured(&answer, BYTES, what);
        assert!(answer.header("content-disposition").starts_with("attachment;"), "{what}");
    }
    stranger.get("/blob/x?signature=x").await.refused(403, "invalid_signature");
    let beyond = ann.send(ann.request(Method::GET, &content).header("Range", "bytes=99-")).await;
    assert_secured(&beyond, "default-src 'none'; frame-ancestors 'none'", "another range");
    beyond.refused(416, "range_not_satisfiable");
}
