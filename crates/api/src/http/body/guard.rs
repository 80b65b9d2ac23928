use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::telemetry::http::received;
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, Sleep, sleep, timeout};

/// How long one waits for a body before its rate is looked at.
const RATE_GRACE: Duration = Duration::from_secs(10);

/// How much of a body is read after its request has been answered, and for how long, so that the answer gets through.
const DRAIN_BYTES: u64 = 16 << 20;
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// How slowly a body may come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyLimits {
    /// The longest silence.
    pub(crate) idle: Duration,
    /// The least rate in bytes per second of waiting, after ten seconds of it. Time that the server takes does not count.
    pub(crate) min_rate: u64,
}

/// A body under watch. Clones read on where the others left off: one is the handler's, one is for what the handler left.
#[derive(Clone)]
pub(crate) struct Guarded(Rc<RefCell<State>>);

struct State {
    payload: Payload,
    limits: BodyLimits,
    silence: Pin<Box<Sleep>>,
    waiting_since: Option<Instant>,
    waited: Duration,
    bytes: u64,
    ended: bool,
}

impl Guarded {
    pub(crate) fn new(payload: Payload, limits: BodyLimits) -> Self {
        let state = State {
            payload,
            limits,
            silence: Box::pin(sleep(limits.idle)),
            waiting_since: None,
            waited: Duration::ZERO,
            bytes: 0,
            ended: false,
        };
        Self(Rc::new(RefCell::new(state)))
    }

    /// The same body, for a handler.
    pub(crate) fn payload(&self) -> Payload {
        Payload::Stream { payload: Box::pin(self.clone()) }
    }

    /// Reads, within bounds, what nobody has read.
    pub(crate) async fn drain(&mut self) {
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
        // Past the bound the connection is closed, whatever still comes.
        let _ = timeout(DRAIN_TIME, rest).await;
    }
}

impl Stream for Guarded {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.borrow_mut().poll(context)
    }
}

impl State {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, PayloadError>>> {
        if self.ended {
            return Poll::Ready(None);
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

    /// A body of pieces, each of `size` bytes and `pause` after the one before.
    fn body(pieces: usize, size: usize, pause: Duration) -> Guarded {
        let pieces = stream::unfold(pieces, move |left| async move {
            sleep(pause).await;
            (left > 0).then(|| (Ok(Bytes::from(vec![0; size])), left - 1))
        });
        Guarded::new(Payload::Stream { payload: Box::pin(pieces) }, LIMITS)
    }

    async fn read(mut body: Guarded) -> Result<usize, PayloadError> {
        let mut size = 0;
        while let Some(piece) = body.next().await {
            size += piece?.len();
        }
        Ok(size)
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_client_is_given_up() {
        assert_eq!(read(body(3, 10, Duration::from_secs(2))).await.unwrap(), 30);
        assert!(matches!(read(body(3, 10, Duration::from_secs(31))).await, Err(PayloadError::Io(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_trickle_is_given_up_and_a_slow_line_is_not() {
        assert_eq!(read(body(60, 1100, Duration::from_secs(1))).await.unwrap(), 66_000);
        assert!(matches!(read(body(60, 900, Duration::from_secs(1))).await, Err(PayloadError::Io(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_that_the_server_takes_is_not_the_clients() {
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
    async fn what_a_handler_leaves_is_drained_within_bounds() {
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
