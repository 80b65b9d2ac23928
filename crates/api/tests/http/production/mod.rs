//! Production stack only: several instances on one database and bucket, outages of either, secrets, and presigned URLs
//! of the store.

mod bytes;
mod configuration;
mod content;
mod cors;
mod crash;
mod doctor;
mod instances;
mod outages;
mod rolling_restart;
mod secrets;
mod start;

use std::sync::Arc;

use crate::support::{Place, Proxy, Server, text};

/// A server whose connections to its stores a test can cut.
struct Apart {
    server: Server,
    database: Proxy,
    storage: Proxy,
}

impl Apart {
    async fn start() -> Self {
        let (database, storage) = (Proxy::to_postgres(), Proxy::to_s3());
        let place = Arc::new(Place::new());
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

/// The item's identifier.
fn id(item: &serde_json::Value) -> String {
    text(&item["id"])
}
