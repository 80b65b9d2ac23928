//! What the server does by itself.

use std::time::Duration;

use clouddrive_domain::model::RequestId;
use clouddrive_domain::service::{Ambient, Collector, CollectorReport};
use metrics::{counter, gauge, histogram};
use tokio::time::Instant;
use tracing::Instrument;

/// Clears away what nothing needs any more, again and again. Instances share that work: what one of them has done within
/// the `interval` the others leave.
pub(crate) async fn collect(collector: Collector, ambient: Ambient, interval: Duration) {
    let mut ticks = tokio::time::interval(interval);
    loop {
        ticks.tick().await;
        let id = ambient.request_id();
        // As a request of the server to itself: of the same name, so that its lines are found as those of others are.
        let span = tracing::error_span!("collector", id = id.as_str());
        let began = Instant::now();
        let mut report = CollectorReport::default();
        let outcome = round(&collector, &id, interval, &mut report).instrument(span.clone()).await;
        histogram!("clouddrive_collector_run_duration_seconds").record(began.elapsed());
        count(&report);
        let _in_span = span.enter();
        if report != CollectorReport::default() {
            tracing::info!(?report, "collected");
        }
        match outcome {
            Ok(()) => {
                counter!("clouddrive_collector_runs_total", "outcome" => "ok").increment(1);
                let now = number(ambient.now().as_seconds().unsigned_abs());
                gauge!("clouddrive_collector_last_success_timestamp_seconds").set(now);
            }
            Err(fault) => {
                counter!("clouddrive_collector_runs_total", "outcome" => "failed").increment(1);
                tracing::error!(%fault, source = ?std::error::Error::source(&fault), "collecting failed");
            }
        }
    }
}

async fn round(
    collector: &Collector,
    id: &RequestId,
    interval: Duration,
    report: &mut CollectorReport,
) -> clouddrive_domain::Result<()> {
    collector.share(id, interval, report).await?;
    gauge!("clouddrive_uploads_open").set(number(collector.count_open_uploads().await?));
    Ok(())
}

fn count(report: &CollectorReport) {
    for (kind, removed) in [
        ("upload", report.uploads_expired),
        ("blob", report.blobs_removed),
        ("partial_write", report.partial_writes_removed),
        ("node", report.nodes_purged),
        ("drive", report.drives_removed),
        ("session", report.sessions_removed),
        ("refresh_token", report.refresh_tokens_removed),
    ] {
        counter!("clouddrive_collector_removed_total", "kind" => kind).increment(removed);
    }
}

/// As metrics have it: exact up to 2⁵³.
#[expect(clippy::cast_precision_loss, reason = "nothing that is counted here comes near 2⁵³")]
fn number(count: u64) -> f64 {
    count as f64
}
