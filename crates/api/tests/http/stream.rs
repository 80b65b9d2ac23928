//! Streaming URLs: `GET /file/{file_id}?use=stream`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::stack::{Stack, stack};
use crate::support::{ApiClient, Server, text};

/// Requests a streaming URL.
async fn watch(user: &ApiClient, file: &str) -> Value {
    user.get(&format!("/file/{file}?use=stream")).await.ok()
}

async fn url_of(user: &ApiClient, file: &str) -> String {
    text(&watch(user, file).await["download"]["url"])
}

/// The remaining lifetime of a signed URL in seconds, rounded to the minute.
pub fn lives(signed: &Value) -> u64 {
    let end = parsed(&text(&signed["expires_at"]));
    let left = end.saturating_sub(now());
    (left + Duration::from_secs(30)).as_secs() / 60 * 60
}

fn now() -> Duration {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap()
}

fn parsed(text: &str) -> Duration {
    let time = time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).unwrap();
    Duration::from_secs(time.unix_timestamp().try_into().unwrap())
}

#[tokio::test]
async fn watch_urls_last_for_hours_only_where_access_is_checked() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = text(&ann.upload("film.mp4", b"0123456789", None).await["id"]);
    for (query, embedded) in [("", 300), ("?use=download", 300), ("?use=stream", 6 * 3600)] {
        let answer = ann.get(&format!("/file/{file}{query}")).await;
        assert_eq!(answer.header("cache-control"), "no-store", "{query}");
        let expected = if stack() == Stack::Embedded { embedded } else { 300 };
        assert_eq!(lives(&answer.ok()["download"]), expected, "{query}");
    }
    ann.get(&format!("/file/{file}?use=nothing")).await.refused_field("use");
    ann.get(&format!("/file/{file}?Use=stream")).await.refused_field("Use");
    let server = Server::with(&[("STREAM_URL_SECONDS", "600")]).await;
    let ann = server.user("ann").await;
    let file = text(&ann.upload("film.mp4", b"0123456789", None).await["id"]);
    let answer = watch(&ann, &file).await;
    assert_eq!(lives(&answer["download"]), 600);
    assert_eq!(lives(&ann.get(&format!("/file/{file}")).await.ok()["download"]), 300);
    let played = ann.fetch(&text(&answer["download"]["url"]), &[("Range", "bytes=2-4")]).await;
    assert_eq!((played.status, played.text().as_str()), (206, "234"));
}

#[tokio::test]
async fn an_invisible_file_has_no_streaming_url() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let file = text(&ann.upload("film.mp4", b"0123456789", None).await["id"]);
    let path = format!("/file/{file}?use=stream");
    ben.get(&path).await.refused(404, "not_found");
    server.anonymous().get(&path).await.refused(401, "unauthenticated");
    ann.share_file(&file, "ben", "view").await;
    assert_eq!(ben.fetch(&url_of(&ben, &file).await, &[]).await.text(), "0123456789");
}

/// Checks that only the server itself can make on each request.
mod embedded {
    use super::*;

    #[tokio::test]
    async fn each_request_asks_whether_the_file_may_still_be_seen() {
        let server = Server::start().await;
        let (ann, ben, anonymous) = (server.user("ann").await, server.user("ben").await, server.anonymous());
        let file = text(&ann.upload("film.mp4", b"0123456789", None).await["id"]);
        let share = ann.share_file(&file, "ben", "view").await;
        let (of_ann, of_ben) = (url_of(&ann, &file).await, url_of(&ben, &file).await);
        assert_ne!(of_ann, of_ben);
        let tag = ann.get(&format!("/file/{file}")).await.ok()["content_etag"].clone();
        for url in [&of_ann, &of_ben] {
            let part = anonymous.fetch(url, &[("Range", "bytes=8-")]).await;
            assert_eq!((part.status, part.text().as_str()), (206, "89"));
            assert_eq!(part.header("etag"), tag);
            let head = anonymous.send(anonymous.request(reqwest::Method::HEAD, url)).await;
            assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, "10", 0));
        }
        ann.delete(&format!("/share/{share}")).await.ok_empty();
        anonymous.get(&of_ben).await.refused(404, "not_found");
        assert_eq!(anonymous.get(&of_ann).await.text(), "0123456789");
        ann.delete(&format!("/file/{file}")).await.ok_empty();
        anonymous.get(&of_ann).await.refused(404, "not_found");
        ann.post_empty(&format!("/trash/{file}/restore")).await.ok();
        assert_eq!(anonymous.get(&of_ann).await.text(), "0123456789");
        // The user, file and session in it cannot be replaced.
        for (name, other) in
            [("user", ann.get("/user").await.ok()["id"].clone()), ("file", json!(crate::support::ABSENT))]
        {
            let (start, rest) = of_ben.split_once(&format!("&{name}=")).unwrap();
            let (_, end) = rest.split_once('&').unwrap();
            anonymous.get(&format!("{start}&{name}={}&{end}", text(&other))).await.refused(403, "invalid_signature");
        }
    }

    #[tokio::test]
    async fn a_url_for_watching_ends_with_the_session_in_which_it_was_asked_for() {
        let server = Server::start().await;
        let (ann, anonymous) = (server.user("ann").await, server.anonymous());
        let again = server.login("ann").await;
        let file = text(&ann.upload("film.mp4", b"0123456789", None).await["id"]);
        let (one, other) = (url_of(&ann, &file).await, url_of(&again, &file).await);
        let sessions = ann.get("/session").await.ok();
        let current = sessions["items"].as_array().unwrap().iter().find(|session| session["current"] == true).unwrap();
        ann.delete(&format!("/session/{}", text(&current["id"]))).await.ok_empty();
        anonymous.get(&one).await.refused(403, "url_expired");
        assert_eq!(anonymous.get(&other).await.status, 200);
        let body = json!({"current_password": crate::support::PASSWORD, "new_password": "another quiet morning"});
        again.send(again.request(reqwest::Method::PUT, "/user/password").json(&body)).await.ok_empty();
        anonymous.get(&other).await.refused(403, "url_expired");
    }

    #[tokio::test]
    async fn a_watched_content_stays_available_while_it_is_a_version() {
        let server = Server::with(&[("MAX_VERSIONS", "2")]).await;
        let (ann, anonymous) = (server.user("ann").await, server.anonymous());
        let file = text(&ann.upload("film.mp4", b"0123456789", None).await["id"]);
        let url = url_of(&ann, &file).await;
        let tag = anonymous.get(&url).await.header("etag").to_owned();
        ann.put_content(&file, b"abcdefghij", &[]).await.ok();
        let part = anonymous.fetch(&url, &[("Range", "bytes=2-4"), ("If-Range", &tag)]).await;
        assert_eq!((part.status, part.text().as_str()), (206, "234"));
        ann.put_content(&file, b"ABCDEFGHIJ", &[]).await.ok();
        anonymous.get(&url).await.refused(404, "not_found");
    }
}
