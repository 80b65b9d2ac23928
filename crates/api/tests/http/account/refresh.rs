use futures_util::future::join_all;
use serde_json::json;

use super::{logged_in, refresh, with_tokens};
use crate::support::{Answer, Server, text};

#[tokio::test]
async fn a_session_goes_on_by_its_refresh_token_without_the_password() {
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
    // What was given before lives on for its time: it is the same session.
    first.get("/user").await.ok();
    assert_eq!(first.get("/session").await.ok()["items"].as_array().unwrap().len(), 2);
    // All that is stored of a token is a digest of 32 bytes.
    assert_eq!(server.value("SELECT min(length(hash)) || ' ' || max(length(hash)) FROM refresh_tokens"), "32 32");
}

#[tokio::test]
async fn a_refresh_token_that_comes_twice_ends_its_session_and_no_other() {
    let server = Server::start().await;
    let elsewhere = server.user("ann").await;
    let (stolen_from, stolen) = logged_in(&server, "ann").await;
    let (thief, thiefs) = with_tokens(&server, &refresh(&server, &stolen).await.ok());
    thief.get("/user").await.ok();
    refresh(&server, &stolen).await.refused(401, "invalid_token");
    for caller in [&thief, &stolen_from] {
        caller.get("/user").await.refused(401, "invalid_token");
    }
    refresh(&server, &thiefs).await.refused(401, "invalid_token");
    elsewhere.get("/user").await.ok();
}

#[tokio::test]
async fn of_many_who_use_one_refresh_token_at_once_one_gets_the_next_and_it_is_worth_nothing() {
    let server = Server::start().await;
    server.user("ann").await;
    for _ in 0..5 {
        let (caller, token) = logged_in(&server, "ann").await;
        let answers = join_all((0..6).map(|_| refresh(&server, &token))).await;
        let (lucky, refused): (Vec<Answer>, Vec<Answer>) = answers.into_iter().partition(|answer| answer.status == 200);
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
async fn what_is_no_refresh_token_is_refused() {
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
        // Each refresh gives it its whole life anew; an expired token is worth nothing, and ends nothing.
        let (caller, token) = logged_in(&server, "ann").await;
        let next = text(&refresh(&server, &token).await.ok()["refresh_token"]);
        assert_eq!(lives(), expected.to_string());
        server.execute("UPDATE refresh_tokens SET expires_at = created_at");
        refresh(&server, &next).await.refused(401, "invalid_token");
        caller.get("/user").await.ok();
    }
}
