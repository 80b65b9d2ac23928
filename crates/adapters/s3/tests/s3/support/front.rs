//! An HTTP proxy in front of a store that simulates network and server faults.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use s3s::service::S3Service;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

use super::quirks::Quirks;

/// The server that responds.
pub(crate) enum Upstream {
    /// A server at this host and port.
    Server(String),
    /// An in-process service, one request at a time, with its directory and quirks.
    Service(S3Service, PathBuf, Quirks),
}

/// A simulated fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection closes before the store sees the request.
    CutBefore,
    /// The store executes the request, and the connection closes without a response.
    CutAnswer,
    /// The store executes the request, and the connection closes in the middle of the response.
    CutMiddle,
    /// No response is ever sent.
    Hang,
    /// The store never sees the request, and this is the response status.
    Status(u16),
    /// The store executes the request, and this is the response status.
    DoneButStatus(u16),
    /// The store never sees the request, and the response is 200 with an error in the body, as when S3 fails late.
    ErrorWithin,
    /// The store never sees the request, and the response is this S3 error.
    Error(u16, &'static str),
    /// The store never sees the request, but the response is 200.
    DoneNothing,
}

/// The planned faults: method, substring of the target, fault, and number of times.
type Plan = Vec<(&'static str, &'static str, Fault, usize)>;

struct Shared {
    upstream: Upstream,
    plan: Mutex<Plan>,
    seen: Mutex<Vec<String>>,
    headers: Mutex<Vec<(String, String)>>,
    one_at_a_time: tokio::sync::Mutex<()>,
}

/// The proxy. It stops on drop.
pub(crate) struct Front {
    shared: Arc<Shared>,
    address: SocketAddr,
    running: AbortHandle,
}

impl Front {
    pub(crate) async fn start(upstream: Upstream) -> Self {
        let shared = Shared {
            upstream,
            plan: Mutex::default(),
            seen: Mutex::default(),
            headers: Mutex::default(),
            one_at_a_time: tokio::sync::Mutex::default(),
        };
        let shared = Arc::new(shared);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let running = tokio::spawn(serve(listener, Arc::clone(&shared))).abort_handle();
        Self { shared, address, running }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Refuses new connections and closes open ones.
    pub(crate) fn stop(&self) {
        self.running.abort();
    }

    /// Accepts connections again.
    pub(crate) async fn start_again(&mut self) {
        let listener = loop {
            // The stopped listener may still hold the port.
            match TcpListener::bind(self.address).await {
                Ok(listener) => break listener,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        self.running = tokio::spawn(serve(listener, Arc::clone(&self.shared))).abort_handle();
    }

    /// Plans `fault` for the next `times` requests with this method and `words` in their target.
    pub(crate) fn plan(&self, method: &'static str, words: &'static str, fault: Fault, times: usize) {
        lock(&self.shared.plan).push((method, words, fault, times));
    }

    /// Cancels all planned faults.
    pub(crate) fn forget_plan(&self) {
        lock(&self.shared.plan).clear();
    }

    /// The values of this header in all requests that had it.
    pub(crate) fn headers(&self, name: &'static str) -> Vec<String> {
        let seen = lock(&self.shared.headers);
        let named = seen.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.clone()).collect()
    }

    /// The number of requests so far with this method and `words` in their target.
    pub(crate) fn seen(&self, method: &str, words: &str) -> usize {
        let meets = |line: &&String| line.strip_prefix(method).is_some_and(|target| target.contains(words));
        lock(&self.shared.seen).iter().filter(meets).count()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.stop();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        connections.spawn(async move { converse(stream, &shared).await });
    }
}

/// A received request.
pub(super) struct Request {
    pub(super) method: String,
    pub(super) target: String,
    headers: Vec<(String, String)>,
    pub(super) body: Bytes,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

impl Shared {
    fn next_fault(&self, request: &Request) -> Option<Fault> {
        lock(&self.seen).push(format!("{} {}", request.method, request.target));
        lock(&self.headers).extend(request.headers.iter().cloned());
        let mut plan = lock(&self.plan);
        let (.., fault, left) = plan.iter_mut().find(|(method, words, _, left)| {
            *left > 0 && request.method == *method && request.target.contains(words)
        })?;
        *left -= 1;
        Some(*fault)
    }

    async fn answer(&self, request: Request) -> Vec<u8> {
        match &self.upstream {
            Upstream::Server(address) => forward(address, request).await,
            Upstream::Service(service, root, quirks) => {
                let _turn = self.one_at_a_time.lock().await;
                match quirks.refusal(&request) {
                    Some((status, code)) => error(status, code),
                    None => call(service, root, *quirks, request).await,
                }
            }
        }
    }
}

async fn converse(stream: TcpStream, shared: &Shared) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let request = receive(&mut stream).await?;
        let fault = shared.next_fault(&request);
        match fault {
            Some(Fault::CutBefore) => return None,
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Status(status)) => send(&mut stream, &plain(status)).await?,
            Some(Fault::ErrorWithin) => send(&mut stream, &error_within()).await?,
            Some(Fault::Error(status, code)) => send(&mut stream, &error(status, code)).await?,
            Some(Fault::DoneNothing) => send(&mut stream, &done_nothing()).await?,
            fault => {
                let answer = shared.answer(request).await;
                match fault {
                    Some(Fault::CutAnswer) => return None,
                    Some(Fault::CutMiddle) => {
                        send(&mut stream, answer.split_at(answer.len() / 2).0).await?;
                        return None;
                    }
                    Some(Fault::DoneButStatus(status)) => send(&mut stream, &plain(status)).await?,
                    _ => send(&mut stream, &answer).await?,
                }
            }
        }
    }
}

fn plain(status: u16) -> Vec<u8> {
    format!("HTTP/1.1 {status} Fault\r\ncontent-length: 0\r\n\r\n").into_bytes()
}

fn error_within() -> Vec<u8> {
    let body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>InternalError</Code><Message>We encountered an \
                internal error. Please try again.</Message></Error>";
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/xml\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}

/// An error response in S3's format.
fn error(status: u16, code: &str) -> Vec<u8> {
    document(status, &format!("<Error><Code>{code}</Code><Message>A fault.</Message></Error>"))
}

fn done_nothing() -> Vec<u8> {
    document(200, "<CompleteMultipartUploadResult><ETag>\"0\"</ETag></CompleteMultipartUploadResult>")
}

fn document(status: u16, root: &str) -> Vec<u8> {
    let body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{root}");
    let length = body.len();
    format!("HTTP/1.1 {status} Answer\r\ncontent-type: application/xml\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

async fn send(stream: &mut BufReader<TcpStream>, bytes: &[u8]) -> Option<()> {
    stream.write_all(bytes).await.ok()?;
    stream.flush().await.ok()
}

async fn receive(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let first = line(stream).await?;
    let mut words = first.split(' ').map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let mut headers = Vec::new();
    loop {
        let line = line(stream).await?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut request = Request { method, target, headers, body: Bytes::new() };
    if request.header("expect").is_some() {
        send(stream, b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let mut body = vec![0; request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0)];
    stream.read_exact(&mut body).await.ok()?;
    request.body = body.into();
    Some(request)
}

async fn line(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    (stream.read_line(&mut line).await.ok()? > 0).then(|| line.trim_end().to_owned())
}

/// Forwards a request to a server; returns its response.
async fn forward(address: &str, request: Request) -> Vec<u8> {
    let mut head = format!("{} {} HTTP/1.1\r\nconnection: close\r\n", request.method, request.target);
    for (name, value) in &request.headers {
        if !["connection", "expect"].contains(&name.to_ascii_lowercase().as_str()) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("{head}\r\n").as_bytes()).await.unwrap();
    // A server that refuses a body may close the connection before reading it.
    let _ = stream.write_all(&request.body).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    answer
}

/// Calls an in-process service.
async fn call(service: &S3Service, root: &Path, quirks: Quirks, request: Request) -> Vec<u8> {
    let mut asked = s3s::HttpRequest::new(request.body.clone().into());
    *asked.method_mut() = request.method.parse().unwrap();
    *asked.uri_mut() = request.target.parse().unwrap();
    for (name, value) in &request.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<reqwest::header::HeaderName>(), value.parse()) {
            asked.headers_mut().append(name, value);
        }
    }
    let mut answer = service.call(asked).await.unwrap();
    let mut status = answer.status().as_u16();
    let of_upload = request.method == "DELETE" && request.target.contains("uploadId=");
    if !quirks.keeps_refused && of_upload && status == 403 {
        // s3s-fs responds to an ended upload as if it belonged to another user.
        let body = "<Error><Code>NoSuchUpload</Code></Error>";
        *answer.body_mut() = s3s::Body::from(body.to_owned());
        status = 404;
    }
    let path = root.join(request.target.split('?').next().unwrap().trim_start_matches('/'));
    if !quirks.keeps_refused && request.method == "PUT" && status == 400 {
        let _ = std::fs::remove_file(&path);
    }
    let is_late = Quirks::is_late_part(&request, status) && path.exists();
    if quirks.leaves_parts_open && is_late {
        std::fs::write(&path, &request.body).unwrap();
        *answer.body_mut() = s3s::Body::empty();
        status = 200;
    }
    let body = answer.body_mut().store_all_limited(1 << 30).await.unwrap();
    let mut bytes = format!("HTTP/1.1 {status} Answer\r\n").into_bytes();
    for (name, value) in answer.headers() {
        if request.method == "HEAD" || !["content-length", "transfer-encoding"].contains(&name.as_str()) {
            bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
    }
    if request.method != "HEAD" {
        bytes.extend(format!("content-length: {}\r\n", body.len()).into_bytes());
    }
    bytes.extend(b"\r\n");
    bytes.extend(body);
    bytes
}
