//! The end of the background work: as asked, or by a bug.

use std::time::Duration;

use clouddrive_domain::{Error, Result};
use tokio::time::timeout;

/// Runs the `background` work, which is to end within `max` after `stopping`, and is cut off then.
///
/// # Errors
/// [`Internal`](Error::Internal) if it panics or ends before: without it, the server is to be restarted.
pub async fn supervise(
    background: impl Future<Output = ()> + Send + 'static,
    stopping: impl Future<Output = ()>,
    max: Duration,
) -> Result<()> {
    let mut background = tokio::spawn(background);
    let ended = tokio::select! {
        biased;
        () = stopping => match timeout(max, &mut background).await {
            Ok(Ok(())) => return Ok(()),
            Ok(panicked) => panicked,
            Err(_) => {
                background.abort();
                tracing::warn!("background work was cut off: its jobs run again when their leases have run out");
                return Ok(());
            }
        },
        ended = &mut background => ended,
    };
    let error = ended.map_or_else(
        |error| Error::internal("jobs", error),
        |()| Error::internal("jobs", "the background work ended by itself"),
    );
    tracing::error!(%error, source = ?std::error::Error::source(&error), "background work ended");
    Err(error)
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn background_work_that_ends_by_a_bug_is_an_error() {
        let panic = async {
            if true {
                panic!("a bug")
            }
        };
        assert!(supervise(panic, pending(), Duration::ZERO).await.is_err());
        assert!(supervise(async {}, pending(), Duration::ZERO).await.is_err());
    }

    #[tokio::test]
    async fn background_work_that_takes_too_long_to_stop_is_cut_off() {
        supervise(pending(), ready(()), Duration::ZERO).await.unwrap();
    }
}
