use crate::process::configuration::{KEY, assert_refused};
use crate::process::{is_empty, start_in};
use crate::support::{Server, Storage};

#[tokio::test]
async fn values_are_read_from_the_file_and_the_environment_comes_first() {
    let place = Storage::new();
    let lines = format!(
        "# how it runs here\n\nexport DEFAULT_QUOTA_BYTES=1000\nACCESS_TOKEN_EXPIRE_MINUTES='5'\nSECRET_KEY=\"{KEY}\"\n\
         PUBLIC_URL=\nDATA_DIR=elsewhere\n"
    );
    std::fs::write(place.path().join(".env"), lines).unwrap();
    let (server, lines) = start_in(place, &[("DEFAULT_QUOTA_BYTES", "2000"), ("ALGORITHM", "")]).await;
    assert!(lines[2].ends_with("/elsewhere"), "{}", lines[2]);
    assert!(!server.data().exists());
    let ann = server.user("ann").await;
    assert_eq!(ann.quota().await["total_bytes"], 2000, "the environment wins");
    let login = serde_json::json!({"username": "ann", "password": crate::support::PASSWORD});
    assert_eq!(server.anonymous().post("/login", login).await.ok()["expires_in"], 300);
}

#[tokio::test]
async fn signed_urls_use_the_configured_host() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let body = serde_json::json!({"file_name": "a.txt", "file_size_in_bytes": 1});
    let request = ann.request(reqwest::Method::POST, "/file").json(&body);
    let request = request.header("Host", "evil.example.com").header("X-Forwarded-Host", "evil.example.com");
    let url = crate::support::text(&ann.send(request).await.ok()["parts"][0]["url"]);
    assert!(url.starts_with(&format!("{}/blob/", server.url())), "{url}");
}

#[tokio::test]
async fn production_takes_no_default_that_was_not_asked_for() {
    let place = Storage::new();
    let dir = place.path();
    let database = format!("sqlite:{}", dir.join("drive.db").display());
    let blobs = dir.join("blobs").display().to_string();
    let mut values = vec![("ENVIRONMENT", "production"), ("AWS_REGION", "eu-central-1")];
    for (missing, value) in
        [("AWS_SECRET_NAME", "none"), ("DATABASE_URL", database.as_str()), ("S3_BUCKET_NAME", ""), ("SECRET_KEY", KEY)]
    {
        // The secret store's address is unreachable.
        let unreachable = ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:1");
        let keys = [unreachable, ("AWS_ACCESS_KEY_ID", "unused"), ("AWS_SECRET_ACCESS_KEY", "unused")];
        assert_refused(dir, &[], &[&values[..], &keys].concat(), missing);
        // The alternative to a bucket is `BLOB_DIR`.
        values.push(if missing == "S3_BUCKET_NAME" { ("BLOB_DIR", &blobs) } else { (missing, value) });
    }
    for value in ["short", ""] {
        let spoilt: Vec<_> = values.iter().map(|pair| if pair.1 == KEY { (pair.0, value) } else { *pair }).collect();
        assert_refused(dir, &[], &spoilt, "SECRET_KEY");
    }
    assert!(is_empty(dir));
    let (server, _) = start_in(place, &values).await;
    let ann = server.user("ann").await;
    ann.upload("note.txt", b"hello", None).await;
    assert!(server.storage().path().join("drive.db").is_file() && !server.data().join("secret.key").exists());
}
