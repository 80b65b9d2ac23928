use std::task::Poll;

use actix_web::web::Bytes;
use clouddrive_domain::error::Refused;
use clouddrive_domain::port::ByteStream;
use clouddrive_domain::{Error, Result};
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::mpsc;

/// Pieces buffered between the connection and the store.
const PIECES: usize = 4;

/// The sending half of a body. If dropped without [`finish`](Self::finish), the body fails.
pub struct BodySender(mpsc::Sender<Piece>);

enum Piece {
    Bytes(Result<Bytes>),
    End,
}

/// Connects a request body, which is bound to one thread, to a stream that a store can read on any thread.
///
/// If the connection is lost and the sender dropped, the stream ends with an error, so that its reader can clean up.
pub fn channel() -> (BodySender, ByteStream) {
    let (sender, mut receiver) = mpsc::channel(PIECES);
    let mut over = false;
    let body = stream::poll_fn(move |context| {
        if over {
            return Poll::Ready(None);
        }
        receiver.poll_recv(context).map(|piece| match piece {
            Some(Piece::Bytes(Ok(bytes))) => Some(Ok(bytes)),
            Some(Piece::Bytes(Err(error))) => {
                over = true;
                Some(Err(error))
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
    /// Feeds `from` into the body and returns whether all of it was sent. Returns false after an error, which is passed
    /// to the reader, or if the reader is gone.
    pub async fn feed<E>(
        &self,
        from: &mut (impl Stream<Item = Result<Bytes, E>> + Unpin),
        to_error: impl Fn(E) -> Error,
    ) -> bool {
        while let Some(piece) = from.next().await {
            let broken = piece.is_err();
            if self.0.send(Piece::Bytes(piece.map_err(&to_error))).await.is_err() || broken {
                return false;
            }
        }
        true
    }

    /// Ends the body successfully.
    pub async fn finish(self) {
        // The reader may be gone already.
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
    async fn a_body_round_trips() {
        let (sender, body) = channel();
        let feeding = async move {
            assert!(sender.feed(&mut pieces(9), |()| Error::NotFound).await);
            sender.finish().await;
        };
        let (read, ()) = tokio::join!(body.collect::<Vec<_>>(), feeding);
        assert_eq!(read.len(), 9);
        assert!(read.iter().all(Result::is_ok));
    }

    #[tokio::test]
    async fn a_dropped_sender_fails_the_body() {
        let (sender, mut body) = channel();
        sender.feed(&mut pieces(1), |()| Error::NotFound).await;
        drop(sender);
        assert!(body.next().await.unwrap().is_ok());
        assert!(matches!(body.next().await, Some(Err(Error::Refused(Refused::Interrupted)))));
        assert!(body.next().await.is_none());
    }

    #[tokio::test]
    async fn a_source_error_reaches_the_reader() {
        let (sender, mut body) = channel();
        let mut source = stream::iter([Err::<Bytes, _>(())]);
        assert!(!sender.feed(&mut source, |()| Error::Refused(Refused::TooSlow)).await);
        assert!(matches!(body.next().await, Some(Err(Error::Refused(Refused::TooSlow)))));
    }

    #[tokio::test]
    async fn a_dropped_reader_stops_the_feeding() {
        let (sender, body) = channel();
        drop(body);
        assert!(!sender.feed(&mut pieces(usize::MAX), |()| Error::NotFound).await);
    }
}
