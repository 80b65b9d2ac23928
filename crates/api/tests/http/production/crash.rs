//! One of two instances crashes under load.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::support::{ApiClient, Server, eventually, sha256, text};

const SENDERS: u64 = 6;
const CRASHES: usize = 4;

/// Acknowledged files, with the digests of their bytes.
type Acknowledged = Arc<Mutex<Vec<(String, String)>>>;

/// Uploads a file; returns its identifier and digest, or `None` if the server is gone.
async fn send(caller: &ApiClient, number: u64) -> Option<(String, String)> {
    let bytes: Vec<u8> = (0..1 + number * 7919 % 300_000).map(|at| (at * 31 + number) as u8).collect();
    let (name, digest) = (format!("{number}.bin"), sha256(&bytes));
    let answer = async |request: reqwest::RequestBuilder| -> Option<Value> {
        let response = request.send().await.ok()?;
        let (status, body) = (response.status(), response.bytes().await.ok()?);
        assert!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&body));
        Some(serde_json::from_slice(&body).unwrap_or(Value::Null))
    };
    let file = if number.is_multiple_of(2) {
        let form = Form::new().part("file", Part::bytes(bytes).file_name(name));
        answer(caller.request(Method::POST, "/file").multipart(form)).await?
    } else {
        let body = json!({"file_name": name, "file_size_in_bytes": bytes.len(), "sha256": digest});
        let upload = answer(caller.request(Method::POST, "/file").json(&body)).await?;
        answer(caller.put_request(&upload).body(bytes)).await?;
        let path = format!("/upload/{}/complete", text(&upload["upload_id"]));
        answer(caller.request(Method::POST, &path)).await?
    };
    Some((text(&file["id"]), digest))
}

async fn send_until_the_end(caller: ApiClient, numbers: Arc<AtomicU64>, acknowledged: Acknowledged) {
    while let Some(file) = send(&caller, numbers.fetch_add(1, Ordering::Relaxed)).await {
        acknowledged.lock().unwrap().push(file);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_writes_of_a_lost_instance_are_on_the_other() {
    let survivor = Server::start().await;
    let ann = survivor.user("ann").await;
    let (numbers, acknowledged) = (Arc::new(AtomicU64::new(0)), Acknowledged::default());
    for _ in 0..CRASHES {
        let mut doomed = survivor.second_instance(&[]).await;
        let caller = doomed.with_token(ann.token());
        let senders: Vec<_> = (0..SENDERS)
            .map(|_| tokio::spawn(send_until_the_end(caller.clone(), numbers.clone(), acknowledged.clone())))
            .collect();
        let enough = acknowledged.lock().unwrap().len() + 10;
        eventually("some files are acknowledged", async || acknowledged.lock().unwrap().len() >= enough).await;
        // Meanwhile the other instance works normally.
        ann.get("/drive").await.ok();
        doomed.kill();
        for sender in senders {
            sender.await.unwrap();
        }
        let kept = acknowledged.lock().unwrap().clone();
        for (file, digest) in kept {
            assert_eq!(sha256(&ann.download(&file).await), digest, "an acknowledged file is lost");
        }
    }
    let listed = ann.get("/drive?limit=1000").await.ok()["items"].clone();
    let sizes: u64 = listed.as_array().unwrap().iter().map(|file| file["size_in_bytes"].as_u64().unwrap()).sum();
    assert_eq!(ann.quota().await["used_bytes"], sizes);
}
