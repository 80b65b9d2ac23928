//! CORS: what pages of other origins may do in a browser.

use reqwest::Method;
use reqwest::header::HeaderMap;

use crate::support::{ApiClient, ApiResponse, Server};

pub const APP: &str = "https://app.example.com";
pub const ORIGINS: (&str, &str) = ("CORS_ORIGINS", "https://app.example.com, http://localhost:5173");

/// A preflight request for a page of `origin`.
pub async fn preflight(caller: &ApiClient, origin: &str, method: &str, headers: &str, path: &str) -> ApiResponse {
    let mut request = caller.request(Method::OPTIONS, path).header("Origin", origin);
    request = request.header("Access-Control-Request-Method", method);
    if !headers.is_empty() {
        request = request.header("Access-Control-Request-Headers", headers);
    }
    caller.send(request).await
}

/// A header's list, lower-cased and sorted.
fn list(headers: &HeaderMap, name: &str) -> Vec<String> {
    let text = headers.get(name).map_or("", |value| value.to_str().unwrap());
    let mut items: Vec<String> = text.split(',').map(|item| item.trim().to_lowercase()).collect();
    items.sort();
    items
}

#[track_caller]
fn assert_not_allowed(answer: &ApiResponse) {
    for header in ["origin", "methods", "headers", "credentials"] {
        let name = format!("access-control-allow-{header}");
        assert_eq!(answer.header(&name), "", "{name}");
    }
}

#[tokio::test]
async fn without_configuration_no_page_of_any_other_origin_may_do_anything() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    for origin in [APP, "null", server.url()] {
        assert_not_allowed(&ann.send(ann.request(Method::GET, "/user").header("Origin", origin)).await);
        let answer = preflight(&ann, origin, "GET", "authorization", "/user").await;
        assert_not_allowed(&answer);
        answer.refused(405, "method_not_allowed");
    }
}

#[tokio::test]
async fn a_page_of_a_named_origin_may_use_the_whole_api() {
    let server = Server::with(&[ORIGINS]).await;
    let browser = server.anonymous();
    for origin in [APP, "http://localhost:5173"] {
        for (method, path) in [
            ("GET", "/user"),
            ("POST", "/drive"),
            ("PATCH", "/drive/x"),
            ("DELETE", "/share/x"),
            ("HEAD", "/file/x/content"),
        ] {
            let headers = "authorization,baggage,content-type,idempotency-key,if-match,if-modified-since,if-none-match,\
                           if-range,if-unmodified-since,range,traceparent,tracestate,x-link-password,x-request-id";
            let answer = preflight(&browser, origin, method, headers, path).await;
            assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, origin), "{method} {path}");
            let methods = list(&answer.headers, "access-control-allow-methods");
            assert!(methods.contains(&method.to_lowercase()), "{method}: {methods:?}");
            let allowed = list(&answer.headers, "access-control-allow-headers");
            assert!(headers.split(',').all(|header| allowed.iter().any(|one| one == header)), "{allowed:?}");
            assert_eq!(answer.header("access-control-max-age"), "3600");
        }
    }
}

#[tokio::test]
async fn answers_say_which_origin_may_read_them_and_which_headers_it_sees() {
    let server = Server::with(&[ORIGINS]).await;
    let ann = server.user("ann").await;
    let anonymous = server.anonymous();
    for (caller, path, status) in
        [(&ann, "/user", 200), (&anonymous, "/user", 401), (&anonymous, "/nothing", 404), (&ann, "/drive?limit=0", 422)]
    {
        let answer = caller.send(caller.request(Method::GET, path).header("Origin", APP)).await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (status, APP), "{path}");
        let exposed = list(&answer.headers, "access-control-expose-headers");
        for header in [
            "allow",
            "content-disposition",
            "content-range",
            "etag",
            "location",
            "retry-after",
            "www-authenticate",
            "x-request-id",
        ] {
            assert!(exposed.iter().any(|one| one == header), "{header}: {exposed:?}");
        }
        // A cache must not serve one origin's answer to another. Tokens are sent in a header, never in a cookie.
        assert!(list(&answer.headers, "vary").contains(&"origin".to_owned()));
        assert_eq!(answer.header("access-control-allow-credentials"), "");
    }
}

#[tokio::test]
async fn a_page_of_a_foreign_origin_gets_nothing() {
    let server = Server::with(&[ORIGINS]).await;
    let ann = server.user("ann").await;
    for origin in [
        "https://evil.example.com",
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://app.example.com.evil.example",
        "https://APP.example.com.",
        "http://localhost:3000",
        "null",
        "*",
    ] {
        let answer = preflight(&ann, origin, "GET", "authorization", "/user").await;
        assert_not_allowed(&answer);
        answer.refused(400, "malformed_request");
        assert_not_allowed(&ann.send(ann.request(Method::GET, "/user").header("Origin", origin)).await);
    }
}

/// Browsers name the rejected header or method only if the answer allows the origin and lists what may be sent.
#[tokio::test]
async fn cors_preflights_list_what_is_allowed() {
    let server = Server::with(&[ORIGINS]).await;
    let browser = server.anonymous();
    for (method, headers) in [
        ("TRACE", ""),
        ("PROPFIND", "depth"),
        ("GET", "x-forwarded-for"),
        ("PUT", "authorization, cookie"),
        ("POST", "X-Custom,,content-type"),
    ] {
        let answer = preflight(&browser, APP, method, headers, "/user").await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, APP), "{method} {headers}");
        let methods = list(&answer.headers, "access-control-allow-methods");
        assert_eq!(methods, ["delete", "get", "head", "patch", "post", "put"], "{method}");
        let allowed = list(&answer.headers, "access-control-allow-headers");
        assert!(allowed.contains(&"authorization".to_owned()), "{allowed:?}");
        for header in ["depth", "x-forwarded-for", "cookie", "x-custom"] {
            assert!(!allowed.iter().any(|one| one == header), "{header}: {allowed:?}");
        }
    }
}

#[tokio::test]
async fn a_page_may_send_and_read_every_header_of_the_document() {
    let server = Server::with(&[ORIGINS]).await;
    let browser = server.anonymous();
    let document = browser.get("/openapi.json").await.ok();
    let allowed = preflight(&browser, APP, "GET", "authorization", "/user").await;
    let allowed = list(&allowed.headers, "access-control-allow-headers");
    let answer = browser.send(browser.request(Method::GET, "/health").header("Origin", APP)).await;
    let exposed = list(&answer.headers, "access-control-expose-headers");
    // The response headers that are always readable.
    let shown = ["cache-control", "content-language", "content-length", "content-type", "last-modified"];
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let name = parameter["name"].as_str().unwrap().to_lowercase();
                assert!(parameter["in"] != "header" || allowed.contains(&name), "{method} {path}: {name}");
            }
            for response in operation["responses"].as_object().unwrap().values() {
                for name in response["headers"].as_object().into_iter().flat_map(serde_json::Map::keys) {
                    let name = name.to_lowercase();
                    assert!(exposed.contains(&name) || shown.contains(&name.as_str()), "{method} {path}: {name}");
                }
            }
        }
    }
}
