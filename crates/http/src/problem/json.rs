//! Problems as documents of RFC 9457.

use actix_web::body::BoxBody;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use clouddrive_contract as dto;
use clouddrive_domain::model::RequestId;

use super::Problem;

/// Replaces the response by the document of `problem`, with its status and headers.
pub fn render_problem(response: HttpResponse, problem: Problem, id: &RequestId) -> HttpResponse {
    let body = dto::Problem {
        kind: "about:blank".to_owned(),
        title: problem.code.title().to_owned(),
        status: problem.code.status(),
        detail: problem.detail.clone(),
        code: problem.code,
        request_id: id.as_str().to_owned(),
        errors: problem.errors.clone(),
        conflict: problem.conflict.as_deref().cloned(),
        quota: problem.quota.as_deref().copied(),
    };
    let text = serde_json::to_string(&body).unwrap_or_default();
    let mut response = response.set_body(BoxBody::new(text));
    *response.status_mut() = problem.status_code();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.remove(CONTENT_LENGTH);
    for (name, value) in problem.implied_headers().into_iter().chain(problem.headers.clone()) {
        headers.insert(name, value);
    }
    response.extensions_mut().insert(problem);
    response
}
