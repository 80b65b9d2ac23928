//! The server itself, and properties common to all responses.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{ApiClient, ApiResponse, Server, eventually, text};

/// HTTP methods, including some that the server does not support.
const METHODS: [&str; 9] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PROPFIND", "PUT", "TRACE"];

fn method(name: &str) -> Method {
    Method::from_bytes(name.as_bytes()).unwrap()
}

/// Every documented path, with a nonexistent identifier, and its methods.
async fn paths(caller: &ApiClient) -> Vec<(String, BTreeSet<String>)> {
    let document = caller.get("/openapi.json").await.ok();
    let paths = document["paths"].as_object().unwrap().iter();
    let concrete = |template: &str| {
        let segments = template.split('/');
        let id = "019ab0c2-7a00-7000-8000-000000000000";
        segments.map(|segment| if segment.starts_with('{') { id } else { segment }).collect::<Vec<_>>().join("/")
    };
    let methods = |item: &Value| item.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
    paths.map(|(template, item)| (concrete(template), methods(item))).collect()
}

/// Sends HEAD, also where the document does not declare it.
async fn head(caller: &ApiClient, path: &str) -> reqwest::Response {
    caller.request(Method::HEAD, path).send().await.unwrap()
}

#[tokio::test]
async fn the_server_says_what_it_is_and_that_it_is_well() {
    let server = Server::start().await;
    let stranger = server.anonymous();
    let info = json!({"message": "CloudDrive API", "status": "running", "version": env!("CARGO_PKG_VERSION")});
    assert_eq!(stranger.get("/").await.ok(), info);
    assert_eq!(stranger.get("/health").await.ok(), json!({"status": "healthy"}));
    assert_eq!(stranger.get("/health/ready").await.ok(), json!({"status": "ready"}));
}

#[tokio::test]
async fn a_probe_may_ask_with_head() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    for path in ["/", "/health", "/health/ready", "/openapi.json"] {
        let whole = ann.send(ann.request(Method::GET, path)).await;
        let answer = head(&ann, path).await;
        assert_eq!(answer.status(), 200, "{path}");
        for header in ["content-type", "content-length", "etag", "cache-control"] {
            let given = answer.headers().get(header).map_or("", |value| value.to_str().unwrap());
            assert_eq!(given, whole.header(header), "{path}: {header}");
        }
        assert!(answer.bytes().await.unwrap().is_empty(), "{path}");
    }
}

#[tokio::test]
async fn a_server_without_its_database_is_healthy_but_not_ready() {
    let server = Server::start().await;
    let stranger = server.anonymous();
    server.execute("ALTER TABLE users RENAME TO lost");
    let problem = stranger.get("/health/ready").await.refused(503, "unavailable");
    assert!(text(&problem["detail"]).contains("database"), "{problem}");
    for word in ["users", "SELECT", "sqlite", "lost"] {
        assert!(!problem.to_string().contains(word), "nothing of the inside shows: {problem}");
    }
    stranger.get("/health").await.ok();
    server.execute("ALTER TABLE lost RENAME TO users");
    eventually("the server is ready again", async || stranger.get("/health/ready").await.status == 200).await;
}

#[tokio::test]
async fn a_fault_of_the_servers_shows_nothing_but_its_number() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    server.execute("ALTER TABLE drives RENAME COLUMN quota_bytes TO lost");
    let answer = ann.get("/user").await;
    assert!(answer.status == 500 || answer.status == 503, "{}", answer.text());
    for word in ["quota_bytes", "lost", "SELECT", "column", "sqlite", "/"] {
        assert!(!answer.json()["detail"].to_string().contains(word), "{}", answer.text());
    }
    assert_eq!(answer.json()["request_id"], answer.header("x-request-id"));
}

#[tokio::test]
async fn a_path_that_is_not_there_is_a_problem_like_any_other() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    for caller in [&ann, &server.anonymous()] {
        for path in [
            "/nothing",
            "/user/",
            "/User",
            "//user",
            "/drive/x/y",
            "/file/x/content/y",
            "/.env",
            "/data/secret.key",
            "/%2e%2e/%2e%2e/etc/passwd",
            "/%00",
            "/%ff%fe",
            "/语言",
            "/blob",
            "/blob/a/b",
            "/docs/nothing.js",
            "/docs/..%2f..%2fetc%2fpasswd",
        ] {
            for method in [Method::GET, Method::POST, Method::OPTIONS] {
                let answer = caller.send(caller.request(method.clone(), path)).await;
                answer.refused(404, "not_found");
            }
        }
    }
}

#[tokio::test]
async fn every_path_refuses_the_methods_that_it_does_not_have_and_says_which_it_has() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let mut paths = paths(&ann).await;
    let photo = paths.iter().find(|(path, _)| path == "/profile_photo").unwrap().1.clone();
    paths.push(("/profile-photo".to_owned(), photo));
    for (path, documented) in paths {
        let refusal = ann.send(ann.request(Method::TRACE, &path)).await;
        let allowed: BTreeSet<String> = refusal.header("allow").split(", ").map(str::to_owned).collect();
        // HEAD need not be documented.
        let extra: Vec<&String> = allowed.difference(&documented).collect();
        assert!(allowed.is_superset(&documented) && (extra.is_empty() || extra == ["HEAD"]), "{path}: {allowed:?}");
        for caller in [&ann, &server.anonymous()] {
            for name in METHODS.into_iter().filter(|name| !allowed.contains(*name)) {
                let answer = caller.send(caller.request(method(name), &path)).await;
                assert_eq!((answer.status, answer.header("allow")), (405, refusal.header("allow")), "{name} {path}");
                if name != "HEAD" {
                    answer.refused(405, "method_not_allowed");
                }
            }
        }
        if extra == ["HEAD"] {
            let get = ann.request(Method::GET, &path).send().await.unwrap();
            assert_eq!(head(&ann, &path).await.status(), get.status(), "{path}");
        }
    }
}

#[tokio::test]
async fn a_request_keeps_the_identifier_that_it_brings_when_that_is_sane() {
    let server = Server::start().await;
    let stranger = server.anonymous();
    let send = |value: Vec<u8>| {
        let value = reqwest::header::HeaderValue::from_bytes(&value).unwrap();
        stranger.send(stranger.request(Method::GET, "/user").header("X-Request-Id", value))
    };
    let long = "a".repeat(128);
    for id in ["7", "order-66/retry=2", "019ab0c2-7a00-7000-8000-000000000000", "{\"a\":1}", &long] {
        let answer = send(id.into()).await;
        assert_eq!((answer.header("x-request-id"), &answer.json()["request_id"]), (id, &json!(id)));
    }
    let mut given = BTreeSet::new();
    for id in [&b""[..], b"two words", b"tab\there", "naïve".as_bytes(), b"\xff\xfe", "a".repeat(129).as_bytes()] {
        let answer = send(id.into()).await;
        let new = uuid::Uuid::parse_str(answer.header("x-request-id")).unwrap();
        assert_eq!(new.get_version_num(), 7);
        assert_eq!(answer.json()["request_id"], new.to_string());
        assert!(given.insert(new), "each has its own");
    }
}

/// Asserts the security headers.
#[track_caller]
pub fn assert_secured(answer: &ApiResponse, policy: &str, what: &str) {
    for (header, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("content-security-policy", policy),
    ] {
        assert_eq!(answer.header(header), value, "{what}: {header}");
    }
    for header in ["server", "x-powered-by", "set-cookie"] {
        assert_eq!(answer.header(header), "", "{what}: {header}");
    }
    let kept = answer.header("cache-control");
    assert!(["private, no-cache", "no-store"].contains(&kept), "{what}: {kept:?}");
}

#[tokio::test]
async fn every_kind_of_answer_is_secured() {
    const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'";
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let stranger = server.anonymous();
    let upload = ann.begin("open.txt", 1, None).await.ok();
    let folder = json!({"folder_name": "a"});
    for (what, status, answer) in [
        ("JSON", 200, ann.get("/drive").await),
        ("what was made", 201, ann.post("/drive", folder.clone()).await),
        ("nothing", 204, ann.delete(&format!("/upload/{}", text(&upload["upload_id"]))).await),
        ("a form", 201, ann.send_form(&[], "b.txt", b"b").await),
        ("a redirection", 307, stranger.get("/docs").await),
        ("malformed", 400, ann.get("/drive?limit=1&limit=2").await),
        ("unknown caller", 401, stranger.get("/drive").await),
        ("no such path", 404, stranger.get("/nothing").await),
        ("no such file", 404, ann.get("/file/x").await),
        ("no such method", 405, ann.delete("/drive").await),
        ("a clash", 409, ann.post("/drive", folder).await),
        ("another type", 415, ann.send(ann.request(Method::POST, "/drive").body("x")).await),
        ("a broken rule", 422, ann.get("/drive?limit=0").await),
        ("the document", 200, stranger.get("/openapi.json").await),
        ("health", 200, stranger.get("/health").await),
    ] {
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        assert_secured(&answer, NOTHING, what);
    }
}

#[tokio::test]
async fn a_problem_says_all_that_it_should_and_no_more() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let problem = ann.get("/nothing").await.json();
    let mut members: Vec<&String> = problem.as_object().unwrap().keys().collect();
    members.sort();
    assert_eq!(members, ["code", "detail", "request_id", "status", "title", "type"]);
    assert_eq!(problem["type"], "about:blank");
    let problem = ann.get("/drive?limit=0").await.json();
    assert_eq!(problem["errors"][0]["field"], "limit");
}

/// The documentation loads only from the server itself, so it works offline.
#[tokio::test]
async fn the_documentation_loads_nothing_from_other_hosts() {
    let server = Server::start().await;
    let reader = server.anonymous();
    let moved = reader.get("/docs").await;
    assert_eq!((moved.status, moved.header("location")), (307, "/docs/"));
    let page = reader.get("/docs/").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html"));
    let policy = page.header("content-security-policy").to_owned();
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("http"), "{policy}");
    assert_secured(&page, &policy, "the page");
    let html = page.text();
    let assets: Vec<&str> = html.split('"').filter(|part| part.ends_with(".js") || part.ends_with(".css")).collect();
    assert!(assets.len() >= 4, "{html}");
    let pictures = html.split('"').filter(|part| part.ends_with(".png"));
    for asset in assets.iter().copied().chain(pictures) {
        let path = format!("/docs/{}", asset.trim_start_matches("./"));
        let answer = reader.get(&path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.body.is_empty(), "{path}");
        let media_type = match path.rsplit('.').next().unwrap() {
            "js" => "text/javascript",
            "css" => "text/css",
            _ => "image/png",
        };
        // With `nosniff`, browsers run a script only if its type is right.
        assert_eq!(answer.header("content-type").split(';').next().unwrap(), media_type, "{path}");
        assert_secured(&answer, &policy, &path);
    }
    let start = reader.get("/docs/swagger-initializer.js").await.text();
    assert!(start.contains(r#""url": "/openapi.json""#), "{start}");
    assert!(start.contains(r#""validatorUrl": "none""#), "no validator is asked: {start}");
    for text in [&html, &start] {
        assert!(!text.contains("http://") && !text.contains("https://") && !text.contains("//cdn"), "{text}");
        assert!(!text.contains("<script>"), "the policy forbids scripts within the page: {text}");
    }
}

#[tokio::test]
async fn large_json_is_compressed_for_clients_that_ask_for_it() {
    use std::io::Read;
    let server = Server::start().await;
    let ann = server.user("ann").await;
    for number in 0..20 {
        ann.folder(&format!("Folder {number}"), None).await;
    }
    let plain = ann.get("/drive").await;
    assert_eq!((plain.header("content-encoding"), plain.header("vary")), ("", "accept-encoding"));
    let fetch = async |path: &str, accepted: &str| {
        let request = ann.client().get(format!("{}{path}", server.url())).bearer_auth(ann.token());
        request.header("Accept-Encoding", accepted).send().await.unwrap()
    };
    for (accepted, expected) in [("gzip", "gzip"), ("br", "br"), ("zstd", "zstd"), ("gzip;q=0.1, br", "br")] {
        let response = fetch("/drive", accepted).await;
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!((header("content-encoding"), header("vary")), (expected.to_owned(), "accept-encoding".to_owned()));
        let length: usize = header("content-length").parse().unwrap();
        let bytes = response.bytes().await.unwrap();
        assert!(bytes.len() == length && length < plain.body.len() / 2, "{length}");
        if expected == "gzip" {
            let mut text = Vec::new();
            flate2::read::GzDecoder::new(&*bytes).read_to_end(&mut text).unwrap();
            let text: Value = serde_json::from_slice(&text).unwrap();
            assert_eq!(text["items"], plain.json()["items"]);
        }
    }
    // Small answers, answers with a URL or a token, and file contents are not compressed.
    let id = text(&ann.send_form(&[], "long.json", &[b' '; 5000]).await.ok()["id"]);
    let upload = ann.begin("a", 1, None).await.ok();
    assert!(upload.to_string().len() > 1024 || upload["parts"][0]["url"].is_string());
    let paths = ["/verify-token".to_owned(), format!("/file/{id}"), format!("/file/{id}/content"), "/link".to_owned()];
    for path in paths {
        let response = fetch(&path, "gzip, br, zstd").await;
        assert!(response.headers().get("content-encoding").is_none(), "{path}");
    }
}
