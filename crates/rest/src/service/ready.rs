use std::sync::Arc;
use std::time::Duration;

use actix_web::{HttpResponse, web};
use clouddrive_contract::{Code, Ready, paths};
use clouddrive_domain::port::Probe;
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;
use clouddrive_http::server::Server;
use futures_util::future::join_all;
use tokio::time::timeout;

use crate::endpoint::{Access, Endpoint, Idempotency, endpoint};

/// A dependency that must be available for the server to be ready.
pub struct HealthCheck {
    pub name: &'static str,
    pub probe: Arc<dyn Probe>,
}

/// The timeout for each dependency; health checks do not wait long either.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Checks a dependency; the error is its cause, if known.
pub async fn check(dependency: &HealthCheck) -> Result<(), Option<String>> {
    match timeout(TIMEOUT, dependency.probe.check()).await {
        Ok(outcome) => outcome.map_err(|error| Problem::from(error).cause),
        Err(_) => Err(Some(format!("no answer within {} s", TIMEOUT.as_secs()))),
    }
}

pub(super) const ENDPOINT: Endpoint = endpoint!(ready, GET, paths::READY, Access::Public, Idempotency::ByMethod, &[]);

/// Readiness check. 200 if the database and the store respond and the server is not shutting down.
#[utoipa::path(get, path = paths::READY, operation_id = "ready", tag = "service",
    responses((status = 200, description = "Requests can be served", body = Ready)))]
async fn ready(server: web::Data<Server>, parts: web::Data<Vec<HealthCheck>>) -> Result<HttpResponse, Problem> {
    if server.is_draining() {
        return Err(Problem::new(Code::Unavailable, "the server is about to stop"));
    }
    for (dependency, outcome) in parts.iter().zip(join_all(parts.iter().map(check)).await) {
        if let Err(cause) = outcome {
            let detail = format!("{} does not answer", dependency.name);
            return Err(Problem { cause, ..Problem::new(Code::Unavailable, detail) });
        }
    }
    Ok(reply::ok(&Ready { status: "ready".to_owned() }))
}
