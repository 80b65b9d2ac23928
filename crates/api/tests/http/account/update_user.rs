use serde_json::json;

use crate::support::{PASSWORD, Server};

#[tokio::test]
async fn an_address_is_changed_and_the_former_one_is_free() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let changed = ann.patch("/user", json!({"email": "Ann@example.org"})).await.ok();
    assert_eq!((&changed["email"], &changed["username"]), (&json!("Ann@example.org"), &json!("ann")));
    assert_eq!(ann.get("/user").await.ok(), changed);
    assert_eq!(ann.patch("/user", json!({"email": "Ann@example.org"})).await.ok(), changed);
    let login = async |name: &str| {
        let body = json!({"username": name, "password": PASSWORD});
        server.anonymous().post("/login", body).await
    };
    login("ann@EXAMPLE.org").await.ok();
    login("ann@example.com").await.refused(401, "invalid_credentials");
    // Sessions stay valid.
    ann.get("/user").await.ok();
    let body = json!({"username": "heir", "email": "ann@example.com", "password": PASSWORD});
    server.anonymous().post("/user", body).await.ok();
}

#[tokio::test]
async fn a_used_address_is_taken_in_any_case() {
    let server = Server::start().await;
    let (ann, _ben) = (server.user("ann").await, server.user("ben").await);
    for email in ["ben@example.com", "BEN@Example.COM"] {
        ann.patch("/user", json!({"email": email})).await.refused(409, "email_taken");
    }
    assert_eq!(ann.get("/user").await.ok()["email"], "ann@example.com");
    assert_eq!(ann.patch("/user", json!({"email": "ANN@example.com"})).await.ok()["email"], "ANN@example.com");
}

#[tokio::test]
async fn nothing_else_of_an_account_can_be_written() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    for field in ["username", "id", "quota", "quota_bytes", "disabled_at", "password"] {
        ann.patch("/user", json!({field: "x", "email": "a@example.org"})).await.refused_field(field);
    }
    ann.patch("/user", json!({})).await.refused_field("body");
    ann.patch("/user", json!({"email": null})).await.refused_field("body");
    ann.patch("/user", json!({"email": 7})).await.refused_field("email");
    ann.patch("/user", json!({"email": "no address"})).await.refused_field("email");
    assert_eq!(ann.get("/user").await.ok()["email"], "ann@example.com");
}
