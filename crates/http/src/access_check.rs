//! Running downloads, which end when the right to them ends.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::web::{self, Bytes};
use clouddrive_domain::caller::{Caller, caller, on_behalf_of};
use clouddrive_domain::model::{NodeId, SessionId, UserId};
use clouddrive_domain::port::ByteStream;
use clouddrive_domain::service::{AccountService, FileService, LinkBearer, PublicLinkService};
use clouddrive_domain::{Error, Result};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, Stream};
use tokio::time::Instant;

/// How often a running download re-checks its right.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// How long after the last confirmation bytes are still sent while a check is pending.
const MAX_UNCHECKED: Duration = Duration::from_millis(900);

/// The right to a download, which can be re-checked.
#[derive(Clone)]
pub struct AccessCheck(Arc<dyn Fn() -> BoxFuture<'static, Result<bool>> + Send + Sync>);

impl AccessCheck {
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
    pub fn from_user(
        accounts: &web::Data<AccountService>,
        files: &web::Data<FileService>,
        user: UserId,
        session: SessionId,
        node: NodeId,
    ) -> Self {
        let (accounts, files) = (accounts.clone(), files.clone());
        Self::new(move || {
            let (accounts, files) = (accounts.clone(), files.clone());
            async move { Ok(accounts.is_session_active(user, session).await? && files.may_still_read(user, node).await?) }
        })
    }

    /// A link bearer's access, while the public link exists and leads to the file.
    pub fn from_link(public_links: &web::Data<PublicLinkService>, bearer: &LinkBearer, file: Option<NodeId>) -> Self {
        let (public_links, bearer) = (public_links.clone(), bearer.clone());
        Self::new(move || {
            let (public_links, bearer) = (public_links.clone(), bearer.clone());
            async move { public_links.may_still_read(&bearer, file).await }
        })
    }
}

/// Wraps `bytes` so that they end with an error within a second after the right ends.
pub fn while_allowed(bytes: ByteStream, access: AccessCheck) -> ByteStream {
    Box::pin(CheckedStream::new(bytes, access))
}

/// A stream that ends with an error within a second after the right ends.
struct CheckedStream {
    bytes: ByteStream,
    access: AccessCheck,
    /// When the right was last confirmed.
    confirmed_at: Instant,
    /// The pending check, and when it was started.
    pending_check: Option<(Instant, BoxFuture<'static, Result<bool>>)>,
    ended: bool,
}

impl CheckedStream {
    fn new(bytes: ByteStream, access: AccessCheck) -> Self {
        Self { bytes, access, confirmed_at: Instant::now(), pending_check: None, ended: false }
    }

    /// Whether bytes may be sent now; pending while that is unknown.
    fn poll_allowed(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        if self.pending_check.is_none() && self.confirmed_at.elapsed() >= CHECK_INTERVAL {
            self.pending_check = Some((Instant::now(), (self.access.0)()));
        }
        let Some((started_at, answer)) = &mut self.pending_check else {
            return Poll::Ready(true);
        };
        match answer.as_mut().poll(context) {
            Poll::Pending if self.confirmed_at.elapsed() < MAX_UNCHECKED => Poll::Ready(true),
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(false)) => Poll::Ready(false),
            // A temporarily unavailable database does not end the right.
            Poll::Ready(outcome) => {
                if let Err(error) = outcome {
                    tracing::warn!(%error, "checking access to a running download failed");
                }
                self.confirmed_at = *started_at;
                self.pending_check = None;
                Poll::Ready(true)
            }
        }
    }
}

impl Stream for CheckedStream {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        match self.poll_allowed(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(true) => self.bytes.as_mut().poll_next(context),
            Poll::Ready(false) => {
                self.ended = true;
                tracing::info!("download aborted: access has ended");
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
    fn allowed_for(questions: usize, each: Duration) -> (AccessCheck, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let counting = asked.clone();
        let access = AccessCheck::new(move || {
            let nth = counting.fetch_add(1, Ordering::Relaxed);
            async move {
                sleep(each).await;
                Ok(nth < questions)
            }
        });
        (access, asked)
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
        let (access, asked) = allowed_for(usize::MAX, Duration::ZERO);
        assert_eq!(read(while_allowed(pieces(100), access)).await, (100, true));
        assert!((15..=21).contains(&asked.load(Ordering::Relaxed)), "{asked:?}");
        let (access, _) = allowed_for(2, Duration::ZERO);
        let (count, whole) = read(while_allowed(pieces(100), access)).await;
        assert!(!whole && (10..20).contains(&count), "{count}");
    }

    #[tokio::test(start_paused = true)]
    async fn short_downloads_are_not_checked() {
        let (access, asked) = allowed_for(0, Duration::ZERO);
        assert_eq!(read(while_allowed(pieces(3), access)).await, (3, true));
        assert_eq!(asked.load(Ordering::Relaxed), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_check_holds_the_bytes_back_and_a_late_reader_waits_for_it() {
        let (access, _) = allowed_for(0, Duration::from_secs(60));
        let (count, whole) = read(while_allowed(pieces(100), access)).await;
        assert!(!whole && count < 10, "{count}");
        let (access, _) = allowed_for(0, Duration::ZERO);
        let mut bytes = while_allowed(pieces(100), access);
        bytes.next().await.unwrap().unwrap();
        sleep(Duration::from_secs(5)).await;
        assert!(bytes.next().await.unwrap().is_err());
        assert!(bytes.next().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_check_does_not_end_the_download() {
        let access = AccessCheck::new(|| async { Err(Error::unavailable("database", "a moment")) });
        assert_eq!(read(while_allowed(pieces(30), access)).await, (30, true));
    }
}
