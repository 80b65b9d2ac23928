//! Rate limits, which are off in all other tests.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use super::{change_password, delete_user};
use crate::support::{ApiClient, ApiResponse, PASSWORD, Server, text};

/// A server with rate limits, which trusts `X-Forwarded-For` from this machine.
async fn counting() -> Server {
    Server::with(&[("RATE_LIMITS", "on"), ("TRUSTED_PROXIES", "127.0.0.0/8")]).await
}

async fn login(server: &Server, address: &str, name: &str, password: &str) -> ApiResponse {
    let body = json!({"username": name, "password": password});
    let caller = server.anonymous();
    caller.send(caller.request(Method::POST, "/login").header("X-Forwarded-For", address).json(&body)).await
}

const HERE: &str = "192.0.2.1";
const THERE: &str = "198.51.100.9";

/// Ten failed logins.
async fn guess(server: &Server, address: &str, name: &str) {
    let guesses = (0..10).map(|number| login(server, address, name, ["wrong guess", "another guess"][number % 2]));
    for answer in join_all(guesses).await {
        answer.refused(401, "invalid_credentials");
    }
}

/// Asserts a refusal by a rate limit of this size.
#[track_caller]
fn assert_limited(answer: ApiResponse, limit: &str) {
    let number = |name: &str| answer.header(name).parse::<u64>().unwrap_or_else(|_| panic!("{name} is no number"));
    assert!((1..=300).contains(&number("retry-after")));
    assert_eq!(number("ratelimit-reset"), number("retry-after"));
    assert_eq!((answer.header("ratelimit-limit"), answer.header("ratelimit-remaining")), (limit, "0"));
    answer.refused(429, "rate_limited");
}

#[tokio::test]
async fn guessing_is_limited_and_other_logins_are_not() {
    let server = counting().await;
    let (ann, _ben) = (server.user("ann").await, server.user("ben").await);
    guess(&server, HERE, "ann").await;
    // The right password is refused too, and another case of the name counts as the same.
    for name in ["ann", "ANN"] {
        assert_limited(login(&server, HERE, name, PASSWORD).await, "10");
    }
    login(&server, THERE, "ann", PASSWORD).await.ok();
    login(&server, HERE, "ben", PASSWORD).await.ok();
    ann.get("/drive").await.ok();
    ann.upload("a.txt", b"hello", None).await;
}

#[tokio::test]
async fn an_account_has_the_same_attempts_by_its_name_and_by_its_address() {
    let server = counting().await;
    server.user("ann").await;
    guess(&server, HERE, "ann").await;
    for name in ["ann@example.com", " Ann@Example.com", "ann"] {
        assert_limited(login(&server, HERE, name, PASSWORD).await, "10");
    }
    login(&server, THERE, "ann@example.com", PASSWORD).await.ok();
}

#[tokio::test]
async fn an_unknown_name_is_limited_alike() {
    let server = counting().await;
    server.user("ann").await;
    let mut refusals = Vec::new();
    for name in ["ann", "stranger"] {
        guess(&server, HERE, name).await;
        let mut refusal = login(&server, HERE, name, PASSWORD).await;
        for header in ["x-request-id", "date", "retry-after", "ratelimit-reset"] {
            refusal.headers.remove(header);
        }
        let mut problem = refusal.json();
        problem["request_id"] = json!(null);
        problem["detail"] = json!(null);
        refusals.push((refusal.status, refusal.headers, problem));
    }
    assert_eq!(refusals[0], refusals[1]);
}

#[tokio::test]
async fn of_concurrent_guesses_ten_are_checked() {
    let server = counting().await;
    server.user("ann").await;
    let answers = join_all((0..30).map(|_| login(&server, HERE, "ann", "wrong guess"))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 401).count(), 10);
    for answer in answers.into_iter().filter(|answer| answer.status != 401) {
        assert_limited(answer, "10");
    }
}

#[tokio::test]
async fn successful_logins_are_not_throttled() {
    let server = counting().await;
    server.user("ann").await;
    for _ in 0..15 {
        login(&server, HERE, "ann", PASSWORD).await.ok();
    }
    let answers = join_all((0..8).map(|_| login(&server, HERE, "ann", PASSWORD))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    guess(&server, HERE, "ann").await;
}

#[tokio::test]
async fn many_addresses_together_do_not_keep_the_owner_out() {
    let server = counting().await;
    server.user("ann").await;
    login(&server, HERE, "ann", PASSWORD).await.ok();
    let addresses: Vec<String> = (0..110).map(|number| format!("203.0.113.{number}")).collect();
    let guesses = join_all(addresses.iter().map(|address| login(&server, address, "ann", "wrong guess"))).await;
    let heard = guesses.iter().filter(|answer| answer.status == 401).count();
    // Meanwhile one more is allowed every ten seconds.
    assert!((100..110).contains(&heard), "{heard}");
    let late = guesses.into_iter().find(|answer| answer.status == 429).unwrap();
    assert_limited(late, "100");
    // During an attack, new addresses are refused even with the password; where ann has a session, she is not.
    server.execute("UPDATE throttle SET tat = tat + 60000 WHERE bucket LIKE 'login_of_account:%'");
    assert_limited(login(&server, THERE, "ann", PASSWORD).await, "100");
    for _ in 0..3 {
        login(&server, HERE, "ann", PASSWORD).await.ok();
    }
}

#[tokio::test]
async fn forged_addresses_give_no_more_attempts() {
    let server = Server::with(&[("RATE_LIMITS", "on")]).await;
    server.user("ann").await;
    let addresses: Vec<String> = (0..11).map(|number| format!("203.0.113.{number}")).collect();
    let answers = join_all(addresses.iter().map(|address| login(&server, address, "ann", "wrong guess"))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 429).count(), 1);
    // Nor by changing the address within one /64 network.
    let server = counting().await;
    server.user("ann").await;
    let addresses: Vec<String> = (0..11).map(|number| format!("2001:db8:1:2::{number:x}")).collect();
    let answers = join_all(addresses.iter().map(|address| login(&server, address, "ann", "wrong guess"))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 429).count(), 1);
    login(&server, "2001:db8:1:3::1", "ann", PASSWORD).await.ok();
}

#[tokio::test]
async fn counts_outlive_the_server() {
    let variables = [("RATE_LIMITS", "on"), ("TRUSTED_PROXIES", "127.0.0.0/8")];
    let server = Server::with(&variables).await;
    server.user("annabelle").await;
    guess(&server, HERE, "annabelle").await;
    let server = server.restart(&variables).await;
    assert_limited(login(&server, HERE, "annabelle", PASSWORD).await, "10");
    // Neither names nor addresses are stored in the clear. A shorter name could be in a digest by chance.
    let kept = "SELECT count(*) || '' FROM throttle WHERE bucket LIKE '%192.0%' OR bucket LIKE '%annabelle%'";
    assert_eq!(server.value(kept), "0");
    // Full buckets are removed.
    server.execute("UPDATE throttle SET tat = 1");
    server.run("collect", &[]);
    assert_eq!(server.value("SELECT count(*) || '' FROM throttle"), "0");
    login(&server, HERE, "annabelle", PASSWORD).await.ok();
}

#[tokio::test]
async fn a_stolen_token_does_not_speed_up_password_guessing() {
    let server = counting().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    for number in 0..10 {
        let answer = match number % 2 {
            0 => change_password(&ann, "wrong guess", "a louder evening").await,
            _ => delete_user(&ann, "wrong guess").await,
        };
        answer.refused(403, "wrong_password");
    }
    assert_limited(change_password(&ann, PASSWORD, "a louder evening").await, "10");
    assert_limited(delete_user(&ann, PASSWORD).await, "10");
    // Only this account is limited, and only for password checks.
    ann.get("/drive").await.ok();
    delete_user(&ben, PASSWORD).await.ok_empty();
}

async fn register(server: &Server, address: &str, number: usize) -> ApiResponse {
    let body = json!({
        "username": format!("user-{number}"), "email": format!("user-{number}@example.com"), "password": PASSWORD
    });
    let caller = server.anonymous();
    caller.send(caller.request(Method::POST, "/user").header("X-Forwarded-For", address).json(&body)).await
}

#[tokio::test]
async fn accounts_are_not_made_by_the_dozen_nor_names_tried_out() {
    let server = counting().await;
    let answers = join_all((0..20).map(|number| register(&server, HERE, number % 10))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 10);
    assert_eq!(answers.iter().filter(|answer| answer.status == 409).count(), 10);
    assert_limited(register(&server, HERE, 5).await, "20");
    register(&server, THERE, 50).await.ok();
}

async fn share(caller: &ApiClient, folder: &str, name: &str) -> ApiResponse {
    let body = json!({"share_object_type": "folder", "folder_id": folder, "username": name, "permission": "view"});
    caller.post("/share", body).await
}

#[tokio::test]
async fn sharing_does_not_enumerate_users() {
    let server = counting().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let folder = ann.folder("Bait", None).await;
    let names: Vec<String> = (0..120).map(|number| format!("name-{number}")).collect();
    let answers = join_all(names.iter().map(|name| share(&ann, &folder, name))).await;
    let heard = answers.iter().filter(|answer| answer.status == 404).count();
    assert!((100..120).contains(&heard), "{heard}");
    assert_limited(answers.into_iter().find(|answer| answer.status == 429).unwrap(), "100");
    let bens = ben.folder("Honest", None).await;
    share(&ben, &bens, "ann").await.ok();
    ann.get(&format!("/drive/{folder}")).await.ok();
}

#[tokio::test]
async fn addresses_are_not_tried_out_by_taking_them() {
    let server = counting().await;
    let ann = server.user("ann").await;
    for number in 0..10 {
        ann.patch("/user", json!({"email": format!("try-{number}@example.com")})).await.ok();
    }
    assert_limited(ann.patch("/user", json!({"email": "one-more@example.com"})).await, "10");
}

#[tokio::test]
async fn wrong_link_passwords_are_throttled_and_right_ones_are_not() {
    let server = counting().await;
    let ann = server.user("ann").await;
    let folder = ann.folder("Trips", None).await;
    let body = json!({"share_object_type": "folder", "folder_id": folder, "password": PASSWORD});
    let url = text(&ann.post("/link", body).await.ok()["url"]);
    let visit = async |address: &str, password: &str| {
        let caller = server.anonymous();
        let request = caller.request(Method::GET, &url).header("X-Forwarded-For", address);
        caller.send(request.header("X-Link-Password", password)).await
    };
    for _ in 0..30 {
        visit(HERE, PASSWORD).await.ok();
    }
    for answer in join_all((0..20).map(|_| visit(HERE, "a guess of mine"))).await {
        answer.refused(401, "link_password_required");
    }
    for password in ["a guess of mine", PASSWORD] {
        assert_limited(visit(HERE, password).await, "20");
    }
    // The other route has the same limit.
    let caller = server.anonymous();
    let request = caller.request(Method::POST, &format!("{url}/access")).header("X-Forwarded-For", HERE);
    assert_limited(caller.send(request.json(&json!({"password": PASSWORD}))).await, "20");
    visit(THERE, PASSWORD).await.ok();
    ann.get(&format!("/drive/{folder}")).await.ok();
}
