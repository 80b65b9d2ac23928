//! A proxy in front of a store, so that a test can cut it off, or answer as another store would.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, copy_bidirectional, sink};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

use super::stack::production;
use super::{Storage, background};

/// A local port that forwards to a store while open.
pub struct Proxy {
    port: u16,
    open: Arc<watch::Sender<bool>>,
}

#[derive(Clone)]
enum Target {
    Tcp(String),
    Unix(PathBuf),
}

/// What a proxy answers itself, given a request's method and target; `None` forwards the request.
type Substitute = Arc<dyn Fn(&str, &str) -> Option<String> + Send + Sync>;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Proxy {
    /// A proxy to the S3 store.
    pub fn to_s3() -> Self {
        Self::to(Target::s3(), None)
    }

    /// A proxy to the S3 store that itself answers the requests for which `answer`, given their method and target, has
    /// a response.
    pub fn to_s3_except(answer: impl Fn(&str, &str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self::to(Target::s3(), Some(Arc::new(answer)))
    }

    /// A proxy to the PostgreSQL server.
    pub fn to_postgres() -> Self {
        let (_, rest) = production().database_url.split_once('@').expect("a role in DATABASE_URL");
        let authority = rest.split(['/', '?']).next().unwrap();
        let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "5432"));
        let host = host.replace("%2F", "/");
        let target = if host.starts_with('/') {
            Target::Unix(PathBuf::from(host).join(format!(".s.PGSQL.{port}")))
        } else {
            Target::Tcp(format!("{host}:{port}"))
        };
        Self::to(target, None)
    }

    fn to(target: Target, substitute: Option<Substitute>) -> Self {
        let open = Arc::new(watch::Sender::new(true));
        let here = background::wait(async { TcpListener::bind("127.0.0.1:0").await.unwrap() });
        let proxy = Self { port: here.local_addr().unwrap().port(), open: open.clone() };
        background::start(async move {
            while let Ok((client, _)) = here.accept().await {
                background::start(pass_on(client, target.clone(), substitute.clone(), open.subscribe()));
            }
        });
        proxy
    }

    /// Closes every connection and accepts no more.
    pub fn cut(&self) {
        self.open.send_replace(false);
        let open = self.open.clone();
        background::wait(async move { open.closed().await });
    }

    /// Accepts connections again.
    pub fn mend(&self) {
        self.open.send_replace(true);
    }

    /// The local port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The S3 store's URL through the proxy.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The URL of `place`'s database through the proxy.
    pub fn database_url(&self, place: &Storage) -> String {
        database_url(place, self.port)
    }
}

/// The URL of `place`'s database through a local port.
pub fn database_url(place: &Storage, port: u16) -> String {
    let (role, rest) = place.postgres().url().split_once('@').unwrap();
    let (_, database) = rest.split_once('/').unwrap();
    format!("{role}@127.0.0.1:{port}/{database}")
}

impl Target {
    fn s3() -> Self {
        let endpoint = &production().s3_endpoint;
        Self::Tcp(endpoint.strip_prefix("http://").expect("an endpoint without TLS").to_owned())
    }
}

async fn pass_on(
    mut client: TcpStream,
    target: Target,
    substitute: Option<Substitute>,
    mut open: watch::Receiver<bool>,
) {
    if !*open.borrow() {
        return;
    }
    let mut begun = Vec::new();
    if let Some(substitute) = substitute {
        let Some(request) = Request::receive(&mut client).await else { return };
        if let Some(answer) = request.answered_by(&substitute) {
            request.answer(client, &answer).await;
            return;
        }
        begun = request.alone();
    }
    let store: std::io::Result<Box<dyn Stream>> = match target {
        Target::Tcp(address) => TcpStream::connect(address).await.map(|stream| Box::new(stream) as _),
        Target::Unix(path) => UnixStream::connect(path).await.map(|stream| Box::new(stream) as _),
    };
    let Ok(mut store) = store else { return };
    let passing = async {
        store.write_all(&begun).await?;
        copy_bidirectional(&mut client, &mut store).await
    };
    tokio::select! {
        _ = passing => {}
        _ = open.wait_for(|open| !open) => {}
    }
}

/// An HTTP request: its head, and as much of its body as came with it.
struct Request {
    head: String,
    body: Vec<u8>,
}

impl Request {
    async fn receive(client: &mut TcpStream) -> Option<Self> {
        let mut bytes = Vec::new();
        loop {
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                let body = bytes.split_off(end + 4);
                return Some(Self { head: String::from_utf8(bytes).unwrap(), body });
            }
            if client.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        }
    }

    fn answered_by(&self, substitute: &Substitute) -> Option<String> {
        let mut words = self.head.split(' ');
        substitute(words.next()?, words.next()?)
    }

    /// Answers it, after the rest of its body: a client that still sends may not read the answer.
    async fn answer(&self, mut client: TcpStream, answer: &str) {
        let length = self.head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            if name.eq_ignore_ascii_case("content-length") { value.trim().parse().ok() } else { None }
        });
        let rest = length.unwrap_or(0_u64).saturating_sub(self.body.len() as u64);
        // The client may give up.
        let _ = copy(&mut (&mut client).take(rest), &mut sink()).await;
        let _ = client.write_all(answer.as_bytes()).await;
    }

    /// Its bytes, as the only request on a connection, so that the next one is checked, too.
    fn alone(self) -> Vec<u8> {
        let head = self.head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
        [head.into_bytes(), self.body].concat()
    }
}
