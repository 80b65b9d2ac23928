use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, Sleep, sleep, timeout};

use super::expect::ExpectContinue;
use crate::metrics::received;

/// How long to wait for a body before its rate is checked.
const RATE_GRACE: Duration = Duration::from_secs(10);

/// How many bytes of an unread body are drained after the response, and for how long, so that the response gets
/// through.
const DRAIN_BYTES: u64 = 16 << 20;
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// Limits on slow bodies.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimits {
    /// The maximum silence.
    pub idle: Duration,
    /// The minimum rate, in bytes per second of waiting for the client, enforced after ten seconds. The server's own
    /// time does not count.
    pub min_rate: u64,
}

/// A watched body. Clones share its position: one is for the handler, one drains what the handler did not read.
#[derive(Clone)]
pub struct TimedBody(Rc<RefCell<State>>);

struct State {
    payload: Payload,
    limits: BodyLimits,
    /// A client that waits to be asked for the body.
    waiting: Option<ExpectContinue>,
    silence: Pin<Box<Sleep>>,
    waiting_since: Option<Instant>,
    waited: Duration,
    bytes: u64,
    ended: bool,
}

impl TimedBody {
    pub fn new(payload: Payload, limits: BodyLimits, waiting: Option<ExpectContinue>) -> Self {
        let state = State {
            payload,
            limits,
            waiting,
            silence: Box::pin(sleep(limits.idle)),
            waiting_since: None,
            waited: Duration::ZERO,
            bytes: 0,
            ended: false,
        };
        Self(Rc::new(RefCell::new(state)))
    }

    /// The same body, as a payload for a handler.
    pub fn payload(&self) -> Payload {
        Payload::Stream { payload: Box::pin(self.clone()) }
    }

    /// Whether the client still waits to be asked for the body.
    pub fn awaits_continue(&self) -> bool {
        self.0.borrow().waiting.is_some()
    }

    /// Keeps the unread body until `response` has been sent, so that the connection is then closed. If it were dropped
    /// before, the framework would keep the connection and wait for chunks that never come.
    pub fn closing_after(self, response: BoxBody) -> BoxBody {
        BoxBody::new(WithUnreadBody { response, _unread: self })
    }

    /// Drains the unread rest, within bounds.
    pub async fn drain(&mut self) {
        if self.0.borrow().ended {
            return;
        }
        let rest = async {
            let mut drained = 0;
            while let Some(Ok(piece)) = self.next().await {
                drained += piece.len() as u64;
                if drained > DRAIN_BYTES {
                    break;
                }
            }
        };
        // Beyond the bounds the connection is closed after the response.
        let _ = timeout(DRAIN_TIME, rest).await;
    }
}

impl Stream for TimedBody {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.borrow_mut().poll(context)
    }
}

/// The body of a response, with the unread one of its request.
struct WithUnreadBody {
    response: BoxBody,
    _unread: TimedBody,
}

impl MessageBody for WithUnreadBody {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.response.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.response).poll_next(context)
    }
}

impl State {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, PayloadError>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if let Some(waiting) = self.waiting.take() {
            waiting.request_body();
        }
        let polled = self.payload.poll_next_unpin(context);
        if let Poll::Ready(piece) = polled {
            self.waited += self.waiting_since.take().map_or(Duration::ZERO, |since| since.elapsed());
            return match piece {
                Some(Ok(bytes)) => {
                    self.bytes += bytes.len() as u64;
                    received(bytes.len());
                    if self.is_too_slow() { self.time_out() } else { Poll::Ready(Some(Ok(bytes))) }
                }
                end => {
                    self.ended = true;
                    Poll::Ready(end)
                }
            };
        }
        if self.waiting_since.is_none() {
            let now = Instant::now();
            self.waiting_since = Some(now);
            self.silence.as_mut().reset(now + self.limits.idle);
        }
        if self.silence.as_mut().poll(context).is_ready() { self.time_out() } else { Poll::Pending }
    }

    fn is_too_slow(&self) -> bool {
        let due = u128::from(self.limits.min_rate) * self.waited.as_millis() / 1000;
        self.waited > RATE_GRACE && u128::from(self.bytes) < due
    }

    fn time_out(&mut self) -> Poll<Option<Result<Bytes, PayloadError>>> {
        self.ended = true;
        Poll::Ready(Some(Err(PayloadError::Io(io::ErrorKind::TimedOut.into()))))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    const LIMITS: BodyLimits = BodyLimits { idle: Duration::from_secs(30), min_rate: 1000 };

    /// A body of `pieces` pieces of `size` bytes, `pause` apart.
    fn body(pieces: usize, size: usize, pause: Duration) -> TimedBody {
        let pieces = stream::unfold(pieces, move |left| async move {
            sleep(pause).await;
            (left > 0).then(|| (Ok(Bytes::from(vec![0; size])), left - 1))
        });
        TimedBody::new(Payload::Stream { payload: Box::pin(pieces) }, LIMITS, None)
    }

    async fn read(mut body: TimedBody) -> Result<usize, PayloadError> {
        let mut size = 0;
        while let Some(piece) = body.next().await {
            size += piece?.len();
        }
        Ok(size)
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_client_times_out() {
        assert_eq!(read(body(3, 10, Duration::from_secs(2))).await.unwrap(), 30);
        assert!(matches!(read(body(3, 10, Duration::from_secs(31))).await, Err(PayloadError::Io(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_trickle_times_out_and_a_slow_line_does_not() {
        assert_eq!(read(body(60, 1100, Duration::from_secs(1))).await.unwrap(), 66_000);
        assert!(matches!(read(body(60, 900, Duration::from_secs(1))).await, Err(PayloadError::Io(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn the_servers_own_time_does_not_count() {
        let mut slow = body(40, 1000, Duration::from_millis(1));
        let mut pieces = 0;
        while let Some(piece) = slow.next().await {
            piece.unwrap();
            pieces += 1;
            sleep(Duration::from_secs(60)).await;
        }
        assert_eq!(pieces, 40);
    }

    #[tokio::test(start_paused = true)]
    async fn an_unread_body_is_drained_within_bounds() {
        let mut small = body(4, 10, Duration::from_millis(1));
        let mut handlers = small.clone();
        handlers.next().await.unwrap().unwrap();
        small.drain().await;
        assert!(small.0.borrow().ended);
        let mut endless = body(usize::MAX, 1 << 20, Duration::from_millis(1));
        endless.drain().await;
        assert!(endless.0.borrow().bytes <= DRAIN_BYTES + (1 << 20));
    }
}
