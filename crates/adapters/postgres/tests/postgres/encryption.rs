//! Connection security, tested against a server with its own certificate.

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use crate::support::cluster::{Cluster, give_away};
use crate::support::connect;
use clouddrive_domain::model::Timestamp;
use clouddrive_domain::port::Clock;
use clouddrive_domain::{Error, Result};
use clouddrive_postgres::{Database, Examination, Options, Target};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// Creates an authority, writes its certificate to `root`, and returns a certificate for `localhost` signed by it.
fn certify(root: &Path) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    std::fs::write(root, params.self_signed(&key).unwrap().pem()).unwrap();
    let issuer = Issuer::new(params, key);
    let server_key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    (server.signed_by(&server_key, &issuer).unwrap().pem(), server_key.serialize_pem())
}

struct Epoch;

impl Clock for Epoch {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(0)
    }
}

async fn reach(url: &str) -> Result<Examination> {
    let target: Target = url.parse().unwrap();
    Database::examine(&Options::new(target), &Epoch).await
}

fn assert_reached(outcome: Result<Examination>) {
    assert_eq!(outcome.map(|found| found.encoding).unwrap(), "UTF8");
}

fn assert_kept_out(outcome: Result<Examination>) {
    assert!(matches!(outcome, Err(Error::Internal { part: "database", .. })), "{outcome:?}");
}

/// Starts a server that takes passwords over the network (`hostssl`, `host` or `plain`), and returns it with its port.
async fn server(dir: &Path, hba: &str) -> (Cluster, u16) {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    let mut cluster =
        Cluster::make(&format!("listen_addresses = 'localhost'\nport = {port}\nssl = {}", hba != "plain"));
    let (certificate, key) = certify(&dir.join("root.pem"));
    for (name, text) in [("server.crt", certificate), ("server.key", key)] {
        let path = cluster.data().join(name);
        std::fs::write(&path, text).unwrap();
        give_away(&path);
    }
    let kind = if hba == "plain" { "host" } else { hba };
    let rules = format!("local all all trust\n{kind} all all localhost scram-sha-256\n");
    std::fs::write(cluster.data().join("pg_hba.conf"), rules).unwrap();
    drop(free);
    cluster.up();
    let socket = cluster.dir().display().to_string().replace('/', "%2F");
    let client = connect(&format!("postgres://postgres@{socket}:{port}/postgres")).await;
    client.batch_execute("CREATE ROLE ann LOGIN PASSWORD 'p@ss/word'").await.unwrap();
    (cluster, port)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_verified_according_to_sslmode() {
    let dir = tempfile::tempdir().unwrap();
    let (_cluster, port) = server(dir.path(), "host").await;
    let stranger = dir.path().join("stranger.pem");
    certify(&stranger);
    let [root, stranger] = [dir.path().join("root.pem"), stranger].map(|path| path.display().to_string());
    let by = |host: &str, options: &str| format!("postgres://ann:p%40ss%2Fword@{host}:{port}/postgres?{options}");
    for options in ["sslmode=disable", "", "sslmode=prefer", "sslmode=require"] {
        assert_reached(reach(&by("localhost", options)).await);
    }
    for mode in ["require", "verify-ca", "verify-full"] {
        assert_reached(reach(&by("localhost", &format!("sslmode={mode}&sslrootcert={root}"))).await);
        assert_kept_out(reach(&by("localhost", &format!("sslmode={mode}&sslrootcert={stranger}"))).await);
    }
    // The certificate is for `localhost`, not for an address.
    assert_reached(reach(&by("127.0.0.1", &format!("sslmode=verify-ca&sslrootcert={root}"))).await);
    assert_kept_out(reach(&by("127.0.0.1", &format!("sslmode=verify-full&sslrootcert={root}"))).await);
    // It is not signed by a system authority either.
    let system = reach(&by("localhost", "sslmode=verify-full&sslrootcert=system")).await;
    assert!(system.is_err());
    assert_kept_out(reach(&by("localhost", "sslmode=verify-full&sslrootcert=/nowhere.pem")).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_insists_on_encryption_gets_it() {
    let dir = tempfile::tempdir().unwrap();
    let (_cluster, port) = server(dir.path(), "hostssl").await;
    let by = |options: &str| format!("postgres://ann:p%40ss%2Fword@localhost:{port}/postgres?{options}");
    assert_kept_out(reach(&by("sslmode=disable")).await);
    for options in ["", "sslmode=require"] {
        assert_reached(reach(&by(options)).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_encrypt_is_refused_if_encryption_is_required() {
    let dir = tempfile::tempdir().unwrap();
    let (_cluster, port) = server(dir.path(), "plain").await;
    let by = |options: &str| format!("postgres://ann:p%40ss%2Fword@localhost:{port}/postgres?{options}");
    assert_reached(reach(&by("")).await);
    assert_kept_out(reach(&by("sslmode=require")).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_fails_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let (_cluster, port) = server(dir.path(), "host").await;
    let target: Target = format!("postgres://ann:wrong-one@localhost:{port}/postgres").parse().unwrap();
    let options = Options { start_wait: Duration::from_secs(3600), ..Options::new(target) };
    let Err(Error::Internal { source, .. }) = Database::open(&options).await.map(drop) else {
        unreachable!("the password is wrong");
    };
    assert!(source.to_string().contains("password") && !source.to_string().contains("wrong-one"), "{source}");
}
