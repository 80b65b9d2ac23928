use crate::support::{Server, png};

#[tokio::test]
async fn users_see_only_their_own_account() {
    let server = Server::start().await;
    let (ann, bob) = (server.user("ann").await, server.user("bob").await);
    for (caller, name) in [(&ann, "ann"), (&bob, "bob")] {
        let account = caller.get("/user").await.ok();
        assert_eq!(account["username"], name);
        assert_eq!(account["email"], format!("{name}@example.com"));
        let mut fields: Vec<&String> = account.as_object().unwrap().keys().collect();
        fields.sort();
        assert_eq!(fields, ["created_at", "email", "has_profile_photo", "id", "quota", "username"]);
    }
    server.anonymous().get("/user").await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn the_account_counts_used_and_reserved_bytes() {
    let server = Server::with(&[("DEFAULT_QUOTA_BYTES", "100")]).await;
    let ann = server.user("ann").await;
    ann.upload("note.txt", b"0123456789", None).await;
    ann.begin("more.txt", 25, None).await.ok();
    let quota = ann.quota().await;
    let figures = ["total_bytes", "used_bytes", "reserved_bytes", "available_bytes"].map(|name| quota[name].clone());
    assert_eq!(figures, [100, 10, 25, 65]);
}

#[tokio::test]
async fn the_account_says_whether_there_is_a_photo() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let photo = ann.request(reqwest::Method::POST, "/profile_photo").header("Content-Type", "image/png");
    ann.send(photo.body(png(8, 8))).await.ok();
    assert_eq!(ann.get("/user").await.ok()["has_profile_photo"], true);
    ann.delete("/profile_photo").await.ok_empty();
    assert_eq!(ann.get("/user").await.ok()["has_profile_photo"], false);
}
