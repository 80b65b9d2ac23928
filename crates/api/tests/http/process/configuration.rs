use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{is_empty, printed, run};
use crate::support::binary;

pub const KEY: &str = "0123456789abcdef0123456789abcdef";

/// Asserts exit code 2, and one line that names `variable`.
#[track_caller]
pub fn assert_refused(dir: &Path, command: &[&str], variables: &[(&str, &str)], variable: &str) {
    let (code, out, err) = printed(run(dir, command, variables));
    assert_eq!((code, out.as_str(), err.lines().count()), (2, "", 1), "{variables:?}: {err}");
    assert!(err.starts_with(&format!("clouddrive: {variable} ")), "{variables:?}: {err}");
}

const BAD: [(&str, &str); 24] = [
    ("BIND_ADDR", "here"),
    ("BIND_ADDR", "127.0.0.1"),
    ("BIND_ADDR", "127.0.0.1:70000"),
    ("PUBLIC_URL", "drive.example.com"),
    ("PUBLIC_URL", "ftp://drive.example.com"),
    ("DATABASE_URL", "mysql://drive@localhost/drive"),
    ("DATABASE_URL", "sqlite:"),
    ("AWS_ENDPOINT_URL_S3", "localhost:9000"),
    ("S3_PUBLIC_ENDPOINT", "s3"),
    ("S3_PATH_STYLE", "yes"),
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
    for command in ["serve", "migrate", "collect", "doctor"] {
        assert_refused(dir.path(), &[command], &[("SECRET_KEY", "short")], "SECRET_KEY");
    }
    let (_, _, err) = printed(run(dir.path(), &[], &[("SECRET_KEY", "hush, too short")]));
    assert!(!err.contains("hush"), "{err}");
    assert!(is_empty(dir.path()), "nothing is made before the configuration is whole");
}

#[test]
fn all_configuration_errors_are_reported_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let complaints = |variables: &[(&str, &str)]| {
        let (code, out, err) = printed(run(dir.path(), &[], variables));
        assert_eq!((code, out.as_str(), err.lines().count()), (2, "", 1), "{err}");
        assert!(!err.contains("hush"), "{err}");
        let complaints = err.strip_prefix("clouddrive: ").unwrap().split("; ");
        let names = complaints.map(|complaint| complaint.split(' ').next().unwrap().to_owned());
        // A complaint may contain a semicolon.
        names.filter(|name| name.bytes().all(|byte| byte.is_ascii_uppercase() || b"_3".contains(&byte))).collect()
    };
    let none: Vec<String> = complaints(&[("ENVIRONMENT", "production"), ("AWS_SECRET_NAME", "none")]);
    assert_eq!(none, ["DATABASE_URL", "S3_BUCKET_NAME", "SECRET_KEY"]);
    let many = [
        ("DATABASE_URL", "mysql://ann:hush@db/drive"),
        ("SECRET_KEY", "hush"),
        ("BIND_ADDR", "hush"),
        ("AWS_ACCESS_KEY_ID", "hush"),
        ("DEFAULT_QUOTA_BYTES", "hush"),
        ("WORKERS", "hush"),
    ];
    let many: Vec<String> = complaints(&many);
    assert_eq!(
        many,
        ["DATABASE_URL", "AWS_SECRET_ACCESS_KEY", "SECRET_KEY", "BIND_ADDR", "DEFAULT_QUOTA_BYTES", "WORKERS"]
    );
    assert!(is_empty(dir.path()));
}

#[test]
fn an_address_that_cannot_be_used_is_refused_without_its_password() {
    let dir = tempfile::tempdir().unwrap();
    for url in [
        "postgres://ann:hush@",
        "postgres://ann:hush@db:port/drive",
        "postgres://ann:hush@db:70000/drive",
        "postgres://ann:hush%zz@db/drive",
        "postgres://ann:hush@db/drive?sslmode=hush",
        "postgres://ann:hush@db/drive?hush=1",
        "postgres://ann:hush@db/drive?sslmode=verify-full&sslrootcert=/nowhere/hush.pem",
    ] {
        for name in ["DATABASE_URL", "MIGRATION_DATABASE_URL"] {
            let sound = ("DATABASE_URL", "postgres://ann@127.0.0.1:1/drive");
            let variables = [sound, ("SECRET_KEY", KEY), (name, url), ("STARTUP_SECONDS", "0")];
            let (code, out, err) = printed(run(dir.path(), &["migrate"], &variables));
            assert_eq!((out.as_str(), err.lines().count()), ("", 1), "{url}: {err}");
            assert!([1, 2].contains(&code), "{url}: {code}");
            assert!(code == 1 || err.starts_with(&format!("clouddrive: {name} ")), "{url}: {err}");
            assert!(!err.contains("ann:") && !err.contains("hush@") && !err.contains("hush%"), "{url}: {err}");
        }
    }
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
        let (_, _, err) = printed(run(dir.path(), &[], &[]));
        assert!(!err.contains("hush"), "{err}");
    }
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    assert_refused(dir.path(), &[], &[], ".env");
}

#[test]
fn non_utf8_values_are_refused_only_in_used_variables() {
    let dir = tempfile::tempdir().unwrap();
    let latin = OsStr::from_bytes(b"caf\xe9 caf\xe9 caf\xe9 caf\xe9 caf\xe9 caf\xe9 caf\xe9");
    let with = |name: &str| printed(binary(dir.path(), &[]).env(name, latin).arg("migrate").output().unwrap());
    for name in ["SECRET_KEY", "DATA_DIR", "PUBLIC_URL"] {
        let (code, _, err) = with(name);
        assert_eq!((code, err.lines().count()), (2, 1), "{err}");
        assert!(err.starts_with(&format!("clouddrive: {name} ")), "{err}");
    }
    let (code, _, err) = with("OLDPWD");
    assert_eq!((code, err.as_str()), (0, ""));
}
