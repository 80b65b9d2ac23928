use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::process::{exit_code, printed, run, signal, start_in};
use crate::support::{PASSWORD, Server, Storage, text};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn the_first_start_needs_nothing_and_makes_everything() {
    let (server, lines) = start_in(Storage::new(), &[]).await;
    let place = server.storage().path().canonicalize().unwrap();
    let url = server.url();
    assert_eq!(lines[0], format!("CloudDrive {} listens on {url}", env!("CARGO_PKG_VERSION")));
    assert_eq!(lines[1], format!("API documentation: {url}/docs/"));
    assert_eq!(lines[2], format!("Data: {}", place.join("data").display()));
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    server.anonymous().get("/health/ready").await.ok();
    assert_eq!(server.anonymous().get("/docs/").await.status, 200);
    let data = server.data();
    assert_eq!(mode(&data), 0o700);
    assert!(data.join("clouddrive.db").is_file());
    let key = data.join("secret.key");
    assert_eq!(mode(&key), 0o600);
    let key = std::fs::read_to_string(key).unwrap();
    assert!(key.trim().len() == 64 && key.trim().bytes().all(|byte| byte.is_ascii_hexdigit()), "32 bytes in hex");
    let ann = server.user("ann").await;
    ann.upload("note.txt", b"hello", None).await;
    let beside: Vec<_> = std::fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(beside.len(), 2, "the data and the test's log, and nothing else: {beside:?}");
}

#[tokio::test]
async fn the_second_start_finds_all_as_it_was() {
    let mut server = Server::start().await;
    let ann = server.user("ann").await;
    let file = ann.upload("note.txt", b"hello", None).await;
    let token = ann.token().to_owned();
    let read = |server: &Server| std::fs::read(server.data().join("secret.key")).unwrap();
    let key = read(&server);
    signal(server.process().id(), "TERM");
    assert_eq!(exit_code(&mut server).await, 0);
    let server = server.restart(&[]).await;
    assert_eq!(read(&server), key);
    let ann = server.with_token(&token);
    assert_eq!(ann.download(&text(&file["id"])).await, b"hello");
    server.login("ann").await.get("/user").await.ok();
}

#[tokio::test]
async fn a_configured_key_is_written_nowhere() {
    let secret = "a key that lives in the environment only";
    let server = Server::with(&[("SECRET_KEY", secret)]).await;
    server.user("ann").await;
    assert!(!server.data().join("secret.key").exists());
    for file in server.files_in("") {
        let bytes = std::fs::read(&file).unwrap();
        for text in [secret, PASSWORD] {
            let found = bytes.windows(text.len()).any(|window| window == text.as_bytes());
            assert!(!found, "{text:?} stands in {}", file.display());
        }
    }
}

#[tokio::test]
async fn two_servers_never_share_their_data() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let place = server.storage().path();
    for command in ["serve", "migrate"] {
        let (code, out, err) = printed(run(place, &[command], &[]));
        assert_eq!((code, out.as_str(), err.lines().count()), (1, "", 1), "{command}: {err}");
        assert!(err.starts_with("clouddrive: another server uses the database"), "{command}: {err}");
    }
    // Nor if the database is addressed in another way.
    let elsewhere = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}", server.data().join("clouddrive.db").display());
    let (code, _, err) = printed(run(elsewhere.path(), &[], &[("DATABASE_URL", &database)]));
    assert_eq!((code, err.contains("another server uses the database")), (1, true), "{err}");
    ann.get("/drive").await.ok();
    // A killed server leaves no lock behind.
    let server = server.restart(&[]).await;
    server.login("ann").await.get("/drive").await.ok();
}

#[tokio::test]
async fn a_server_that_cannot_start_says_why_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let held_address = held.local_addr().unwrap().to_string();
    std::fs::write(dir.path().join("text"), "this is neither a directory nor a database, nor anything else").unwrap();
    std::fs::create_dir(dir.path().join("weak")).unwrap();
    std::fs::write(dir.path().join("weak/secret.key"), "hush\n").unwrap();
    for (name, value, reason) in [
        ("BIND_ADDR", held_address.as_str(), "cannot listen on"),
        ("DATA_DIR", "text", "cannot make the directory text"),
        ("DATA_DIR", "weak", "the key in weak/secret.key has fewer than 32 bytes"),
        ("DATABASE_URL", "sqlite:text", "the database text"),
        ("DATABASE_URL", "sqlite:nowhere/drive.db", "nowhere/drive.db"),
        ("BLOB_DIR", "text", "text"),
    ] {
        let (code, out, err) = printed(run(dir.path(), &[], &[(name, value)]));
        assert_eq!((code, out.as_str(), err.lines().count()), (1, "", 1), "{name}={value}: {err}");
        assert!(err.starts_with("clouddrive: ") && err.contains(reason), "{name}={value}: {err}");
        assert!(!err.contains("hush"), "{err}");
    }
    drop(held);
}
