use std::task::Poll;

use actix_web::web::Bytes;
use clouddrive_domain::error::Refused;
use clouddrive_domain::port::ByteStream;
use clouddrive_domain::{Error, Result};
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::mpsc;

/// How many pieces may lie between the connection and the store.
const PIECES: usize = 4;

/// The end of a body at which the connection puts bytes in. Dropped without [`finish`](Self::finish), it breaks off.
pub(crate) struct BodySender(mpsc::Sender<Piece>);

enum Piece {
    Bytes(Result<Bytes>),
    End,
}

/// A body that a connection feeds, which belongs to one thread, and that a store may read on any other.
///
/// When the connection is gone, so that nobody feeds it any more, the body ends with an error: whoever reads it clears up.
pub(crate) fn bridge() -> (BodySender, ByteStream) {
    let (sender, mut receiver) = mpsc::channel(PIECES);
    let mut over = false;
    let body = stream::poll_fn(move |context| {
        if over {
            return Poll::Ready(None);
        }
        receiver.poll_recv(context).map(|piece| match piece {
            Some(Piece::Bytes(Ok(bytes))) => Some(Ok(bytes)),
            Some(Piece::Bytes(Err(fault))) => {
                over = true;
                Some(Err(fault))
            }
            Some(Piece::End) => {
                over = true;
                None
            }
            None => {
                over = true;
                Some(Err(Error::Refused(Refused::Interrupted)))
            }
        })
    });
    (BodySender(sender), Box::pin(body))
}

impl BodySender {
    /// Feeds `from` into the body until it ends, and tells whether it did: not when it broke off, which the reader of the
    /// body is told, nor when there is no reader any more.
    pub(crate) async fn feed<E>(
        &self,
        from: &mut (impl Stream<Item = Result<Bytes, E>> + Unpin),
        failed: impl Fn(E) -> Error,
    ) -> bool {
        while let Some(piece) = from.next().await {
            let broken = piece.is_err();
            if self.0.send(Piece::Bytes(piece.map_err(&failed))).await.is_err() || broken {
                return false;
            }
        }
        true
    }

    /// Ends the body: that was all.
    pub(crate) async fn finish(self) {
        // A reader who has gone need not know.
        let _ = self.0.send(Piece::End).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(count: usize) -> impl Stream<Item = Result<Bytes, ()>> + Unpin {
        stream::iter((0..count).map(|_| Ok(Bytes::from_static(b"ab"))))
    }

    #[tokio::test]
    async fn what_goes_in_comes_out() {
        let (sender, body) = bridge();
        let feeding = async move {
            assert!(sender.feed(&mut pieces(9), |()| Error::NotFound).await);
            sender.finish().await;
        };
        let (read, ()) = tokio::join!(body.collect::<Vec<_>>(), feeding);
        assert_eq!(read.len(), 9);
        assert!(read.iter().all(Result::is_ok));
    }

    #[tokio::test]
    async fn a_sender_that_goes_away_breaks_the_body_off() {
        let (sender, mut body) = bridge();
        sender.feed(&mut pieces(1), |()| Error::NotFound).await;
        drop(sender);
        assert!(body.next().await.unwrap().is_ok());
        assert!(matches!(body.next().await, Some(Err(Error::Refused(Refused::Interrupted)))));
        assert!(body.next().await.is_none());
    }

    #[tokio::test]
    async fn a_source_that_fails_tells_the_reader_why() {
        let (sender, mut body) = bridge();
        let mut source = stream::iter([Err::<Bytes, _>(())]);
        assert!(!sender.feed(&mut source, |()| Error::Refused(Refused::TooSlow)).await);
        assert!(matches!(body.next().await, Some(Err(Error::Refused(Refused::TooSlow)))));
    }

    #[tokio::test]
    async fn a_reader_that_goes_away_stops_the_feeding() {
        let (sender, body) = bridge();
        drop(body);
        assert!(!sender.feed(&mut pieces(usize::MAX), |()| Error::NotFound).await);
    }
}
