//! Running downloads, which end when the right to them ends.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::web::{self, Bytes};
use clouddrive_domain::caller::{Caller, caller, on_behalf_of};
use clouddrive_domain::model::{NodeId, SessionId, UserId};
use clouddrive_domain::port::ByteStream;
use clouddrive_domain::service::{Accounts, Files, Visitor, Visits};
use clouddrive_domain::{Error, Result};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, Stream};
use tokio::time::Instant;

/// How often a running download re-checks its right.
const INTERVAL: Duration = Duration::from_millis(500);

/// How long after the last confirmation bytes are still sent while a check is pending.
const LENIENCE: Duration = Duration::from_millis(900);

/// The right to a download, which can be re-checked.
#[derive(Clone)]
pub struct Right(Arc<dyn Fn() -> BoxFuture<'static, Result<bool>> + Send + Sync>);

impl Right {
    /// A right that holds while `ask` returns true.
    pub fn new<F>(ask: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<bool>> + Send + 'static,
    {
        let caller: Option<Caller> = caller();
        Self(Arc::new(move || on_behalf_of(caller, ask()).boxed()))
    }

    /// A user's right to see a file or folder, while the session that started the download is active. The access token
    /// may expire meanwhile.
    pub fn of_user(
        accounts: &web::Data<Accounts>,
        files: &web::Data<Files>,
        user: UserId,
        session: SessionId,
        node: NodeId,
    ) -> Self {
        let (accounts, files) = (accounts.clone(), files.clone());
        Self::new(move || {
            let (accounts, files) = (accounts.clone(), files.clone());
            async move { Ok(accounts.is_running(user, session).await? && files.may_still_read(user, node).await?) }
        })
    }

    /// A visitor's right, while the public link exists and leads to the file.
    pub fn of_visitor(visits: &web::Data<Visits>, visitor: &Visitor, file: Option<NodeId>) -> Self {
        let (visits, visitor) = (visits.clone(), visitor.clone());
        Self::new(move || {
            let (visits, visitor) = (visits.clone(), visitor.clone());
            async move { visits.may_still_read(&visitor, file).await }
        })
    }
}

/// Wraps `bytes` so that they end with an error within a second after the right ends.
pub fn while_right(bytes: ByteStream, right: Right) -> ByteStream {
    Box::pin(Running::new(bytes, right))
}

/// A stream that ends with an error within a second after the right ends.
pub struct Running<S: ?Sized> {
    bytes: Pin<Box<S>>,
    right: Right,
    /// When the right was last confirmed.
    since: Instant,
    /// The pending check, and when it was started.
    asking: Option<(Instant, BoxFuture<'static, Result<bool>>)>,
    over: bool,
}

impl<S: ?Sized> Running<S> {
    pub fn new(bytes: Pin<Box<S>>, right: Right) -> Self {
        Self { bytes, right, since: Instant::now(), asking: None, over: false }
    }

    /// Whether bytes may be sent now; pending while that is unknown.
    fn poll_right(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        if self.asking.is_none() && self.since.elapsed() >= INTERVAL {
            self.asking = Some((Instant::now(), (self.right.0)()));
        }
        let Some((asked, answer)) = &mut self.asking else {
            return Poll::Ready(true);
        };
        match answer.as_mut().poll(context) {
            Poll::Pending if self.since.elapsed() < LENIENCE => Poll::Ready(true),
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(false)) => Poll::Ready(false),
            // A temporarily unavailable database does not end the right.
            Poll::Ready(outcome) => {
                if let Err(fault) = outcome {
                    tracing::warn!(%fault, "whether a download may go on is not known");
                }
                self.since = *asked;
                self.asking = None;
                Poll::Ready(true)
            }
        }
    }
}

impl<S: Stream<Item = Result<Bytes>> + ?Sized> Stream for Running<S> {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.over {
            return Poll::Ready(None);
        }
        match self.poll_right(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(true) => self.bytes.as_mut().poll_next(context),
            Poll::Ready(false) => {
                self.over = true;
                tracing::info!("a download breaks off: the right to it has ended");
                Poll::Ready(Some(Err(Error::NotFound)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::{StreamExt, stream};
    use tokio::time::sleep;

    use super::*;

    /// A stream with one piece every 100 ms.
    fn pieces(count: usize) -> ByteStream {
        Box::pin(stream::unfold(count, |left| async move {
            sleep(Duration::from_millis(100)).await;
            (left > 0).then(|| (Ok(Bytes::from_static(b"x")), left - 1))
        }))
    }

    /// A right that holds for `questions` checks, each taking `each`.
    fn lasting(questions: usize, each: Duration) -> (Right, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let counting = asked.clone();
        let right = Right::new(move || {
            let nth = counting.fetch_add(1, Ordering::Relaxed);
            async move {
                sleep(each).await;
                Ok(nth < questions)
            }
        });
        (right, asked)
    }

    async fn read(mut bytes: ByteStream) -> (usize, bool) {
        let mut count = 0;
        while let Some(piece) = bytes.next().await {
            if piece.is_err() {
                return (count, false);
            }
            count += 1;
        }
        (count, true)
    }

    #[tokio::test(start_paused = true)]
    async fn it_checks_twice_a_second_and_ends_with_the_right() {
        let (right, asked) = lasting(usize::MAX, Duration::ZERO);
        assert_eq!(read(while_right(pieces(100), right)).await, (100, true));
        assert!((15..=21).contains(&asked.load(Ordering::Relaxed)), "{asked:?}");
        let (right, _) = lasting(2, Duration::ZERO);
        let (count, whole) = read(while_right(pieces(100), right)).await;
        assert!(!whole && (10..20).contains(&count), "{count}");
    }

    #[tokio::test(start_paused = true)]
    async fn short_downloads_are_not_checked() {
        let (right, asked) = lasting(0, Duration::ZERO);
        assert_eq!(read(while_right(pieces(3), right)).await, (3, true));
        assert_eq!(asked.load(Ordering::Relaxed), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_check_holds_the_bytes_back_and_a_late_reader_waits_for_it() {
        let (right, _) = lasting(0, Duration::from_secs(60));
        let (count, whole) = read(while_right(pieces(100), right)).await;
        assert!(!whole && count < 10, "{count}");
        let (right, _) = lasting(0, Duration::ZERO);
        let mut bytes = while_right(pieces(100), right);
        bytes.next().await.unwrap().unwrap();
        sleep(Duration::from_secs(5)).await;
        assert!(bytes.next().await.unwrap().is_err());
        assert!(bytes.next().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_check_does_not_end_the_download() {
        let right = Right::new(|| async { Err(Error::unavailable("database", "a moment")) });
        assert_eq!(read(while_right(pieces(30), right)).await, (30, true));
    }
}
