use std::process::Stdio;

use super::{is_empty, printed, run};
use crate::collector::NOTHING;
use crate::support::{Server, binary};

#[test]
fn the_binary_prints_its_version_and_help() {
    let dir = tempfile::tempdir().unwrap();
    let version = format!("clouddrive {}\n", env!("CARGO_PKG_VERSION"));
    for argument in ["--version", "-V"] {
        assert_eq!(printed(run(dir.path(), &[argument], &[])), (0, version.clone(), String::new()));
    }
    for argument in ["--help", "-h", "help"] {
        let (code, help, _) = printed(run(dir.path(), &[argument], &[]));
        assert_eq!(code, 0);
        for command in ["serve", "openapi", "migrate", "collect", "user", "doctor", "verify", "health"] {
            assert!(help.contains(&format!("\n  {command} ")), "{help}");
        }
    }
    assert!(is_empty(dir.path()), "who asks makes nothing");
}

#[test]
fn unknown_arguments_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    for arguments in [&["nothing"][..], &["serve", "8000"], &["--port", "8000"], &["migrate", "--force"], &[""]] {
        let (code, out, err) = printed(run(dir.path(), arguments, &[]));
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}: {err}");
        assert!(err.starts_with("error: "), "{arguments:?}: {err}");
    }
    assert!(is_empty(dir.path()));
}

#[test]
fn the_document_can_be_had_without_a_server_or_a_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let (code, out, err) = printed(run(dir.path(), &["openapi"], &[("BIND_ADDR", "nowhere"), ("SECRET_KEY", "x")]));
    assert_eq!((code, err.as_str()), (0, ""));
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(document["info"]["title"], "CloudDrive");
    assert!(is_empty(dir.path()));
}

#[test]
fn a_reader_that_stops_early_is_no_error() {
    let dir = tempfile::tempdir().unwrap();
    let mut process =
        binary(dir.path(), &[]).arg("openapi").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(process.stdout.take());
    let output = process.wait_with_output().unwrap();
    assert_eq!(printed(output), (0, String::new(), String::new()));
}

#[tokio::test]
async fn collection_can_run_beside_a_running_server() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = ann.upload("note.txt", b"hello", None).await;
    let nothing = NOTHING;
    assert_eq!(server.run("collect", &[]), nothing);
    let upload = ann.begin("never.txt", 5, None).await.ok();
    server.execute("UPDATE uploads SET expires_at = created_at WHERE state = 'open'");
    assert_eq!(server.run("collect", &[]), nothing.replacen('0', "1", 1));
    assert_eq!(server.run("collect", &[]), nothing);
    let upload = ann.get(&format!("/upload/{}", crate::support::text(&upload["upload_id"]))).await.ok();
    assert_eq!(upload["state"], "expired");
    assert_eq!(ann.download(&crate::support::text(&file["id"])).await, b"hello");
}
