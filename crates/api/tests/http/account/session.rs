use reqwest::Method;
use serde_json::{Value, json};

use super::{logged_in, refresh};
use crate::support::{ABSENT, ApiClient, PASSWORD, Server, eventually, text};

async fn logout(server: &Server, token: &str) {
    server.anonymous().post("/logout", json!({"refresh_token": token})).await.ok_empty();
}

async fn sessions(caller: &ApiClient) -> Vec<Value> {
    caller.get("/session").await.ok()["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn logging_out_ends_only_this_session_at_once() {
    let server = Server::start().await;
    let elsewhere = server.user("ann").await;
    let (ann, token) = logged_in(&server, "ann").await;
    ann.get("/user").await.ok();
    logout(&server, &token).await;
    ann.get("/user").await.refused(401, "invalid_token");
    refresh(&server, &token).await.refused(401, "invalid_token");
    elsewhere.get("/user").await.ok();
    // Logout is idempotent, and accepts invalid tokens.
    for token in [token.as_str(), "", "nonsense", &"A".repeat(43)] {
        logout(&server, token).await;
    }
    server.anonymous().post("/logout", json!({})).await.refused_field("refresh_token");
    elsewhere.get("/user").await.ok();
}

#[tokio::test]
async fn a_refresh_token_that_was_used_up_still_logs_out() {
    let server = Server::start().await;
    server.user("ann").await;
    let (ann, first) = logged_in(&server, "ann").await;
    let next = text(&refresh(&server, &first).await.ok()["refresh_token"]);
    logout(&server, &first).await;
    ann.get("/user").await.refused(401, "invalid_token");
    refresh(&server, &next).await.refused(401, "invalid_token");
}

#[tokio::test]
async fn people_see_where_they_are_logged_in_and_end_it_from_elsewhere() {
    let server = Server::start().await;
    let laptop = server.user("ann").await;
    let login = json!({"username": "ann", "password": PASSWORD});
    let stranger = server.anonymous();
    let request = stranger.request(Method::POST, "/login").header("User-Agent", "a telephone");
    let phone = server.with_token(&text(&stranger.send(request.json(&login)).await.ok()["access_token"]));
    let seen = sessions(&laptop).await;
    let [newest, oldest] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!((&newest["user_agent"], &newest["address"]), (&json!("a telephone"), &json!("127.0.0.1")));
    assert_eq!((&newest["current"], &oldest["current"]), (&json!(false), &json!(true)));
    assert_eq!(newest["created_at"], newest["last_used_at"]);
    assert_eq!(sessions(&phone).await[0]["current"], true);
    let at = format!("/session/{}", text(&newest["id"]));
    phone.get("/user").await.ok();
    laptop.delete(&at).await.ok_empty();
    phone.get("/user").await.refused(401, "invalid_token");
    laptop.delete(&at).await.refused(404, "not_found");
    assert_eq!(sessions(&laptop).await.len(), 1);
    // The current session too.
    laptop.delete(&format!("/session/{}", text(&oldest["id"]))).await.ok_empty();
    laptop.get("/session").await.refused(401, "invalid_token");
}

#[tokio::test]
async fn the_sessions_of_others_are_not_there() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let hers = text(&sessions(&ann).await[0]["id"]);
    let answers = [&hers, ABSENT, "nonsense"].map(|id| format!("/session/{id}"));
    for path in &answers {
        ben.delete(path).await.refused(404, "not_found");
    }
    ann.get("/user").await.ok();
    assert!(sessions(&ben).await.iter().all(|session| session["id"] != hers.as_str()));
}

#[tokio::test]
async fn sessions_come_in_pages_newest_first() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    for _ in 0..4 {
        server.login("ann").await;
    }
    let whole = sessions(&ann).await;
    assert_eq!(whole.len(), 5);
    let times: Vec<String> = whole.iter().map(|session| text(&session["created_at"])).collect();
    assert!(times.is_sorted_by(|one, next| one >= next), "{times:?}");
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = ann.get(&format!("/session?limit=2{cursor}")).await.ok();
        seen.extend(page["items"].as_array().unwrap().clone());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, whole);
    // A cursor is valid for its user only.
    let ben = server.user("ben").await;
    ben.get(&format!("/session?limit=2{cursor}")).await.refused(400, "invalid_cursor");
    ann.get("/session?limit=0").await.refused_field("limit");
    ann.get("/session?user=ben").await.refused_field("user");
}

#[tokio::test]
async fn records_that_ended_long_ago_are_removed() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let (_, token) = logged_in(&server, "ann").await;
    logout(&server, &token).await;
    let (_, token) = logged_in(&server, "ann").await;
    refresh(&server, &token).await.ok();
    let counts = || server.value("SELECT count(*) || ' ' || (SELECT count(*) FROM refresh_tokens) FROM sessions");
    assert_eq!(counts(), "3 4");
    assert!(server.run("collect", &[]).contains("sessions removed: 0\nrefresh tokens removed: 0\n"));
    server.execute("UPDATE sessions SET ended_at = 1 WHERE ended_at IS NOT NULL");
    server.execute("UPDATE refresh_tokens SET expires_at = 1 WHERE used_at IS NOT NULL");
    assert!(server.run("collect", &[]).contains("sessions removed: 1\nrefresh tokens removed: 1\n"));
    assert_eq!(counts(), "2 2");
    ann.get("/user").await.ok();
    server.execute("UPDATE sessions SET expires_at = 1");
    eventually("all sessions have ended", async || ann.get("/user").await.status == 401).await;
    assert!(server.run("collect", &[]).contains("sessions removed: 2\n"));
    assert_eq!(counts(), "0 0");
}
