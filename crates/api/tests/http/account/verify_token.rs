use serde_json::json;

use crate::support::{Server, text};

#[tokio::test]
async fn a_token_tells_whose_it_is_and_until_when() {
    let server = Server::with(&[("ACCESS_TOKEN_EXPIRE_MINUTES", "525600")]).await;
    let ann = server.user("Ann").await;
    let verified = ann.get("/verify-token").await.ok();
    let mut fields: Vec<&String> = verified.as_object().unwrap().keys().collect();
    fields.sort();
    assert_eq!(fields, ["expires_at", "status", "user_id", "username"]);
    assert_eq!((&verified["status"], &verified["username"]), (&json!("valid"), &json!("Ann")));
    let account = ann.get("/user").await.ok();
    assert_eq!(verified["user_id"], account["id"]);
    // A year later.
    let (made, ends) = (text(&account["created_at"]), text(&verified["expires_at"]));
    assert!(ends > made && ends[..4] > made[..4], "{made} {ends}");
}

#[tokio::test]
async fn each_login_has_a_token_of_its_own_and_both_hold() {
    let server = Server::start().await;
    let first = server.user("ann").await;
    let second = server.login("ann").await;
    assert_ne!(first.token(), second.token());
    for token in [&first, &second] {
        assert_eq!(token.get("/verify-token").await.ok()["username"], "ann");
    }
}
