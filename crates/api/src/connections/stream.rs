use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::{Activity, ConnectionState, Registration};

/// How long to wait for a client before its rate is checked.
const RATE_GRACE: Duration = Duration::from_secs(10);

/// A watched connection: it ends if the client reads too slowly, or to make room for another.
pub(crate) struct MonitoredStream {
    stream: TcpStream,
    activity: Arc<Activity>,
    entry: Registration,
    /// The stall timer; only where the kernel does not enforce the timeout.
    silence: Option<Pin<Box<Sleep>>>,
    waiting_since: Option<Instant>,
    waited: Duration,
    /// Bytes sent since the client was first waited for.
    sent: u64,
}

impl MonitoredStream {
    pub(super) fn new(stream: TcpStream, activity: Arc<Activity>, entry: Registration) -> Self {
        let (waited, sent) = (Duration::ZERO, 0);
        Self { stream, activity, entry, silence: None, waiting_since: None, waited, sent }
    }

    pub(crate) fn peer(&self) -> Option<std::net::SocketAddr> {
        self.stream.peer_addr().ok()
    }

    /// Fails if the connection is to be closed; closing wakes this task.
    fn check(&self, context: &Context<'_>) -> io::Result<()> {
        self.activity.waker.register(context.waker());
        if self.activity.closed.load(Ordering::Acquire) {
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "closed to make room for others"));
        }
        Ok(())
    }

    fn record(&self, state: ConnectionState) {
        self.activity.record(state, self.entry.now());
    }

    /// Handles the outcome of a write.
    fn written(&mut self, context: &mut Context<'_>, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match polled {
            Poll::Ready(Ok(written)) => {
                self.silence = None;
                if let Some(since) = self.waiting_since.take() {
                    self.waited += since.elapsed();
                }
                if !self.waited.is_zero() {
                    self.sent += written as u64;
                }
                self.record(ConnectionState::Idle);
                if self.is_too_slow() { self.too_slow() } else { Poll::Ready(Ok(written)) }
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                if self.waiting_since.is_none() {
                    self.waiting_since = Some(Instant::now());
                    self.record(ConnectionState::Stalled);
                    if !cfg!(target_os = "linux") {
                        self.silence = Some(Box::pin(sleep(self.entry.limits().idle)));
                    }
                }
                let silent = self.silence.as_mut().is_some_and(|silence| silence.as_mut().poll(context).is_ready());
                if silent { self.too_slow() } else { Poll::Pending }
            }
        }
    }

    fn is_too_slow(&self) -> bool {
        let due = u128::from(self.entry.limits().min_rate) * self.waited.as_millis() / 1000;
        self.waited > RATE_GRACE && u128::from(self.sent) < due
    }

    fn too_slow(&self) -> Poll<io::Result<usize>> {
        metrics::counter!("clouddrive_http_connections_closed_total", "reason" => "too_slow").increment(1);
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes too little")))
    }
}

impl AsyncRead for MonitoredStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(context)?;
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if polled.is_ready() && buffer.filled().len() > before {
            self.record(ConnectionState::Serving);
        }
        polled
    }
}

impl AsyncWrite for MonitoredStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check(context)?;
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.written(context, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::net::TcpListener;
    use tokio::time::advance;

    use super::super::{ConnectionLimits, Connections};
    use super::*;

    const INSTANT: Duration = Duration::from_millis(1);

    /// A connection with this minimum rate, and its client.
    async fn connection(min_rate: u64) -> (MonitoredStream, TcpStream) {
        let limits = ConnectionLimits { idle: Duration::from_secs(1 << 30), min_rate, per_address: 1 };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (Connections::new(limits, Vec::new()).monitor(listener.accept().await.unwrap().0), client)
    }

    /// Reports a write of that many bytes; false if it ends the connection.
    fn takes(connection: &mut MonitoredStream, bytes: usize) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        matches!(connection.written(&mut context, Poll::Ready(Ok(bytes))), Poll::Ready(Ok(_)))
    }

    /// Waits for the client for this long before it takes that many bytes.
    async fn waits_and_takes(connection: &mut MonitoredStream, wait: Duration, bytes: usize) -> bool {
        let pending = connection.written(&mut Context::from_waker(Waker::noop()), Poll::Pending);
        assert!(pending.is_pending());
        advance(wait).await;
        takes(connection, bytes)
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_less_than_the_minimum_is_too_slow_after_the_grace() {
        for (bytes, goes_on) in [(10_240, false), (10_241, true)] {
            let (mut connection, _client) = connection(1024).await;
            assert!(waits_and_takes(&mut connection, RATE_GRACE, 0).await);
            assert_eq!(waits_and_takes(&mut connection, INSTANT, bytes).await, goes_on, "{bytes} bytes in 10.001 s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_time_that_the_client_is_waited_for_counts() {
        let (mut connection, _client) = connection(1024).await;
        assert!(takes(&mut connection, 1));
        advance(Duration::from_secs(3600)).await;
        assert!(waits_and_takes(&mut connection, RATE_GRACE, 0).await);
        advance(Duration::from_secs(3600)).await;
        assert!(takes(&mut connection, 0));
        // Bytes taken before the first wait do not count.
        assert!(!waits_and_takes(&mut connection, INSTANT, 10_240).await);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_minimum_no_client_is_too_slow() {
        let (mut connection, _client) = connection(0).await;
        assert!(waits_and_takes(&mut connection, Duration::from_secs(3600), 1).await);
    }
}
