//! `clouddrive verify`: it reports exactly the existing inconsistencies.

mod findings;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::printed;
use crate::support::stack::{Stack, stack};
use crate::support::{ApiClient, PASSWORD, SHORT_GRACE, Server, eventually, png, text};
use crate::upload::parts::{SIZE, SMALL, bytes, send};

/// A blob key that does not exist.
const ABSENT_KEY: &str = "ffffffffffffffffffffffffffffffff";

/// Runs `verify`; returns its exit code and JSON report.
fn verify(server: &Server, arguments: &[&str]) -> (i32, Value) {
    let output = server.storage().command(&[]).args(["verify", "--json"]).args(arguments).output().unwrap();
    let (code, out, err) = printed(output);
    let report: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out} {err}"));
    let found = report["found"].as_u64().unwrap();
    let complaint = if found == 0 { String::new() } else { format!("clouddrive: {found} findings\n") };
    assert!(err.ends_with(&complaint), "{err}");
    assert_eq!(code, i32::from(found > 0), "{report}");
    (code, report)
}

fn assert_whole(server: &Server) {
    for arguments in [&[][..], &["--deep"]] {
        let (code, report) = verify(server, arguments);
        assert_eq!((code, &report["findings"], &report["counts"]), (0, &json!([]), &json!({})), "{arguments:?}");
    }
}

/// The kinds and the subjects of the findings.
fn found(report: &Value) -> (BTreeSet<String>, Vec<String>) {
    let findings = report["findings"].as_array().unwrap();
    let kinds = findings.iter().map(|finding| text(&finding["kind"])).collect();
    (kinds, findings.iter().map(|finding| text(&finding["subject"])).collect())
}

/// Sample data: ann's `a` with `b`, in it `deep.txt`, and `gone` beside it in the trash, `top.txt`, a photo, an open
/// upload, a share and a public link; one file of ben's. Items were renamed, moved and replaced.
async fn lively(server: &Server) -> (ApiClient, ApiClient) {
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let a = ann.folder("A", None).await;
    let b = ann.folder("b", Some(&a)).await;
    // By a form, so that the server itself computes the digest, with every store.
    ann.send_form(&[("parent_folder_id", &b)], "deep.txt", b"deep down").await.ok();
    ann.upload("Straße.txt", b"top", None).await;
    ann.upload("empty", b"", None).await;
    for content in [&b"once"[..], b"twice"] {
        ann.send_form(&[("file_conflict", "Replace")], "again.txt", content).await.ok();
    }
    ann.patch(&format!("/drive/{a}"), json!({"folder_name": "a"})).await.ok();
    let elsewhere = ann.folder("elsewhere", None).await;
    ann.patch(&format!("/drive/{b}"), json!({"parent_folder_id": elsewhere})).await.ok();
    ann.patch(&format!("/drive/{b}"), json!({"parent_folder_id": a})).await.ok();
    ann.share_folder(&a, "ben", "edit").await;
    ben.upload("of ben.txt", b"a guest's", Some(&b)).await;
    ben.folder("ben's own", None).await;
    let photo = ann.request(reqwest::Method::POST, "/profile_photo").header("Content-Type", "image/png");
    ann.send(photo.body(png(8, 8))).await.ok();
    ann.begin("open.txt", 7, None).await.ok();
    ann.post("/link", json!({"folder_id": a, "share_object_type": "folder", "password": "a quiet evening"})).await.ok();
    let gone = ann.folder("gone", Some(&a)).await;
    ann.upload("gone.txt", b"gone", Some(&gone)).await;
    ann.delete(&format!("/drive/{gone}")).await.ok_empty();
    (ann, ben)
}

/// Drops the constraints that prevent corruption.
fn loosen(server: &Server) {
    if stack() == Stack::Production {
        for (table, constraint) in [
            ("versions", "versions_blob_key_fkey"),
            ("versions", "versions_node_id_fkey"),
            ("users", "users_photo_blob_fkey"),
            ("nodes", "nodes_version_id_fkey"),
            ("nodes", "nodes_parent_id_fkey"),
        ] {
            server.execute(&format!("ALTER TABLE {table} DROP CONSTRAINT {constraint}"));
        }
    }
    server.execute("DROP INDEX nodes_live_name");
}

fn execute(server: &Server, statements: &str) {
    match stack() {
        Stack::Embedded => server.execute(&format!("PRAGMA foreign_keys = OFF; {statements}")),
        Stack::Production => server.execute(statements),
    }
}

/// A subquery for the node of that name.
fn node(name: &str) -> String {
    format!("(SELECT id FROM nodes WHERE name = '{name}')")
}

#[tokio::test]
async fn a_consistent_drive_has_no_findings() {
    let server = Server::start().await;
    assert_whole(&server);
    let (ann, ben) = lively(&server).await;
    assert_whole(&server);
    let (_, report) = verify(&server, &["--deep"]);
    // Two roots, four folders of ann's and one of ben's, six files.
    assert_eq!(report["checked"]["nodes"], 13);
    assert!(report["checked"]["bytes_read"].as_u64().unwrap() > 9 + 3 + 5 + 9, "{report}");
    // The plain-text report says the same.
    let output = server.storage().command(&[]).arg("verify").output().unwrap();
    let (code, out, err) = printed(output);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.starts_with("checked: 13 nodes, ") && out.ends_with("\nnothing is wrong\n"), "{out}");
    assert_eq!(ann.get("/drive").await.status, 200);
    assert_eq!(ben.get("/drive").await.status, 200);
}

#[tokio::test]
async fn concurrent_changes_are_no_findings() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let writer = async {
        for round in 0..40 {
            let name = format!("{}.txt", round % 7);
            ann.send_form(&[("file_conflict", "Replace")], &name, format!("{round}").as_bytes()).await.ok();
        }
    };
    let reader = async {
        for _ in 0..3 {
            let mut command = server.storage().command(&[]);
            let output = tokio::task::spawn_blocking(move || command.args(["verify", "--deep"]).output().unwrap());
            let (code, out, _) = printed(output.await.unwrap());
            assert_eq!(code, 0, "{out}");
        }
    };
    tokio::join!(writer, reader);
}

#[tokio::test]
async fn multipart_uploads_are_verified() {
    let server = Server::with(&[SMALL]).await;
    let ann = server.user("ann").await;
    let (film, open) = (ann.begin("film.mkv", SIZE, None).await.ok(), ann.begin("open.mkv", SIZE, None).await.ok());
    send(&ann, &film, &bytes(), &[1, 2, 3]).await;
    send(&ann, &open, &bytes(), &[2]).await;
    ann.complete(&film).await.ok();
    assert_whole(&server);
    assert_eq!(verify(&server, &["--grace", "0"]).0, 0);
    // A multipart upload without a row, as after a restore.
    let open = server.value("SELECT blob_key FROM uploads WHERE state = 'open'");
    execute(&server, &format!("UPDATE blobs SET unreferenced_at = 5 WHERE key = '{open}'"));
    assert_whole(&server);
    let only = |kind: &str, key: String| (BTreeSet::from([kind.to_owned()]), vec![key]);
    assert_eq!(found(&verify(&server, &["--grace", "0"]).1), only("transfer_abandoned", open.clone()));
    execute(&server, &format!("UPDATE blobs SET unreferenced_at = NULL WHERE key = '{open}'"));
    if stack() == Stack::Embedded {
        let film = server.value("SELECT blob_key FROM versions");
        std::fs::remove_file(server.data().join("blobs").join(&film[..2]).join(&film).join("manifest")).unwrap();
        assert_eq!(found(&verify(&server, &[]).1), only("object_broken", film));
    }
}

#[tokio::test]
async fn a_drive_whose_owner_has_gone_is_whole_until_it_is_cleared_away() {
    let server = Server::start().await;
    let (ann, _) = lively(&server).await;
    ann.post("/user/delete", json!({"password": PASSWORD})).await.ok_empty();
    assert_whole(&server);
    eventually("it is cleared away", async || {
        server.run("collect", SHORT_GRACE);
        assert_whole(&server);
        server.value("SELECT CAST(count(*) AS text) FROM drives") == "1"
    })
    .await;
}

#[tokio::test]
async fn it_changes_nothing_and_needs_what_it_checks() {
    let dir = tempfile::tempdir().unwrap();
    let (code, out, err) = printed(super::run(dir.path(), &["verify"], &[]));
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.starts_with("clouddrive: database: "), "{err}");
    assert!(super::is_empty(dir.path()));
    let (code, out, err) = printed(super::run(dir.path(), &["verify"], &[("COLLECT_GRACE_SECONDS", "x")]));
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    assert!(err.contains("COLLECT_GRACE_SECONDS"), "{err}");
    let (code, ..) = printed(super::run(dir.path(), &["verify", "--grace", "-1"], &[]));
    assert_eq!(code, 2);
}
