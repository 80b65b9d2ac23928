//! The URL tree, built from the definitions of the endpoints.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use actix_web::guard::{self, GuardContext};
use actix_web::http::Method;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use actix_web::{Resource, Route};
use clouddrive_contract::paths;
use clouddrive_http::middleware::{authenticate, authenticate_without_key, refuse_idempotency_key, run_to_completion};
use clouddrive_http::problem::Problem;
use utoipa_swagger_ui::SwaggerUi;

use crate::endpoint::{Access, Endpoint, FormHandler, Idempotency};
use crate::families::endpoints;
use crate::idempotent::execute_once;
use crate::openapi;

/// A path with its endpoints.
struct RoutedPath {
    /// As the router, the log and the metrics have it.
    pattern: String,
    endpoints: Vec<(Method, &'static Endpoint)>,
    /// All methods, as in the header `Allow`.
    allow: String,
}

/// The paths of all endpoints, in the order in which a request's path is compared with them: no two match the same, and
/// comparing with one that has no parameter is much cheaper.
static PATHS: LazyLock<Vec<RoutedPath>> = LazyLock::new(|| {
    let mut paths: Vec<RoutedPath> = Vec::new();
    for endpoint in endpoints() {
        let (pattern, method) = (pattern(endpoint.path), (endpoint.method)());
        match paths.iter_mut().find(|known| known.pattern == pattern) {
            Some(known) => known.endpoints.push((method, endpoint)),
            None => paths.push(RoutedPath { pattern, endpoints: vec![(method, endpoint)], allow: String::new() }),
        }
    }
    for path in &mut paths {
        path.allow = allow(&path.endpoints);
    }
    paths.sort_by_key(|path| has_parameter(&path.pattern));
    paths
});

/// Configures all routes.
pub(crate) fn routes(config: &mut ServiceConfig) {
    for path in PATHS.iter() {
        config.service(routed(&path.pattern, path));
        if path.pattern == paths::PROFILE_PHOTO {
            config.service(routed(paths::PROFILE_PHOTO_ALIAS, path));
        }
    }
    documentation(config);
    config.default_service(web::to(unknown_path));
}

/// The OpenAPI document and Swagger UI.
fn documentation(config: &mut ServiceConfig) {
    config
        .service(resource(paths::OPENAPI, "GET, HEAD").route(public(get_or_head().to(openapi::document))))
        .service(web::redirect("/docs", "/docs/"))
        .service(
            web::scope("/docs")
                .wrap(from_fn(openapi::swagger_csp))
                .wrap(from_fn(refuse_idempotency_key))
                .service(SwaggerUi::new("/{_:.*}").config(openapi::swagger_config())),
        );
}

/// The pattern of a path of the OpenAPI document, whose parameters have longer names.
fn pattern(path: &str) -> String {
    let segments = path.split('/').map(|segment| match segment {
        "{version_id}" => "{version}",
        parameter if parameter.ends_with("_id}") => "{id}",
        other => other,
    });
    segments.collect::<Vec<_>>().join("/")
}

fn has_parameter(pattern: &str) -> bool {
    pattern.contains('{')
}

/// The methods of a path in alphabetical order, with HEAD where there is GET.
fn allow(endpoints: &[(Method, &Endpoint)]) -> String {
    let mut methods: BTreeSet<&str> = endpoints.iter().map(|(method, _)| method.as_str()).collect();
    if methods.contains("GET") {
        methods.insert("HEAD");
    }
    methods.into_iter().collect::<Vec<_>>().join(", ")
}

/// The resource of a path, under `pattern`.
fn routed(pattern: &str, path: &'static RoutedPath) -> Resource {
    let routes = path.endpoints.iter().flat_map(|(method, endpoint)| routes_of(method, endpoint));
    routes.fold(resource(pattern, &path.allow), Resource::route)
}

/// The routes of an endpoint. That of forms is the first, since the other one has no guard.
fn routes_of(method: &Method, endpoint: &Endpoint) -> Vec<Route> {
    let form = endpoint.form.map(|form| match form {
        FormHandler::Fields(handle) => {
            let route = route_of(method).guard(guard::fn_guard(is_form));
            protected(handle(route), method, endpoint.access, endpoint.idempotency)
        }
        FormHandler::Multipart(handle) => {
            let route = route_of(method).guard(guard::fn_guard(is_multipart));
            protected(handle(route), method, endpoint.access, Idempotency::KeyedStream)
        }
    });
    let other = protected((endpoint.handle)(route_of(method)), method, endpoint.access, endpoint.idempotency);
    form.into_iter().chain([other]).collect()
}

fn route_of(method: &Method) -> Route {
    if *method == Method::GET { get_or_head() } else { web::method(method.clone()) }
}

/// Adds authentication, and the treatment of an `Idempotency-Key`.
fn protected(route: Route, method: &Method, access: Access, idempotency: Idempotency) -> Route {
    match (access, idempotency) {
        (Access::Link, _) if method.is_safe() => by_public_link(route),
        (Access::Public | Access::Link | Access::SignedUrl, _) => public(route),
        (Access::Token(_) | Access::AnyToken(_), Idempotency::Keyed) => idempotent(route),
        (Access::Token(_) | Access::AnyToken(_), Idempotency::KeyedStream) => idempotent_stream(route),
        (Access::Token(_) | Access::AnyToken(_), Idempotency::ByMethod | Idempotency::Described(_)) => {
            authenticated(route)
        }
    }
}

/// A path that answers methods other than those in `allow` with 405.
fn resource(path: &str, allow: &'static str) -> Resource {
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

/// Public, by a link: every request may leave an audit event. Those of unsafe methods run to their end anyway.
fn by_public_link(route: Route) -> Route {
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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use actix_web::dev::{Path, ResourceDef};

    use super::*;

    /// A path that `pattern` matches.
    fn example(pattern: &str) -> String {
        let segments = pattern.split('/').map(|segment| if has_parameter(segment) { "x" } else { segment });
        segments.collect::<Vec<_>>().join("/")
    }

    #[test]
    fn the_order_of_paths_decides_nothing() {
        let mut matched: HashMap<String, Vec<&str>> = HashMap::new();
        for path in PATHS.iter() {
            for other in PATHS.iter() {
                let example = example(&other.pattern);
                if ResourceDef::new(path.pattern.as_str()).capture_match_info(&mut Path::new(example.as_str())) {
                    matched.entry(example).or_default().push(&path.pattern);
                }
            }
        }
        for path in PATHS.iter() {
            assert_eq!(matched.get(&example(&path.pattern)), Some(&vec![path.pattern.as_str()]));
        }
    }

    #[test]
    fn paths_without_parameters_are_compared_first() {
        assert!(PATHS.iter().is_sorted_by_key(|path| has_parameter(&path.pattern)));
    }

    #[test]
    fn a_path_is_routed_by_short_names_and_allows_what_its_endpoints_do() {
        for (pattern, allow) in [
            ("/", "GET, HEAD"),
            ("/user", "GET, HEAD, PATCH, POST"),
            ("/drive/{id}", "DELETE, GET, HEAD, PATCH"),
            ("/file/{id}/version/{version}", "DELETE, GET, HEAD"),
            ("/file/{id}/content", "GET, HEAD, PUT"),
            ("/blob/{key}", "GET, HEAD, PUT"),
            ("/s/{token}/drive/{id}/archive", "GET, HEAD"),
            ("/s/{token}/access", "POST"),
        ] {
            let found = PATHS.iter().find(|path| path.pattern == pattern);
            assert_eq!(found.map(|path| path.allow.as_str()), Some(allow), "{pattern}");
        }
    }
}
