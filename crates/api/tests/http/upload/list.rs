use serde_json::{Value, json};

use super::path;
use crate::support::{ApiClient, Server, text};

async fn names(caller: &ApiClient) -> Vec<String> {
    let page = caller.get("/upload").await.ok();
    page["items"].as_array().unwrap().iter().map(|item| text(&item["file_name"])).collect()
}

#[tokio::test]
async fn open_uploads_are_those_that_one_sends_and_those_into_ones_drive() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let top = ann.folder("Top", None).await;
    ann.share_folder(&top, "ben", "edit").await;
    let own = ann.begin("own.txt", 4, None).await.ok();
    let body = json!({
        "file_name": "bens.txt", "file_size_in_bytes": 4, "parent_folder_id": top, "sha256": "ab".repeat(32),
        "client_modified_at": "2026-11-22T06:12:00.000Z"
    });
    let bens = ben.post("/file", body).await.ok();
    let elsewhere = ben.begin("elsewhere.txt", 1, None).await.ok();
    assert_eq!(names(&ann).await, ["bens.txt", "own.txt"]);
    assert_eq!(names(&ben).await, ["elsewhere.txt", "bens.txt"]);
    let items = ann.get("/upload").await.ok()["items"].clone();
    for (field, expected) in [
        ("upload_id", bens["upload_id"].clone()),
        ("state", json!("open")),
        ("file_size_in_bytes", json!(4)),
        ("received_bytes", json!(0)),
        ("received_parts", json!([])),
        ("file_id", Value::Null),
        ("parent_folder_id", json!(top)),
        ("sha256", json!("ab".repeat(32))),
        ("client_modified_at", json!("2026-11-22T06:12:00.000Z")),
        ("created_by", json!({"id": ben.get("/user").await.ok()["id"], "username": "ben"})),
        ("created_at", bens["created_at"].clone()),
        ("expires_at", bens["expires_at"].clone()),
    ] {
        assert_eq!(items[0][field], expected, "{field}");
    }
    assert_eq!((&items[1]["parent_folder_id"], &items[1]["created_by"]["username"]), (&Value::Null, &json!("ann")));
    // Lists and single uploads return the same, including the received bytes.
    ann.put(&own, "note").await.ok_empty();
    let items = ann.get("/upload").await.ok()["items"].clone();
    assert_eq!(items[1]["received_bytes"], 4);
    assert_eq!(ann.get(&path(&own)).await.ok(), items[1]);
    // Closed uploads are not listed.
    ann.complete(&own).await.ok();
    ben.delete(&path(&elsewhere)).await.ok_empty();
    assert_eq!((names(&ann).await, names(&ben).await), (vec!["bens.txt".to_owned()], vec!["bens.txt".to_owned()]));
    server.execute("UPDATE uploads SET expires_at = created_at");
    assert_eq!((names(&ann).await.len(), names(&ben).await.len()), (0, 0));
}

#[tokio::test]
async fn the_list_goes_on_page_by_page() {
    let server = Server::with(&[("MAX_OPEN_UPLOADS", "5")]).await;
    let ann = server.user("ann").await;
    for number in 0..5 {
        ann.begin(&format!("{number}.txt"), 1, None).await.ok();
    }
    let problem = ann.begin("6.txt", 1, None).await.refused(422, "validation_failed");
    assert!(text(&problem["errors"][0]["message"]).contains("GET /upload lists them"), "{problem}");
    let (mut met, mut cursor) = (Vec::new(), String::new());
    loop {
        // An empty cursor counts as absent.
        let page = ann.get(&format!("/upload?limit=2&cursor={cursor}")).await.ok();
        met.extend(page["items"].as_array().unwrap().iter().map(|item| text(&item["file_name"])));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    met.sort();
    assert_eq!(met, ["0.txt", "1.txt", "2.txt", "3.txt", "4.txt"]);
    let ben = server.user("ben").await;
    ben.get(&format!("/upload?cursor={cursor}")).await.refused(400, "invalid_cursor");
    for path in ["/drive", "/trash", "/search?q=a", "/session", "/link", "/shared-with-me", "/shared-by-me"] {
        let joined = if path.contains('?') { '&' } else { '?' };
        ben.get(&format!("{path}{joined}cursor=")).await.ok();
    }
}
