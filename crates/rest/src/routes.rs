//! The URL tree. The modules mirror it, one file per endpoint, and so do the tests.

use actix_web::guard::{self, GuardContext};
use actix_web::http::Method;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use actix_web::{Resource, Route};
use clouddrive_http::middleware::{authenticate, authenticate_without_key, refuse_idempotency_key, run_to_completion};
use clouddrive_http::problem::Problem;
use utoipa_swagger_ui::SwaggerUi;

use crate::idempotent::execute_once;
use crate::{
    account, archive, blob, drive, file, link, openapi, profile_photo, public_link, search, service, share, trash,
    upload, version,
};

/// Configures all routes.
pub(crate) fn routes(config: &mut ServiceConfig) {
    let families = [of_service, of_account, of_folders, of_files, of_uploads, of_trash, of_sharing, of_links];
    for family in families {
        family(config);
    }
    config.default_service(web::to(unknown_path));
}

/// The server itself and its documentation.
fn of_service(config: &mut ServiceConfig) {
    config
        .service(resource("/", "GET, HEAD").route(public(get_or_head().to(service::root))))
        .service(resource("/health", "GET, HEAD").route(public(get_or_head().to(service::health))))
        .service(resource("/health/ready", "GET, HEAD").route(public(get_or_head().to(service::ready))))
        .service(resource("/openapi.json", "GET, HEAD").route(public(get_or_head().to(openapi::document))))
        .service(web::redirect("/docs", "/docs/"))
        .service(
            web::scope("/docs")
                .wrap(from_fn(openapi::swagger_csp))
                .wrap(from_fn(refuse_idempotency_key))
                .service(SwaggerUi::new("/{_:.*}").config(openapi::swagger_config())),
        );
}

/// Accounts and sessions.
fn of_account(config: &mut ServiceConfig) {
    config
        .service(
            resource("/user", "GET, HEAD, PATCH, POST")
                .route(public(web::post().to(account::register)))
                .route(authenticated(get_or_head().to(account::get_user)))
                .route(authenticated(web::patch().to(account::update_user))),
        )
        .service(resource("/user/password", "PUT").route(authenticated(web::put().to(account::change_password))))
        .service(resource("/user/delete", "POST").route(authenticated(web::post().to(account::delete_user))))
        .service(
            resource("/login", "POST")
                .route(public(web::post().guard(guard::fn_guard(is_form)).to(account::login_form)))
                .route(public(web::post().to(account::login_json))),
        )
        .service(
            resource("/token/refresh", "POST")
                .route(public(web::post().guard(guard::fn_guard(is_form)).to(account::refresh_form)))
                .route(public(web::post().to(account::refresh_json))),
        )
        .service(resource("/logout", "POST").route(public(web::post().to(account::logout))))
        .service(resource("/session", "GET, HEAD").route(authenticated(get_or_head().to(account::list_sessions))))
        .service(resource("/session/{id}", "DELETE").route(authenticated(web::delete().to(account::delete_session))))
        .service(resource("/verify-token", "GET, HEAD").route(authenticated(get_or_head().to(account::verify_token))))
        .service(photo("/profile_photo"))
        .service(photo("/profile-photo"));
}

/// Folders, archives and search.
fn of_folders(config: &mut ServiceConfig) {
    config
        .service(
            resource("/drive", "GET, HEAD, POST")
                .route(authenticated(get_or_head().to(drive::list_root)))
                .route(idempotent(web::post().to(drive::create))),
        )
        .service(
            resource("/drive/{id}", "DELETE, GET, HEAD, PATCH")
                .route(authenticated(get_or_head().to(drive::list)))
                .route(authenticated(web::patch().to(drive::update)))
                .route(authenticated(web::delete().to(drive::delete))),
        )
        .service(resource("/drive/{id}/copy", "POST").route(idempotent(web::post().to(drive::copy))))
        .service(resource("/drive/{id}/archive", "GET, HEAD").route(authenticated(get_or_head().to(drive::archive))))
        .service(
            resource("/archive", "GET, HEAD, POST")
                .route(public(get_or_head().to(archive::get)))
                .route(idempotent(web::post().to(archive::create))),
        )
        .service(resource("/search", "GET, HEAD").route(authenticated(get_or_head().to(search::search))));
}

/// Files and their versions.
fn of_files(config: &mut ServiceConfig) {
    config
        .service(
            resource("/file", "POST")
                .route(idempotent_stream(web::post().guard(guard::fn_guard(is_multipart)).to(file::create_from_form)))
                .route(idempotent(web::post().to(file::create))),
        )
        .service(
            resource("/file/{id}", "DELETE, GET, HEAD, PATCH")
                .route(authenticated(get_or_head().to(file::get)))
                .route(authenticated(web::patch().to(file::update)))
                .route(authenticated(web::delete().to(file::delete))),
        )
        .service(
            resource("/file/{id}/content", "GET, HEAD, PUT")
                .route(authenticated(get_or_head().to(file::content)))
                .route(idempotent_stream(web::put().to(file::put_content))),
        )
        .service(resource("/file/{id}/version", "GET, HEAD").route(authenticated(get_or_head().to(version::list))))
        .service(
            resource("/file/{id}/version/{version}", "DELETE, GET, HEAD")
                .route(authenticated(get_or_head().to(version::get)))
                .route(authenticated(web::delete().to(version::delete))),
        )
        .service(
            resource("/file/{id}/version/{version}/restore", "POST")
                .route(idempotent(web::post().to(version::restore))),
        )
        .service(resource("/file/{id}/copy", "POST").route(idempotent(web::post().to(file::copy))));
}

/// Uploads, and the signed URLs of blobs on local disk.
fn of_uploads(config: &mut ServiceConfig) {
    config
        .service(resource("/upload", "GET, HEAD").route(authenticated(get_or_head().to(upload::list))))
        .service(
            resource("/upload/{id}", "DELETE, GET, HEAD")
                .route(authenticated(get_or_head().to(upload::get)))
                .route(authenticated(web::delete().to(upload::abort))),
        )
        .service(resource("/upload/{id}/parts", "POST").route(idempotent(web::post().to(upload::sign_parts))))
        .service(resource("/upload/{id}/complete", "POST").route(idempotent(web::post().to(upload::complete))))
        .service(
            resource("/blob/{key}", "GET, HEAD, PUT")
                .route(public(get_or_head().to(blob::get)))
                .route(public(web::put().to(blob::put))),
        );
}

/// The trash.
fn of_trash(config: &mut ServiceConfig) {
    config
        .service(
            resource("/trash", "DELETE, GET, HEAD")
                .route(authenticated(get_or_head().to(trash::list)))
                .route(authenticated(web::delete().to(trash::empty))),
        )
        .service(resource("/trash/{id}", "DELETE").route(authenticated(web::delete().to(trash::purge))))
        .service(resource("/trash/{id}/item", "GET, HEAD").route(authenticated(get_or_head().to(trash::list_folder))))
        .service(resource("/trash/{id}/restore", "POST").route(idempotent(web::post().to(trash::restore))));
}

/// Shares and access.
fn of_sharing(config: &mut ServiceConfig) {
    config
        .service(
            resource("/drive/{id}/share", "GET, HEAD").route(authenticated(get_or_head().to(share::list_of_folder))),
        )
        .service(
            resource("/drive/{id}/access", "GET, HEAD")
                .route(authenticated(get_or_head().to(share::list_access_to_folder))),
        )
        .service(resource("/file/{id}/share", "GET, HEAD").route(authenticated(get_or_head().to(share::list_of_file))))
        .service(
            resource("/file/{id}/access", "GET, HEAD")
                .route(authenticated(get_or_head().to(share::list_access_to_file))),
        )
        .service(resource("/share", "POST").route(idempotent(web::post().to(share::create))))
        .service(
            resource("/share/{id}", "DELETE, PATCH")
                .route(authenticated(web::patch().to(share::update)))
                .route(authenticated(web::delete().to(share::delete))),
        )
        .service(resource("/shared-with-me", "GET, HEAD").route(authenticated(get_or_head().to(share::list_received))))
        .service(resource("/shared-by-me", "GET, HEAD").route(authenticated(get_or_head().to(share::list_given))));
}

/// Public links.
fn of_links(config: &mut ServiceConfig) {
    config
        .service(
            resource("/link", "GET, HEAD, POST")
                .route(authenticated(get_or_head().to(link::list)))
                .route(idempotent(web::post().to(link::create))),
        )
        .service(
            resource("/link/{id}", "DELETE, PATCH")
                .route(authenticated(web::patch().to(link::update)))
                .route(authenticated(web::delete().to(link::delete))),
        )
        .service(resource("/s/{token}", "GET, HEAD").route(visited(get_or_head().to(public_link::get))))
        .service(resource("/s/{token}/access", "POST").route(public(web::post().to(public_link::access))))
        .service(resource("/s/{token}/content", "GET, HEAD").route(visited(get_or_head().to(public_link::content))))
        .service(resource("/s/{token}/archive", "GET, HEAD").route(visited(get_or_head().to(public_link::archive))))
        .service(
            resource("/s/{token}/drive/{id}/archive", "GET, HEAD")
                .route(visited(get_or_head().to(public_link::archive_folder))),
        )
        .service(resource("/s/{token}/drive/{id}", "GET, HEAD").route(visited(get_or_head().to(public_link::list))))
        .service(
            resource("/s/{token}/file/{id}/content", "GET, HEAD")
                .route(visited(get_or_head().to(public_link::content_of_file))),
        );
}

fn photo(path: &'static str) -> Resource {
    resource(path, "DELETE, GET, HEAD, POST")
        .route(authenticated(get_or_head().to(profile_photo::get)))
        .route(idempotent_stream(web::post().to(profile_photo::set)))
        .route(authenticated(web::delete().to(profile_photo::delete)))
}

/// A path that answers methods other than those in `allow` with 405.
fn resource(path: &'static str, allow: &'static str) -> Resource {
    let refusal = move || async move { Err::<actix_web::HttpResponse, _>(Problem::method_not_allowed(allow)) };
    web::resource(path).default_service(web::to(refusal))
}

/// GET and HEAD.
fn get_or_head() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Method(Method::HEAD)))
}

/// Requires an access token; refuses an `Idempotency-Key`.
fn authenticated(route: Route) -> Route {
    route.wrap(from_fn(authenticate_without_key))
}

/// Requires an access token and executes the request once per `Idempotency-Key`.
fn idempotent(route: Route) -> Route {
    idempotent_stream(route.wrap(from_fn(execute_once)))
}

/// Requires an access token; the handler processes the `Idempotency-Key`, since a streaming body's digest is known only
/// at its end.
fn idempotent_stream(route: Route) -> Route {
    route.wrap(from_fn(authenticate))
}

/// Public; refuses an `Idempotency-Key`.
fn public(route: Route) -> Route {
    route.wrap(from_fn(refuse_idempotency_key))
}

/// Public, by a link: every request may leave an audit event.
fn visited(route: Route) -> Route {
    public(route.wrap(from_fn(run_to_completion)))
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
