use clouddrive_domain::service::CollectorReport;

use crate::config::Config;
use crate::output::print_line;
use crate::wiring::Backends;

/// Safe beside a running server: what to remove is decided in the database, one transaction at a time.
pub(super) async fn collect(config: &Config) -> anyhow::Result<()> {
    let stores = Backends::open_current(config).await?;
    let mut report = CollectorReport::default();
    let outcome = stores.collector(config).run(&stores.context().request_id(), &mut report).await;
    print_line(format!("uploads expired: {}", report.uploads_expired))?;
    print_line(format!("blobs removed: {}", report.blobs_removed))?;
    print_line(format!("partial writes removed: {}", report.partial_writes_removed))?;
    print_line(format!("files and folders purged: {}", report.nodes_purged))?;
    print_line(format!("drives without an owner removed: {}", report.drives_removed))?;
    print_line(format!("sessions removed: {}", report.sessions_removed))?;
    print_line(format!("refresh tokens removed: {}", report.refresh_tokens_removed))?;
    print_line(format!("log entries pruned: {}", report.changes_pruned))?;
    Ok(outcome?)
}
