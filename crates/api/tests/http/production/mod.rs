//! Production stack only: several instances on one database and bucket, outages of either, stores and poolers that lack
//! something, secrets, and presigned URLs of the store.

mod bytes;
mod configuration;
mod content;
mod cors;
mod crash;
mod doctor;
mod instances;
mod outages;
mod pooler;
mod rolling_restart;
mod secrets;
mod start;
mod stores;

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::Arc;

use crate::process::printed;
use crate::support::{Proxy, Server, Storage, text};

/// A server whose connections to its stores a test can cut.
struct CuttableServer {
    server: Server,
    database: Proxy,
    storage: Proxy,
}

impl CuttableServer {
    async fn start() -> Self {
        let (database, storage) = (Proxy::to_postgres(), Proxy::to_s3());
        let place = Arc::new(Storage::new());
        let (database_url, s3_url) = (database.database_url(&place), storage.url());
        let variables = [
            ("DATABASE_URL", database_url.as_str()),
            ("AWS_ENDPOINT_URL_S3", &s3_url),
            ("DATABASE_WAIT_SECONDS", "2"),
            ("DATABASE_CONNECT_SECONDS", "2"),
            ("RUST_LOG", "off"),
        ];
        let server = Server::at(place, &variables).await;
        Self { server, database, storage }
    }
}

/// The last line on standard error of a server that refuses to start, however long it may wait.
#[track_caller]
fn refusal_to_serve(place: &Storage, variables: &[(&str, &str)]) -> String {
    let mut command = place.command(&[variables, &[("STARTUP_SECONDS", "3600")]].concat());
    let mut process = command.arg("serve").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let first = BufReader::new(process.stdout.take().unwrap()).lines().next();
    if let Some(line) = first {
        process.kill().unwrap();
        process.wait().unwrap();
        panic!("it has started: {line:?}");
    }
    let (code, _, err) = printed(process.wait_with_output().unwrap());
    assert_eq!(code, 1, "{err}");
    err.lines().last().unwrap().to_owned()
}

/// The item's identifier.
fn id(item: &serde_json::Value) -> String {
    text(&item["id"])
}
