use std::io::Write;
use std::process::{Output, Stdio};

use serde_json::{Value, json};

use super::printed;
use crate::support::{PASSWORD, Server, eventually, sql_id};

/// Runs `clouddrive user …` beside the server, with this standard input.
fn user(server: &Server, arguments: &[&str], input: &str) -> (i32, String, String) {
    printed(output(server, arguments, input))
}

fn output(server: &Server, arguments: &[&str], input: &str) -> Output {
    let mut command = server.storage().command(&[]);
    command.arg("user").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    // Commands without a password do not read it, so the write may fail.
    let _ = process.stdin.take().unwrap().write_all(input.as_bytes());
    process.wait_with_output().unwrap()
}

#[track_caller]
fn done(outcome: (i32, String, String)) -> String {
    assert_eq!((outcome.0, outcome.2.as_str()), (0, ""), "{}", outcome.1);
    outcome.1
}

/// Asserts a failure with this exit code and message.
#[track_caller]
fn failed(outcome: (i32, String, String), code: i32, why: &str) {
    assert_eq!((outcome.0, outcome.1.as_str()), (code, ""), "{}", outcome.2);
    assert!(outcome.2.contains(why), "{}", outcome.2);
}

async fn login(server: &Server, name: &str, password: &str) -> u16 {
    server.anonymous().post("/login", json!({"username": name, "password": password})).await.status
}

#[tokio::test]
async fn an_account_is_made_beside_a_running_server() {
    let server = Server::start().await;
    let made = user(&server, &["create", "Ann", "ann@example.com"], "winter in Lisbon\n");
    assert_eq!(done(made), "Ann may log in\n");
    done(user(&server, &["create", "ben", "ben@example.com", "--quota", "7"], "winter in Lisbon"));
    for (name, quota) in [("ann", 5_368_709_120_u64), ("ben", 7)] {
        let answer = server.anonymous().post("/login", json!({"username": name, "password": "winter in Lisbon"})).await;
        let caller = server.with_token(answer.ok()["access_token"].as_str().unwrap());
        assert_eq!(caller.quota().await["total_bytes"], quota);
    }
    let again = user(&server, &["create", "ANN", "other@example.com"], PASSWORD);
    failed(again, 1, "clouddrive: the user name is taken");
    let again = user(&server, &["create", "other", "Ann@example.com"], PASSWORD);
    failed(again, 1, "clouddrive: the e-mail address is taken");
    failed(user(&server, &["create", "cat", "cat@example.com"], "short\n"), 1, "8 to 128 characters");
    failed(user(&server, &["create", "cat", "cat@example.com"], ""), 1, "8 to 128 characters");
    // Arguments are validated before anything is done.
    failed(user(&server, &["create", "a b", "cat@example.com"], PASSWORD), 2, "3 to 32");
    failed(user(&server, &["create", "cat", "nowhere"], PASSWORD), 2, "e-mail");
    failed(
        user(&server, &["create", "cat", "cat@example.com", "--quota", "5G"], PASSWORD),
        2,
        "must be a number from 0",
    );
    failed(user(&server, &["create", "cat", "cat@example.com", PASSWORD], PASSWORD), 2, "unexpected argument");
    failed(user(&server, &[], ""), 2, "Usage");
    assert_eq!(login(&server, "cat", PASSWORD).await, 401);
}

#[tokio::test]
async fn a_password_that_is_set_ends_all_sessions_within_a_second() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    ann.get("/user").await.ok();
    done(user(&server, &["set-password", "ann@example.com"], "winter in Lisbon\n"));
    eventually("her session has ended", async || ann.get("/user").await.status == 401).await;
    assert_eq!(login(&server, "ann", PASSWORD).await, 401);
    assert_eq!(login(&server, "ann", "winter in Lisbon").await, 200);
    failed(user(&server, &["set-password", "stranger"], PASSWORD), 1, "clouddrive: there is no user stranger");
}

#[tokio::test]
async fn disabled_users_cannot_log_in_and_keep_their_data() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let folder = ann.folder("Plans", None).await;
    ann.share_folder(&folder, "ben", "view").await;
    assert_eq!(done(user(&server, &["disable", "ann"], "")), "ann is disabled\n");
    assert_eq!(done(user(&server, &["disable", "ann"], "")), "ann was disabled before\n");
    eventually("her session has ended", async || ann.get("/user").await.status == 401).await;
    // The same refusal as for a wrong password.
    let body = json!({"username": "ann", "password": PASSWORD});
    server.anonymous().post("/login", body).await.refused(401, "invalid_credentials");
    ben.get(&format!("/drive/{folder}")).await.ok();
    assert_eq!(done(user(&server, &["enable", "ANN"], "")), "ANN is enabled\n");
    assert_eq!(done(user(&server, &["enable", "ann"], "")), "ann was not disabled\n");
    ann.get("/user").await.refused(401, "invalid_token");
    let ann = server.login("ann").await;
    assert_eq!(ann.names(None).await, ["Plans"]);
    failed(user(&server, &["disable", "stranger"], ""), 1, "there is no user stranger");
}

#[tokio::test]
async fn a_quota_may_be_set_below_the_usage() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    ann.upload("a.txt", b"hello", None).await;
    done(user(&server, &["set-quota", "ann", "4"], ""));
    let quota = ann.quota().await;
    assert_eq!((&quota["total_bytes"], &quota["used_bytes"]), (&json!(4), &json!(5)));
    ann.begin("b.txt", 1, None).await.refused(403, "quota_exceeded");
    done(user(&server, &["set-quota", "ann", "6"], ""));
    ann.begin("b.txt", 1, None).await.ok();
    failed(user(&server, &["set-quota", "ann", "5G"], ""), 2, "must be a number from 0");
    failed(user(&server, &["set-quota", "stranger", "5"], ""), 1, "there is no user stranger");
}

#[tokio::test]
async fn a_quota_of_entries_is_set_alone_or_with_that_of_bytes() {
    let server = Server::start().await;
    done(user(&server, &["create", "ann", "ann@example.com", "--entries", "1"], PASSWORD));
    let ann = server.login("ann").await;
    let limits = async || {
        let quota = ann.quota().await;
        ["total_bytes", "total_entries"].map(|field| quota[field].as_u64().unwrap())
    };
    let full = async || ann.post("/drive", json!({"folder_name": "More"})).await.refused(403, "quota_exceeded");
    assert_eq!(limits().await, [5_368_709_120, 1]);
    ann.folder("One", None).await;
    full().await;
    let set = done(user(&server, &["set-quota", "ann", "--entries", "2"], ""));
    assert_eq!(set, "the drive of ann may hold 2 files and folders\n");
    assert_eq!(limits().await, [5_368_709_120, 2]);
    ann.folder("Two", None).await;
    full().await;
    done(user(&server, &["set-quota", "ann", "7"], ""));
    assert_eq!(limits().await, [7, 2]);
    // A limit may be below the current usage.
    let set = done(user(&server, &["set-quota", "ann", "9", "--entries", "1"], ""));
    assert_eq!(set, "the drive of ann may hold 9 bytes and 1 files and folders\n");
    assert_eq!((limits().await, ann.names(None).await.len()), ([9, 1], 2));
    full().await;
    failed(user(&server, &["set-quota", "ann"], ""), 2, "required");
    failed(user(&server, &["set-quota", "ann", "--entries", "2k"], ""), 2, "must be a number from 0");
    let refused = user(&server, &["create", "ben", "ben@example.com", "--entries", "many"], PASSWORD);
    failed(refused, 2, "must be a number from 0");
    failed(user(&server, &["set-quota", "zoe", "--entries", "5"], ""), 1, "there is no user zoe");
    assert_eq!(limits().await, [9, 1]);
}

#[tokio::test]
async fn all_users_are_listed_for_people_and_for_programs() {
    let server = Server::start().await;
    let (ann, _ben) = (server.user("ann").await, server.user("Ben").await);
    ann.upload("a.txt", b"hello", None).await;
    done(user(&server, &["disable", "ben"], ""));
    let table = done(user(&server, &["list"], ""));
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["NAME", "STATE", "USED", "QUOTA", "SINCE", "E-MAIL"]);
    assert_eq!(lines.len(), 3);
    assert_eq!((lines[1][0], lines[1][1], lines[1][2]), ("ann", "enabled", "5"));
    assert_eq!((lines[2][0], lines[2][1], lines[2][5]), ("Ben", "disabled", "Ben@example.com"));
    let listed = done(user(&server, &["list", "--json"], ""));
    let users: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&users[0]["username"], &users[0]["disabled_at"]), (&json!("ann"), &Value::Null));
    assert_eq!(users[0]["quota"], ann.quota().await);
    assert!(users[1]["disabled_at"].is_string());
    assert!(!listed.contains("hash") && !listed.contains("argon2"), "{listed}");
}

#[tokio::test]
async fn more_users_than_fit_on_a_page_are_all_listed() {
    let server = Server::start().await;
    server.user("ann").await;
    // Inserted directly: registering as many would take minutes.
    let rows = (0..1_100).map(|number| {
        let id = sql_id(&format!("00000000-0000-7000-8000-{number:012x}"));
        let drive = sql_id(&format!("00000000-0000-7000-9000-{number:012x}"));
        let (name, email) = (format!("'user-{number}'"), format!("'user-{number}@example.com'"));
        format!(
            "INSERT INTO users (id, username, username_key, email, email_key, password_hash, created_at)
                VALUES ({id}, {name}, {name}, {email}, {email}, '!', 1);
            INSERT INTO drives (id, owner_id, quota_bytes, created_at) VALUES ({drive}, {id}, 1, 1);"
        )
    });
    server.execute(&format!("BEGIN; {} COMMIT;", rows.collect::<String>()));
    let table = done(user(&server, &["list"], ""));
    let names: std::collections::BTreeSet<&str> =
        table.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!((names.len(), table.lines().count()), (1_101, 1_102));
}
