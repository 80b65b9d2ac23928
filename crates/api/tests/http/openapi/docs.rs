//! The pages below `/docs` and the OpenAPI document, as fetched by browsers and caches.

use reqwest::Method;

use crate::support::Server;

#[tokio::test]
async fn bytes_that_a_reader_has_are_not_sent_again() {
    let server = Server::start().await;
    let reader = server.anonymous();
    for path in [
        "/docs/",
        "/docs/swagger-ui.css",
        "/docs/swagger-ui-bundle.js",
        "/docs/swagger-initializer.js",
        "/openapi.json",
    ] {
        let whole = reader.get(path).await;
        let tag = whole.header("etag").to_owned();
        assert_eq!((whole.status, tag.starts_with("W/\"")), (200, true), "{path}: {tag}");
        for known in [tag.clone(), format!("\"other\", {tag}"), tag.trim_start_matches("W/").to_owned(), "*".to_owned()]
        {
            let answer = reader.send(reader.request(Method::GET, path).header("If-None-Match", &known)).await;
            assert_eq!(
                (answer.status, answer.header("etag"), answer.body.len()),
                (304, tag.as_str(), 0),
                "{path}: {known}"
            );
        }
        let other = reader.send(reader.request(Method::GET, path).header("If-None-Match", "\"other\"")).await;
        assert_eq!((other.status, other.body), (200, whole.body), "{path}");
    }
}

#[tokio::test]
async fn the_head_is_that_of_the_whole_and_other_methods_are_refused() {
    let server = Server::start().await;
    let reader = server.anonymous();
    for path in ["/docs/", "/docs/swagger-ui.css", "/openapi.json"] {
        let whole = reader.get(path).await;
        let head = reader.send(reader.request(Method::HEAD, path)).await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        for header in ["etag", "content-length", "content-type", "content-security-policy"] {
            assert_eq!(head.header(header), whole.header(header), "{path}: {header}");
        }
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
            let answer = reader.send(reader.request(method.clone(), path)).await;
            assert_eq!(answer.header("allow"), "GET, HEAD", "{method} {path}");
            answer.refused(405, "method_not_allowed");
        }
    }
}

#[tokio::test]
async fn large_pages_are_compressed_for_readers_who_take_it() {
    let server = Server::start().await;
    let reader = server.anonymous();
    for path in ["/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js", "/openapi.json"] {
        let whole = reader.get(path).await;
        assert_eq!(whole.header("content-encoding"), "", "{path}");
        for coding in ["gzip", "br", "zstd"] {
            let answer = reader.send(reader.request(Method::GET, path).header("Accept-Encoding", coding)).await;
            assert_eq!((answer.status, answer.header("content-encoding")), (200, coding), "{path}");
            assert_eq!(answer.header("etag"), whole.header("etag"), "{path}");
            assert!(answer.header("vary").to_lowercase().contains("accept-encoding"), "{path}");
            assert!(answer.body.len() * 2 < whole.body.len(), "{path} {coding}: {}", answer.body.len());
        }
    }
}
