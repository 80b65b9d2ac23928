//! The container health check, for images without another HTTP client.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::config::{Source, bind_address};

/// The timeout of the check.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Checks that the server on the configured address is ready.
pub(crate) async fn check(source: &Source) -> anyhow::Result<()> {
    let address = reachable(bind_address(source)?);
    let status = tokio::time::timeout(TIMEOUT, request_status(address))
        .await
        .context("the server does not answer in time")??;
    if status.starts_with("HTTP/1.1 200 ") { Ok(()) } else { bail!("the server is not ready: {status}") }
}

/// Replaces an unspecified address by the loopback address.
fn reachable(address: SocketAddr) -> SocketAddr {
    let own = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(own, address.port())
}

/// Returns the status line of the response.
async fn request_status(address: SocketAddr) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
    let request = format!("GET /health/ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(4096).read_to_end(&mut answer).await?;
    let text = String::from_utf8_lossy(&answer);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
