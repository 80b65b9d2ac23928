use std::path::Path;

use secrecy::ExposeSecret;

use super::*;

fn read(values: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::read(&Source::from_values(values))
}

/// The variables reported as errors.
fn refused(values: &[(&str, &str)]) -> Vec<String> {
    read(values).map(|_| ()).unwrap_err().0.into_iter().map(|(variable, _)| variable).collect()
}

fn postgres(values: &[(&str, &str)]) -> PostgresConfig {
    let key = ("SECRET_KEY", "0123456789abcdef0123456789abcdef");
    match read(&[values, &[key]].concat()).map(|config| config.database) {
        Ok(DatabaseConfig::Postgres(config)) => *config,
        other => panic!("{:?}", other.map(|_| ())),
    }
}

#[test]
fn defaults_are_valid() {
    let config = read(&[]).unwrap();
    assert_eq!(config.bind.to_string(), "127.0.0.1:8000");
    assert!(matches!(config.database, DatabaseConfig::Sqlite(path) if path == Path::new("./data/clouddrive.db")));
    assert!(matches!(config.blobs, BlobsConfig::Disk(path) if path == Path::new("./data")));
    assert!(config.collect_grace > config.upload_lifetime);
    assert_eq!(config.part_bytes.get(), 64 << 20);
    assert!(config.cors_origins.is_empty() && config.secret_key.is_none());
}

#[test]
fn every_error_names_its_variable() {
    for (name, value) in [
        ("BIND_ADDR", "here"),
        ("METRICS_ADDR", "9464"),
        ("PUBLIC_URL", "drive.example.com"),
        ("PUBLIC_URL", "http://"),
        ("DATABASE_URL", "mysql://localhost/drive"),
        ("DATABASE_URL", "sqlite:"),
        ("DATABASE_URL", "sqlite::memory:"),
        ("DATABASE_URL", "sqlite:file:drive.db?mode=memory"),
        ("AWS_ENDPOINT_URL_S3", "localhost:9000"),
        ("S3_PUBLIC_ENDPOINT", "s3"),
        ("BLOB_STORE", "My store"),
        ("S3_PATH_STYLE", "yes"),
        ("S3_MAX_PARTS", "10001"),
        ("SECRET_KEY", "short"),
        ("ALGORITHM", "none"),
        ("ALGORITHM", "RS256"),
        ("ENVIRONMENT", "prodution"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "0"),
        ("REFRESH_TOKEN_EXPIRE_DAYS", "0"),
        ("REFRESH_TOKEN_EXPIRE_DAYS", "3651"),
        ("REFRESH_GRACE_SECONDS", "61"),
        ("CHANGES_RETENTION_DAYS", "0"),
        ("RATE_LIMITS", "no"),
        ("DEFAULT_QUOTA_BYTES", "5G"),
        ("SIGNED_URL_SECONDS", "301"),
        ("UPLOAD_PART_BYTES", "5242879"),
        ("UPLOAD_PART_BYTES", "5368709121"),
        ("UPLOAD_PART_BYTES", "64MiB"),
        ("COLLECT_GRACE_SECONDS", "10"),
        ("MAX_VERSIONS", "0"),
        ("MAX_VERSIONS", "1001"),
        ("TRASH_RETENTION_SECONDS", "0"),
        ("TRASH_RETENTION_SECONDS", "30d"),
        ("CORS_ORIGINS", "*"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("TRUSTED_PROXIES", "proxy.example.com"),
        ("WORKERS", "-1"),
    ] {
        assert_eq!(refused(&[(name, value)]), [name], "{value}");
    }
}

#[test]
fn blobs_outlast_uploads_and_urls() {
    let short = [("UPLOAD_LIFETIME_SECONDS", "1"), ("COLLECT_GRACE_SECONDS", "1")];
    assert_eq!(refused(&short), ["COLLECT_GRACE_SECONDS"]);
    assert!(read(&[short[0], short[1], ("SIGNED_URL_SECONDS", "1")]).is_ok());
}

#[test]
fn production_requires_explicit_settings_and_reports_all_errors() {
    let production = ("ENVIRONMENT", "production");
    assert_eq!(refused(&[production]), ["DATABASE_URL", "S3_BUCKET_NAME", "SECRET_KEY"]);
    let parts = [production, ("DATABASE", "drive"), ("BUCKET_NAME", "drive"), ("SECRET_KEY", "short"), ("PORT", "x")];
    assert_eq!(refused(&parts), ["HOST", "USER", "PASSWORD", "PORT", "AWS_REGION", "SECRET_KEY"]);
    let embedded = [
        production,
        ("DATABASE_URL", "sqlite:/var/lib/clouddrive/clouddrive.db"),
        ("BLOB_DIR", "/var/lib/clouddrive"),
        ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
    ];
    assert!(read(&embedded).is_ok());
}

#[test]
fn a_database_has_a_url_or_parts_in_either_spelling() {
    for (user, password) in [("USER", "PASSWORD"), ("DB_USER", "DATABASE_PASSWORD")] {
        let config = postgres(&[("DATABASE", "drive"), ("HOST", "db"), (user, "ann"), (password, "hush")]);
        let PostgresAddress::Parts { host, port, database, user, password, .. } = config.address else { panic!() };
        assert_eq!((host.as_str(), port, database.as_str(), user.as_str()), ("db", 5432, "drive", "ann"));
        assert_eq!(password.unwrap().expose_secret(), "hush");
    }
    let config = postgres(&[("DATABASE_URL", "postgres://ann:hush@db/drive"), ("DATABASE", "another")]);
    assert!(matches!(&config.address, PostgresAddress::Url(url) if url.expose_secret().ends_with("/drive")));
    assert!(!format!("{config:?}").contains("hush"));
    assert_eq!(refused(&[("DATABASE_URL", "postgres://db/drive")]), ["SECRET_KEY"]);
}

#[test]
fn malformed_and_missing_variables_are_reported_together() {
    let source = Source::from_values(&[("ENVIRONMENT", "production")]);
    let source = source.with_secret([("SECRET_KEY".to_owned(), "short".to_owned())].into(), vec!["HOST".to_owned()]);
    let message = Config::read(&source).map(|_| ()).unwrap_err().to_string();
    for variable in ["HOST", "DATABASE_URL", "S3_BUCKET_NAME", "SECRET_KEY"] {
        assert!(message.contains(&format!("{variable} must be")), "{message}");
    }
    assert!(!message.contains("short"), "{message}");
}

#[test]
fn incomplete_aws_credentials_are_refused() {
    assert_eq!(refused(&[("AWS_ACCESS_KEY_ID", "AKIA")]), ["AWS_SECRET_ACCESS_KEY"]);
    assert_eq!(refused(&[("AWS_SECRET_ACCESS_KEY", "hush")]), ["AWS_ACCESS_KEY_ID"]);
}

#[test]
fn custom_endpoints_default_to_path_style() {
    let bucket = ("S3_BUCKET_NAME", "drive");
    for (values, expected) in [
        (vec![bucket, ("REGION", "eu-central-1")], false),
        (vec![bucket, ("AWS_ENDPOINT_URL_S3", "http://garage:3900")], true),
        (vec![bucket, ("AWS_ENDPOINT_URL_S3", "https://r2.example"), ("S3_PATH_STYLE", "off")], false),
    ] {
        let BlobsConfig::S3(config) = read(&values).unwrap().blobs else { panic!() };
        assert_eq!(config.path_style, expected);
    }
}

#[test]
fn the_trailing_slash_of_a_public_url_is_removed() {
    let config = read(&[("PUBLIC_URL", "https://drive.example.com/api/")]).unwrap();
    assert_eq!(config.public_url.as_deref(), Some("https://drive.example.com/api"));
}
