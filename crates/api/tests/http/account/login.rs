use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::support::{ApiClient, ApiResponse, PASSWORD, Server, text};

/// A login by a form with these fields.
fn form(caller: &ApiClient, fields: &[(&str, &str)]) -> RequestBuilder {
    caller.request(Method::POST, "/login").form(fields)
}

async fn login(caller: &ApiClient, username: &str, password: &str) -> ApiResponse {
    caller.post("/login", json!({"username": username, "password": password})).await
}

/// Asserts a successful login whose token works.
async fn assert_lets_in(server: &Server, answer: ApiResponse, username: &str) {
    let token = answer.ok();
    let who = server.with_token(&text(&token["access_token"])).get("/verify-token").await.ok();
    assert_eq!(who["username"], username);
}

#[tokio::test]
async fn an_oauth2_client_logs_in_with_the_form_that_it_always_sends() {
    let server = Server::start().await;
    server.user("ann").await;
    let stranger = server.anonymous();
    let fields = [
        ("grant_type", "password"),
        ("username", "ann"),
        ("password", PASSWORD),
        ("scope", ""),
        ("client_id", "string"),
        ("client_secret", "********"),
    ];
    let answer = stranger.send(form(&stranger, &fields)).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("content-type"), "application/json");
    let token = answer.json();
    let mut names: Vec<&String> = token.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(names, ["access_token", "expires_in", "refresh_token", "token_type"]);
    assert_eq!((&token["token_type"], &token["expires_in"]), (&json!("bearer"), &json!(3600)));
    assert_lets_in(&server, answer, "ann").await;
    // Some clients send their own credentials in a header, or name the form's character set.
    let request = form(&stranger, &fields[..3]).basic_auth("string", Some("secret"));
    assert_lets_in(&server, stranger.send(request).await, "ann").await;
    let request = stranger.request(Method::POST, "/login");
    let request = request.header("Content-Type", "Application/X-WWW-Form-Urlencoded; charset=UTF-8");
    let answer = stranger.send(request.body("username=%61nn&password=a+quiet%20morning")).await;
    assert_lets_in(&server, answer, "ann").await;
}

#[tokio::test]
async fn a_login_lasts_as_long_as_the_configuration_says() {
    let server = Server::with(&[("ACCESS_TOKEN_EXPIRE_MINUTES", "5")]).await;
    server.user("ann").await;
    assert_eq!(login(&server.anonymous(), "ann", PASSWORD).await.ok()["expires_in"], 300);
}

#[tokio::test]
async fn no_other_grant_is_given() {
    let server = Server::start().await;
    server.user("ann").await;
    let stranger = server.anonymous();
    for grant in ["", "Password", "client_credentials", "refresh_token", "authorization_code"] {
        let fields = [("grant_type", grant), ("username", "ann"), ("password", PASSWORD)];
        stranger.send(form(&stranger, &fields)).await.refused_field("grant_type");
    }
}

#[tokio::test]
async fn a_user_is_known_by_name_and_by_address_in_any_case() {
    let server = Server::start().await;
    server.user("Ann").await;
    let stranger = server.anonymous();
    for name in ["Ann", "ann", "ANN", "Ann@example.com", "aNN@EXAMPLE.COM"] {
        assert_lets_in(&server, login(&stranger, name, PASSWORD).await, "Ann").await;
        let answer = stranger.send(form(&stranger, &[("username", name), ("password", PASSWORD)])).await;
        assert_lets_in(&server, answer, "Ann").await;
    }
}

#[tokio::test]
async fn an_incomplete_login_names_the_missing_fields() {
    let server = Server::start().await;
    let stranger = server.anonymous();
    stranger.send(form(&stranger, &[("username", "ann")])).await.refused_field("password");
    stranger.send(form(&stranger, &[("password", PASSWORD)])).await.refused_field("username");
    stranger.post("/login", json!({"username": "ann"})).await.refused_field("password");
    stranger.post("/login", json!({"username": "ann", "password": null})).await.refused_field("password");
    // JSON is strict; the form must accept OAuth2's other fields.
    let body = json!({"username": "ann", "password": PASSWORD, "scope": ""});
    stranger.post("/login", body).await.refused_field("scope");
    let twice = [("username", "ann"), ("password", PASSWORD), ("username", "bob")];
    stranger.send(form(&stranger, &twice)).await.refused(400, "malformed_request");
    let body = r#"{"username": "ann", "password": "a", "password": "b"}"#;
    stranger.send_text(Method::POST, "/login", body).await.refused(400, "malformed_request");
    let request = stranger.request(Method::POST, "/login").header("Content-Type", "text/plain");
    stranger.send(request.body("username=ann&password=x")).await.refused(415, "unsupported_media_type");
    stranger.send(stranger.request(Method::POST, "/login")).await.refused(415, "unsupported_media_type");
}

/// The parts of an answer that must not depend on the user.
fn without_identity(answer: &ApiResponse) -> (u16, HeaderMap, Value) {
    let (mut headers, mut body) = (answer.headers.clone(), answer.json());
    headers.remove("x-request-id");
    headers.remove("date");
    body["request_id"] = Value::Null;
    (answer.status, headers, body)
}

#[tokio::test]
async fn a_failed_login_does_not_reveal_whether_the_user_exists() {
    let server = Server::start().await;
    server.user("ann").await;
    let stranger = server.anonymous();
    let wrong = login(&stranger, "ann", "another morning").await;
    assert_eq!(wrong.header("www-authenticate"), "Bearer");
    let expected = without_identity(&wrong);
    wrong.refused(401, "invalid_credentials");
    let endless = "x".repeat(10_000);
    for (name, password) in [
        ("stranger", PASSWORD),
        ("stranger@example.com", PASSWORD),
        ("ann@example.com", "another morning"),
        ("ann", ""),
        ("", ""),
        ("an n", PASSWORD),
        ("' OR 1=1 --", PASSWORD),
        ("ann", &endless),
        ("stranger", &endless),
        (&endless, PASSWORD),
        ("ann", "A QUIET MORNING"),
    ] {
        let refusal = login(&stranger, name, password).await;
        assert_eq!(without_identity(&refusal), expected, "{name:.40} {password:.40}");
        let refusal = stranger.send(form(&stranger, &[("username", name), ("password", password)])).await;
        assert_eq!(without_identity(&refusal), expected, "{name:.40} {password:.40}");
    }
}

#[tokio::test]
async fn a_hash_of_the_old_server_is_accepted_and_upgraded() {
    let server = Server::start().await;
    for (index, version) in
        [bcrypt::Version::TwoA, bcrypt::Version::TwoB, bcrypt::Version::TwoY].into_iter().enumerate()
    {
        let name = format!("old-hand-{index}");
        server.user(&name).await;
        let old = bcrypt::hash_with_result("winter in Lisbon", 4).unwrap().format_for_version(version);
        server.execute(&format!("UPDATE users SET password_hash = '{old}' WHERE username = '{name}'"));
        let stored = || server.value(&format!("SELECT password_hash FROM users WHERE username = '{name}'"));
        let stranger = server.anonymous();
        login(&stranger, &name, "winter in Paris").await.refused(401, "invalid_credentials");
        login(&stranger, &name, PASSWORD).await.refused(401, "invalid_credentials");
        assert_eq!(stored(), old, "a failed login changes nothing");
        assert_lets_in(&server, login(&stranger, &name, "winter in Lisbon").await, &name).await;
        let new = stored();
        assert!(new.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{new}");
        assert_lets_in(&server, login(&stranger, &name, "winter in Lisbon").await, &name).await;
        assert_eq!(stored(), new, "once is enough");
        login(&stranger, &name, "winter in Paris").await.refused(401, "invalid_credentials");
    }
}

#[tokio::test]
async fn a_long_password_of_the_old_server_lets_in_and_counts_whole_from_then_on() {
    let server = Server::start().await;
    server.user("ann").await;
    let password = "to be or not to be ".repeat(5);
    assert!(password.len() > 72, "bcrypt looks at no more than 72 bytes");
    let old = bcrypt::hash(&password, 4).unwrap();
    server.execute(&format!("UPDATE users SET password_hash = '{old}'"));
    let stranger = server.anonymous();
    login(&stranger, "ann", &password).await.ok();
    login(&stranger, "ann", &password[..72]).await.refused(401, "invalid_credentials");
    login(&stranger, "ann", &password).await.ok();
}

#[tokio::test]
async fn an_unreadable_hash_refuses_the_login() {
    let server = Server::start().await;
    server.user("ann").await;
    let stranger = server.anonymous();
    for hash in ["", "!", PASSWORD, "$2b$", "$2b$12$short", "$argon2id$", "$argon2id$v=19$m=19456,t=2,p=1$$"] {
        server.execute(&format!("UPDATE users SET password_hash = '{hash}'"));
        login(&stranger, "ann", PASSWORD).await.refused(401, "invalid_credentials");
        login(&stranger, "ann", "").await.refused(401, "invalid_credentials");
    }
}
