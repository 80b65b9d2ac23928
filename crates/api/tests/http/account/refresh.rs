use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use super::{logged_in, refresh, with_tokens};
use crate::support::{ApiResponse, Server, text};

#[tokio::test]
async fn a_refresh_token_continues_a_session() {
    let server = Server::start().await;
    server.user("ann").await;
    let (first, mut token) = logged_in(&server, "ann").await;
    for _ in 0..3 {
        let answer = refresh(&server, &token).await;
        assert_eq!(answer.header("cache-control"), "no-store");
        let tokens = answer.ok();
        assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("bearer"), &json!(3600)));
        let (caller, next) = with_tokens(&server, &tokens);
        assert_eq!(caller.get("/verify-token").await.ok()["username"], "ann");
        assert!(next.len() == 43 && next != token, "{next}");
        token = next;
    }
    // Earlier access tokens stay valid until they expire: it is the same session.
    first.get("/user").await.ok();
    assert_eq!(first.get("/session").await.ok()["items"].as_array().unwrap().len(), 2);
    // Only a digest of 32 bytes is stored.
    assert_eq!(server.value("SELECT min(length(hash)) || ' ' || max(length(hash)) FROM refresh_tokens"), "32 32");
}

#[tokio::test]
async fn without_grace_a_reused_refresh_token_ends_only_its_session() {
    let server = Server::with(&[("REFRESH_GRACE_SECONDS", "0")]).await;
    let elsewhere = server.user("ann").await;
    let (stolen_from, stolen) = logged_in(&server, "ann").await;
    let (thief, thiefs) = with_tokens(&server, &refresh(&server, &stolen).await.ok());
    thief.get("/user").await.ok();
    let refused = refresh(&server, &stolen).await.refused(401, "invalid_token");
    assert_eq!(refused["detail"], "the refresh token is invalid: log in again");
    for caller in [&thief, &stolen_from] {
        caller.get("/user").await.refused(401, "invalid_token");
    }
    refresh(&server, &thiefs).await.refused(401, "invalid_token");
    elsewhere.get("/user").await.ok();
}

#[tokio::test]
async fn simultaneous_refreshes_all_get_good_tokens_of_the_same_session() {
    let server = Server::start().await;
    server.user("ann").await;
    let (caller, token) = logged_in(&server, "ann").await;
    let answers = join_all((0..6).map(|_| refresh(&server, &token))).await;
    // A lost answer: the client sends the old token again.
    for answer in answers.into_iter().chain([refresh(&server, &token).await]) {
        let (tab, next) = with_tokens(&server, &answer.ok());
        tab.get("/user").await.ok();
        let (tab, _) = with_tokens(&server, &refresh(&server, &next).await.ok());
        tab.get("/user").await.ok();
    }
    // Two sessions: the registration's login and this one.
    assert_eq!(caller.get("/session").await.ok()["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_refresh_token_reused_after_its_grace_ends_the_session() {
    let server = Server::start().await;
    let elsewhere = server.user("ann").await;
    let (first, token) = logged_in(&server, "ann").await;
    let (second, next) = with_tokens(&server, &refresh(&server, &token).await.ok());
    server.execute("UPDATE refresh_tokens SET used_at = used_at - 30000 WHERE used_at IS NOT NULL");
    let refused = refresh(&server, &token).await.refused(401, "invalid_token");
    assert_eq!(refused["detail"], "the refresh token is invalid: log in again");
    for caller in [&first, &second] {
        caller.get("/user").await.refused(401, "invalid_token");
    }
    refresh(&server, &next).await.refused(401, "invalid_token");
    elsewhere.get("/user").await.ok();
}

#[tokio::test]
async fn a_session_is_refreshed_by_the_oauth2_form() {
    let server = Server::start().await;
    server.user("ann").await;
    let (_, token) = logged_in(&server, "ann").await;
    let stranger = server.anonymous();
    let send =
        async |form: &[(&str, &str)]| stranger.send(stranger.request(Method::POST, "/token/refresh").form(form)).await;
    let grant = ("grant_type", "refresh_token");
    let answer = send(&[grant, ("refresh_token", &token), ("client_id", "app"), ("scope", "")]).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let (caller, next) = with_tokens(&server, &answer.ok());
    caller.get("/user").await.ok();
    send(&[("refresh_token", &next)]).await.ok();
    send(&[("grant_type", "password"), ("refresh_token", &next)]).await.refused_field("grant_type");
    send(&[grant]).await.refused_field("refresh_token");
    send(&[grant, ("refresh_token", "nonsense")]).await.refused(401, "invalid_token");
    let document = stranger.get("/openapi.json").await.ok();
    let flow = &document["components"]["securitySchemes"]["password"]["flows"]["password"];
    assert_eq!((&flow["tokenUrl"], &flow["refreshUrl"]), (&json!("/login"), &json!("/token/refresh")));
}

#[tokio::test]
async fn without_grace_simultaneous_refreshes_end_the_session() {
    let server = Server::with(&[("REFRESH_GRACE_SECONDS", "0")]).await;
    server.user("ann").await;
    for _ in 0..5 {
        let (caller, token) = logged_in(&server, "ann").await;
        let answers = join_all((0..6).map(|_| refresh(&server, &token))).await;
        let (lucky, refused): (Vec<ApiResponse>, Vec<ApiResponse>) =
            answers.into_iter().partition(|answer| answer.status == 200);
        assert_eq!((lucky.len(), refused.len()), (1, 5));
        for answer in refused {
            answer.refused(401, "invalid_token");
        }
        for answer in lucky {
            let (lucky, next) = with_tokens(&server, &answer.ok());
            lucky.get("/user").await.refused(401, "invalid_token");
            refresh(&server, &next).await.refused(401, "invalid_token");
        }
        caller.get("/user").await.refused(401, "invalid_token");
    }
}

#[tokio::test]
async fn invalid_refresh_tokens_are_refused() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let endless = "A".repeat(100_000);
    for token in ["", "nonsense", &"A".repeat(43), &"é".repeat(21), ann.token(), &endless] {
        let answer = refresh(&server, token).await;
        assert_eq!(answer.header("www-authenticate"), "Bearer error=\"invalid_token\"");
        answer.refused(401, "invalid_token");
    }
    let stranger = server.anonymous();
    stranger.post("/token/refresh", json!({})).await.refused_field("refresh_token");
    stranger.post("/token/refresh", json!({"refresh_token": 7})).await.refused_field("refresh_token");
    stranger.post("/token/refresh", json!({"refresh_token": "x", "scope": ""})).await.refused_field("scope");
}

#[tokio::test]
async fn a_session_lives_as_long_as_the_configuration_says_and_never_shorter_than_its_tokens() {
    const DAY: u64 = 86_400_000;
    for (days, minutes, expected) in [("2", "60", 2 * DAY), ("1", "2880", 2 * DAY)] {
        let variables = [("REFRESH_TOKEN_EXPIRE_DAYS", days), ("ACCESS_TOKEN_EXPIRE_MINUTES", minutes)];
        let server = Server::with(&variables).await;
        server.user("ann").await;
        let lives = || server.value("SELECT (max(expires_at) - max(last_used_at)) || '' FROM sessions");
        assert_eq!(lives(), expected.to_string());
        // Each refresh renews the session's lifetime; an expired refresh token is refused, and ends nothing.
        let (caller, token) = logged_in(&server, "ann").await;
        let next = text(&refresh(&server, &token).await.ok()["refresh_token"]);
        assert_eq!(lives(), expected.to_string());
        server.execute("UPDATE refresh_tokens SET expires_at = created_at");
        refresh(&server, &next).await.refused(401, "invalid_token");
        caller.get("/user").await.ok();
    }
}
