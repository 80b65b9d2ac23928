//! Outages of the database or the store: the server reports them, and recovers by itself.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::Arc;

use reqwest::Method;
use serde_json::json;

use super::{CuttableServer, id};
use crate::process::{exit_code, log_of, signal, start_in};
use crate::support::stack::creates_buckets;
use crate::support::{ApiClient, ApiResponse, PASSWORD, Proxy, Server, Storage, eventually, png, text};

/// Asserts a 503 for this part, without internal details.
#[track_caller]
fn away(answer: ApiResponse, part: &str) {
    assert!(answer.header("retry-after").parse::<u32>().is_ok(), "{}", answer.text());
    let problem = answer.refused(503, "unavailable");
    assert!(text(&problem["detail"]).contains(part), "{problem}");
    for word in ["127.0.0.1", "postgres", "clouddrive", "SELECT", "bucket", "Object"] {
        assert!(!text(&problem["detail"]).contains(word), "{problem}");
    }
}

async fn ready_again(caller: &ApiClient) {
    eventually("the server is ready again", async || caller.get("/health/ready").await.status == 200).await;
}

#[tokio::test]
async fn without_its_database_a_server_refuses_honestly_and_heals_by_itself() {
    let cuttable = CuttableServer::start().await;
    let (ann, anonymous) = (cuttable.server.user("ann").await, cuttable.server.anonymous());
    let file = id(&ann.upload("note.txt", b"hello", None).await);
    for _ in 0..2 {
        cuttable.database.cut();
        anonymous.get("/health").await.ok();
        away(anonymous.get("/health/ready").await, "database");
        for answer in [
            ann.get("/drive").await,
            ann.get(&format!("/file/{file}")).await,
            ann.get(&format!("/file/{file}/content")).await,
            ann.post("/drive", json!({"folder_name": "lost"})).await,
            ann.begin("lost.txt", 5, None).await,
            ann.send_form(&[], "lost.txt", b"lost").await,
            ann.patch(&format!("/file/{file}"), json!({"file_name": "lost.txt"})).await,
            anonymous.post("/login", json!({"username": "ann", "password": PASSWORD})).await,
        ] {
            away(answer, "database");
        }
        // Authentication is cached for a second.
        eventually("no session can be checked", async || ann.get("/verify-token").await.status == 503).await;
        away(ann.get("/verify-token").await, "database");
        cuttable.database.mend();
        ready_again(&anonymous).await;
        assert_eq!(ann.names(None).await, ["note.txt"]);
        assert_eq!(ann.download(&file).await, b"hello");
    }
    assert_eq!(ann.quota().await["reserved_bytes"], 0);
}

#[tokio::test]
async fn connections_that_the_database_ends_are_made_anew() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    for round in 0..3 {
        let name = format!("{round}");
        ann.folder(&name, None).await;
        server.storage().postgres().hang_up();
        eventually("the folders are there to see", async || ann.get("/drive").await.status == 200).await;
        assert!(ann.names(None).await.contains(&name));
    }
}

#[tokio::test]
async fn without_its_store_a_server_does_all_that_needs_no_bytes() {
    let cuttable = CuttableServer::start().await;
    let (ann, anonymous) = (cuttable.server.user("ann").await, cuttable.server.anonymous());
    cuttable.server.user("ben").await;
    let file = id(&ann.upload("note.txt", b"hello", None).await);
    let sent = ann.begin("sent.txt", 4, None).await.ok();
    ann.put(&sent, "sent").await.ok_empty();
    cuttable.storage.cut();
    anonymous.get("/health").await.ok();
    away(anonymous.get("/health/ready").await, "storage");
    away(ann.complete(&sent).await, "storage");
    away(ann.send_form(&[], "lost.txt", b"lost").await, "storage");
    let photo = ann.request(Method::POST, "/profile_photo").header("Content-Type", "image/png");
    away(ann.send(photo.body(png(4, 4))).await, "storage");
    // Other requests work.
    let folder = ann.folder("Folder", None).await;
    let path = format!("/file/{file}");
    ann.patch(&path, json!({"file_name": "memo.txt", "parent_folder_id": folder})).await.ok();
    ann.share_folder(&folder, "ben", "view").await;
    let ben = cuttable.server.login("ben").await;
    assert_eq!(ben.names(Some(&folder)).await, ["memo.txt"]);
    ben.get(&path).await.ok();
    cuttable.storage.mend();
    ready_again(&anonymous).await;
    assert_eq!(ben.download(&file).await, b"hello");
    // Refused requests can be retried, and have left nothing behind.
    let completed = id(&ann.complete(&sent).await.ok());
    assert_eq!(ann.download(&completed).await, b"sent");
    ann.send_form(&[], "lost.txt", b"found").await.ok();
    let quota = ann.quota().await;
    assert_eq!((&quota["used_bytes"], &quota["reserved_bytes"]), (&json!(14), &json!(0)));
}

#[tokio::test]
async fn a_server_waits_at_its_start_for_its_dependencies_and_logs_it() {
    for part in ["database", "S3 store"] {
        let (database, storage) = (Proxy::to_postgres(), Proxy::to_s3());
        let missing = if part == "database" { &database } else { &storage };
        missing.cut();
        let place = Arc::new(Storage::new());
        let (database_url, s3_url) = (database.database_url(&place), storage.url());
        let variables = [("DATABASE_URL", database_url.as_str()), ("AWS_ENDPOINT_URL_S3", &s3_url)];
        let log = File::create(place.log()).unwrap();
        let mut process = place.command(&variables).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let waits = format!("waiting for the {part}");
        eventually("it says that it waits", async || std::fs::read_to_string(place.log()).unwrap().contains(&waits))
            .await;
        assert!(process.try_wait().unwrap().is_none());
        missing.mend();
        let first = BufReader::new(process.stdout.take().unwrap()).lines().next().unwrap().unwrap();
        let url = first.rsplit(' ').next().unwrap().to_owned();
        let server = Server::attach(process, url, place).await;
        let ann = server.user("ann").await;
        let file = id(&ann.upload("note.txt", b"hello", None).await);
        assert_eq!(ann.download(&file).await, b"hello");
    }
}

#[tokio::test]
async fn a_server_that_waits_at_its_start_can_be_stopped() {
    for part in ["database", "S3 store"] {
        let (database, storage) = (Proxy::to_postgres(), Proxy::to_s3());
        let missing = if part == "database" { &database } else { &storage };
        missing.cut();
        let place = Storage::new();
        let (database_url, s3_url) = (database.database_url(&place), storage.url());
        let variables = [("DATABASE_URL", database_url.as_str()), ("AWS_ENDPOINT_URL_S3", &s3_url)];
        let log = File::create(place.log()).unwrap();
        let mut process = place.command(&variables).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let waits = format!("waiting for the {part}");
        eventually("it says that it waits", async || std::fs::read_to_string(place.log()).unwrap().contains(&waits))
            .await;
        signal(process.id(), "TERM");
        let mut status = None;
        eventually("it ends", async || {
            status = process.try_wait().unwrap();
            status.is_some()
        })
        .await;
        assert_eq!(status.unwrap().code(), Some(0), "{part}");
    }
}

#[tokio::test]
async fn a_server_waits_for_a_limited_time_and_not_for_permanent_errors() {
    let (database, storage) = (Proxy::to_postgres(), Proxy::to_s3());
    let place = Storage::new();
    let (database_url, s3_url) = (database.database_url(&place), storage.url());
    let ended = |variables: &[(&str, &str)]| {
        let output = place.command(variables).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{err}");
        err.lines().last().unwrap().to_owned()
    };
    // An unreachable store is waited for, up to the limit.
    database.cut();
    let printed = ended(&[("DATABASE_URL", &database_url), ("STARTUP_SECONDS", "1")]);
    assert!(printed.starts_with("clouddrive: the database "), "{printed}");
    storage.cut();
    let printed = ended(&[("AWS_ENDPOINT_URL_S3", &s3_url), ("STARTUP_SECONDS", "1")]);
    assert!(printed.starts_with("clouddrive: the S3 bucket "), "{printed}");
    // A wrong name or key is not waited for: waiting does not fix it.
    let hour = ("STARTUP_SECONDS", "3600");
    let absent = place.postgres().url().replace(place.postgres().name(), "clouddrive_absent");
    let printed = ended(&[("DATABASE_URL", &absent), hour]);
    assert!(printed.contains("clouddrive_absent"), "{printed}");
    if !creates_buckets() {
        let printed = ended(&[("S3_BUCKET_NAME", "clouddrive-absent"), hour]);
        assert!(printed.contains("clouddrive-absent"), "{printed}");
    }
    let printed = ended(&[("AWS_SECRET_ACCESS_KEY", "hush-hush-hush-hush"), hour]);
    assert!(printed.starts_with("clouddrive: the S3 bucket ") && !printed.contains("hush"), "{printed}");
}

#[tokio::test]
async fn an_outage_is_logged_with_its_cause_and_without_a_secret() {
    let storage = Proxy::to_s3();
    let s3_url = storage.url();
    let (mut server, _) = start_in(Storage::new(), &[("AWS_ENDPOINT_URL_S3", &s3_url), ("RUST_LOG", "info")]).await;
    let ann = server.user("ann").await;
    storage.cut();
    away(ann.send_form(&[], "lost.txt", b"lost").await, "storage");
    let log = log_of(&server);
    let line = log.lines().find(|line| line.contains("\"unavailable\"")).unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert!(text(&line["cause"]).contains("cannot be reached"), "{line}");
    for (name, value) in server.storage().variables() {
        assert!(!name.contains("SECRET") || !log.contains(&value), "{name} is in the log");
    }
    signal(server.process().id(), "TERM");
    assert_eq!(exit_code(&mut server).await, 0, "it stops as well without its store");
}
