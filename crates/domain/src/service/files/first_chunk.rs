//! Streams whose first bytes have arrived.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;

use crate::error::Result;
use crate::port::ByteStream;

/// Waits for the first bytes of the stream, so that an early store error surfaces here.
pub(in crate::service) async fn await_first_chunk(mut bytes: ByteStream) -> Result<ByteStream> {
    let first = poll_fn(|context| bytes.as_mut().poll_next(context)).await.transpose()?;
    Ok(Box::pin(WithFirstChunk { first, rest: bytes }))
}

struct WithFirstChunk {
    first: Option<Bytes>,
    rest: ByteStream,
}

impl Stream for WithFirstChunk {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(Ok(first))),
            None => self.rest.as_mut().poll_next(context),
        }
    }
}
