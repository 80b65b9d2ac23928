//! Prometheus metrics, on a separate address. See `docs/metrics.md` for their meaning.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::ContentType;
use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::Context;
use clouddrive_domain::model::{BucketKind, JobKind};
use clouddrive_domain::service::MaintenanceTask;
use clouddrive_rest::{HealthCheck, check};
use futures_util::future::join_all;
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::config::MetricsAddress;
use crate::wiring::CountConnections;

/// Histogram buckets in seconds, for requests, waits and calls.
const REQUEST_BUCKETS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Histogram buckets in seconds, for background work.
const BACKGROUND_BUCKETS: &[f64] = &[0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0];

/// How often recorded samples are drained into their buckets, even if metrics are not scraped.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Installs the recorder; before that, metrics are discarded at no cost.
pub(crate) fn start() -> anyhow::Result<PrometheusHandle> {
    let runs = Matcher::Full("clouddrive_collector_run_duration_seconds".to_owned());
    let handle = PrometheusBuilder::new()
        .set_buckets(REQUEST_BUCKETS)?
        .set_buckets_for_metric(runs, BACKGROUND_BUCKETS)?
        .install_recorder()?;
    describe();
    // Initialise counters to 0: an alert on a missing counter never fires.
    counter!("clouddrive_database_wait_timeouts_total").absolute(0);
    counter!("clouddrive_password_hashes_refused_total").absolute(0);
    counter!("clouddrive_damaged_reads_total").absolute(0);
    for task in MaintenanceTask::ALL {
        for outcome in ["ok", "failed"] {
            let counter = counter!("clouddrive_collector_runs_total", "chore" => task.as_str(), "outcome" => outcome);
            counter.absolute(0);
        }
    }
    for kind in ["upload", "blob", "partial_write", "node", "drive", "session", "refresh_token", "change"] {
        counter!("clouddrive_collector_removed_total", "kind" => kind).absolute(0);
    }
    for kind in JobKind::ALL {
        for outcome in ["done", "continued", "failed", "dead"] {
            counter!("clouddrive_jobs_runs_total", "kind" => kind.as_str(), "outcome" => outcome).absolute(0);
        }
        for name in ["clouddrive_jobs_queued", "clouddrive_jobs_running", "clouddrive_jobs_dead"] {
            gauge!(name, "kind" => kind.as_str()).set(0);
        }
    }
    for bucket in BucketKind::ALL {
        counter!("clouddrive_throttled_total", "bucket" => bucket.as_str()).absolute(0);
    }
    for reason in ["too_slow", "address", "descriptors"] {
        counter!("clouddrive_http_connections_closed_total", "reason" => reason).absolute(0);
    }
    gauge!("clouddrive_http_requests_in_flight").set(0);
    gauge!("clouddrive_password_hashes_waiting").set(0);
    let (version, revision) = (env!("CARGO_PKG_VERSION"), option_env!("CLOUDDRIVE_REVISION").unwrap_or("unknown"));
    gauge!("clouddrive_build_info", "version" => version, "revision" => revision).set(1);
    Ok(handle)
}

fn describe() {
    describe_counter!("clouddrive_http_requests_total", "Completed requests");
    describe_histogram!(
        "clouddrive_http_request_duration_seconds",
        Unit::Seconds,
        "Time from the request head to the response head"
    );
    describe_gauge!("clouddrive_http_requests_in_flight", "Requests in progress");
    describe_counter!("clouddrive_http_received_bytes_total", Unit::Bytes, "Bytes of request bodies");
    describe_counter!("clouddrive_http_sent_bytes_total", Unit::Bytes, "Bytes of response bodies");
    describe_counter!("clouddrive_http_connections_closed_total", "Connections that were closed early");
    describe_gauge!("clouddrive_database_connections", "Connections to the database, in use or idle");
    describe_gauge!("clouddrive_database_connections_max", "Maximum number of connections");
    describe_gauge!("clouddrive_database_waiting", "Callers waiting for a connection");
    describe_histogram!("clouddrive_database_wait_seconds", Unit::Seconds, "Time spent waiting for a connection");
    describe_counter!("clouddrive_database_wait_timeouts_total", "Timeouts while waiting for a connection");
    describe_counter!("clouddrive_blob_requests_total", "Calls of the blob store");
    describe_counter!(
        "clouddrive_damaged_reads_total",
        "Responses whose bytes were missing from the store or differed"
    );
    describe_histogram!(
        "clouddrive_blob_request_duration_seconds",
        Unit::Seconds,
        "Duration of calls of the blob store"
    );
    describe_gauge!("clouddrive_password_hashes_waiting", "Callers waiting to hash a password");
    describe_histogram!("clouddrive_password_hash_duration_seconds", Unit::Seconds, "Duration of password hashing");
    describe_counter!("clouddrive_password_hashes_refused_total", "Callers refused because the queue was full");
    describe_counter!("clouddrive_throttled_total", "Attempts refused by rate limits");
    describe_gauge!("clouddrive_uploads_open", "Open uploads of all instances, as of the last collection");
    describe_counter!("clouddrive_collector_runs_total", "Maintenance tasks run by this instance");
    describe_histogram!("clouddrive_collector_run_duration_seconds", Unit::Seconds, "Duration of a maintenance task");
    describe_gauge!(
        "clouddrive_collector_last_success_timestamp_seconds",
        Unit::Seconds,
        "When a maintenance task last succeeded on this instance"
    );
    describe_counter!("clouddrive_collector_removed_total", "Items removed by the collector");
    describe_counter!("clouddrive_jobs_runs_total", "Attempts of background jobs finished by this instance");
    describe_gauge!("clouddrive_jobs_queued", "Queued background jobs of all instances");
    describe_gauge!("clouddrive_jobs_running", "Running background jobs of all instances");
    describe_gauge!("clouddrive_jobs_dead", "Dead background jobs of all instances");
    describe_gauge!("clouddrive_part_ready", "Whether a dependency is available: 1 or 0");
    describe_gauge!("clouddrive_build_info", "Build information; always 1");
    metrics_process::Collector::default().describe();
}

/// The state of the metrics endpoint.
struct MetricsState {
    handle: PrometheusHandle,
    parts: web::Data<Vec<HealthCheck>>,
    connections: CountConnections,
}

/// Serves `/metrics` until the process exits. If the default address is taken, startup continues without metrics.
pub(crate) fn serve(
    address: &MetricsAddress,
    parts: web::Data<Vec<HealthCheck>>,
    connections: CountConnections,
) -> anyhow::Result<Option<SocketAddr>> {
    let listener = match address {
        MetricsAddress::Off => return Ok(None),
        MetricsAddress::Given(address) => {
            TcpListener::bind(address).with_context(|| format!("METRICS_ADDR: cannot listen on {address}"))?
        }
        MetricsAddress::Default(address) => match TcpListener::bind(address) {
            Ok(listener) => listener,
            Err(error) => {
                let advice = "set METRICS_ADDR to another address, or to off";
                tracing::warn!(%address, %error, "metrics are disabled: {advice}");
                return Ok(None);
            }
        },
    };
    let address = listener.local_addr()?;
    let handle = start()?;
    let upkeep = handle.clone();
    let state = web::Data::from(Arc::new(MetricsState { handle, parts, connections }));
    let server = HttpServer::new(move || App::new().app_data(state.clone()).route("/metrics", web::get().to(render)))
        .workers(1)
        .disable_signals()
        .listen(listener)?
        .run();
    tokio::spawn(server);
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(UPKEEP_INTERVAL);
        loop {
            ticks.tick().await;
            upkeep.run_upkeep();
        }
    });
    Ok(Some(address))
}

async fn render(state: web::Data<MetricsState>) -> HttpResponse {
    let parts = &state.parts;
    for (part, outcome) in parts.iter().zip(join_all(parts.iter().map(check)).await) {
        gauge!("clouddrive_part_ready", "part" => part.name).set(u32::from(outcome.is_ok()));
    }
    let connections = (state.connections)();
    gauge!("clouddrive_database_connections", "state" => "used").set(count(connections.used));
    gauge!("clouddrive_database_connections", "state" => "idle").set(count(connections.idle));
    gauge!("clouddrive_database_connections_max").set(count(connections.max));
    gauge!("clouddrive_database_waiting").set(count(connections.waiting));
    metrics_process::Collector::default().collect();
    HttpResponse::Ok().content_type(ContentType::plaintext()).body(state.handle.render())
}

fn count(connections: usize) -> u32 {
    u32::try_from(connections).unwrap_or(u32::MAX)
}
