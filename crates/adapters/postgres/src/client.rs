//! Plain clients of the driver, and the simple protocol, which works through any pooler.

use clouddrive_domain::{Error, Result};
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::connector::{ConnectError, Connector};
use crate::options::Options;

/// Connects a client to the target of `options`.
pub(crate) async fn client(options: &Options) -> Result<Client> {
    let connecting = Connector::new(&options.target, options)?.client().await;
    Ok(connecting.map_err(|error| error.error)?.0)
}

/// The rows of `sql`, with `N` non-null columns each.
pub(crate) async fn rows<const N: usize>(client: &Client, sql: &str) -> Result<Vec<[String; N]>> {
    let messages = client.simple_query(sql).await.map_err(|error| ConnectError::from(error).error)?;
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    Ok(rows.map(|row| std::array::from_fn(|column| row.get(column).unwrap_or_default().to_owned())).collect())
}

/// The first row of `sql`, as [`rows`].
pub(crate) async fn row<const N: usize>(client: &Client, sql: &str) -> Result<[String; N]> {
    let first = rows(client, sql).await?.into_iter().next();
    first.ok_or_else(|| Error::internal("database", "the server gave no row"))
}
