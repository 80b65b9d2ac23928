use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::support::{ApiClient, Server, eventually, sha256, text};

/// The number of concurrent senders, and of crashes.
const SENDERS: u64 = 6;
const CRASHES: u64 = 8;

/// Uploads live long enough to complete, and expire within the test; replaced versions are dropped.
const LIFETIME: &[(&str, &str)] = &[
    ("UPLOAD_LIFETIME_SECONDS", "4"),
    ("SIGNED_URL_SECONDS", "4"),
    ("COLLECT_GRACE_SECONDS", "4"),
    ("MAX_VERSIONS", "1"),
];

/// Errors of the server and the stores for requests that come too late.
const LATE: [&str; 5] = ["url_expired", "upload_expired", "upload_closed", "Date is too old", "NoSuchUpload"];

/// The digests of all acknowledged files, by identifier.
type Acknowledged = Arc<Mutex<HashMap<String, String>>>;

/// Bytes unique to `number`.
fn bytes(number: u64) -> Vec<u8> {
    let size = 1 + number * 7919 % 900_000;
    (0..size).map(|at| (at * 31 + number * 17 + at / 251) as u8).collect()
}

/// Why a request failed.
enum Failure {
    PowerCut,
    /// On a busy machine, an upload or its URL may expire.
    Expired,
}

/// Sends a request that a crash may interrupt.
async fn attempt(request: RequestBuilder) -> Result<Value, Failure> {
    let response = request.send().await.map_err(|_| Failure::PowerCut)?;
    let status = response.status().as_u16();
    let body = response.bytes().await.map_err(|_| Failure::PowerCut)?;
    match status {
        200..300 => Ok(serde_json::from_slice(&body).unwrap_or(Value::Null)),
        _ => {
            let text = String::from_utf8_lossy(&body);
            assert!(LATE.iter().any(|late| text.contains(late)), "{status}: {text}");
            Err(Failure::Expired)
        }
    }
}

async fn send_form(caller: &ApiClient, conflict: &'static str, name: String, bytes: Vec<u8>) -> Result<Value, Failure> {
    let form = Form::new().text("file_conflict", conflict).part("file", Part::bytes(bytes).file_name(name));
    attempt(caller.request(Method::POST, "/file").multipart(form)).await
}

async fn send_by_url(
    caller: &ApiClient,
    anonymous: &ApiClient,
    name: String,
    bytes: Vec<u8>,
) -> Result<Value, Failure> {
    let body = json!({"file_name": name, "file_size_in_bytes": bytes.len(), "sha256": sha256(&bytes)});
    let upload = attempt(caller.request(Method::POST, "/file").json(&body)).await?;
    attempt(anonymous.put_request(&upload).body(bytes)).await?;
    attempt(caller.request(Method::POST, &format!("/upload/{}/complete", text(&upload["upload_id"])))).await
}

/// Uploads files in turn by each method, until the server is gone.
async fn send_until_the_end(
    caller: ApiClient,
    anonymous: ApiClient,
    numbers: Arc<AtomicU64>,
    acknowledged: Acknowledged,
) {
    loop {
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        let (name, bytes) = (format!("{number}.bin"), bytes(number));
        let digest = sha256(&bytes);
        let sent = match number % 3 {
            0 => send_by_url(&caller, &anonymous, name, bytes).await,
            1 => send_form(&caller, "Keep", name, bytes).await,
            // One shared file, replaced over and over.
            _ => send_form(&caller, "Replace", "turning.bin".to_owned(), bytes).await,
        };
        match sent {
            Ok(file) => {
                assert_eq!(text(&file["sha256"]), digest);
                // The last content of the shared file may be another sender's.
                if file["name"] != "turning.bin" {
                    acknowledged.lock().unwrap().insert(text(&file["id"]), digest);
                }
            }
            Err(Failure::Expired) => {}
            Err(Failure::PowerCut) => return,
        }
    }
}

/// The files in the caller's root.
async fn files(caller: &ApiClient) -> Vec<Value> {
    let page = caller.get("/drive?limit=1000").await.ok();
    assert_eq!(page["next_cursor"], json!(null));
    page["items"].as_array().unwrap().clone()
}

/// Checks that every file reads back as listed, that no acknowledged file is lost or changed, and that the quota is the
/// sum of their sizes and of what is still to be deleted.
async fn check(server: &Server, caller: &ApiClient, acknowledged: &Acknowledged) {
    let files = files(caller).await;
    let mut digests = HashMap::new();
    for file in &files {
        let (id, digest) = (text(&file["id"]), text(&file["sha256"]));
        let bytes = caller.fetch(&format!("/file/{id}/content"), &[]).await.body;
        assert_eq!(file["size_in_bytes"], bytes.len(), "{file}");
        assert_eq!(sha256(&bytes), digest, "{file} is torn");
        digests.insert(id, digest);
    }
    let sizes: u64 = files.iter().map(|file| file["size_in_bytes"].as_u64().unwrap()).sum();
    let held = server.value("SELECT coalesce(sum(size_bytes), 0) FROM held_blobs WHERE counter = 'used'");
    assert_eq!(caller.quota().await["used_bytes"], sizes + held.parse::<u64>().unwrap());
    for (id, digest) in acknowledged.lock().unwrap().iter() {
        assert_eq!(digests.get(id), Some(digest), "an acknowledged file is lost");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_power_cut_loses_an_acknowledged_file_or_leaves_half_of_one() {
    let mut server = Server::with(LIFETIME).await;
    let token = server.user("ann").await.token().to_owned();
    let (numbers, acknowledged) = (Arc::new(AtomicU64::new(0)), Acknowledged::default());
    for crash in 1..=CRASHES {
        let (caller, anonymous) = (server.with_token(&token), server.anonymous());
        let senders: Vec<_> = (0..SENDERS)
            .map(|_| {
                let (numbers, acknowledged) = (numbers.clone(), acknowledged.clone());
                tokio::spawn(send_until_the_end(caller.clone(), anonymous.clone(), numbers, acknowledged))
            })
            .collect();
        // At a different point of the work each time.
        let enough = acknowledged.lock().unwrap().len() + 2 + crash as usize;
        eventually("some files are acknowledged", async || acknowledged.lock().unwrap().len() >= enough).await;
        server = server.restart(LIFETIME).await;
        for sender in senders {
            sender.await.unwrap();
        }
        check(&server, &server.with_token(&token), &acknowledged).await;
    }
    let ann = server.with_token(&token);
    eventually("the remains are cleared away", async || {
        server.run("collect", LIFETIME);
        let clear = server.unfinished().is_empty() && server.blobs().len() == files(&ann).await.len();
        clear && ann.quota().await["reserved_bytes"] == 0 && server.value("SELECT count(*) FROM held_blobs") == "0"
    })
    .await;
    check(&server, &ann, &acknowledged).await;
}

#[tokio::test]
async fn requests_interrupted_by_a_power_cut_can_be_finished() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let begun = ann.begin("begun.txt", 5, None).await.ok();
    let sent = ann.begin("sent.txt", 5, None).await.ok();
    ann.put(&sent, "hello").await.ok_empty();
    let done = ann.upload("done.txt", b"hello", None).await;
    let token = ann.token().to_owned();
    let server = server.restart(&[]).await;
    let ann = server.with_token(&token);
    assert_eq!(ann.quota().await["reserved_bytes"], 10);
    assert_eq!(ann.download(&text(&done["id"])).await, b"hello");
    assert_eq!(ann.complete(&sent).await.ok()["name"], "sent.txt");
    ann.complete(&begun).await.refused(409, "upload_incomplete");
    let parts = format!("/upload/{}/parts", text(&begun["upload_id"]));
    let fresh = ann.post(&parts, json!({"part_numbers": [1]})).await.ok();
    ann.put(&fresh, "hello").await.ok_empty();
    ann.complete(&begun).await.ok();
    assert_eq!(ann.names(None).await, ["begun.txt", "done.txt", "sent.txt"]);
    assert_eq!(ann.quota().await["used_bytes"], 15);
}
