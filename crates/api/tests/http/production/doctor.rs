//! `clouddrive doctor`, before a server starts and while one runs.

use super::CuttableServer;
use crate::process::printed;
use crate::support::stack::{creates_buckets, is_default_store, supports_cors};
use crate::support::{Proxy, Server, Storage, eventually, production};

/// The exit code and output of `clouddrive doctor`, which must not contain a secret.
pub fn doctor(place: &Storage, variables: &[(&str, &str)]) -> (i32, String) {
    let variables = [&[("STARTUP_SECONDS", "0"), ("DATABASE_CONNECT_SECONDS", "2")], variables].concat();
    let (code, out, err) = printed(place.command(&variables).arg("doctor").output().unwrap());
    let text = out + &err;
    for secret in [production().key_secret.as_str(), &place.key(), "hush"] {
        assert!(!text.contains(secret), "{text}");
    }
    (code, text)
}

/// The lines that require a change.
pub fn bad(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.starts_with("BAD ")).collect()
}

#[test]
fn all_is_well() {
    let place = Storage::new();
    let (code, text) = doctor(&place, &[]);
    assert_eq!((code, bad(&text)), (0, Vec::new()), "{text}");
    for subject in
        ["configuration", "database", "database schema", "database clock", "S3 bucket", "S3 s3:PutObject", "S3 clock"]
    {
        // Of other stores it may say what they cost.
        let verdict = if subject == "S3 bucket" && !is_default_store() { "" } else { "good     " };
        assert!(text.lines().any(|line| line.contains(&format!("{verdict}{subject}"))), "{subject}: {text}");
    }
    // It leaves no objects behind.
    assert!(place.bucket().blobs().is_empty() && place.bucket().unfinished().is_empty());
}

#[test]
fn an_outdated_schema_is_reported_and_not_changed() {
    let place = Storage::untouched();
    for _ in 0..2 {
        let (code, text) = doctor(&place, &[]);
        assert_eq!(code, 0, "{text}");
        assert!(text.lines().any(|line| line.starts_with("advice   database schema: pending: ")), "{text}");
        assert!(text.contains("migrate"), "{text}");
    }
}

#[test]
fn problems_are_reported_with_their_remedy() {
    let place = Storage::new();
    let absent = place.postgres().url().replace(place.postgres().name(), "clouddrive_absent");
    let cut = Proxy::to_s3();
    cut.cut();
    let nowhere = cut.url();
    for (name, value, subject, words) in [
        ("DATABASE_URL", "postgres://ann:hush@127.0.0.1:1/drive", "database", "127.0.0.1"),
        ("DATABASE_URL", &absent, "database", "clouddrive_absent"),
        ("S3_BUCKET_NAME", "clouddrive-absent", "S3 bucket clouddrive-absent", "bucket"),
        ("AWS_SECRET_ACCESS_KEY", "hush-hush-hush-hush", "S3 bucket", "credentials"),
        ("AWS_ENDPOINT_URL_S3", &nowhere, "S3 bucket", "cannot be reached"),
    ] {
        if name == "S3_BUCKET_NAME" && creates_buckets() {
            continue;
        }
        let (code, text) = doctor(&place, &[(name, value)]);
        assert_eq!(code, 1, "{name}={value}: {text}");
        let [line] = bad(&text)[..] else { panic!("{name}={value}: {text}") };
        assert!(line.starts_with(&format!("BAD      {subject}")) && line.contains(words), "{name}={value}: {text}");
        assert!(text.lines().last().unwrap().starts_with("clouddrive: 1 of "), "{text}");
    }
}

#[test]
fn browsers_are_thought_of() {
    if !supports_cors() {
        return;
    }
    let place = Storage::new();
    let (code, text) = doctor(&place, &[("CORS_ORIGINS", "https://app.example.com")]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("BAD      S3 CORS for https://app.example.com"), "{text}");
    assert!(text.contains("AllowedOrigins"), "it says which rule to put on the bucket: {text}");
    for (exposed, verdict) in [
        (&["ETag"][..], "advice  "),
        (&["ETag", "Content-Range", "Content-Disposition"][..], "advice  "),
        (&["ETag", "Content-Range", "Content-Disposition", "Accept-Ranges"][..], "good    "),
    ] {
        place.bucket().let_in_exposing("https://app.example.com", exposed);
        let (code, text) = doctor(&place, &[("CORS_ORIGINS", "https://app.example.com")]);
        assert_eq!((code, bad(&text)), (0, Vec::new()), "{text}");
        let line = format!("{verdict} S3 CORS for https://app.example.com");
        assert!(text.lines().any(|reported| reported.starts_with(&line)), "{exposed:?}: {text}");
    }
}

#[tokio::test]
async fn a_container_asks_its_server_whether_it_is_ready() {
    let CuttableServer { server, database, .. } = CuttableServer::start().await;
    let health =
        |address: &str| printed(server.storage().command(&[("BIND_ADDR", address)]).arg("health").output().unwrap());
    let own = server.address().to_owned();
    let everywhere = own.replace("127.0.0.1", "0.0.0.0");
    for address in [&own, &everywhere] {
        assert_eq!(health(address), (0, String::new(), String::new()));
    }
    database.cut();
    for address in [&own, &everywhere] {
        let (code, out, err) = health(address);
        assert_eq!((code, out.as_str()), (1, ""), "{err}");
        assert!(err.contains("503"), "{err}");
    }
    database.mend();
    eventually("it is ready again", async || health(&own).0 == 0).await;
}

#[tokio::test]
async fn a_doctor_may_come_while_a_server_runs() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    ann.upload("note.txt", b"hello", None).await;
    let (code, text) = doctor(server.storage(), &[]);
    assert_eq!((code, bad(&text)), (0, Vec::new()), "{text}");
    assert_eq!(server.blobs().len(), 1);
}
