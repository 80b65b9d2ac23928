//! `Expect: 100-continue`: the client is asked for the body when a handler begins to read it, after every check that
//! needs only the head.

use std::pin::Pin;
use std::rc::Rc;

use actix_http::{Request, Response};
use actix_service::Service;
use actix_web::HttpMessage;
use actix_web::body::BoxBody;
use futures_util::future::Either;
use tokio::sync::Notify;

/// A client that waits to be asked for its body.
pub struct ExpectContinue(Rc<Notify>);

/// A request that is being handled, waiting for its body.
struct RunningHandler<F>(Pin<Box<F>>);

impl ExpectContinue {
    /// Asks for the body.
    pub(super) fn request_body(self) {
        self.0.notify_one();
    }
}

/// Handles a request with `Expect: 100-continue` until its body is read: on `Ok`, `100 Continue` is sent, and
/// [`resume_or_call`] continues with the handler. A response without reading the body is an `Err`, with any status.
pub async fn call_until_read<A>(app: Rc<A>, request: Request) -> Result<Request, Response<BoxBody>>
where
    A: Service<Request>,
    A::Future: 'static,
    A::Response: Into<Response<BoxBody>>,
    A::Error: Into<Response<BoxBody>>,
{
    let asked = Rc::new(Notify::new());
    request.extensions_mut().insert(ExpectContinue(asked.clone()));
    let mut answering = Box::pin(app.call(request));
    tokio::select! {
        biased;
        answer = &mut answering => Err(answer.map_or_else(Into::into, Into::into)),
        () = asked.notified() => {
            // This request only carries the running handler.
            let begun = Request::new();
            begun.extensions_mut().insert(RunningHandler(answering));
            Ok(begun)
        }
    }
}

/// Handles a request, or continues with one that [`call_until_read`] has begun.
pub fn resume_or_call<A>(app: &A, request: Request) -> Either<A::Future, Pin<Box<A::Future>>>
where
    A: Service<Request>,
    A::Future: 'static,
{
    let begun = request.extensions_mut().remove::<RunningHandler<A::Future>>();
    match begun {
        Some(RunningHandler(answering)) => Either::Right(answering),
        None => Either::Left(app.call(request)),
    }
}
