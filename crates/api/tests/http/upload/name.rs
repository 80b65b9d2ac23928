use serde_json::{Value, json};

use super::{complete_with, progress};
use crate::support::{ApiClient, ApiResponse, Server, text};

/// Starts an upload with a conflict policy.
async fn begin(caller: &ApiClient, name: &str, size: usize, conflict: &str) -> ApiResponse {
    let body = json!({"file_name": name, "file_size_in_bytes": size, "file_conflict": conflict});
    caller.post("/file", body).await
}

/// Uploads a file with a conflict policy.
async fn upload(caller: &ApiClient, name: &str, bytes: &str, conflict: &str) -> Value {
    let upload = begin(caller, name, bytes.len(), conflict).await.ok();
    caller.put(&upload, bytes).await.ok_empty();
    caller.complete(&upload).await.ok()
}

#[tokio::test]
async fn a_taken_name_is_refused_before_the_body_is_sent() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = ann.upload("beach.jpg", b"sand", None).await;
    for policy in ["fail", "FAIL"] {
        let problem = begin(&ann, "beach.jpg", 4, policy).await.refused(409, "name_taken");
        let item = json!({"kind": "file", "id": file["id"], "name": "beach.jpg", "etag": file["etag"]});
        assert_eq!(problem["conflict"], json!({"item": item, "suggested_name": "beach (1).jpg"}));
    }
    ann.begin("beach.jpg", 4, None).await.refused(409, "name_taken");
    assert_eq!(ann.quota().await["reserved_bytes"], 0);
}

#[tokio::test]
async fn an_upload_that_finds_its_name_taken_stays_open_for_another_try() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let late = ann.begin("beach.jpg", 4, None).await.ok();
    ann.put(&late, "late").await.ok_empty();
    ann.upload("beach.jpg", b"sand", None).await;
    for _ in 0..2 {
        let problem = ann.complete(&late).await.refused(409, "name_taken");
        assert_eq!(problem["conflict"]["suggested_name"], "beach (1).jpg");
        assert_eq!(progress(&ann, &late).await["state"], "open");
    }
    assert_eq!(ann.quota().await["reserved_bytes"], 4);
    let file = complete_with(&ann, &late, "Keep").await.ok();
    assert_eq!(file["name"], "beach (1).jpg");
    assert_eq!(ann.complete(&late).await.ok(), file);
    assert_eq!(ann.names(None).await, ["beach (1).jpg", "beach.jpg"]);
    assert_eq!(ann.download(&text(&file["id"])).await, b"late");
}

#[tokio::test]
async fn a_replaced_file_keeps_its_identity_and_its_guests() {
    let server = Server::start().await;
    let (ann, bob) = (server.user("ann").await, server.user("bob").await);
    let old = ann.upload("plan.txt", b"plan A", None).await;
    let id = text(&old["id"]);
    ann.share_file(&id, "bob", "view").await;
    let new = upload(&ann, "plan.txt", "a plan B", "Replace").await;
    for same in ["id", "name", "created_at", "owner", "parent_folder_id"] {
        assert_eq!(new[same], old[same], "{same}");
    }
    for other in ["etag", "version_id", "size_in_bytes"] {
        assert_ne!(new[other], old[other], "{other}");
    }
    assert!(text(&new["modified_at"]) >= text(&old["modified_at"]));
    assert_eq!(ann.names(None).await, ["plan.txt"]);
    assert_eq!(bob.download(&id).await, b"a plan B");
    assert_eq!(bob.get("/shared-with-me").await.ok()["items"].as_array().unwrap().len(), 1);
    // The old content is kept as a version.
    assert_eq!(ann.quota().await["used_bytes"], 14);
}

#[tokio::test]
async fn the_policy_is_understood_in_any_case_and_decided_at_the_commit() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let first = upload(&ann, "a.txt", "1", "rEpLaCe").await;
    assert_eq!(upload(&ann, "a.txt", "2", "REPLACE").await["id"], first["id"]);
    assert_eq!(upload(&ann, "a.txt", "3", "kEEP").await["name"], "a (1).txt");
    assert_eq!(upload(&ann, "b.txt", "4", "keep").await["name"], "b.txt");
    // The policy of the completion replaces that of the beginning.
    let changed = begin(&ann, "a.txt", 1, "Keep").await.ok();
    ann.put(&changed, "5").await.ok_empty();
    complete_with(&ann, &changed, "Fail").await.refused(409, "name_taken");
    assert_eq!(complete_with(&ann, &changed, "replace").await.ok()["id"], first["id"]);
    assert_eq!(ann.names(None).await, ["a (1).txt", "a.txt", "b.txt"]);
    assert_eq!(ann.download(&text(&first["id"])).await, b"5");
}

#[tokio::test]
async fn a_folder_is_never_replaced_by_a_file() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let early = begin(&ann, "photos", 1, "Replace").await.ok();
    ann.put(&early, "x").await.ok_empty();
    let folder = ann.folder("photos", None).await;
    let problem = begin(&ann, "photos", 1, "Replace").await.refused(409, "name_taken");
    assert_eq!(
        (&problem["conflict"]["item"]["kind"], text(&problem["conflict"]["item"]["id"])),
        (&json!("folder"), folder.clone())
    );
    let problem = ann.complete(&early).await.refused(409, "name_taken");
    assert_eq!(problem["conflict"]["suggested_name"], "photos (1)");
    ann.send_form(&[("file_conflict", "Replace")], "photos", b"x").await.refused(409, "name_taken");
    assert_eq!(ann.get(&format!("/drive/{folder}")).await.ok()["folder"]["name"], "photos");
    assert_eq!(complete_with(&ann, &early, "Keep").await.ok()["name"], "photos (1)");
}

#[tokio::test]
async fn keep_both_takes_the_first_free_number_before_the_extension() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    for (wanted, expected) in [
        ("report.pdf", ["report (1).pdf", "report (2).pdf"]),
        ("a.tar.gz", ["a.tar (1).gz", "a.tar (2).gz"]),
        (".hidden", [".hidden (1)", ".hidden (2)"]),
        ("Makefile", ["Makefile (1)", "Makefile (2)"]),
        ("dot.", ["dot (1).", "dot (2)."]),
        ("a%_b.txt", ["a%_b (1).txt", "a%_b (2).txt"]),
        ("Grüße.txt", ["Grüße (1).txt", "Grüße (2).txt"]),
    ] {
        ann.upload(wanted, b"", None).await;
        for name in expected {
            assert_eq!(upload(&ann, wanted, "", "Keep").await["name"], name);
        }
    }
    // Gaps are filled first; similar names do not matter.
    ann.upload("report (4).pdf", b"", None).await;
    ann.upload("report (x).pdf", b"", None).await;
    assert_eq!(upload(&ann, "report.pdf", "", "Keep").await["name"], "report (3).pdf");
    assert_eq!(upload(&ann, "report.pdf", "", "Keep").await["name"], "report (5).pdf");
    assert_eq!(upload(&ann, "report (1).pdf", "", "Keep").await["name"], "report (1) (1).pdf");
}

#[tokio::test]
async fn a_name_of_full_length_is_shortened_to_make_room_for_its_number() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let long = format!("{}.txt", "ü".repeat(125));
    assert_eq!(long.len(), 254);
    ann.upload(&long, b"", None).await;
    for number in 1..=10 {
        let name = text(&upload(&ann, &long, "", "Keep").await["name"]);
        assert!(name.len() <= 255 && name.ends_with(&format!(" ({number}).txt")), "{name}");
    }
}

#[tokio::test]
async fn two_spellings_of_one_name_are_one_name_and_two_cases_are_two() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = ann.upload("caf\u{e9}.txt", b"", None).await;
    let problem = ann.begin("cafe\u{301}.txt", 0, None).await.refused(409, "name_taken");
    assert_eq!(problem["conflict"]["item"]["id"], file["id"]);
    ann.upload("CAF\u{c9}.txt", b"", None).await;
}
