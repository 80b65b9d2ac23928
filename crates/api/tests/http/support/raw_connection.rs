use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{ApiClient, ApiResponse, Server};

/// A raw HTTP connection, for requests that ordinary clients do not send.
pub struct RawConnection {
    stream: TcpStream,
    read: Vec<u8>,
}

impl RawConnection {
    pub async fn to(server: &Server) -> Self {
        Self { stream: TcpStream::connect(server.address()).await.unwrap(), read: Vec::new() }
    }

    /// Sends a request head, with the caller's token if any. `target` may be an absolute URL of the server.
    pub async fn head(&mut self, caller: &ApiClient, method: &str, target: &str, headers: &[(&str, &str)]) {
        let path = target.strip_prefix("http://").map_or(target, |rest| &rest[rest.find('/').unwrap()..]);
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: drive.example\r\n");
        if let Some(token) = caller.optional_token() {
            head.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        self.send(head).await;
    }

    /// Sends a request head with `Expect: 100-continue`, and returns the first response, which may be 100.
    pub async fn announce(
        &mut self,
        caller: &ApiClient,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
    ) -> ApiResponse {
        self.head(caller, method, target, &[headers, &[("Expect", "100-continue")]].concat()).await;
        self.next().await.expect("the server closed the connection without an answer")
    }

    /// Sends bytes, as many as the server accepts.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        // The server may have responded and closed the connection.
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    /// Shuts down the sending side.
    pub async fn end(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// The next final response, which must have a `Content-Length`.
    pub async fn answer(&mut self) -> ApiResponse {
        let answer = self.next_answer().await;
        answer.expect("the server closed the connection without an answer")
    }

    /// The next final response, or `None` if the server closes the connection first.
    pub async fn next_answer(&mut self) -> Option<ApiResponse> {
        loop {
            match self.next().await {
                Some(interim) if interim.status == 100 => {}
                answer => return answer,
            }
        }
    }

    /// The next response, final or not, or `None` if the server closes the connection first.
    pub async fn next(&mut self) -> Option<ApiResponse> {
        let end = loop {
            match self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                Some(at) => break at,
                None => self.more().await?,
            }
        };
        let head = String::from_utf8(self.read.drain(..end + 4).collect()).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in lines.map(|line| line.split_once(": ").unwrap()) {
            headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
        }
        let length = headers.get("content-length").map_or(0, |value| value.to_str().unwrap().parse().unwrap());
        while self.read.len() < length {
            self.more().await?;
        }
        Some(ApiResponse { status, headers, body: self.read.drain(..length).collect() })
    }

    /// Discards at least this many bytes; `false` if the server closes the connection first.
    pub async fn take(&mut self, bytes: usize) -> bool {
        let mut total = self.read.len();
        while total < bytes {
            self.read.clear();
            match self.more().await {
                Some(()) => total += self.read.len(),
                None => return false,
            }
        }
        self.read.clear();
        true
    }

    async fn more(&mut self) -> Option<()> {
        self.read.reserve(64 << 10);
        let read = self.stream.read_buf(&mut self.read).await.unwrap_or(0);
        (read > 0).then_some(())
    }
}
