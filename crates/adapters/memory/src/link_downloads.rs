use async_trait::async_trait;
use clouddrive_domain::model::{Change, ChangeKind, Command, CountOutcome, DOWNLOAD_WINDOW, LinkDownload, Timestamp};
use clouddrive_domain::port::LinkDownloadRepository;
use clouddrive_domain::{Error, Result};

use crate::Database;
use crate::changes::log;
use crate::links::find;
use crate::state::State;

fn is_counted(state: &State, download: &LinkDownload, now: Timestamp) -> bool {
    let counted = state.downloads.get(&(download.link, download.digest()));
    counted.is_some_and(|at| *at > now.minus(DOWNLOAD_WINDOW))
}

fn count(state: &mut State, command: &Command, download: &LinkDownload) -> Result<CountOutcome> {
    let link = find(state, download.link).ok_or(Error::NotFound)?;
    link.check_running(command.at)?;
    if is_counted(state, download, command.at) {
        return Ok(CountOutcome::Continued);
    }
    link.check_download()?;
    if let Some(row) = state.links.get_mut(&link.id) {
        row.downloads += 1;
        row.last_download_at = Some(command.at);
    }
    state.downloads.put((link.id, download.digest()), command.at);
    let drive = state.nodes.get(&link.item.id).map(|row| row.drive);
    log(state, command, Change::for_node(ChangeKind::LinkDownloaded, drive, link.item.id));
    Ok(CountOutcome::New)
}

#[async_trait]
impl LinkDownloadRepository for Database {
    async fn is_counted(&self, download: &LinkDownload, now: Timestamp) -> Result<bool> {
        self.read(|state| Ok(is_counted(state, download, now)))
    }

    async fn count(&self, command: &Command, download: &LinkDownload) -> Result<CountOutcome> {
        self.write(|state| count(state, command, download))
    }

    async fn prune(&self, before: Timestamp, max: u32) -> Result<u32> {
        self.write(|state| Ok(state.downloads.remove_where(max, |at| *at < before)))
    }
}
