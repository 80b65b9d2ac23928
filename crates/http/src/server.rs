//! What all requests of a server share.

use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::http::header::HeaderMap;
use clouddrive_domain::model::RequestId;
use clouddrive_domain::service::Ambient;
use ipnet::IpNet;
use tracing::Span;

use crate::apart::Unattended;
use crate::body::BodyLimits;

/// The state of the `request` middleware, registered as `Data`.
pub struct Server {
    ambient: Ambient,
    pub(crate) body_limits: BodyLimits,
    /// The proxies whose `X-Forwarded-For` is trusted.
    pub(crate) proxies: Vec<IpNet>,
    pub(crate) traces: RequestTraces,
    /// Handlers that change something, which go on without their clients.
    pub(crate) unattended: Unattended,
    /// Whether the server is shutting down.
    leaving: AtomicBool,
}

/// How requests are traced. The exporter decides what a span continues and records.
#[derive(Clone, Copy)]
pub struct RequestTraces {
    /// Creates the span of a request from its identifier and headers.
    pub begin: fn(&str, &HeaderMap) -> Span,
    /// Records method, route and status of the response on the span.
    pub end: fn(&Span, &str, &str, u16),
}

impl Server {
    pub fn new(ambient: Ambient, body_limits: BodyLimits, proxies: Vec<IpNet>, traces: RequestTraces) -> Self {
        let (unattended, leaving) = (Unattended::default(), AtomicBool::new(false));
        Self { ambient, body_limits, proxies, traces, unattended, leaving }
    }

    pub(crate) fn new_request_id(&self) -> RequestId {
        self.ambient.request_id()
    }

    /// Marks the server as not ready, and asks clients to close their connections.
    pub fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }

    pub fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }
}
