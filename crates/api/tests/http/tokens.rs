//! Access tokens: valid, expired, forged and malformed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{ApiClient, ApiResponse, Server, eventually, signing_key, sql_id, text};

pub const SECRET: &str = "a secret key that the whole test knows";

/// A server whose secret key is known to the test, and a logged-in user.
async fn known_server() -> (Server, ApiClient) {
    let server = Server::with(&[("SECRET_KEY", SECRET)]).await;
    let ann = server.user("ann").await;
    (server, ann)
}

fn sign_with(key: &[u8], algorithm: Algorithm, claims: &Value) -> String {
    jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(key)).unwrap()
}

/// Signs any claims as the server would.
pub fn sign(claims: &Value) -> String {
    sign_with(&signing_key(SECRET, "clouddrive/access-tokens/v1"), Algorithm::HS256, claims)
}

fn decoded(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn encoded(part: &Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}

/// The claims of the caller's token.
pub fn claims_of(caller: &ApiClient) -> Value {
    decoded(caller.token().split('.').nth(1).unwrap())
}

async fn present(server: &Server, token: &str) -> ApiResponse {
    server.with_token(token).get("/user").await
}

#[track_caller]
fn assert_invalid(answer: ApiResponse, what: &str) {
    let challenge = answer.header("www-authenticate").to_owned();
    assert_eq!((answer.status, &answer.json()["code"]), (401, &json!("invalid_token")), "{what}: {}", answer.text());
    assert_eq!(challenge, "Bearer error=\"invalid_token\"", "{what}");
}

/// Every authenticated operation of the document, with identifiers that do not exist.
async fn protected(server: &Server) -> Vec<(Method, String)> {
    let document = server.anonymous().get("/openapi.json").await.ok();
    let mut operations = Vec::new();
    for (template, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation["security"] != json!([]) {
                let segments = template.split('/').map(|segment| if segment.starts_with('{') { "x" } else { segment });
                let path = segments.collect::<Vec<_>>().join("/");
                operations.push((Method::from_bytes(method.to_uppercase().as_bytes()).unwrap(), path));
            }
        }
    }
    assert!(operations.len() > 15, "{operations:?}");
    operations
}

#[tokio::test]
async fn no_protected_route_looks_at_anything_before_the_token() {
    let server = Server::start().await;
    for (method, path) in protected(&server).await {
        for (caller, code, challenge) in [
            (server.anonymous(), "unauthenticated", "Bearer"),
            (server.with_token("forged"), "invalid_token", "Bearer error=\"invalid_token\""),
        ] {
            let request = caller.request(method.clone(), &path).header("Content-Type", "application/json").body("{");
            let answer = caller.send(request).await;
            assert_eq!((answer.status, answer.header("www-authenticate")), (401, challenge), "{method} {path}");
            if method != Method::HEAD {
                answer.refused(401, code);
            }
        }
    }
}

#[tokio::test]
async fn a_token_comes_as_a_bearer_token_and_in_no_other_way() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let token = ann.token();
    let stranger = server.anonymous();
    let request = |value: String| stranger.request(Method::GET, "/user").header("Authorization", value);
    for header in [format!("Bearer {token}"), format!("bearer {token}"), format!("BEARER   {token} ")] {
        assert_eq!(stranger.send(request(header)).await.ok()["username"], "ann");
    }
    for header in [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        token.to_owned(),
        format!("Basic {token}"),
        format!("Token {token}"),
        format!("Bearer{token}"),
        format!("Bearer:{token}"),
        format!("Bearer\t{token}"),
    ] {
        let answer = stranger.send(request(header)).await;
        assert_eq!(answer.header("www-authenticate"), "Bearer");
        answer.refused(401, "unauthenticated");
    }
    let unreadable = reqwest::header::HeaderValue::from_bytes(b"Bearer \xff\xfe").unwrap();
    let unreadable = stranger.request(Method::GET, "/user").header("Authorization", unreadable);
    stranger.send(unreadable).await.refused(401, "unauthenticated");
    // Tokens are not accepted in URLs, which end up in logs and histories.
    for path in [format!("/user?access_token={token}"), format!("/drive?token={token}")] {
        stranger.get(&path).await.refused(401, "unauthenticated");
    }
    let cookie = stranger.request(Method::GET, "/user").header("Cookie", format!("access_token={token}"));
    stranger.send(cookie).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_garbled_token_is_invalid() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let parts: Vec<&str> = ann.token().split('.').collect();
    let (head, body, seal) = (parts[0], parts[1], parts[2]);
    let other_seal = seal.chars().rev().collect::<String>();
    for token in [
        "x".to_owned(),
        "null".to_owned(),
        ".".to_owned(),
        "..".to_owned(),
        "....".to_owned(),
        format!("{head}.{body}"),
        format!("{head}.{body}."),
        format!("{head}..{seal}"),
        format!(".{body}.{seal}"),
        format!("{head}.{body}.{other_seal}"),
        format!("{head}.{body}.{}", &seal[1..]),
        format!("{head}.{body}.{seal}A"),
        format!("{head}.{body}.{seal}="),
        format!("{head}.{body}.{seal}.{seal}"),
        format!("{head}.{}.{seal}", body.to_lowercase()),
        format!("{}, {}", ann.token(), ann.token()),
        format!("{}{}", ann.token(), "A".repeat(20_000)),
    ] {
        assert_invalid(present(&server, &token).await, &token);
    }
    assert_eq!(present(&server, ann.token()).await.status, 200);
}

#[tokio::test]
async fn the_token_does_not_choose_how_it_is_checked() {
    let (server, ann) = known_server().await;
    let claims = claims_of(&ann);
    let key = signing_key(SECRET, "clouddrive/access-tokens/v1");
    assert_eq!(present(&server, &sign(&claims)).await.status, 200, "the key suffices to make tokens");
    for algorithm in ["none", "None", "NONE", "nOnE", ""] {
        let header = json!({"typ": "JWT", "alg": algorithm});
        let unsigned = format!("{}.{}.", encoded(&header), encoded(&claims));
        let seal = ann.token().rsplit('.').next().unwrap();
        assert_invalid(present(&server, &unsigned).await, algorithm);
        assert_invalid(present(&server, &format!("{unsigned}{seal}")).await, algorithm);
    }
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        assert_invalid(present(&server, &sign_with(&key, algorithm, &claims)).await, "another algorithm");
    }
    // A header that refers to its own key.
    let mut header = Header::new(Algorithm::HS256);
    header.jku = Some("https://evil.example.com/keys.json".to_owned());
    header.kid = Some("../../dev/null".to_owned());
    let brought = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(b"")).unwrap();
    assert_invalid(present(&server, &brought).await, "another key");
    for key in [
        Vec::new(),
        SECRET.into(),
        key[..32].to_vec(),
        signing_key(SECRET, "clouddrive/signed-urls/v1"),
        signing_key(SECRET, "clouddrive/cursors/v1"),
        signing_key("another secret key of another server", "clouddrive/access-tokens/v1"),
    ] {
        assert_invalid(present(&server, &sign_with(&key, Algorithm::HS256, &claims)).await, "another key");
    }
}

#[tokio::test]
async fn the_configured_algorithm_is_the_one_that_holds() {
    for (name, algorithm) in [("HS384", Algorithm::HS384), ("HS512", Algorithm::HS512)] {
        let server = Server::with(&[("SECRET_KEY", SECRET), ("ALGORITHM", name)]).await;
        let ann = server.user("ann").await;
        assert_eq!(decoded(ann.token().split('.').next().unwrap())["alg"], name);
        let claims = claims_of(&ann);
        let key = signing_key(SECRET, "clouddrive/access-tokens/v1");
        assert_eq!(present(&server, &sign_with(&key, algorithm, &claims)).await.status, 200);
        assert_invalid(present(&server, &sign(&claims)).await, "HS256");
    }
}

#[tokio::test]
async fn every_claim_is_needed_and_of_its_own_type() {
    let (server, ann) = known_server().await;
    let genuine = claims_of(&ann);
    let mut names: Vec<&String> = genuine.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(names, ["aud", "exp", "iat", "iss", "jti", "nbf", "sid", "sub", "typ"]);
    for name in names {
        let mut claims = genuine.clone();
        claims.as_object_mut().unwrap().remove(name);
        assert_invalid(present(&server, &sign(&claims)).await, &format!("without {name}"));
        let mut odd = vec![Value::Null, json!(true), json!([]), json!({}), json!(""), json!([genuine[name]])];
        match genuine[name].as_i64() {
            Some(seconds) => odd.extend([
                json!(seconds.to_string()),
                json!(seconds as f64 + 0.5),
                json!(seconds as f64),
                json!(1e300),
                json!(i64::MAX),
                json!(u64::MAX),
            ]),
            None => odd.extend([json!(7), json!("x"), json!(format!("{} ", genuine[name].as_str().unwrap()))]),
        }
        for value in odd {
            claims[name] = value;
            let answer = present(&server, &sign(&claims)).await;
            assert_invalid(answer, &format!("{name} is {}", claims[name]));
        }
    }
    for payload in [json!([]), json!("ann"), json!(null), json!([genuine])] {
        assert_invalid(present(&server, &sign(&payload)).await, "no object of claims");
    }
    assert_eq!(present(&server, &sign(&genuine)).await.status, 200);
}

#[tokio::test]
async fn a_token_for_another_user_or_purpose_is_invalid() {
    let (server, ann) = known_server().await;
    let bob = server.user("bob").await;
    let (genuine, bobs) = (claims_of(&ann), claims_of(&bob));
    let absent = json!("019ab0c2-7a00-7000-8000-000000000000");
    for (claim, value) in [
        ("typ", json!("refresh")),
        ("typ", json!("Access")),
        ("iss", json!("another-drive")),
        ("aud", json!("another-drive")),
        ("aud", json!(["clouddrive", "another-drive"])),
        ("sub", bobs["sub"].clone()),
        ("sub", absent.clone()),
        ("sub", json!("ann")),
        ("sid", bobs["sid"].clone()),
        ("sid", absent),
        ("sid", genuine["jti"].clone()),
    ] {
        let mut claims = genuine.clone();
        claims[claim] = value;
        assert_invalid(present(&server, &sign(&claims)).await, &format!("{claim} is {}", claims[claim]));
    }
}

#[tokio::test]
async fn a_token_has_its_time() {
    let (server, ann) = known_server().await;
    let genuine = claims_of(&ann);
    let begun = genuine["iat"].as_i64().unwrap();
    for end in [begun - 1, begun - 3600, 60] {
        let mut claims = genuine.clone();
        (claims["iat"], claims["nbf"], claims["exp"]) = (json!(end - 60), json!(end - 60), json!(end));
        let answer = present(&server, &sign(&claims)).await;
        assert_eq!(answer.header("www-authenticate"), "Bearer error=\"invalid_token\"");
        answer.refused(401, "token_expired");
    }
    for claim in ["iat", "nbf"] {
        let mut claims = genuine.clone();
        claims[claim] = json!(begun + 3000);
        assert_invalid(present(&server, &sign(&claims)).await, &format!("{claim} is yet to come"));
    }
    // With the key, any expiry can be signed, but the session's own still holds.
    let mut claims = genuine.clone();
    claims["exp"] = json!(begun + 100 * 365 * 86_400);
    assert_eq!(present(&server, &sign(&claims)).await.status, 200);
    server.execute("UPDATE sessions SET expires_at = created_at");
    // The session was ended in the database: the cache may last a second.
    let token = sign(&claims);
    eventually("the session is over", async || present(&server, &token).await.status == 401).await;
    assert_invalid(present(&server, &token).await, "the session is over");
}

#[tokio::test]
async fn a_session_that_ends_elsewhere_takes_its_tokens_with_it_within_a_second() {
    let server = Server::start().await;
    let first = server.user("ann").await;
    let (second, third) = (server.login("ann").await, server.login("ann").await);
    let session = |caller: &ApiClient| format!("id = {}", sql_id(claims_of(caller)["sid"].as_str().unwrap()));
    for caller in [&first, &second, &third] {
        caller.get("/user").await.ok();
    }
    server.execute(&format!("UPDATE sessions SET ended_at = created_at WHERE {}", session(&first)));
    eventually("the first session has ended", async || first.get("/user").await.status == 401).await;
    assert_invalid(first.get("/user").await, "the session has ended");
    server.execute(&format!("DELETE FROM sessions WHERE {}", session(&second)));
    eventually("the second session has gone", async || second.get("/user").await.status == 401).await;
    for (method, path) in protected(&server).await {
        let answer = second.send(second.request(method, &path)).await;
        assert_eq!(answer.status, 401, "{path}: the session is gone");
    }
    third.get("/user").await.ok();
    server.login("ann").await.get("/user").await.ok();
}

#[tokio::test]
async fn a_token_of_another_server_is_refused() {
    let (here, there) = (Server::start().await, Server::start().await);
    let (ann, other_ann) = (here.user("ann").await, there.user("ann").await);
    assert_invalid(present(&there, ann.token()).await, "a server with another key");
    assert_invalid(present(&here, other_ann.token()).await, "a server with another key");
    // Nor with the same key, where the user does not exist.
    let ((here, ann), (there, _)) = (known_server().await, known_server().await);
    assert_eq!(present(&here, ann.token()).await.status, 200);
    assert_invalid(present(&there, ann.token()).await, "a server with the same key");
}

#[tokio::test]
async fn a_token_outlives_a_restart_but_not_the_key() {
    let server = Server::start().await;
    let token = server.user("ann").await.token().to_owned();
    let server = server.restart(&[]).await;
    assert_eq!(present(&server, &token).await.ok()["username"], "ann");
    let server = server.restart(&[("SECRET_KEY", SECRET)]).await;
    assert_invalid(present(&server, &token).await, "the key has changed");
    server.login("ann").await.get("/user").await.ok();
}

#[tokio::test]
async fn values_made_with_a_former_key_stay_valid_during_rotation() {
    let (old, new) = ("the key that has served its time so far", "the key that is to serve from now on ok");
    let server = Server::with(&[("SECRET_KEY", old)]).await;
    let ann = server.user("ann").await;
    let file = ann.upload("a.txt", b"hello", None).await;
    ann.upload("b.txt", b"hello", None).await;
    let cursor = text(&ann.get("/drive?limit=1").await.ok()["next_cursor"]);
    let token = ann.token().to_owned();

    // During rotation, instances that still sign with the old key must know the new one before any signs with it.
    let server = server.restart(&[("SECRET_KEY", old), ("PREVIOUS_SECRET_KEY", new)]).await;
    assert_eq!(server.with_token(&token).download(&text(&file["id"])).await, b"hello");
    let server = server.restart(&[("SECRET_KEY", new), ("PREVIOUS_SECRET_KEY", old)]).await;
    let ann = server.with_token(&token);
    assert_eq!(ann.download(&text(&file["id"])).await, b"hello");
    assert_eq!(ann.get(&format!("/drive?limit=1&cursor={cursor}")).await.ok()["items"][0]["name"], "b.txt");
    let fresh = server.login("ann").await.token().to_owned();

    let server = server.restart(&[("SECRET_KEY", new)]).await;
    assert_invalid(present(&server, &token).await, "the former key has gone");
    server.with_token(&fresh).get("/user").await.ok();
    server.with_token(&fresh).get(&format!("/drive?limit=1&cursor={cursor}")).await.refused(400, "invalid_cursor");
}
