use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{is_empty, run, said, start_in};
use crate::support::{Server, binary};

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// The complaint is one line that names `variable`, and the exit code is 2.
#[track_caller]
fn assert_refused(dir: &Path, command: &[&str], variables: &[(&str, &str)], variable: &str) {
    let (code, out, err) = said(run(dir, command, variables));
    assert_eq!((code, out.as_str(), err.lines().count()), (2, "", 1), "{variables:?}: {err}");
    assert!(err.starts_with(&format!("clouddrive: {variable} ")), "{variables:?}: {err}");
}

const BAD: [(&str, &str); 24] = [
    ("BIND_ADDR", "here"),
    ("BIND_ADDR", "127.0.0.1"),
    ("BIND_ADDR", "127.0.0.1:70000"),
    ("PUBLIC_URL", "drive.example.com"),
    ("PUBLIC_URL", "ftp://drive.example.com"),
    ("DATABASE_URL", "postgres://drive@localhost/drive"),
    ("DATABASE_URL", "sqlite:"),
    ("DATABASE", "drive"),
    ("S3_BUCKET_NAME", "drive"),
    ("BUCKET_NAME", "drive"),
    ("SECRET_KEY", "hush, too short"),
    ("ALGORITHM", "none"),
    ("ALGORITHM", "RS256"),
    ("ENVIRONMENT", "staging"),
    ("ACCESS_TOKEN_EXPIRE_MINUTES", "0"),
    ("ACCESS_TOKEN_EXPIRE_MINUTES", "sixty"),
    ("DEFAULT_QUOTA_BYTES", "5G"),
    ("DEFAULT_QUOTA_BYTES", "-1"),
    ("SIGNED_URL_SECONDS", "301"),
    ("CORS_ORIGINS", "*"),
    ("CORS_ORIGINS", "https://app.example.com/"),
    ("WORKERS", "0"),
    ("SHUTDOWN_SECONDS", "1.5"),
    ("RUST_LOG", "a=b=c"),
];

#[test]
fn a_value_that_cannot_be_used_is_refused_by_the_name_of_its_variable() {
    let dir = tempfile::tempdir().unwrap();
    for (name, value) in BAD {
        assert_refused(dir.path(), &[], &[(name, value)], name);
    }
    for command in ["serve", "migrate", "collect"] {
        assert_refused(dir.path(), &[command], &[("SECRET_KEY", "short")], "SECRET_KEY");
    }
    let (_, _, err) = said(run(dir.path(), &[], &[("SECRET_KEY", "hush, too short")]));
    assert!(!err.contains("hush"), "{err}");
    assert!(is_empty(dir.path()), "nothing is made before the configuration is whole");
}

#[test]
fn a_value_in_the_file_is_checked_as_one_in_the_environment() {
    for (name, value) in BAD.into_iter().filter(|(name, _)| !["BIND_ADDR", "RUST_LOG"].contains(name)) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(".env"), format!("# how it runs here\n{name}=\"{value}\"\n")).unwrap();
        assert_refused(dir.path(), &[], &[], name);
    }
}

#[test]
fn a_file_that_cannot_be_read_is_refused_by_its_own_name() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(".env");
    for content in [&b"SECRET_KEY hush\n"[..], b"SECRET_KEY=\"hush\n", b"\xff\xfe=hush\n"] {
        std::fs::write(&file, content).unwrap();
        assert_refused(dir.path(), &[], &[], ".env");
        let (_, _, err) = said(run(dir.path(), &[], &[]));
        assert!(!err.contains("hush"), "{err}");
    }
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    assert_refused(dir.path(), &[], &[], ".env");
}

#[tokio::test]
async fn values_are_read_from_the_file_and_the_environment_comes_first() {
    let dir = tempfile::tempdir().unwrap();
    let lines = format!(
        "# how it runs here\n\nexport DEFAULT_QUOTA_BYTES=1000\nACCESS_TOKEN_EXPIRE_MINUTES='5'\nSECRET_KEY=\"{KEY}\"\n\
         PUBLIC_URL=\nDATA_DIR=elsewhere\n"
    );
    std::fs::write(dir.path().join(".env"), lines).unwrap();
    let (server, lines) = start_in(dir, &[("DEFAULT_QUOTA_BYTES", "2000"), ("ALGORITHM", "")]).await;
    assert!(lines[2].ends_with("/elsewhere"), "{}", lines[2]);
    assert!(!server.data().exists());
    let ann = server.user("ann").await;
    assert_eq!(ann.quota().await["total_bytes"], 2000, "the environment wins");
    let login = serde_json::json!({"username": "ann", "password": crate::support::PASSWORD});
    assert_eq!(server.anonymous().post("/login", login).await.ok()["expires_in"], 300);
}

#[tokio::test]
async fn signed_urls_begin_as_the_configuration_says_whatever_host_a_client_names() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let body = serde_json::json!({"file_name": "a.txt", "file_size_in_bytes": 1});
    let request = ann.request(reqwest::Method::POST, "/file").json(&body);
    let request = request.header("Host", "evil.example.com").header("X-Forwarded-Host", "evil.example.com");
    let url = crate::support::text(&ann.send(request).await.ok()["parts"][0]["url"]);
    assert!(url.starts_with(&format!("{}/blob/", server.url())), "{url}");
}

#[test]
fn what_is_not_utf8_is_refused_where_it_counts_and_passed_over_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let latin = OsStr::from_bytes(b"caf\xe9 caf\xe9 caf\xe9 caf\xe9 caf\xe9 caf\xe9 caf\xe9");
    let with = |name: &str| said(binary(dir.path(), &[]).env(name, latin).arg("migrate").output().unwrap());
    for name in ["SECRET_KEY", "DATA_DIR", "PUBLIC_URL"] {
        let (code, _, err) = with(name);
        assert_eq!((code, err.lines().count()), (2, 1), "{err}");
        assert!(err.starts_with(&format!("clouddrive: {name} ")), "{err}");
    }
    let (code, _, err) = with("OLDPWD");
    assert_eq!((code, err.as_str()), (0, ""));
}

#[tokio::test]
async fn production_takes_no_default_that_was_not_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}", dir.path().join("drive.db").display());
    let blobs = dir.path().join("blobs").display().to_string();
    let mut values = vec![("ENVIRONMENT", "production")];
    for (missing, value) in
        [("AWS_SECRET_NAME", "none"), ("DATABASE_URL", database.as_str()), ("BLOB_DIR", &blobs), ("SECRET_KEY", KEY)]
    {
        assert_refused(dir.path(), &[], &values, missing);
        values.push((missing, value));
    }
    for (name, value) in [("SECRET_KEY", "short"), ("SECRET_KEY", ""), ("AWS_SECRET_NAME", "CloudDriveEnvVars")] {
        let spoilt: Vec<_> = values.iter().map(|pair| if pair.0 == name { (name, value) } else { *pair }).collect();
        assert_refused(dir.path(), &[], &spoilt, name);
    }
    assert!(is_empty(dir.path()));
    let (server, _) = start_in(dir, &values).await;
    let ann = server.user("ann").await;
    ann.upload("note.txt", b"hello", None).await;
    assert!(server.data().with_file_name("drive.db").is_file() && !server.data().join("secret.key").exists());
}
