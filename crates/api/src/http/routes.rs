//! The URL tree. `http/` and `tests/http/` mirror it.

use actix_web::guard::{self, GuardContext};
use actix_web::http::Method;
use actix_web::http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use actix_web::{Resource, Route};
use clouddrive_contract::Code;
use utoipa_swagger_ui::SwaggerUi;

use super::middleware::authenticate;
use super::problem::Problem;
use super::{account, blob, drive, file, openapi, profile_photo, service, share, upload};

/// Everything that the server answers.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/", "GET, HEAD").route(read().to(service::root)))
        .service(resource("/health", "GET, HEAD").route(read().to(service::health)))
        .service(resource("/health/ready", "GET, HEAD").route(read().to(service::ready)))
        .service(
            resource("/user", "GET, PATCH, POST")
                .route(web::post().to(account::register))
                .route(known(web::get().to(account::get_user)))
                .route(known(web::patch().to(account::patch_user))),
        )
        .service(resource("/user/password", "PUT").route(known(web::put().to(account::change_password))))
        .service(resource("/user/delete", "POST").route(known(web::post().to(account::delete_user))))
        .service(
            resource("/login", "POST")
                .route(web::post().guard(guard::fn_guard(is_form)).to(account::login_form))
                .route(web::post().to(account::login_json)),
        )
        .service(resource("/token/refresh", "POST").route(web::post().to(account::refresh)))
        .service(resource("/logout", "POST").route(web::post().to(account::logout)))
        .service(resource("/session", "GET").route(known(web::get().to(account::list_sessions))))
        .service(resource("/session/{id}", "DELETE").route(known(web::delete().to(account::end_session))))
        .service(resource("/verify-token", "GET").route(known(web::get().to(account::verify_token))))
        .service(
            resource("/drive", "GET, POST")
                .route(known(web::get().to(drive::list_root)))
                .route(known(web::post().to(drive::create))),
        )
        .service(
            resource("/drive/{id}", "GET, PATCH")
                .route(known(web::get().to(drive::list)))
                .route(known(web::patch().to(drive::patch))),
        )
        .service(
            resource("/file", "POST")
                .route(known(web::post().guard(guard::fn_guard(is_multipart)).to(file::create_from_form)))
                .route(known(web::post().to(file::create))),
        )
        .service(
            resource("/file/{id}", "GET, PATCH")
                .route(known(web::get().to(file::get)))
                .route(known(web::patch().to(file::patch))),
        )
        .service(resource("/file/{id}/content", "GET, HEAD").route(known(read().to(file::content))))
        .service(
            resource("/upload/{id}", "DELETE, GET")
                .route(known(web::get().to(upload::get)))
                .route(known(web::delete().to(upload::abort))),
        )
        .service(resource("/upload/{id}/parts", "POST").route(known(web::post().to(upload::sign_parts))))
        .service(resource("/upload/{id}/complete", "POST").route(known(web::post().to(upload::complete))))
        .service(resource("/share", "POST").route(known(web::post().to(share::create))))
        .service(
            resource("/share/{id}", "DELETE, PATCH")
                .route(known(web::patch().to(share::patch)))
                .route(known(web::delete().to(share::delete))),
        )
        .service(resource("/shared-with-me", "GET").route(known(web::get().to(share::list_received))))
        .service(photo("/profile_photo"))
        .service(photo("/profile-photo"))
        .service(resource("/blob/{key}", "GET, PUT").route(web::get().to(blob::get)).route(web::put().to(blob::put)))
        .service(resource("/openapi.json", "GET, HEAD").route(read().to(openapi::document)))
        .service(web::redirect("/docs", "/docs/"))
        .service(
            web::scope("/docs")
                .wrap(from_fn(openapi::let_the_page_work))
                .service(SwaggerUi::new("/{_:.*}").config(openapi::swagger_config())),
        )
        .default_service(web::to(unknown_path));
}

fn photo(path: &'static str) -> Resource {
    resource(path, "DELETE, GET, POST")
        .route(known(web::get().to(profile_photo::get)))
        .route(known(web::post().to(profile_photo::set)))
        .route(known(web::delete().to(profile_photo::delete)))
}

/// A path that answers other methods than those in `allow` with 405.
fn resource(path: &'static str, allow: &'static str) -> Resource {
    let refusal = move || async move {
        let problem = Problem::new(Code::MethodNotAllowed, format!("allowed here: {allow}"));
        Err::<actix_web::HttpResponse, _>(problem.header(ALLOW, HeaderValue::from_static(allow)))
    };
    web::resource(path).default_service(web::to(refusal))
}

/// GET and HEAD.
fn read() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Method(Method::HEAD)))
}

/// For callers with an access token only.
fn known(route: Route) -> Route {
    route.wrap(from_fn(authenticate))
}

async fn unknown_path() -> Result<actix_web::HttpResponse, Problem> {
    Err(Problem::no_such_path())
}

fn has_content_type(context: &GuardContext<'_>, essence: &str) -> bool {
    let header = context.head().headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let given = header.and_then(|text| text.split(';').next()).unwrap_or("");
    given.trim().eq_ignore_ascii_case(essence)
}

fn is_form(context: &GuardContext<'_>) -> bool {
    has_content_type(context, "application/x-www-form-urlencoded")
}

fn is_multipart(context: &GuardContext<'_>) -> bool {
    has_content_type(context, "multipart/form-data")
}
