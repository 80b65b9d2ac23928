//! Starting a production server, and commands run beside it.

use std::sync::Arc;

use crate::process::{exit_code, is_empty, printed, signal, start_in};
use crate::support::{Server, Storage, text};

#[tokio::test]
async fn no_files_are_left_on_the_host() {
    let (mut server, lines) = start_in(Storage::untouched(), &[]).await;
    let url = server.url().to_owned();
    assert_eq!(lines[0], format!("CloudDrive {} listens on {url}", env!("CARGO_PKG_VERSION")));
    assert_eq!(lines[1], format!("API documentation: {url}/docs/"));
    assert_eq!(lines[2], format!("Data: PostgreSQL, S3 bucket {}", server.storage().bucket().name()));
    let ann = server.user("ann").await;
    let file = text(&ann.upload("note.txt", b"hello", None).await["id"]);
    ann.send_form(&[], "form.txt", b"hello").await.ok();
    let token = ann.token().to_owned();
    signal(server.process().id(), "TERM");
    assert_eq!(exit_code(&mut server).await, 0);
    std::fs::remove_file(server.storage().log()).unwrap();
    assert!(is_empty(server.storage().path()), "not even a directory");
    // So it can also start on another machine.
    let server = server.restart(&[]).await;
    assert_eq!(server.with_token(&token).download(&file).await, b"hello");
}

#[test]
fn the_schema_is_brought_up_to_date_once() {
    let place = Storage::untouched();
    let run = |command: &str| printed(place.command(&[]).arg(command).output().unwrap());
    let (code, out, err) = run("collect");
    assert_eq!((code, out.as_str(), err.lines().count()), (1, "", 1), "{err}");
    assert!(err.contains("not up to date"), "{err}");
    let (code, first, err) = run("migrate");
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(!first.is_empty() && first.lines().all(|line| line.starts_with("applied ")), "{first}");
    assert_eq!(run("migrate"), (0, "the schema is up to date\n".to_owned(), String::new()));
    assert_eq!(run("collect").0, 0);
    assert!(is_empty(place.path()));
}

#[tokio::test]
async fn a_server_starts_behind_a_pooler_without_prepared_statements_too() {
    let place = Arc::new(Storage::untouched());
    let past = place.postgres().url().to_owned();
    let variables = [("DATABASE_PREPARED_STATEMENTS", "off"), ("MIGRATION_DATABASE_URL", past.as_str())];
    let server = Server::at(place, &variables).await;
    let ann = server.user("ann").await;
    let file = text(&ann.upload("note.txt", b"hello", None).await["id"]);
    assert_eq!(ann.download(&file).await, b"hello");
}
