use reqwest::Method;

use super::id;
use crate::cors::{APP, ORIGINS, preflight};
use crate::support::stack::supports_cors;
use crate::support::{Server, text};

#[tokio::test]
async fn a_page_of_a_named_origin_may_send_and_fetch_bytes_where_the_bucket_allows_it() {
    if !supports_cors() {
        return;
    }
    let server = Server::with(&[ORIGINS]).await;
    server.storage().bucket().let_in(APP);
    let (ann, browser) = (server.user("ann").await, server.anonymous());
    let upload = ann.begin("hello.txt", 5, None).await.ok();
    let part = &upload["parts"][0];
    let names = part["headers"].as_object().unwrap().keys().map(|name| name.to_lowercase());
    let headers: Vec<String> = names.chain(["content-type".to_owned()]).collect();
    let asked = preflight(&browser, APP, "PUT", &headers.join(","), &text(&part["url"])).await;
    // A preflight may allow any origin; the response to the request itself decides.
    assert!(asked.status == 200 && ["*", APP].contains(&asked.header("access-control-allow-origin")));
    let stored = browser.send(ann.put_request(&upload).header("Origin", APP).body("hello")).await;
    assert_eq!((stored.status, stored.header("access-control-allow-origin")), (200, APP));
    let file = id(&ann.complete(&upload).await.ok());
    // The server serves the bytes itself: after a cross-origin redirect, browsers send `Origin: null`.
    let content = ann.request(Method::GET, &format!("/file/{file}/content")).header("Origin", APP);
    let content = ann.send(content).await;
    assert_eq!((content.status, content.header("access-control-allow-origin")), (200, APP));
    assert_eq!(content.text(), "hello");
    let url = &text(&ann.get(&format!("/file/{file}")).await.ok()["download"]["url"]);
    assert_eq!(preflight(&browser, APP, "GET", "range", url).await.status, 200);
    let fetched = browser.send(browser.request(Method::GET, url).header("Origin", APP)).await;
    assert_eq!((fetched.header("access-control-allow-origin"), fetched.text().as_str()), (APP, "hello"));
    let foreign = browser.request(Method::GET, url).header("Origin", "https://evil.example.com");
    assert_eq!(browser.send(foreign).await.header("access-control-allow-origin"), "");
}
