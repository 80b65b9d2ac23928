use clouddrive_domain::port::Clock;
use clouddrive_domain::{Error, Result};

use crate::client::{client, row};
use crate::database::Database;
use crate::migrations;
use crate::options::Options;
use crate::pooler;

/// Facts about a database, to be checked before it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examination {
    /// The version of the server.
    pub server_version: String,
    /// The encoding of the database, which must be `UTF8`.
    pub encoding: String,
    /// The language of the server's messages, which must be English: `C`, `POSIX` or `en_…`.
    pub messages: String,
    /// Whether prepared statements persist; they do not behind a pooler that does not track them.
    pub keeps_prepared_statements: bool,
    /// The migrations that have not been applied yet.
    pub pending: Vec<String>,
    /// The number of milliseconds that the server's clock is ahead of ours.
    pub clock_ahead_millis: i64,
}

impl Database {
    /// Examines the database at the target of `options`, once, without waiting for it and without changing anything.
    ///
    /// # Errors
    /// [`Unavailable`](Error::Unavailable) if it is out of reach; [`Internal`](Error::Internal) if it refuses the
    /// login.
    pub async fn examine(options: &Options, clock: &dyn Clock) -> Result<Examination> {
        let client = client(options).await?;
        let [server_version, encoding, messages] = row(
            &client,
            "SELECT current_setting('server_version'), current_setting('server_encoding'), \
             current_setting('lc_messages')",
        )
        .await?;
        let [theirs] = row(&client, "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint").await?;
        let ours = clock.now().as_millis();
        let theirs: i64 = theirs.parse().map_err(|error| Error::internal("database", error))?;
        Ok(Examination {
            server_version,
            encoding,
            messages,
            keeps_prepared_statements: pooler::keeps_prepared_statements(options).await?,
            pending: migrations::pending(&client).await?,
            clock_ahead_millis: theirs - ours,
        })
    }
}
