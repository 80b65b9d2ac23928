use futures_util::future::{join, join_all};
use serde_json::{Value, json};

use super::{complete_with, path, progress};
use crate::support::stack::max_parts;
use crate::support::{ApiClient, ApiResponse, Reason, SHORT_GRACE, Server, eventually, sha256, text};

/// A part size of 5 MiB, the smallest that every store accepts.
pub const SMALL: (&str, &str) = ("UPLOAD_PART_BYTES", "5242880");
const PART: usize = 5 << 20;
/// Two full parts and a remainder.
pub const SIZE: usize = 2 * PART + 7;

/// Bytes whose every section is distinct.
pub fn bytes() -> Vec<u8> {
    (0..SIZE).map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect()
}

/// PUTs these parts by the URLs that `POST /file` or `…/parts` returned.
pub async fn send(caller: &ApiClient, answer: &Value, bytes: &[u8], numbers: &[usize]) {
    for &number in numbers {
        let part = answer["parts"].as_array().unwrap().iter().find(|part| part["part_number"] == number).unwrap();
        let bytes = bytes.chunks(PART).nth(number - 1).unwrap();
        assert_eq!(part["size"], bytes.len());
        caller.put_part(part, bytes).await.ok_empty();
    }
}

/// Starts an upload of [`SIZE`] bytes.
async fn begin(caller: &ApiClient, name: &str) -> Value {
    caller.begin(name, SIZE, None).await.ok()
}

async fn fresh(caller: &ApiClient, upload: &Value, numbers: Value) -> ApiResponse {
    caller.post(&format!("{}/parts", path(upload)), json!({"part_numbers": numbers})).await
}

/// Uploads a file in parts.
async fn upload(caller: &ApiClient, name: &str, bytes: &[u8]) -> Value {
    let upload = begin(caller, name).await;
    send(caller, &upload, bytes, &[1, 2, 3]).await;
    caller.complete(&upload).await.ok()
}

#[tokio::test]
async fn a_large_file_goes_up_in_parts_and_comes_down_in_one() {
    let server = Server::with(&[SMALL]).await;
    let ann = server.user("ann").await;
    let (upload, bytes) = (begin(&ann, "film.mkv").await, bytes());
    assert_eq!((&upload["part_size"], &upload["part_count"]), (&json!(PART), &json!(3)));
    let parts: Vec<_> =
        upload["parts"].as_array().unwrap().iter().map(|part| (&part["part_number"], &part["size"])).collect();
    assert_eq!(parts, [(&json!(1), &json!(PART)), (&json!(2), &json!(PART)), (&json!(3), &json!(7))]);
    assert_eq!(ann.quota().await["reserved_bytes"], SIZE);

    // Parts may arrive in any order; the progress is read from the store.
    let part = |number: usize, size: usize| json!({"part_number": number, "size": size});
    for (number, received, so_far) in [
        (3, 7, json!([part(3, 7)])),
        (1, PART + 7, json!([part(1, PART), part(3, 7)])),
        (2, SIZE, json!([part(1, PART), part(2, PART), part(3, 7)])),
    ] {
        send(&ann, &upload, &bytes, &[number]).await;
        let seen = progress(&ann, &upload).await;
        assert_eq!((&seen["received_bytes"], &seen["received_parts"]), (&json!(received), &so_far));
        assert_eq!(ann.names(None).await, Vec::<String>::new());
    }
    let file = ann.complete(&upload).await.ok();
    assert_eq!(
        (&file["name"], &file["size_in_bytes"], &file["sha256"]),
        (&json!("film.mkv"), &json!(SIZE), &json!(null))
    );
    let id = text(&file["id"]);
    assert!(ann.download(&id).await == bytes);
    let quota = ann.quota().await;
    assert_eq!((&quota["used_bytes"], &quota["reserved_bytes"]), (&json!(SIZE), &json!(0)));
    let seen = progress(&ann, &upload).await;
    assert_eq!((&seen["state"], &seen["received_bytes"]), (&json!("complete"), &json!(SIZE)));
    assert_eq!((server.blobs().len(), server.unfinished().len()), (1, 0));
}

#[tokio::test]
async fn ranges_go_over_the_seams_on_every_route() {
    let server = Server::with(&[SMALL]).await;
    let ann = server.user("ann").await;
    let bytes = bytes();
    let id = text(&upload(&ann, "film.mkv", &bytes).await["id"]);
    let content = format!("/file/{id}/content");
    let signed = text(&ann.get(&format!("/file/{id}")).await.ok()["download"]["url"]);
    for (first, last) in [(0, 0), (PART - 1, PART), (PART, PART), (PART - 70_000, PART + 70_000), (10, SIZE - 1)] {
        for route in [&content, &signed] {
            let answer = ann.fetch(route, &[("Range", &format!("bytes={first}-{last}"))]).await;
            assert_eq!(
                (answer.status, answer.header("content-range")),
                (206, &*format!("bytes {first}-{last}/{SIZE}"))
            );
            assert!(answer.body == bytes[first..=last], "{first}-{last}: other bytes than were sent");
        }
    }
    let tail = ann.fetch(&content, &[("Range", "bytes=-8")]).await;
    assert_eq!((tail.status, &tail.body[..]), (206, &bytes[SIZE - 8..]));
    assert_eq!(ann.fetch(&content, &[("Range", &format!("bytes={SIZE}-"))]).await.status, 416);
    let head = ann.send(ann.request(reqwest::Method::HEAD, &content)).await;
    assert_eq!((head.status, head.header("content-length")), (200, &*SIZE.to_string()));
    let again = ann.fetch(&content, &[("If-None-Match", head.header("etag"))]).await;
    assert_eq!(again.status, 304);
}

#[tokio::test]
async fn one_part_is_enough_up_to_the_limit_and_no_further() {
    let server = Server::with(&[SMALL]).await;
    let ann = server.user("ann").await;
    for (size, count) in [(0, 1), (PART, 1), (PART + 1, 2), (2 * PART, 2)] {
        let upload = ann.begin(&size.to_string(), size, None).await.ok();
        assert_eq!((&upload["part_count"], &upload["part_size"]), (&json!(count), &json!(size.min(PART))), "{size}");
        ann.delete(&path(&upload)).await.ok_empty();
    }
    let server = Server::start().await;
    let ann = server.user("ann").await;
    for (size, count) in [(64 << 20, 1), ((64 << 20) + 1, 2)] {
        assert_eq!(ann.begin(&size.to_string(), size, None).await.ok()["part_count"], count, "{size}");
    }
}

#[tokio::test]
async fn the_first_hundred_parts_come_at_once_and_all_others_for_the_asking() {
    let server = Server::with(&[("DEFAULT_QUOTA_BYTES", "1152921504606846976")]).await;
    let ann = server.user("ann").await;
    if max_parts() < 10_000 {
        // Not even parts of 5 GiB are enough.
        drop(ann.begin("everything.img", 5 << 40, None).await.refused(413, "payload_too_large"));
        return;
    }
    let upload = ann.begin("everything.img", 5 << 40, None).await.ok();
    let (size, count) = (upload["part_size"].as_u64().unwrap(), upload["part_count"].as_u64().unwrap());
    assert!((9_000..=10_000).contains(&count), "{count} parts");
    assert_eq!((5_u64 << 40).div_ceil(size), count);
    let parts = upload["parts"].as_array().unwrap();
    assert!(parts.iter().map(|part| part["part_number"].as_u64().unwrap()).eq(1..=100));
    assert!(parts.iter().all(|part| part["size"] == size));

    let last = fresh(&ann, &upload, json!([count, 1])).await.ok();
    assert_eq!((&last["parts"][0]["part_number"], &last["parts"][1]["part_number"]), (&json!(count), &json!(1)));
    assert_eq!(last["parts"][0]["size"].as_u64().unwrap(), (5 << 40) - (count - 1) * size);
    let many = fresh(&ann, &upload, json!((101..=1100).collect::<Vec<u32>>())).await.ok();
    assert_eq!(many["parts"].as_array().unwrap().len(), 1000);
    for numbers in [json!((1..=1001).collect::<Vec<u32>>()), json!([count + 1]), json!([0]), json!([7, 7]), json!([])] {
        fresh(&ann, &upload, numbers).await.refused_field("part_numbers");
    }
}

#[tokio::test]
async fn only_missing_parts_are_requested() {
    let server = Server::with(&[SMALL]).await;
    let ann = server.user("ann").await;
    let (upload, bytes) = (begin(&ann, "film.mkv").await, bytes());
    for (number, missing) in [(2, "parts 1, 2, 3"), (3, "parts 1, 3"), (1, "part 1")] {
        let problem = ann.complete(&upload).await.refused(409, "upload_incomplete");
        assert!(text(&problem["detail"]).ends_with(&format!(": {missing}")), "{problem}");
        assert_eq!(progress(&ann, &upload).await["state"], "open");
        send(&ann, &upload, &bytes, &[number]).await;
    }
    let file = ann.complete(&upload).await.ok();
    assert!(ann.download(&text(&file["id"])).await == bytes);
}

#[tokio::test]
async fn an_upload_goes_on_on_another_day() {
    let server = Server::with(&[SMALL]).await;
    let ann = server.user("ann").await;
    let (upload, bytes) = (begin(&ann, "film.mkv").await, bytes());
    send(&ann, &upload, &bytes, &[2]).await;
    // After a crash and a change of the part size, the upload keeps its parts.
    let token = ann.token().to_owned();
    let server = server.restart(&[("UPLOAD_PART_BYTES", "6000000")]).await;
    let ann = server.with_token(&token);
    let seen = progress(&ann, &upload).await;
    assert_eq!(seen["received_parts"], json!([{"part_number": 2, "size": PART}]));
    let rest = fresh(&ann, &upload, json!([3, 1])).await.ok();
    assert!(text(&rest["expires_at"]) >= text(&upload["expires_at"]));
    assert_eq!(progress(&ann, &upload).await["expires_at"], rest["expires_at"]);
    send(&ann, &rest, &bytes, &[1, 3]).await;
    let file = ann.complete(&upload).await.ok();
    assert!(ann.download(&text(&file["id"])).await == bytes);
}

#[tokio::test]
async fn other_bytes_than_signed_are_refused_by_the_store_itself() {
    let server = Server::with(&[SMALL]).await;
    let ann = server.user("ann").await;
    let (upload, bytes) = (begin(&ann, "film.mkv").await, bytes());
    let part = &upload["parts"][2];
    for wrong in ["six by", "eight by"] {
        ann.put_part(part, wrong).await.turned_away(Reason::Length);
    }
    let mut forged = part.clone();
    forged["url"] = json!(text(&part["url"]).replace("part=3", "part=2").replace("partNumber=3", "partNumber=2"));
    assert_ne!(forged["url"], part["url"]);
    ann.put_part(&forged, &bytes[..7]).await.turned_away(Reason::Forged);
    assert_eq!(progress(&ann, &upload).await["received_parts"], json!([]));
    send(&ann, &upload, &bytes, &[1, 2, 3]).await;
    ann.complete(&upload).await.ok();
}

#[tokio::test]
async fn an_unverifiable_digest_is_not_reported_as_verified() {
    let server = Server::with(&[SMALL]).await;
    let ann = server.user("ann").await;
    for digest in [sha256(&bytes()), sha256(b"others")] {
        let body = json!({"file_name": digest, "file_size_in_bytes": SIZE, "sha256": digest});
        let upload = ann.post("/file", body).await.ok();
        send(&ann, &upload, &bytes(), &[1, 2, 3]).await;
        assert_eq!(ann.complete(&upload).await.ok()["sha256"], json!(null));
    }
}

#[tokio::test]
async fn completing_at_once_and_again_is_one_file_for_all() {
    let server = Server::with(&[SMALL]).await;
    let ann = server.user("ann").await;
    let (upload, bytes) = (begin(&ann, "film.mkv").await, bytes());
    send(&ann, &upload, &bytes, &[1, 2, 3]).await;
    let answers = join_all((0..4).map(|_| ann.complete(&upload))).await;
    let files: Vec<Value> = answers.into_iter().map(ApiResponse::ok).collect();
    assert!(files.iter().all(|file| *file == files[0]), "{files:?}");
    assert_eq!(ann.complete(&upload).await.ok(), files[0]);
    assert_eq!(ann.names(None).await, ["film.mkv"]);
    assert_eq!(ann.quota().await["used_bytes"], SIZE);
    assert!(ann.download(&text(&files[0]["id"])).await == bytes);
}

/// The first attempt assembles the parts in the store, which may no longer list them at the next.
#[tokio::test]
async fn an_upload_whose_name_is_taken_gets_a_free_name() {
    let server = Server::with(&[SMALL]).await;
    let ann = server.user("ann").await;
    let (late, bytes) = (begin(&ann, "film.mkv").await, bytes());
    send(&ann, &late, &bytes, &[1, 2, 3]).await;
    let first = ann.upload("film.mkv", b"a short film", None).await;
    for _ in 0..2 {
        let problem = ann.complete(&late).await.refused(409, "name_taken");
        assert_eq!(problem["conflict"]["suggested_name"], "film (1).mkv");
        let seen = progress(&ann, &late).await;
        assert_eq!((&seen["state"], &seen["received_bytes"]), (&json!("open"), &json!(SIZE)));
    }
    assert_eq!(ann.quota().await["reserved_bytes"], SIZE);
    let file = complete_with(&ann, &late, "Keep").await.ok();
    assert_eq!((&file["name"], &file["size_in_bytes"]), (&json!("film (1).mkv"), &json!(SIZE)));
    assert!(ann.download(&text(&file["id"])).await == bytes);
    assert_eq!(ann.download(&text(&first["id"])).await, b"a short film");
    assert_eq!(complete_with(&ann, &late, "Keep").await.ok(), file);
    assert_eq!(ann.names(None).await, ["film (1).mkv", "film.mkv"]);
    let quota = ann.quota().await;
    assert_eq!((&quota["used_bytes"], &quota["reserved_bytes"]), (&json!(SIZE + 12), &json!(0)));
    assert_eq!((server.blobs().len(), server.unfinished().len()), (2, 0));
}

#[tokio::test]
async fn a_url_that_is_used_after_the_end_changes_nothing() {
    let server = Server::with(&[SMALL]).await;
    let ann = server.user("ann").await;
    let (upload, bytes) = (begin(&ann, "film.mkv").await, bytes());
    send(&ann, &upload, &bytes, &[1, 2, 3]).await;
    let file = ann.complete(&upload).await.ok();
    for late in [&bytes[2 * PART..], b"another"] {
        let answer = ann.put_part(&upload["parts"][2], late).await;
        assert!((400..500).contains(&answer.status), "{}", answer.status);
    }
    assert!(ann.download(&text(&file["id"])).await == bytes);
    assert_eq!(ann.complete(&upload).await.ok(), file);
    assert_eq!((server.blobs().len(), server.unfinished().len()), (1, 0));
}

#[tokio::test]
async fn aborted_uploads_leave_nothing_and_refuse_parts() {
    let server = Server::with(&[SMALL]).await;
    let ann = server.user("ann").await;
    let bytes = bytes();
    for sent in [&[][..], &[3], &[1, 2, 3]] {
        let upload = begin(&ann, "film.mkv").await;
        send(&ann, &upload, &bytes, sent).await;
        assert_eq!(server.unfinished().len(), 1);
        // Another part arrives at the same moment.
        let racing = ann.put_unwanted_part(&upload["parts"][2], &bytes[2 * PART..]);
        let (given_up, _) = join(ann.delete(&path(&upload)), racing).await;
        given_up.ok_empty();
        if let Some(answer) = ann.put_unwanted_part(&upload["parts"][0], &bytes[..PART]).await {
            answer.turned_away(Reason::Closed);
        }
        let seen = progress(&ann, &upload).await;
        assert_eq!((&seen["state"], &seen["received_parts"]), (&json!("aborted"), &json!([])));
        assert!(server.blobs().is_empty() && server.unfinished().is_empty());
        assert_eq!(ann.quota().await["reserved_bytes"], 0);
    }
}

#[tokio::test]
async fn abandoned_and_replaced_bytes_are_collected_with_their_parts() {
    let server = Server::with(&[SMALL, ("MAX_VERSIONS", "1")]).await;
    let ann = server.user("ann").await;
    let bytes = bytes();
    let kept = upload(&ann, "kept.mkv", &bytes).await;
    upload(&ann, "replaced.mkv", &bytes).await;
    ann.send_form(&[("file_conflict", "Replace")], "replaced.mkv", b"short").await.ok();
    let abandoned = begin(&ann, "abandoned.mkv").await;
    send(&ann, &abandoned, &bytes, &[1]).await;
    let waiting = begin(&ann, "waiting.mkv").await;
    send(&ann, &waiting, &bytes, &[1, 3]).await;
    assert_eq!((server.blobs().len(), server.unfinished().len()), (2, 2), "what was replaced is gone");
    // The upload expires.
    server.execute("UPDATE uploads SET expires_at = created_at WHERE name = 'abandoned.mkv'");
    eventually("what is not needed is gone", async || {
        server.run("collect", SHORT_GRACE);
        (server.blobs().len(), server.unfinished().len()) == (2, 1)
    })
    .await;
    assert_eq!(ann.quota().await["reserved_bytes"], SIZE);
    // Referenced bytes stay.
    assert!(ann.download(&text(&kept["id"])).await == bytes);
    send(&ann, &waiting, &bytes, &[2]).await;
    let file = ann.complete(&waiting).await.ok();
    assert!(ann.download(&text(&file["id"])).await == bytes);
}
