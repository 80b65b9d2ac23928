//! Periodic maintenance, one task at a time.

use std::time::Duration;

use clouddrive_domain::model::RequestId;
use clouddrive_domain::service::{Ambient, Chore, Collector, CollectorReport};
use metrics::{counter, gauge, histogram};
use tokio::time::Instant;
use tracing::Instrument;

/// Runs the collector every `interval`. Instances share the work: a chore that one of them has done within the interval
/// is skipped by the others.
pub(crate) async fn collect(collector: Collector, ambient: Ambient, interval: Duration) {
    let mut ticks = tokio::time::interval(interval);
    loop {
        ticks.tick().await;
        let id = ambient.request_id();
        for chore in Chore::ALL {
            // A span with an `id`, like that of a request, so that log lines can be found in the same way.
            let span = tracing::error_span!("collector", id = id.as_str(), chore = chore.as_str());
            take_up(&collector, *chore, &ambient, &id, interval).instrument(span).await;
        }
        match collector.count_open_uploads().await {
            Ok(open) => gauge!("clouddrive_uploads_open").set(number(open)),
            Err(fault) => {
                let _in_span = tracing::error_span!("collector", id = id.as_str()).entered();
                tracing::error!(%fault, source = ?std::error::Error::source(&fault), "counting open uploads failed");
            }
        }
    }
}

/// Runs `chore` if it is this instance's turn. Only the instance that ran it records metrics: skipping is not a
/// success.
async fn take_up(collector: &Collector, chore: Chore, ambient: &Ambient, id: &RequestId, interval: Duration) {
    let began = Instant::now();
    let mut report = CollectorReport::default();
    let outcome = collector.take_up(chore, id, interval, &mut report).await;
    if let Ok(false) = outcome {
        return;
    }
    let chore = chore.as_str();
    histogram!("clouddrive_collector_run_duration_seconds", "chore" => chore).record(began.elapsed());
    count(&report);
    if report != CollectorReport::default() {
        tracing::info!(?report, "collected");
    }
    let word = if outcome.is_ok() { "ok" } else { "failed" };
    counter!("clouddrive_collector_runs_total", "chore" => chore, "outcome" => word).increment(1);
    match outcome {
        Ok(_) => {
            let now = number(ambient.now().as_seconds().unsigned_abs());
            gauge!("clouddrive_collector_last_success_timestamp_seconds", "chore" => chore).set(now);
        }
        Err(fault) => tracing::error!(%fault, source = ?std::error::Error::source(&fault), "collecting failed"),
    }
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
        ("change", report.changes_pruned),
    ] {
        counter!("clouddrive_collector_removed_total", "kind" => kind).increment(removed);
    }
}

/// For metrics: exact up to 2⁵³.
#[expect(clippy::cast_precision_loss, reason = "nothing that is counted here comes near 2⁵³")]
fn number(count: u64) -> f64 {
    count as f64
}
