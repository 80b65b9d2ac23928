use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::model::{Change, ChangeKind, Command, CountOutcome, LinkDownload, Timestamp};
use clouddrive_domain::port::LinkDownloadRepository;
use clouddrive_sql::error::SqlError;
use clouddrive_sql::link_downloads::{self as rows, CountedDownloadRow, CountedLinkRow};
use clouddrive_sql::links::download_error;
use clouddrive_sql::statement::{Parameter, Statement};
use diesel::prelude::OptionalExtension;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::Database;
use crate::changes::record_change;
use crate::links::find;
use crate::transaction::TxMode;

async fn is_counted(
    mut connection: &AsyncPgConnection,
    download: &LinkDownload,
    now: Timestamp,
) -> Result<bool, SqlError> {
    let mark: Option<CountedDownloadRow> = rows::find(download, now).get_result(&mut connection).await.optional()?;
    Ok(mark.is_some())
}

/// Counts a download. Concurrent counts are sequential: the link's row is locked until one commits, and the next
/// rechecks it. A mark that a concurrent download from the same network has set meanwhile is detected when setting the
/// mark.
async fn count(
    mut connection: &AsyncPgConnection,
    command: &Command,
    download: &LinkDownload,
) -> Result<CountOutcome, SqlError> {
    let counted: Option<CountedLinkRow> =
        rows::count(download, command.at).get_result(&mut connection).await.optional()?;
    let Some(counted) = counted else {
        // In this order: a link that is revoked in between takes its marks with it.
        let counted = is_counted(connection, download, command.at).await?;
        let link = find(connection, download.link).await?;
        if counted && link.as_ref().is_some_and(|link| link.check_running(command.at).is_ok()) {
            return Ok(CountOutcome::Continued);
        }
        return Err(download_error(link, command.at).into());
    };
    if rows::record(download, command.at).execute(&mut connection).await? == 0 {
        rows::uncount(download.link).execute(&mut connection).await?;
        return Ok(CountOutcome::Continued);
    }
    let (drive, node) = counted.location();
    record_change(connection, command, Change::for_node(ChangeKind::LinkDownloaded, drive, node)).await?;
    Ok(CountOutcome::New)
}

#[async_trait]
impl LinkDownloadRepository for Database {
    async fn is_counted(&self, download: &LinkDownload, now: Timestamp) -> Result<bool> {
        let download = *download;
        self.read(async move |connection: &AsyncPgConnection| is_counted(connection, &download, now).await).await
    }

    async fn count(&self, command: &Command, download: &LinkDownload) -> Result<CountOutcome> {
        let (command, download) = (command.clone(), *download);
        let work = async move |connection: &AsyncPgConnection| count(connection, &command, &download).await;
        self.write(TxMode::Write, work).await
    }

    async fn prune(&self, before: Timestamp, max: u32) -> Result<u32> {
        self.write(TxMode::Write, async move |mut connection: &AsyncPgConnection| {
            let text = "DELETE FROM link_downloads WHERE ctid = ANY (ARRAY(
                SELECT ctid FROM link_downloads WHERE counted_at < ? LIMIT ? FOR UPDATE SKIP LOCKED))";
            let parameters = vec![Parameter::Integer(before.as_millis()), Parameter::Integer(max.into())];
            let gone = Statement::new(text, parameters).execute(&mut connection).await?;
            Ok(u32::try_from(gone).unwrap_or(max))
        })
        .await
    }
}
