use clouddrive_domain::service::CollectorReport;

use crate::config::Config;
use crate::output::say;
use crate::wiring::Stores;

/// Safe beside a running server: what to remove is decided in the database, one transaction at a time.
pub(super) async fn collect(config: &Config) -> anyhow::Result<()> {
    let stores = Stores::open_current(config).await?;
    let mut report = CollectorReport::default();
    let outcome = stores.collector(config).run(&stores.ambient().request_id(), &mut report).await;
    say(format!("uploads expired: {}", report.uploads_expired))?;
    say(format!("blobs removed: {}", report.blobs_removed))?;
    say(format!("partial writes removed: {}", report.partial_writes_removed))?;
    say(format!("files and folders purged: {}", report.nodes_purged))?;
    say(format!("drives without an owner removed: {}", report.drives_removed))?;
    say(format!("sessions removed: {}", report.sessions_removed))?;
    say(format!("refresh tokens removed: {}", report.refresh_tokens_removed))?;
    say(format!("log entries pruned: {}", report.changes_pruned))?;
    Ok(outcome?)
}
