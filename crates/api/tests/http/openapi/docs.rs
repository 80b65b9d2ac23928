//! The pages of `/docs` and the document, as browsers and caches fetch them.

use reqwest::Method;

use crate::support::Server;

#[tokio::test]
async fn what_a_reader_has_already_is_not_sent_again() {
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
