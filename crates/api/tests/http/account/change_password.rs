use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use super::{change_password, logged_in, refresh};
use crate::support::{PASSWORD, Server};

const NEW: &str = "a louder evening";

#[tokio::test]
async fn a_new_password_ends_all_sessions_and_lets_in_alone() {
    let server = Server::start().await;
    let (first, bystander) = (server.user("ann").await, server.user("ben").await);
    let (second, token) = logged_in(&server, "ann").await;
    for caller in [&first, &second] {
        caller.get("/user").await.ok();
    }
    change_password(&first, PASSWORD, NEW).await.ok_empty();
    for caller in [&first, &second] {
        caller.get("/user").await.refused(401, "invalid_token");
    }
    refresh(&server, &token).await.refused(401, "invalid_token");
    bystander.get("/user").await.ok();
    let login = async |password: &str| {
        server.anonymous().post("/login", json!({"username": "ann", "password": password})).await
    };
    login(PASSWORD).await.refused(401, "invalid_credentials");
    login(NEW).await.ok();
}

#[tokio::test]
async fn changes_need_the_current_password() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    for wrong in ["", "another morning", "A QUIET MORNING", &"x".repeat(10_000)] {
        change_password(&ann, wrong, NEW).await.refused(403, "wrong_password");
    }
    for bad in ["short", "password", &"x".repeat(129)] {
        change_password(&ann, PASSWORD, bad).await.refused_field("new_password");
    }
    let put = |body| ann.send(ann.request(Method::PUT, "/user/password").json(&body));
    put(json!({"new_password": NEW})).await.refused_field("current_password");
    put(json!({"current_password": PASSWORD})).await.refused_field("new_password");
    put(json!({"current_password": PASSWORD, "new_password": NEW, "user": "ben"})).await.refused_field("user");
    ann.get("/user").await.ok();
    server.login("ann").await;
}

#[tokio::test]
async fn one_of_many_concurrent_changes_succeeds() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let passwords: Vec<String> = (0..4).map(|number| format!("evening number {number}")).collect();
    let answers = join_all(passwords.iter().map(|new| change_password(&ann, PASSWORD, new))).await;
    let changed: Vec<&String> =
        answers.iter().zip(&passwords).filter(|(answer, _)| answer.status == 204).map(|(_, new)| new).collect();
    assert_eq!(changed.len(), 1);
    let refused = answers.iter().filter(|answer| [401, 403].contains(&answer.status)).count();
    assert_eq!(refused, 3);
    server.anonymous().post("/login", json!({"username": "ann", "password": changed[0]})).await.ok();
}
