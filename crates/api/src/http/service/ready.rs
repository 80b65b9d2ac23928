use actix_web::{HttpResponse, web};
use clouddrive_contract::{Code, Ready};

use crate::http::problem::{Outcome, Problem};
use crate::http::{App, reply};

/// Whether requests can be served: the database and the storage answer.
#[utoipa::path(get, path = "/health/ready", operation_id = "ready", tag = "service", security(()),
    responses((status = 200, description = "Requests can be served", body = Ready)))]
pub(crate) async fn ready(app: web::Data<App>) -> Outcome<HttpResponse> {
    for part in &app.parts {
        if let Err(fault) = part.probe.check().await {
            let cause = Problem::from(fault).cause;
            return Err(Problem { cause, ..Problem::new(Code::Unavailable, format!("{} does not answer", part.name)) });
        }
    }
    Ok(reply::ok(&Ready { status: "ready".to_owned() }))
}
