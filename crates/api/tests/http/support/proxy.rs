//! A proxy in front of a store, so that a test can cut it off.

use std::io::{Error, ErrorKind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, split};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

use super::stack::production;
use super::{Place, beside};

/// A local port that forwards to a store while open.
pub struct Proxy {
    port: u16,
    open: Arc<watch::Sender<bool>>,
    /// Whether requests to delete are turned away.
    keeps_all: Arc<AtomicBool>,
}

#[derive(Clone)]
enum Target {
    Tcp(String),
    Unix(PathBuf),
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Proxy {
    /// A proxy to the S3 store.
    pub fn to_s3() -> Self {
        let endpoint = &production().s3_endpoint;
        Self::to(Target::Tcp(endpoint.strip_prefix("http://").expect("an endpoint without TLS").to_owned()))
    }

    /// A proxy to the PostgreSQL server.
    pub fn to_postgres() -> Self {
        let (_, rest) = production().database_url.split_once('@').expect("a role in DATABASE_URL");
        let authority = rest.split(['/', '?']).next().unwrap();
        let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "5432"));
        let host = host.replace("%2F", "/");
        Self::to(if host.starts_with('/') {
            Target::Unix(PathBuf::from(host).join(format!(".s.PGSQL.{port}")))
        } else {
            Target::Tcp(format!("{host}:{port}"))
        })
    }

    fn to(target: Target) -> Self {
        let open = Arc::new(watch::Sender::new(true));
        let here = beside::wait(async { TcpListener::bind("127.0.0.1:0").await.unwrap() });
        let keeps_all = Arc::new(AtomicBool::new(false));
        let port = here.local_addr().unwrap().port();
        let proxy = Self { port, open: open.clone(), keeps_all: keeps_all.clone() };
        beside::start(async move {
            while let Ok((client, _)) = here.accept().await {
                beside::start(pass_on(client, target.clone(), open.subscribe(), keeps_all.clone()));
            }
        });
        proxy
    }

    /// Closes every connection and accepts no more.
    pub fn cut(&self) {
        self.open.send_replace(false);
        let open = self.open.clone();
        beside::wait(async move { open.closed().await });
    }

    /// Accepts connections again.
    pub fn mend(&self) {
        self.open.send_replace(true);
    }

    /// From now on, closes connections on which something is to be deleted, or not any more.
    pub fn keep_all(&self, keep: bool) {
        self.keeps_all.store(keep, Ordering::Relaxed);
    }

    /// The S3 store's URL through the proxy.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The URL of `place`'s database through the proxy.
    pub fn database_url(&self, place: &Place) -> String {
        let (role, rest) = place.postgres().url().split_once('@').unwrap();
        let (_, database) = rest.split_once('/').unwrap();
        format!("{role}@127.0.0.1:{}/{database}", self.port)
    }
}

async fn pass_on(client: TcpStream, target: Target, mut open: watch::Receiver<bool>, keeps_all: Arc<AtomicBool>) {
    if !*open.borrow() {
        return;
    }
    let store: std::io::Result<Box<dyn Stream>> = match target {
        Target::Tcp(address) => TcpStream::connect(address).await.map(|stream| Box::new(stream) as _),
        Target::Unix(path) => UnixStream::connect(path).await.map(|stream| Box::new(stream) as _),
    };
    let Ok(store) = store else { return };
    let ((mut from_client, mut to_client), (mut from_store, mut to_store)) = (split(client), split(store));
    let requests = async {
        let mut piece = vec![0; 64 << 10];
        loop {
            let size = from_client.read(&mut piece).await?;
            if size == 0 {
                return to_store.shutdown().await;
            }
            // A client waits for the response before its next request, so each begins a piece.
            if piece[..size].starts_with(b"DELETE ") && keeps_all.load(Ordering::Relaxed) {
                return Err(Error::from(ErrorKind::PermissionDenied));
            }
            to_store.write_all(&piece[..size]).await?;
        }
    };
    let responses = async {
        copy(&mut from_store, &mut to_client).await?;
        to_client.shutdown().await
    };
    tokio::select! {
        _ = async { tokio::try_join!(requests, responses) } => {}
        _ = open.wait_for(|open| !open) => {}
    }
}
