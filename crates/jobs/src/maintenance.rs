//! Periodic maintenance, one task at a time.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use clouddrive_domain::Error;
use clouddrive_domain::model::RequestId;
use clouddrive_domain::service::{CollectorReport, GarbageCollector, MaintenanceTask, ServiceContext};
use futures_util::FutureExt;
use metrics::{counter, gauge, histogram};
use tokio::time::Instant;
use tracing::Instrument;

use crate::convert::as_f64;
use crate::outage::Outage;

/// Runs the collector every `interval`. Instances share the work: a maintenance task that one of them has done within
/// the interval is skipped by the others.
pub(crate) async fn collect(collector: GarbageCollector, context: ServiceContext, interval: Duration) -> Infallible {
    let mut ticks = tokio::time::interval(interval);
    let mut counting = Outage::none("counting open uploads");
    loop {
        ticks.tick().await;
        let id = context.request_id();
        for task in MaintenanceTask::ALL {
            // A span with an `id`, like that of a request, so that log lines can be found in the same way.
            let span = tracing::error_span!("collector", id = id.as_str(), chore = task.as_str());
            run_if_due(&collector, *task, &context, &id, interval).instrument(span).await;
        }
        let open = collector.count_open_uploads().await;
        let open = tracing::error_span!("collector", id = id.as_str()).in_scope(|| counting.note(open));
        if let Some(open) = open {
            gauge!("clouddrive_uploads_open").set(as_f64(open));
        }
    }
}

/// Runs `task` if it is this instance's turn. Only the instance that ran it records metrics: skipping is not a
/// success.
async fn run_if_due(
    collector: &GarbageCollector,
    task: MaintenanceTask,
    context: &ServiceContext,
    id: &RequestId,
    interval: Duration,
) {
    let began = Instant::now();
    let mut report = CollectorReport::default();
    // A bug in one task stops neither the others nor the server; its lease runs out.
    let run = AssertUnwindSafe(collector.run_if_due(task, id, interval, &mut report)).catch_unwind().await;
    let outcome = run.unwrap_or_else(|_| Err(Error::internal("maintenance", "the task panicked")));
    if let Ok(false) = outcome {
        return;
    }
    let task = task.as_str();
    histogram!("clouddrive_collector_run_duration_seconds", "chore" => task).record(began.elapsed());
    count(&report);
    if report != CollectorReport::default() {
        tracing::info!(?report, "collected");
    }
    let word = if outcome.is_ok() { "ok" } else { "failed" };
    counter!("clouddrive_collector_runs_total", "chore" => task, "outcome" => word).increment(1);
    match outcome {
        Ok(_) => {
            let now = as_f64(context.now().as_seconds().unsigned_abs());
            gauge!("clouddrive_collector_last_success_timestamp_seconds", "chore" => task).set(now);
        }
        Err(error) => tracing::error!(%error, source = ?std::error::Error::source(&error), "collecting failed"),
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use clouddrive_domain::port::{MockBlobRecordRepository, MockTaskLeaseRepository, MockUploadRepository};
    use clouddrive_domain::service::{CollectorSettings, CollectorStores};
    use tokio::sync::oneshot;

    use super::*;
    use crate::testing::{blob_stores, context};

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_stops_neither_the_others_nor_the_server() {
        let (mut leases, mut uploads) = (MockTaskLeaseRepository::new(), MockUploadRepository::new());
        let first = MaintenanceTask::ALL[0].as_str();
        let panicking = leases.expect_claim().withf(move |lease, _, _| lease.task == first);
        panicking.times(1).returning(|_, _, _| panic!("a bug"));
        leases.expect_claim().times(MaintenanceTask::ALL.len() - 1).returning(|_, _, _| Ok(false));
        let (counted, round) = oneshot::channel();
        uploads.expect_count_open().times(1).return_once(move || {
            counted.send(()).unwrap();
            Ok(0)
        });
        let stores = CollectorStores {
            task_leases: Arc::new(leases),
            blobs: blob_stores(),
            records: Arc::new(MockBlobRecordRepository::new()),
            uploads: Arc::new(uploads),
            trash: None,
            sessions: None,
            links: None,
            link_downloads: None,
            throttle: None,
            idempotency_records: None,
            name_keys: None,
            changes: None,
        };
        let collector = GarbageCollector::new(stores, context(), CollectorSettings::default());
        tokio::select! {
            never = collect(collector, context(), Duration::from_secs(60)) => match never {},
            ended = round => ended.unwrap(),
        }
    }
}
