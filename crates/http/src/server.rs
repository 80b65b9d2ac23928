//! What all requests of a server share.

use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::http::header::HeaderMap;
use clouddrive_domain::model::RequestId;
use clouddrive_domain::service::ServiceContext;
use ipnet::IpNet;
use tracing::Span;

use crate::body::BodyLimits;
use crate::detached::DetachedHandlers;

/// The state of the `request` middleware, registered as `Data`.
pub struct Server {
    context: ServiceContext,
    pub(crate) body_limits: BodyLimits,
    /// The proxies whose `X-Forwarded-For` is trusted.
    pub(crate) proxies: Vec<IpNet>,
    pub(crate) traces: RequestTraces,
    /// Handlers that change something, which go on without their clients.
    pub(crate) detached: DetachedHandlers,
    /// Whether the server is shutting down.
    draining: AtomicBool,
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
    pub fn new(context: ServiceContext, body_limits: BodyLimits, proxies: Vec<IpNet>, traces: RequestTraces) -> Self {
        let (detached, draining) = (DetachedHandlers::default(), AtomicBool::new(false));
        Self { context, body_limits, proxies, traces, detached, draining }
    }

    pub(crate) fn new_request_id(&self) -> RequestId {
        self.context.request_id()
    }

    /// The number of handlers of changes that run or, after the server has stopped, were cut off.
    pub fn unfinished_handlers(&self) -> usize {
        self.detached.unfinished()
    }

    /// Marks the server as not ready, and asks clients to close their connections.
    pub fn begin_drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}
