//! The stores as opened for the integrity check. Connections and clients come from the adapters, which know addresses,
//! TLS and secrets; the queries are the check's own.

use std::sync::Arc;

use clouddrive_verify::sources::{Disk, Postgres, S3, Sqlite};
use clouddrive_verify::{CheckError, Objects, Options, Progress, Records, Report};
use futures_util::FutureExt;

use super::blobs::{settings, store_name};
use super::database::postgres;
use crate::config::{BlobsConfig, Config, DatabaseConfig};

/// Checks the configured stores.
pub(crate) async fn verify(config: &Config, options: Options, progress: Progress<'_>) -> anyhow::Result<Report> {
    // Neither store is opened as the server does: that creates directories and writes to the bucket to probe it.
    let records: Box<dyn Records> = match &config.database {
        DatabaseConfig::Sqlite(path) => Box::new(Sqlite::new(path.clone())),
        DatabaseConfig::Postgres(settings) => {
            let options = Arc::new(postgres(config, settings)?);
            let connect = move || {
                let options = options.clone();
                let connecting = async move { clouddrive_postgres::Database::client(&options).await };
                connecting.map(|client| client.map_err(|error| CheckError::database(&error))).boxed()
            };
            Box::new(Postgres::new(Arc::new(connect)))
        }
    };
    let name = store_name(config)?;
    let objects: Box<dyn Objects> = match &config.blobs {
        BlobsConfig::Disk(directory) => Box::new(Disk::new(directory, name.as_str())),
        BlobsConfig::S3(bucket) => {
            let client = settings(config, bucket).client().await;
            Box::new(S3::new(client, bucket.bucket.clone(), name.as_str()))
        }
    };
    Ok(clouddrive_verify::verify(&*records, &*objects, options, progress).await?)
}
