//! Production configuration, from a secret and the environment.

use serde_json::{Value, json};

use super::id;
use super::secrets::secret;
use crate::process::{is_empty, printed, start_in};
use crate::support::{PASSWORD, Storage, production};

/// The variables of an instance configured only with the name of its secret.
fn pointing_to(name: &str) -> Vec<(&str, &str)> {
    let stores = production();
    vec![
        ("ENVIRONMENT", "production"),
        ("AWS_SECRET_NAME", name),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", stores.secrets_endpoint.as_str()),
        ("AWS_REGION", stores.region.as_str()),
        ("AWS_ACCESS_KEY_ID", stores.key_id.as_str()),
        ("AWS_SECRET_ACCESS_KEY", stores.key_secret.as_str()),
        ("AWS_ENDPOINT_URL_S3", stores.s3_endpoint.as_str()),
        // Cleared, so that they must come from the secret.
        ("DATABASE_URL", ""),
        ("S3_BUCKET_NAME", ""),
        ("SECRET_KEY", ""),
    ]
}

/// The place's database address as fields of a secret; `user` is the name of the user field.
fn parts(place: &Storage, user: &str) -> Value {
    let (role, rest) = place.postgres().url().strip_prefix("postgres://").unwrap().split_once('@').unwrap();
    let (authority, database) = rest.split_once('/').unwrap();
    let (host, port) = authority.rsplit_once(':').unwrap();
    json!({
        "DATABASE": database, "HOST": host.replace("%2F", "/"), "PORT": port, user: role.split(':').next().unwrap(),
    })
}

fn with(mut object: Value, more: &Value) -> String {
    for (name, value) in more.as_object().unwrap() {
        object[name] = value.clone();
    }
    object.to_string()
}

#[tokio::test]
async fn a_secret_tells_a_server_all_that_it_needs_in_either_spelling() {
    for (user, password, bucket) in
        [("USER", "PASSWORD", "S3_BUCKET_NAME"), ("DB_USER", "DATABASE_PASSWORD", "BUCKET_NAME")]
    {
        let place = Storage::untouched();
        let more = json!({password: "not asked for here", bucket: place.bucket().name(), "SECRET_KEY": place.key()});
        let name = secret(&with(parts(&place, user), &more)).await;
        let (server, lines) = start_in(place, &pointing_to(&name)).await;
        assert!(lines[2].ends_with(&format!("S3 bucket {}", server.storage().bucket().name())), "{}", lines[2]);
        let ann = server.user("ann").await;
        let file = id(&ann.upload("note.txt", b"hello", None).await);
        assert_eq!(ann.download(&file).await, b"hello");
        assert_eq!(server.blobs().len(), 1);
    }
}

#[tokio::test]
async fn the_secret_comes_before_the_environment_which_fills_in_the_rest() {
    let place = Storage::new();
    let values = json!({
        "DATABASE_URL": place.postgres().url(), "S3_BUCKET_NAME": place.bucket().name(), "SECRET_KEY": place.key(),
        "DEFAULT_QUOTA_BYTES": 1000,
    });
    let name = secret(&values.to_string()).await;
    let elsewhere = [
        ("DATABASE_URL", "postgres://stranger@127.0.0.1:1/nowhere"),
        ("S3_BUCKET_NAME", "nowhere"),
        ("DEFAULT_QUOTA_BYTES", "2000"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "5"),
    ];
    let (server, _) = start_in(place, &[&pointing_to(&name)[..], &elsewhere].concat()).await;
    let ann = server.user("ann").await;
    assert_eq!(ann.quota().await["total_bytes"], 1000);
    let login = json!({"username": "ann", "password": PASSWORD});
    assert_eq!(ann.post("/login", login).await.ok()["expires_in"], 300);
}

/// Starts a server with this secret: it must exit with code 2 and one line, which contains no value.
async fn refused(text: &str) -> String {
    let name = secret(text).await;
    let place = Storage::new();
    let (code, out, err) = printed(place.command(&pointing_to(&name)).output().unwrap());
    assert_eq!((code, out.as_str(), err.lines().count()), (2, "", 1), "{err}");
    assert!(is_empty(place.path()));
    assert!(!err.contains("hush"), "{err}");
    assert!(!err.contains(&production().key_secret), "{err}");
    err.strip_prefix("clouddrive: ").unwrap().trim_end().to_owned()
}

#[tokio::test]
async fn missing_and_malformed_members_of_the_secret_are_all_named() {
    let printed = refused("{}").await;
    for name in ["DATABASE_URL ", "; S3_BUCKET_NAME ", "; SECRET_KEY "] {
        assert!(printed.contains(name), "{printed}");
    }
    let printed =
        refused(r#"{"DATABASE": "drive", "PORT": "hush", "BUCKET_NAME": "drive", "SECRET_KEY": "hush"}"#).await;
    for name in ["HOST ", "; USER ", "; PASSWORD ", "; PORT ", "; SECRET_KEY "] {
        assert!(printed.contains(name), "{printed}");
    }
    assert!(!printed.contains("BUCKET_NAME"), "{printed}");
    let key = "0123456789abcdef0123456789abcdef";
    for url in ["postgres://ann:hush@", "postgres://ann:hush@db:hush/drive", "mysql://ann:hush@db/drive"] {
        let printed =
            refused(&json!({"DATABASE_URL": url, "BUCKET_NAME": "drive", "SECRET_KEY": key}).to_string()).await;
        assert!(printed.starts_with("DATABASE_URL "), "{printed}");
    }
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_is_refused_by_the_variable_that_names_it() {
    for text in ["hush", "[\"hush\"]", "\"hush\"", "{\"SECRET_KEY\": \"hush\""] {
        let printed = refused(text).await;
        assert!(printed.starts_with("AWS_SECRET_NAME "), "{printed}");
    }
    // Valid fields are read, and all errors are reported together.
    let reported = refused(r#"{"SECRET_KEY": ["hush"]}"#).await;
    for variable in ["SECRET_KEY", "DATABASE_URL", "S3_BUCKET_NAME"] {
        assert!(reported.contains(&format!("{variable} must be")), "{reported}");
    }
    let place = Storage::new();
    let (code, _, err) = printed(place.command(&pointing_to("no-such-secret")).output().unwrap());
    assert_eq!((code, err.lines().count()), (2, 1), "{err}");
    assert!(err.starts_with("clouddrive: AWS_SECRET_NAME (no-such-secret) "), "{err}");
    // An unreachable secret store is not waited for.
    let unreachable = [("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:1")];
    let (code, _, err) = printed(place.command(&[&pointing_to("x")[..], &unreachable].concat()).output().unwrap());
    assert_eq!((code, err.lines().count()), (2, 1), "{err}");
    assert!(err.starts_with("clouddrive: AWS_SECRET_NAME (x) "), "{err}");
}
