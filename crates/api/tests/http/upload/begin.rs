use serde_json::{Value, json};

use super::{path, progress};
use crate::support::{Server, text};

#[tokio::test]
async fn an_upload_tells_all_that_its_sender_needs() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let answer = ann.begin("beach.jpg", 5, None).await;
    assert_eq!((answer.status, answer.header("cache-control")), (201, "no-store"));
    let location = answer.header("location").to_owned();
    let upload = answer.ok();
    assert_eq!(location, path(&upload));
    for (field, expected) in [
        ("state", json!("open")),
        ("file_name", json!("beach.jpg")),
        ("file_size_in_bytes", json!(5)),
        ("received_bytes", json!(0)),
        ("received_parts", json!([])),
        ("file_id", json!(null)),
        ("method", json!("PUT")),
        ("part_size", json!(5)),
        ("part_count", json!(1)),
    ] {
        assert_eq!(upload[field], expected, "{field}");
    }
    let parts = upload["parts"].as_array().unwrap();
    assert_eq!(parts.len(), 1);
    assert_eq!((&parts[0]["part_number"], &parts[0]["size"]), (&json!(1), &json!(5)));
    assert!(parts[0]["headers"].is_object());
    assert!(text(&parts[0]["url"]).starts_with("http://"));
    assert!(text(&upload["urls_expire_at"]) < text(&upload["expires_at"]));
    let seen = ann.get(&location).await.ok();
    let shared = ["upload_id", "state", "file_name", "file_size_in_bytes", "received_bytes", "expires_at"];
    for field in shared {
        assert_eq!(seen[field], upload[field], "{field}");
    }
    assert!(seen.get("parts").is_none(), "progress hands out no URLs: {seen}");
}

#[tokio::test]
async fn an_uncommitted_file_is_invisible_but_its_bytes_are_reserved() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let upload = ann.begin("hello.txt", 5, None).await.ok();
    let quota = ann.quota().await;
    let total = quota["total_bytes"].as_u64().unwrap();
    assert_eq!((&quota["used_bytes"], &quota["reserved_bytes"]), (&json!(0), &json!(5)));
    assert_eq!(quota["available_bytes"], total - 5);
    ann.put(&upload, "hello").await.ok_empty();
    assert_eq!(ann.names(None).await, Vec::<String>::new());
    assert_eq!(ann.quota().await, quota);
    ann.complete(&upload).await.ok();
    assert_eq!(ann.names(None).await, ["hello.txt"]);
    let quota = ann.quota().await;
    assert_eq!((&quota["used_bytes"], &quota["reserved_bytes"]), (&json!(5), &json!(0)));
    assert_eq!(quota["available_bytes"], total - 5);
}

#[tokio::test]
async fn progress_reports_received_parts_and_the_outcome() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let upload = ann.begin("hello.txt", 5, None).await.ok();
    ann.put(&upload, "hello").await.ok_empty();
    let seen = progress(&ann, &upload).await;
    assert_eq!((&seen["state"], &seen["received_bytes"]), (&json!("open"), &json!(5)));
    assert_eq!(seen["received_parts"], json!([{"part_number": 1, "size": 5}]));
    assert_eq!(seen["file_id"], json!(null));
    let file = ann.complete(&upload).await.ok();
    let seen = progress(&ann, &upload).await;
    assert_eq!((&seen["state"], &seen["file_id"]), (&json!("complete"), &file["id"]));
    assert_eq!(seen["received_bytes"], 5);
}

#[tokio::test]
async fn fresh_urls_come_for_the_asking_and_bring_more_time() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let upload = ann.begin("hello.txt", 5, None).await.ok();
    let answer = ann.post(&format!("{}/parts", path(&upload)), json!({"part_numbers": [1]})).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"));
    let fresh = answer.ok();
    assert!(text(&fresh["expires_at"]) >= text(&upload["expires_at"]));
    assert_eq!(progress(&ann, &upload).await["expires_at"], fresh["expires_at"]);
    ann.put(&fresh, "hello").await.ok_empty();
    ann.complete(&upload).await.ok();
}

#[tokio::test]
async fn only_parts_that_there_are_get_urls() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let upload = ann.begin("hello.txt", 5, None).await.ok();
    for numbers in [json!([]), json!([0]), json!([2]), json!([1, 1]), json!([1, 2]), json!(1), json!(null)] {
        let problem = ann.post(&format!("{}/parts", path(&upload)), json!({"part_numbers": numbers})).await;
        let problem = problem.refused(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], "part_numbers", "{numbers}");
    }
    for numbers in [json!([-1]), json!([1.5]), json!(["1"]), json!([4_294_967_296_u64])] {
        let problem = ann.post(&format!("{}/parts", path(&upload)), json!({"part_numbers": numbers})).await;
        let problem = problem.refused(422, "validation_failed");
        assert!(text(&problem["errors"][0]["field"]).starts_with("part_numbers"), "{numbers}: {problem}");
    }
    let problem = ann.post(&format!("{}/parts", path(&upload)), json!({"part_number": [1]})).await;
    assert_eq!(problem.refused(422, "validation_failed")["errors"][0]["field"], "part_number");
}

#[tokio::test]
async fn each_mistake_in_an_announcement_is_named() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let sizes = [json!(-1), json!(1.5), json!(5.0), json!("5"), json!(null), json!(5_497_558_138_881_u64), json!(1e30)];
    let mut mistakes: Vec<(&str, Value)> = sizes.into_iter().map(|size| ("file_size_in_bytes", size)).collect();
    for kind in ["", "text", "text/", "text/plain\r\nX-Evil: 1", "text/pl\u{e4}in", "a/b\n", "text/html\0"] {
        mistakes.push(("content_type", json!(kind)));
    }
    mistakes.push(("content_type", json!(format!("text/{}", "x".repeat(251)))));
    for name in ["", ".", "..", "a/b", "a\\b", "a\0", " a", "a\n", "\u{202e}gpj.exe"] {
        mistakes.push(("file_name", json!(name)));
    }
    mistakes.extend([
        ("sha256", json!("2cf24dba")),
        ("sha256", json!("g".repeat(64))),
        ("client_modified_at", json!("yesterday")),
        ("client_modified_at", json!(1_795_327_920)),
        ("file_conflict", json!("overwrite")),
        ("parent_folder_id", json!("root")),
        ("parent_id", json!(null)),
    ]);
    for (field, value) in mistakes {
        let mut body = json!({"file_name": "a.txt", "file_size_in_bytes": 5});
        body[field] = value.clone();
        let problem = ann.post("/file", body).await.refused(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], field, "{field} = {value}");
    }
    for field in ["file_name", "file_size_in_bytes"] {
        let mut body = json!({"file_name": "a.txt", "file_size_in_bytes": 5});
        body.as_object_mut().unwrap().remove(field);
        let problem = ann.post("/file", body).await.refused(422, "validation_failed");
        assert_eq!(problem["errors"], json!([{"field": field, "message": "is required"}]));
    }
    assert_eq!(ann.quota().await["reserved_bytes"], 0);
}

#[tokio::test]
async fn a_file_is_kept_as_its_sender_describes_it() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let digest = crate::support::sha256(b"hello");
    let body = json!({
        "file_name": "hello.txt", "file_size_in_bytes": 5, "content_type": "text/plain; charset=utf-8",
        "sha256": digest.to_uppercase(), "client_modified_at": "2026-11-22T08:12:00.1239+02:00"
    });
    let upload = ann.post("/file", body).await.ok();
    ann.put(&upload, "hello").await.ok_empty();
    let file = ann.complete(&upload).await.ok();
    assert_eq!(file["content_type"], "text/plain; charset=utf-8");
    assert_eq!(file["client_modified_at"], "2026-11-22T06:12:00.123Z");
    assert_eq!(text(&file["sha256"]), digest);
    let plain = ann.upload("plain", b"", None).await;
    assert_eq!(plain["content_type"], "application/octet-stream");
    assert_eq!(plain["client_modified_at"], json!(null));
}

#[tokio::test]
async fn announced_sizes_must_fit_beside_other_reservations() {
    let server = Server::with(&[("DEFAULT_QUOTA_BYTES", "100")]).await;
    let ann = server.user("ann").await;
    ann.upload("old", &[7; 10], None).await;
    let first = ann.begin("first", 60, None).await.ok();
    let problem = ann.begin("second", 31, None).await.refused(403, "quota_exceeded");
    assert_eq!(
        problem["quota"],
        json!({"total_bytes": 100, "used_bytes": 10, "reserved_bytes": 60, "needed_bytes": 31})
    );
    let second = ann.begin("second", 30, None).await.ok();
    assert_eq!(ann.quota().await["available_bytes"], 0);
    ann.begin("empty", 0, None).await.ok();
    ann.delete(&path(&first)).await.ok_empty();
    ann.begin("third", 61, None).await.refused(403, "quota_exceeded");
    ann.begin("third", 60, None).await.ok();
    ann.put(&second, [1; 30]).await.ok_empty();
    ann.complete(&second).await.ok();
    assert_eq!(ann.quota().await["used_bytes"], 40);
}

#[tokio::test]
async fn the_number_of_open_uploads_is_limited() {
    let server = Server::with(&[("MAX_OPEN_UPLOADS", "2")]).await;
    let (ann, bob) = (server.user("ann").await, server.user("bob").await);
    let first = ann.begin("one", 1, None).await.ok();
    ann.begin("two", 1, None).await.ok();
    ann.begin("three", 1, None).await.refused(422, "validation_failed");
    bob.begin("one", 1, None).await.ok();
    ann.put(&first, "1").await.ok_empty();
    ann.complete(&first).await.ok();
    ann.begin("three", 1, None).await.ok();
}

#[tokio::test]
async fn an_upload_needs_a_folder_to_go_into() {
    let server = Server::start().await;
    let (ann, bob) = (server.user("ann").await, server.user("bob").await);
    let file = text(&ann.upload("file", b"x", None).await["id"]);
    let bobs = bob.folder("bobs", None).await;
    for parent in ["019ab0c2-7a00-7000-8000-000000000000", &file, &bobs] {
        ann.begin("a.txt", 1, Some(parent)).await.refused(404, "not_found");
        let fields = [("parent_folder_id", parent)];
        ann.send_form(&fields, "a.txt", b"a").await.refused(404, "not_found");
    }
    assert_eq!(bob.quota().await["reserved_bytes"], 0);
    assert_eq!(ann.quota().await["used_bytes"], 1);
}
