use crate::process::{printed, run, start_in};
use crate::support::Storage;

#[tokio::test]
async fn the_schema_is_brought_up_to_date_once() {
    let place = Storage::new();
    let (code, first, err) = printed(run(place.path(), &["migrate"], &[]));
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(!first.is_empty() && first.lines().all(|line| line.starts_with("applied ")), "{first}");
    let second = printed(run(place.path(), &["migrate"], &[]));
    assert_eq!(second, (0, "the schema is up to date\n".to_owned(), String::new()));
    assert!(!place.path().join("data/secret.key").exists(), "a key is the server's to make");
    let (server, _) = start_in(place, &[]).await;
    server.user("ann").await;
}

#[test]
fn clearing_away_makes_no_database_and_changes_no_schema() {
    let dir = tempfile::tempdir().unwrap();
    let (code, out, err) = printed(run(dir.path(), &["collect"], &[]));
    assert_eq!((code, out.as_str(), err.lines().count()), (1, "", 1), "{err}");
    assert!(err.contains("there is no such file"), "{err}");
    assert!(!dir.path().join("data/clouddrive.db").exists());
    std::fs::create_dir_all(dir.path().join("data")).unwrap();
    std::fs::write(dir.path().join("data/clouddrive.db"), "").unwrap();
    let (code, _, err) = printed(run(dir.path(), &["collect"], &[]));
    assert!(code == 1 && err.contains("not up to date"), "{err}");
}
