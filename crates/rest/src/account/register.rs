use actix_web::{HttpResponse, web};
use clouddrive_contract::{Code, FieldError, Register, User, paths};
use clouddrive_domain::model::{Email, ParseError, Password, Username};
use clouddrive_domain::service::RegistrationService;
use clouddrive_http::extract::{CurrentOrigin, Json};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::map;

pub(super) const ENDPOINT: Endpoint = endpoint!(
    register,
    POST,
    paths::USER,
    Access::Public,
    Idempotency::Described("safe: 409 says that the account is there; log in."),
    &[errors::BODY, errors::JSON, errors::THROTTLED, &[Code::UsernameTaken, Code::EmailTaken]]
);

/// Creates an account with its own drive.
#[utoipa::path(post, path = paths::USER, operation_id = "register", tag = "account", request_body = Register,
    responses((status = 201, description = "The account", body = User, headers(("Location" = String)))))]
async fn register(
    request: CurrentOrigin,
    body: Json<Register>,
    registration: web::Data<RegistrationService>,
) -> Result<HttpResponse, Problem> {
    let (username, email, password) = parse(&body.0)?;
    let account = registration.register(request.0, username, email, &password).await?;
    Ok(reply::created(paths::USER.to_owned(), &map::user(account)?))
}

/// Parses all three fields, or reports every invalid one.
fn parse(body: &Register) -> Result<(Username, Email, Password), Problem> {
    let parsed = (Username::parse(&body.username), Email::parse(&body.email), Password::choose(&body.password));
    match parsed {
        (Ok(username), Ok(email), Ok(password)) => Ok((username, email, password)),
        (username, email, password) => {
            let errors = [("username", username.err()), ("email", email.err()), ("password", password.err())];
            let error = |(field, error): (&str, Option<ParseError>)| {
                error.map(|error| FieldError { field: field.to_owned(), message: error.rule().to_owned() })
            };
            Err(Problem::violations(errors.into_iter().filter_map(error).collect()))
        }
    }
}
