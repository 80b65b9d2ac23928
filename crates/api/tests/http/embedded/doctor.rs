//! `clouddrive doctor`, before a server starts and while one runs.

use crate::process::{printed, run};
use crate::support::Server;

#[tokio::test]
async fn all_is_well_while_a_server_runs() {
    let server = Server::start().await;
    server.user("ann").await.upload("note.txt", b"hello", None).await;
    let (code, out, err) = printed(run(server.storage().path(), &["doctor"], &[]));
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    for subject in ["configuration", "database ", "blobs below "] {
        assert!(out.lines().any(|line| line.starts_with(&format!("good     {subject}"))), "{subject}: {out}");
    }
}

#[test]
fn a_database_that_is_not_there_yet_is_no_fault_and_is_not_made() {
    let dir = tempfile::tempdir().unwrap();
    let (code, out, err) = printed(run(dir.path(), &["doctor"], &[]));
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.lines().any(|line| line.starts_with("advice   database ")), "{out}");
    assert!(!dir.path().join("data/clouddrive.db").exists());
}

#[test]
fn problems_are_reported_with_their_remedy() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("text"), "this is neither a directory nor a database, nor anything else").unwrap();
    std::fs::write(dir.path().join("empty"), "").unwrap();
    for (name, value, subject, words) in [
        ("DATABASE_URL", "sqlite:text", "database text", "not a database"),
        ("DATABASE_URL", "sqlite:empty", "database empty", "not up to date"),
        ("BLOB_DIR", "text", "blobs below text", "text"),
    ] {
        let (code, out, err) = printed(run(dir.path(), &["doctor"], &[(name, value)]));
        assert_eq!((code, err.lines().count()), (1, 1), "{name}={value}: {out}{err}");
        assert!(err.starts_with("clouddrive: 1 of "), "{err}");
        let line = out.lines().find(|line| line.starts_with("BAD ")).unwrap();
        assert!(line.starts_with(&format!("BAD      {subject}")) && line.contains(words), "{line}");
    }
}

#[tokio::test]
async fn a_container_asks_its_server_whether_it_is_ready() {
    let server = Server::with(&[("BLOB_DIR", "blobs")]).await;
    let place = server.storage().path();
    let health = |address: &str| printed(run(place, &["health"], &[("BIND_ADDR", address)]));
    let own = server.address().to_owned();
    for address in [&own, &own.replace("127.0.0.1", "0.0.0.0")] {
        assert_eq!(health(address), (0, String::new(), String::new()));
    }
    std::fs::rename(place.join("blobs"), place.join("unplugged")).unwrap();
    let (code, out, err) = health(&own);
    assert_eq!((code, out.as_str(), err.lines().count()), (1, "", 1), "{err}");
    assert!(err.contains("503"), "{err}");
    let (code, _, err) = health("127.0.0.1:1");
    assert!(code == 1 && err.contains("cannot connect to 127.0.0.1:1"), "{err}");
    let (code, _, err) = health("here");
    assert!(code == 2 && err.starts_with("clouddrive: BIND_ADDR "), "{err}");
}
