//! Limits on what one user may have, and may run at once.

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use reqwest::Method;
use serde_json::json;

use crate::support::{ApiClient, RawConnection, Server, text};
use crate::telemetry::metrics::{self, requests_under_way};

#[tokio::test]
async fn many_lists_of_one_user_at_once_wait_their_turn_and_all_succeed() {
    let server = Server::with(&[("DATABASE_CONNECTIONS", "2"), ("RATE_LIMITS", "off")]).await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let folder = ann.folder("Folder", None).await;
    let lists = join_all((0..64).map(async |_| ann.get(&format!("/drive/{folder}")).await.ok()));
    let others = join_all((0..8).map(async |_| ben.get("/drive").await.ok()));
    futures_util::future::join(lists, others).await;
}

#[tokio::test]
async fn users_over_their_limit_are_refused_and_others_are_not() {
    let one_second = [("DATABASE_CONNECTIONS", "4"), ("DATABASE_WAIT_SECONDS", "1"), ("RATE_LIMITS", "off")];
    let server = Server::with(&one_second).await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let change = json!({"email": "ann@example.org"});
    let occupied = server.occupy();
    let mut flood: FuturesUnordered<_> = (0..16).map(|_| ann.patch("/user", change.clone())).collect();
    // Some of the changes keep what one user gets, so the others wait in vain.
    let first = flood.next().await.unwrap();
    assert!(first.header("retry-after").parse::<u32>().unwrap() > 0);
    first.refused(429, "rate_limited");
    ben.get("/drive").await.ok();
    drop(occupied);
    while let Some(answer) = flood.next().await {
        if answer.status != 200 {
            answer.refused(429, "rate_limited");
        }
    }
    ann.patch("/user", change).await.ok();
}

#[tokio::test]
async fn many_copies_of_one_user_at_once_wait_their_turn() {
    let server = Server::with(&[("RATE_LIMITS", "off")]).await;
    let ann = server.user("ann").await;
    let file = text(&ann.send_form(&[], "note", b"note").await.ok()["id"]);
    let body = json!({"file_conflict": "Keep"});
    join_all((0..20).map(async |_| ann.post(&format!("/file/{file}/copy"), body.clone()).await.ok())).await;
    assert_eq!(ann.quota().await["used_entries"], 21);
}

#[tokio::test]
async fn copies_and_purges_beyond_four_of_a_user_are_refused_after_their_wait() {
    let server = Server::with(&[("DATABASE_WAIT_SECONDS", "1"), ("RATE_LIMITS", "off")]).await;
    let ann = server.user("ann").await;
    let file = text(&ann.send_form(&[], "note", b"note").await.ok()["id"]);
    let folder = ann.folder("Folder", None).await;
    let (trashed, other) = (ann.folder("Trashed", None).await, ann.folder("Other", None).await);
    for id in [&trashed, &other] {
        ann.delete(&format!("/drive/{id}")).await.ok_empty();
    }
    for (method, path, body) in [
        (Method::POST, format!("/file/{file}/copy"), Some(json!({"file_conflict": "Keep"}))),
        (Method::POST, format!("/drive/{folder}/copy"), Some(json!({"folder_conflict": "Keep"}))),
        (Method::DELETE, format!("/trash/{trashed}"), None),
        (Method::DELETE, "/trash".to_owned(), None),
    ] {
        let send = || {
            let request = ann.request(method.clone(), &path);
            ann.send(match &body {
                Some(body) => request.json(body),
                None => request,
            })
        };
        let occupied = server.occupy();
        let mut flood: FuturesUnordered<_> = (0..24).map(|_| send()).collect();
        // On one of the stacks some of the four wait in vain for the database, too.
        loop {
            let refusal = flood.next().await.unwrap();
            assert!(refusal.header("retry-after").parse::<u32>().unwrap() > 0, "{path}");
            let problem = refusal.refused(429, "rate_limited");
            if text(&problem["detail"]).contains("4 requests of this kind") {
                break;
            }
        }
        ann.get("/trash").await.ok();
        drop(occupied);
        while flood.next().await.is_some() {}
    }
}

#[tokio::test]
async fn copies_that_have_not_begun_when_their_clients_leave_are_not_made() {
    let (server, metrics) = metrics::start(&[("RATE_LIMITS", "off")]).await;
    let ann = server.user("ann").await;
    let file = text(&ann.send_form(&[], "note", b"note").await.ok()["id"]);
    let (path, body) = (format!("/file/{file}/copy"), json!({"file_conflict": "Keep"}));
    requests_under_way(&metrics, 0).await;
    let occupied = server.occupy();
    let (sent, mut wires) = (body.to_string(), Vec::new());
    let length = sent.len().to_string();
    for _ in 0..24 {
        let mut wire = RawConnection::to(&server).await;
        let headers = [("Content-Type", "application/json"), ("Content-Length", length.as_str())];
        wire.head(&ann, "POST", &path, &headers).await;
        wire.send(&sent).await;
        wires.push(wire);
    }
    requests_under_way(&metrics, 24).await;
    wires.into_iter().for_each(RawConnection::break_off);
    requests_under_way(&metrics, 0).await;
    drop(occupied);
    // It has its turn after all that wait.
    ann.post(&path, body).await.ok();
    let entries = ann.quota().await["used_entries"].as_u64().unwrap();
    assert!(entries <= 1 + 4 + 1, "{entries}: more than those which had begun");
}

/// The identifiers of all items of a list, read in pages as large as they get.
async fn page_by_page(user: &ApiClient, list: &str) -> Vec<String> {
    let (mut ids, mut full, mut cursor) = (Vec::new(), 0, String::new());
    loop {
        let answer = user.get(&format!("{list}limit=1000{cursor}")).await;
        assert!(answer.body.len() < 2 << 20, "{list}: {} bytes", answer.body.len());
        let page = answer.ok();
        let items = page["items"].as_array().unwrap();
        full += usize::from(!items.is_empty());
        ids.extend(items.iter().map(|one| text(&one["item"]["id"])));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert!(full > 1, "{list}: one page has all {} items", ids.len());
    ids.sort();
    ids
}

#[tokio::test]
async fn a_page_of_long_paths_ends_by_its_size_and_the_next_goes_on() {
    const LONGEST: usize = 255;
    const DEEP: usize = 60;
    // The names above them alone have more than a mebibyte.
    const ITEMS: usize = (1 << 20) / (DEEP * LONGEST) + 12;
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let mut deepest = ann.folder(&"x".repeat(LONGEST), None).await;
    for _ in 1..DEEP {
        deepest = ann.folder(&"x".repeat(LONGEST), Some(&deepest)).await;
    }
    let make = async |number: usize| ann.folder(&format!("needle {number}"), Some(&deepest)).await;
    let mut items = join_all((0..ITEMS).map(make)).await;
    items.sort();
    assert_eq!(page_by_page(&ann, "/search?q=needle&").await, items);
    join_all(items.iter().map(async |item| ann.delete(&format!("/drive/{item}")).await.ok_empty())).await;
    assert_eq!(page_by_page(&ann, "/trash?").await, items);
}

#[tokio::test]
async fn a_drive_has_only_so_many_files_and_folders() {
    let server = Server::with(&[("DEFAULT_QUOTA_ENTRIES", "3")]).await;
    let ann = server.user("ann").await;
    let quota = ann.quota().await;
    assert_eq!((&quota["total_entries"], &quota["used_entries"]), (&3.into(), &0.into()));
    let folder = ann.folder("Folder", None).await;
    let file = text(&ann.send_form(&[("parent_folder_id", &folder)], "note", b"note").await.ok()["id"]);
    let body = json!({"folder_conflict": "Keep"});
    let problem = ann.post(&format!("/drive/{folder}/copy"), body).await.refused(403, "quota_exceeded");
    let reported = ["total_entries", "used_entries", "needed_entries"].map(|field| problem["quota"][field].clone());
    assert_eq!(reported, [3, 2, 2]);
    ann.folder("Other", None).await;
    ann.post("/drive", json!({"folder_name": "One more"})).await.refused(403, "quota_exceeded");
    ann.send_form(&[], "one more", b"x").await.refused(403, "quota_exceeded");
    ann.begin("one more", 1, None).await.refused(403, "quota_exceeded");
    assert_eq!(ann.quota().await["reserved_bytes"], 0);
    let replacing = json!({"file_name": "note", "file_size_in_bytes": 3, "parent_folder_id": folder,
        "file_conflict": "Replace"});
    let upload = ann.post("/file", replacing).await.ok();
    ann.put(&upload, "new").await.ok_empty();
    ann.complete(&upload).await.ok();
    // New versions do not count as entries; trashed items do, purged ones do not.
    ann.put_content(&file, b"another", &[]).await.ok();
    ann.delete(&format!("/file/{file}")).await.ok_empty();
    assert_eq!(ann.quota().await["used_entries"], 3);
    ann.send_form(&[], "one more", b"x").await.refused(403, "quota_exceeded");
    ann.delete(&format!("/trash/{file}")).await.ok_empty();
    assert_eq!(ann.quota().await["used_entries"], 2);
    ann.send_form(&[], "one more", b"x").await.ok();
}
