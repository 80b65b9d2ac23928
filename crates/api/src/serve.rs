//! The server: from the first line that it prints to the last request that it lets finish.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::middleware::{Condition, from_fn};
use actix_web::{App as Actix, HttpServer, web};
use anyhow::Context;
use futures_util::FutureExt;
use tokio::signal::unix::{SignalKind, signal};

use crate::background;
use crate::config::Config;
use crate::http::routes::routes;
use crate::http::{App, cors, narrow_preflight, request};
use crate::telemetry::metrics;
use crate::wiring::{self, Keys, Stores};

/// Serves until SIGTERM or Ctrl-C, then lets running requests finish.
pub(crate) async fn serve(config: Config) -> anyhow::Result<()> {
    // Handlers come first: the first process of a container has no others.
    let stop = stop_signal()?.shared();
    let _lock = wiring::lock(&config)?;
    let keys = Keys::of(&config)?;
    let stores = tokio::select! {
        stores = Stores::open(&config) => stores?,
        () = stop.clone() => return Ok(()),
    };
    let listener = TcpListener::bind(config.bind).with_context(|| format!("cannot listen on {}", config.bind))?;
    let address = listener.local_addr()?;
    let public_url = config.public_url.clone().unwrap_or_else(|| format!("http://{address}"));
    let app = web::Data::new(stores.app(&config, &keys, &public_url)?);
    let metrics = metrics::serve(&config.metrics, &app, stores.connections())?;
    let leave = drain(stop, app.clone(), config.drain);
    let origins = config.cors_origins.clone();
    let server = HttpServer::new(move || {
        let cors = Condition::new(!origins.is_empty(), cors(&origins));
        Actix::new()
            .app_data(app.clone())
            .wrap(cors)
            .wrap(from_fn(narrow_preflight))
            .wrap(from_fn(request))
            .configure(routes)
    })
    .workers(config.workers)
    .keep_alive(config.keep_alive)
    .client_request_timeout(Duration::from_secs(10))
    .shutdown_timeout(config.shutdown.as_secs())
    .shutdown_signal(leave)
    .listen(listener)?
    .run();
    let collecting =
        tokio::spawn(background::collect(stores.collector(&config), stores.ambient().clone(), config.collect_interval));
    announce(address, &public_url, metrics, &config);
    server.await?;
    collecting.abort();
    tracing::info!("stopped");
    Ok(())
}

/// Says in a few lines where everything is. A server that nobody listens to serves all the same.
fn announce(address: SocketAddr, public_url: &str, metrics: Option<SocketAddr>, config: &Config) {
    if address.ip().is_unspecified() && config.public_url.is_none() {
        tracing::warn!("PUBLIC_URL is not set: signed URLs start with {public_url}, which other machines cannot reach");
    }
    let mut text = format!(
        "CloudDrive {} listens on http://{address}\nAPI documentation: {public_url}/docs/\nData: {}\n",
        env!("CARGO_PKG_VERSION"),
        wiring::whereabouts(config)
    );
    if let Some(metrics) = metrics {
        text.push_str(&format!("Metrics: http://{metrics}/metrics\n"));
    }
    let mut out = std::io::stdout().lock();
    if let Err(fault) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        tracing::warn!(%fault, "standard output is closed");
    }
}

/// Ends with SIGTERM or Ctrl-C. Handlers are installed at once, also for a process that is the first of its container.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("SIGTERM: finishing running requests"),
            _ = interrupt.recv() => tracing::info!("SIGINT: finishing running requests"),
        }
    })
}

/// Once told to `stop`, serves on for `most`, not ready any more, so that load balancers look elsewhere before anybody is
/// turned away. Another signal cuts it short.
async fn drain(stop: impl Future<Output = ()>, app: web::Data<App>, most: Duration) {
    stop.await;
    app.leave();
    if most.is_zero() {
        return;
    }
    tracing::info!(seconds = most.as_secs(), "draining");
    match stop_signal() {
        Ok(again) => drop(tokio::time::timeout(most, again).await),
        Err(_) => tokio::time::sleep(most).await,
    }
}
