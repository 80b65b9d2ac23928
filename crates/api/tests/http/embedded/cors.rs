use reqwest::Method;

use crate::cors::{APP, ORIGINS, preflight};
use crate::support::{Server, text};

#[tokio::test]
async fn a_page_of_a_named_origin_may_send_and_fetch_bytes_by_signed_urls() {
    let server = Server::with(&[ORIGINS]).await;
    let ann = server.user("ann").await;
    let browser = server.anonymous();
    let upload = ann.begin("hello.txt", 5, None).await.ok();
    let part = &upload["parts"][0];
    let url = text(&part["url"]);
    let mut headers: Vec<String> =
        part["headers"].as_object().unwrap().keys().map(|name| name.to_lowercase()).collect();
    headers.push("content-type".to_owned());
    let asked = preflight(&browser, APP, "PUT", &headers.join(","), &url).await;
    assert_eq!((asked.status, asked.header("access-control-allow-origin")), (200, APP));
    let mut request = browser.request(Method::PUT, &url).header("Origin", APP).body("hello");
    for (name, value) in part["headers"].as_object().unwrap() {
        request = request.header(name, text(value));
    }
    let stored = browser.send(request).await;
    assert_eq!((stored.status, stored.header("access-control-allow-origin")), (200, APP));
    let file = ann.complete(&upload).await.ok();
    let url = text(&ann.get(&format!("/file/{}", text(&file["id"]))).await.ok()["download"]["url"]);
    assert_eq!(preflight(&browser, APP, "GET", "range", &url).await.status, 200);
    let fetched = browser.send(browser.request(Method::GET, &url).header("Origin", APP)).await;
    assert_eq!((fetched.header("access-control-allow-origin"), fetched.text().as_str()), (APP, "hello"));
}
