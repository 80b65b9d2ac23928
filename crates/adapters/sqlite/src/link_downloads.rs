use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::model::{Change, ChangeKind, Command, CountOutcome, LinkDownload, Timestamp};
use clouddrive_domain::port::LinkDownloadRepository;
use clouddrive_sql::error::SqlError;
use clouddrive_sql::link_downloads::{self as rows, CountedDownloadRow, CountedLinkRow};
use clouddrive_sql::links::download_error;
use clouddrive_sql::statement::{Parameter, Statement};
use diesel::prelude::*;

use crate::Database;
use crate::changes::record_change;
use crate::links::find;

fn is_counted(connection: &mut SqliteConnection, download: &LinkDownload, now: Timestamp) -> Result<bool, SqlError> {
    let mark: Option<CountedDownloadRow> = rows::find(download, now).get_result(connection).optional()?;
    Ok(mark.is_some())
}

fn count(
    connection: &mut SqliteConnection,
    command: &Command,
    download: &LinkDownload,
) -> Result<CountOutcome, SqlError> {
    let counted: Option<CountedLinkRow> = rows::count(download, command.at).get_result(connection).optional()?;
    let Some(counted) = counted else {
        let link = find(connection, download.link)?;
        let runs = link.as_ref().is_some_and(|link| link.check_running(command.at).is_ok());
        if runs && is_counted(connection, download, command.at)? {
            return Ok(CountOutcome::Continued);
        }
        return Err(download_error(link, command.at).into());
    };
    rows::record(download, command.at).execute(connection)?;
    let (drive, node) = counted.location();
    record_change(connection, command, Change::for_node(ChangeKind::LinkDownloaded, drive, node))?;
    Ok(CountOutcome::New)
}

#[async_trait]
impl LinkDownloadRepository for Database {
    async fn is_counted(&self, download: &LinkDownload, now: Timestamp) -> Result<bool> {
        let download = *download;
        self.read(move |connection| is_counted(connection, &download, now)).await
    }

    async fn count(&self, command: &Command, download: &LinkDownload) -> Result<CountOutcome> {
        let (command, download) = (command.clone(), *download);
        self.write(move |connection| count(connection, &command, &download)).await
    }

    async fn prune(&self, before: Timestamp, max: u32) -> Result<u32> {
        self.write_bulk(move |connection| {
            let text = "DELETE FROM link_downloads WHERE (link_id, digest) IN (
                SELECT link_id, digest FROM link_downloads WHERE counted_at < ? LIMIT ?)";
            let parameters = vec![Parameter::Integer(before.as_millis()), Parameter::Integer(max.into())];
            let gone = Statement::new(text, parameters).execute(connection)?;
            Ok(u32::try_from(gone).unwrap_or(max))
        })
        .await
    }
}
