use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web;
use clouddrive_contract::Code;
use clouddrive_domain::caller::caller;
use tracing::{Instrument, Span};

use super::request::{catch_panic, log_unheard};
use crate::problem::Problem;
use crate::server::Server;

/// Runs the handler of a safe method to its end, as those of unsafe methods are, because it counts or audits something.
pub async fn run_to_completion(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let server = request.app_data::<web::Data<Server>>().cloned();
    let server = server.ok_or_else(|| Problem::new(Code::InternalError, "the server is not wired"))?;
    let handling = catch_panic(next.call(request)).in_current_span();
    let span = Span::current();
    let unheard = move |outcome: &_| log_unheard(&span, outcome);
    server.detached.run_to_completion(caller(), handling, unheard).await.map_err(Problem::from)?
}
