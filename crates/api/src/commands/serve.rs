//! The server, from startup to graceful shutdown.

use std::future::ready;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{HttpService, Request};
use actix_server::{ServerBuilder, ServerHandle};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, apply_fn, fn_factory, fn_service};
use actix_web::dev::AppConfig;
use actix_web::middleware::{Condition, from_fn};
use actix_web::rt::net::TcpStream;
use actix_web::{App, web};
use anyhow::Context;
use clouddrive_domain::Result;
use clouddrive_http::body::{call_until_read, resume_or_call};
use clouddrive_http::cors::{cors, narrow_preflight};
use clouddrive_http::detached::until_handlers_end;
use clouddrive_http::middleware::{reject_invalid, request};
use clouddrive_http::server::{RequestTraces, Server};
use clouddrive_rest::Services;
use futures_util::FutureExt;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

use crate::config::Config;
use crate::connections::Connections;
use crate::telemetry::{metrics, traces};
use crate::wiring::{self, Backends, Keys};

/// Serves until SIGTERM or Ctrl-C, then lets running requests finish.
pub(crate) async fn serve(config: Config) -> anyhow::Result<()> {
    // Install signal handlers first: PID 1 of a container has no default ones.
    let stop = stop_signal()?.shared();
    let _lock = wiring::lock(&config)?;
    let keys = Keys::new(&config)?;
    let stores = tokio::select! {
        stores = Backends::open(&config) => stores?,
        () = stop.clone() => return Ok(()),
    };
    let listener = TcpListener::bind(config.bind).with_context(|| format!("cannot listen on {}", config.bind))?;
    let address = listener.local_addr()?;
    let public_url = config.public_url.clone().unwrap_or_else(|| format!("http://{address}"));
    let services = stores.services(&config, &keys, &public_url)?;
    let metrics = metrics::serve(&config.metrics, services.parts.clone(), stores.connections())?;
    let tracing = RequestTraces { begin: traces::request_span, end: traces::answered };
    let context = stores.context().clone();
    let shared = Server::new(context.clone(), config.body_limits, config.trusted_proxies.clone(), tracing);
    let shared = web::Data::new(shared);
    let drained = drain(stop, shared.clone(), config.drain).shared();
    let server = ServerBuilder::new().workers(config.workers);
    let server = server.shutdown_timeout(config.shutdown.as_secs()).shutdown_signal(drained.clone());
    let server = listen(server, listener, &config, &shared, &services)?.run();
    let (collector, queue, services) = (stores.collector(&config), stores.job_queue(), stores.job_services());
    let background =
        clouddrive_jobs::run(collector, queue, services, context, config.collect_interval, drained.clone());
    let background = clouddrive_jobs::supervise(background, drained, config.shutdown);
    let background = tokio::spawn(or_stop(background, shared.clone(), server.handle()));
    announce(address, &public_url, metrics, &config);
    let cut_off = "background work is cut off: its jobs run again when their leases have run out";
    server.await.inspect_err(|_| tracing::warn!("{cut_off}"))?;
    match shared.unfinished_handlers() {
        0 => {}
        handlers => tracing::warn!(handlers, "requests that change something were cut off"),
    }
    background.await??;
    tracing::info!("server stopped");
    Ok(())
}

/// Does the `background` work. If it fails, the server drains and stops, too: a supervisor restarts both.
async fn or_stop(
    background: impl Future<Output = Result<()>>,
    server: web::Data<Server>,
    handle: ServerHandle,
) -> Result<()> {
    let outcome = background.await;
    if outcome.is_err() {
        server.begin_drain();
        handle.stop(true).await;
    }
    outcome
}

/// Serves HTTP on `listener`, like actix-web's `HttpServer`, but with watched connections.
fn listen(
    server: ServerBuilder,
    listener: TcpListener,
    config: &Config,
    shared: &web::Data<Server>,
    services: &Services,
) -> std::io::Result<ServerBuilder> {
    let connections = Connections::new(config.connection_limits, config.trusted_proxies.clone());
    let (shared, services) = (shared.clone(), services.clone());
    let (origins, keep_alive) = (config.cors_origins.clone(), config.keep_alive);
    let (stopping, address) = (server.graceful_shutdown_signal(), listener.local_addr()?);
    server.listen("http", listener, move || {
        let (connections, stopping) = (connections.clone(), stopping.clone());
        let has_origins = !origins.is_empty();
        let cors = Condition::new(has_origins, cors(&origins));
        let narrow_preflight = Condition::new(has_origins, from_fn(narrow_preflight));
        let services = services.clone();
        let app = App::new()
            .app_data(shared.clone())
            .wrap(from_fn(reject_invalid))
            .wrap(cors)
            .wrap(narrow_preflight)
            .wrap(from_fn(request))
            .configure(|config| services.configure(config));
        let app = app.into_factory().map_err(|error| error.error_response());
        let http = fn_factory(move || {
            let (app, stopping) = (app.new_service(AppConfig::default()), stopping.clone());
            async move {
                let app = Rc::new(app.await?);
                let expected = app.clone();
                let http = HttpService::build()
                    .graceful_shutdown_signal(move || {
                        let stopping = stopping.clone();
                        async move { stopping.notified().await }
                    })
                    .keep_alive(keep_alive)
                    .client_request_timeout(Duration::from_secs(10))
                    .client_disconnect_timeout(Duration::from_secs(1))
                    .local_addr(address)
                    .expect(fn_service(move |request: Request| call_until_read(expected.clone(), request)))
                    .h1(fn_service(move |request: Request| resume_or_call(&*app, request)));
                let http = http.new_service(()).await?;
                Ok::<_, ()>(outlasting_handlers(http))
            }
        });
        fn_service(move |stream: TcpStream| {
            let stream = connections.monitor(stream);
            let peer = stream.peer();
            ready(Ok::<_, DispatchError>((stream, peer)))
        })
        .and_then(http)
    })
}

/// The service `http`, whose connections end after the handlers that they left: a worker that stops waits for them.
fn outlasting_handlers<S: Service<C>, C>(http: S) -> impl Service<C, Response = S::Response, Error = S::Error> {
    apply_fn::<S, S, _, _, C, C, _, _>(http, |connection: C, http: &S| until_handlers_end(http.call(connection)))
}

/// Prints the server's addresses. A closed standard output is not fatal.
fn announce(address: SocketAddr, public_url: &str, metrics: Option<SocketAddr>, config: &Config) {
    if address.ip().is_unspecified() && config.public_url.is_none() {
        tracing::warn!("PUBLIC_URL is not set: signed URLs start with {public_url}, which other machines cannot reach");
    }
    let mut text = format!(
        "CloudDrive {} listens on http://{address}\nAPI documentation: {public_url}/docs/\nData: {}\n",
        env!("CARGO_PKG_VERSION"),
        wiring::describe_storage(config)
    );
    if let Some(metrics) = metrics {
        text.push_str(&format!("Metrics: http://{metrics}/metrics\n"));
    }
    let mut out = std::io::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        tracing::warn!(%error, "standard output is closed");
    }
}

/// Resolves on SIGTERM or Ctrl-C. Handlers are installed at once, also for PID 1 of a container.
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

/// After `stop`, keeps serving for up to `max` while not ready, so that load balancers redirect traffic before
/// requests are refused. Another signal ends this early.
async fn drain(stop: impl Future<Output = ()>, server: web::Data<Server>, max: Duration) {
    stop.await;
    server.begin_drain();
    if max.is_zero() {
        return;
    }
    tracing::info!(seconds = max.as_secs(), "draining: serving while not ready");
    match stop_signal() {
        Ok(again) => drop(timeout(max, again).await),
        Err(_) => tokio::time::sleep(max).await,
    }
}

#[cfg(test)]
mod tests {
    use clouddrive_domain::Error;
    use clouddrive_http::body::BodyLimits;
    use futures_util::future::join;

    use super::*;

    #[actix_web::test]
    async fn a_server_whose_background_work_fails_is_not_ready_while_it_stops() {
        let tracing = RequestTraces { begin: traces::request_span, end: traces::answered };
        let limits = BodyLimits { idle: Duration::ZERO, min_rate: 0 };
        let shared = web::Data::new(Server::new(wiring::system_context(), limits, vec![], tracing));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let service = || fn_service(|_: TcpStream| ready(Ok::<_, ()>(())));
        let server = ServerBuilder::new().workers(1).disable_signals().listen("test", listener, service).unwrap().run();
        let failing = or_stop(ready(Err(Error::internal("jobs", "a bug"))), shared.clone(), server.handle());
        let stopped = async { server.await.map(|()| shared.is_draining()) };
        let (was_draining, outcome) = join(stopped, failing).await;
        assert!(was_draining.unwrap() && outcome.is_err());
    }
}
