use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{ApiClient, ApiResponse, PASSWORD, Server, text};

/// Registers an account.
async fn register(caller: &ApiClient, username: &str, email: &str, password: &str) -> ApiResponse {
    caller.post("/user", json!({"username": username, "email": email, "password": password})).await
}

/// The fields named by a refusal, in order.
#[track_caller]
fn named(answer: ApiResponse) -> Vec<String> {
    let problem = answer.refused(422, "validation_failed");
    problem["errors"].as_array().unwrap().iter().map(|error| text(&error["field"])).collect()
}

#[tokio::test]
async fn a_new_account_has_an_empty_drive() {
    let server = Server::with(&[("DEFAULT_QUOTA_BYTES", "1000")]).await;
    let answer = register(&server.anonymous(), "Ann.Lee-2_x", "Ann+drive@Example.com", "a quiet morning").await;
    assert_eq!((answer.status, answer.header("location")), (201, "/user"));
    let user = answer.json();
    let mut fields: Vec<&String> = user.as_object().unwrap().keys().collect();
    fields.sort();
    assert_eq!(fields, ["created_at", "email", "has_profile_photo", "id", "quota", "username"]);
    assert_eq!((&user["username"], &user["email"]), (&json!("Ann.Lee-2_x"), &json!("Ann+drive@Example.com")));
    assert_eq!(user["has_profile_photo"], false);
    let quota = json!({
        "total_bytes": 1000, "used_bytes": 0, "reserved_bytes": 0, "available_bytes": 1000,
        "total_entries": 2_000_000, "used_entries": 0
    });
    assert_eq!(user["quota"], quota);
    let id = uuid::Uuid::parse_str(&text(&user["id"])).unwrap();
    assert_eq!(id.get_version_num(), 7);
    let created_at = text(&user["created_at"]);
    assert!(created_at.len() == "2026-11-22T06:12:00.000Z".len() && created_at.ends_with('Z'), "{created_at}");
}

#[tokio::test]
async fn every_broken_rule_is_named_at_once() {
    let server = Server::start().await;
    let stranger = server.anonymous();
    assert_eq!(named(register(&stranger, "a", "b", "c").await), ["username", "email", "password"]);
    assert_eq!(named(register(&stranger, "ann", "b", "c").await), ["email", "password"]);
    assert_eq!(named(register(&stranger, "", "ann@example.com", "").await), ["username", "password"]);
    let refusal = register(&stranger, "a", "ann@example.com", "hush").await;
    assert!(!refusal.text().contains("hush"), "a refusal does not repeat the password");
}

#[tokio::test]
async fn a_user_name_is_three_to_thirty_two_plain_characters() {
    let server = Server::start().await;
    let stranger = server.anonymous();
    for (index, name) in ["a-1", "...", &"a".repeat(32)].into_iter().enumerate() {
        register(&stranger, name, &format!("person{index}@example.com"), "a quiet morning").await.ok();
    }
    let long = "a".repeat(33);
    for name in ["", "ab", &long, "ann lee", "änn", "ann@home", "a/b", "ann\0", "аnn", "ann\u{200b}"] {
        let refusal = register(&stranger, name, "ann@example.com", "a quiet morning").await;
        assert_eq!(named(refusal), ["username"], "{name:?}");
    }
}

#[tokio::test]
async fn an_address_is_that_of_a_mailbox() {
    let server = Server::start().await;
    let stranger = server.anonymous();
    for (index, email) in ["a@b.co", "Ann.Lee+drive@mail.example.org"].into_iter().enumerate() {
        register(&stranger, &format!("person{index}"), email, "a quiet morning").await.ok();
    }
    let long = format!("ann@{}.example.com", "a.".repeat(130));
    for email in [
        "",
        "ann",
        "ann@",
        "@example.com",
        "ann@example",
        "ann@@example.com",
        "ann lee@example.com",
        "Ann <ann@example.com>",
        "ann@example.com\r\nBcc: all@example.com",
        "ann@[127.0.0.1]",
        &long,
    ] {
        let refusal = register(&stranger, "ann", email, "a quiet morning").await;
        assert_eq!(named(refusal), ["email"], "{email:?}");
    }
}

#[tokio::test]
async fn a_password_is_not_too_short_too_long_or_common() {
    let server = Server::start().await;
    let stranger = server.anonymous();
    let (long, endless) = ("x".repeat(129), "x".repeat(100_000));
    // Seven accented letters count as seven characters, composed or not.
    let accents = "e\u{301}".repeat(7);
    for password in ["", "seven77", &accents, &long, &endless, "password", "12345678", "PassWord1", "QWERTYUIOP"] {
        let refusal = register(&stranger, "ann", "ann@example.com", password).await;
        assert_eq!(named(refusal), ["password"], "{password:.40}");
    }
    register(&stranger, "ann", "ann@example.com", "eight888").await.ok();
}

#[tokio::test]
async fn all_of_a_long_password_in_any_script_counts() {
    let server = Server::start().await;
    let stranger = server.anonymous();
    let password = "語".repeat(127) + "🌅";
    register(&stranger, "ann", "ann@example.com", &password).await.ok();
    let login = |password: String| {
        let stranger = stranger.clone();
        async move { stranger.post("/login", json!({"username": "ann", "password": password})).await }
    };
    login(password.clone()).await.ok();
    login("語".repeat(127)).await.refused(401, "invalid_credentials");
    login("語".repeat(127) + "🌄").await.refused(401, "invalid_credentials");
    assert_eq!(named(register(&stranger, "bob", "bob@example.com", &(password + "語")).await), ["password"]);
}

#[tokio::test]
async fn a_password_is_the_same_however_its_accents_are_typed() {
    let server = Server::start().await;
    let stranger = server.anonymous();
    register(&stranger, "ann", "ann@example.com", "cafe\u{301} au lait").await.ok();
    stranger.post("/login", json!({"username": "ann", "password": "caf\u{e9} au lait"})).await.ok();
}

#[tokio::test]
async fn names_and_addresses_are_taken_without_regard_to_case() {
    let server = Server::start().await;
    let stranger = server.anonymous();
    register(&stranger, "ann", "ann@example.com", "a quiet morning").await.ok();
    let refusal = register(&stranger, "ANN", "other@example.com", "a quiet morning").await;
    refusal.refused(409, "username_taken");
    let refusal = register(&stranger, "other", "Ann@EXAMPLE.com", "a quiet morning").await;
    refusal.refused(409, "email_taken");
    // Refused registrations leave nothing behind.
    register(&stranger, "other", "other@example.com", "a quiet morning").await.ok();
    assert_eq!(server.value("SELECT count(*) || ' ' || (SELECT count(*) FROM drives) FROM users"), "2 2");
}

#[tokio::test]
async fn a_field_that_is_missing_misspelt_or_of_another_type_is_named() {
    let server = Server::start().await;
    let stranger = server.anonymous();
    let whole = json!({"username": "ann", "email": "ann@example.com", "password": "a quiet morning"});
    for field in ["username", "email", "password"] {
        let mut body = whole.clone();
        body.as_object_mut().unwrap().remove(field);
        stranger.post("/user", body.clone()).await.refused_field(field);
        for value in [Value::Null, json!(7), json!(["ann"]), json!({"is": "ann"}), json!(true)] {
            body[field] = value;
            stranger.post("/user", body.clone()).await.refused_field(field);
        }
    }
    for field in ["user_name", "is_admin", "quota_bytes", "Username", "id"] {
        let mut body = whole.clone();
        body[field] = json!("x");
        stranger.post("/user", body).await.refused_field(field);
    }
    for body in [json!([]), json!("ann"), json!(null), json!(7)] {
        stranger.post("/user", body).await.refused_field("body");
    }
    register(&stranger, "ann", "ann@example.com", "a quiet morning").await.ok();
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_refused() {
    let server = Server::start().await;
    let stranger = server.anonymous();
    let whole = r#""username": "ann", "email": "ann@example.com", "password": "a quiet morning""#;
    for body in [
        String::new(),
        "{".to_owned(),
        format!("{{{whole}"),
        format!("{{{whole}}} {{}}"),
        format!("{{{whole}, }}"),
        format!(r#"{{{whole}, "username": "bob"}}"#),
        format!(r#"{{{whole}, "user\u006eame": "bob"}}"#),
        format!("username=ann&{whole}"),
        "[".repeat(100_000),
    ] {
        stranger.send_text(Method::POST, "/user", &body).await.refused(400, "malformed_request");
    }
    let form = stranger.request(Method::POST, "/user").form(&[("username", "ann")]);
    stranger.send(form).await.refused(415, "unsupported_media_type");
    let untyped = stranger.request(Method::POST, "/user").body(format!("{{{whole}}}"));
    stranger.send(untyped).await.refused(415, "unsupported_media_type");
    let huge = stranger.send_text(Method::POST, "/user", &" ".repeat((1 << 20) + 1)).await;
    huge.refused(413, "payload_too_large");
}

#[tokio::test]
async fn spaces_around_a_name_and_an_address_are_no_part_of_them() {
    let server = Server::start().await;
    let stranger = server.anonymous();
    let body = json!({"username": " Ann\t", "email": "\u{A0}ann@example.com ", "password": PASSWORD});
    let user = stranger.post("/user", body).await.ok();
    assert_eq!((&user["username"], &user["email"]), (&json!("Ann"), &json!("ann@example.com")));
    for name in [" ann", "ann ", "\tann@example.com\n"] {
        stranger.post("/login", json!({"username": name, "password": PASSWORD})).await.ok();
        let form = stranger.request(Method::POST, "/login").form(&[("username", name), ("password", PASSWORD)]);
        stranger.send(form).await.ok();
    }
    let again = json!({"username": "ann ", "email": "else@example.com", "password": PASSWORD});
    stranger.post("/user", again).await.refused(409, "username_taken");
}
