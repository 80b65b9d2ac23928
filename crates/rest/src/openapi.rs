//! The OpenAPI document: generated from the endpoints and the contract types, completed here with what all operations
//! share.

mod errors;
mod example;
mod headers;
mod operation;
mod operation_texts;
mod page;
mod shape;

use std::sync::LazyLock;

use clouddrive_contract::{Problem, paths};
use serde_json::Value;
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{Flow, HttpAuthScheme, HttpBuilder, OAuth2, Password, Scopes, SecurityScheme};

use crate::families::endpoints;

pub(crate) use page::{document, swagger_config, swagger_csp};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "CloudDrive",
        description = include_str!("openapi/guide.md"),
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    servers((url = "/", description = "The server that this document comes from")),
    components(schemas(Problem)),
    tags(
        (name = "account", description = "Registering, logging in, and who calls"),
        (name = "folders", description = "Folders and what stands in them"),
        (name = "files", description = "Files and their bytes"),
        (name = "uploads", description = "\
            Uploads straight to the blob store: begin with POST /file, PUT the parts, complete"),
        (name = "versions", description = "\
            The contents that a file has and had: readers see them, editors restore them, the owner deletes them"),
        (name = "trash", description = "\
            Where deleted files and folders lie until they are restored or go for good: their owner's alone, but \
            that guests may undo for an hour what they did"),
        (name = "sharing", description = "What owners give to others, and what others get"),
        (name = "links", description = "\
            Public links: what owners show to every holder of a URL"),
        (name = "search", description = "Finding by name"),
        (name = "profile photo", description = "The caller's own photo"),
        (name = "signed URLs", description = "What the URLs lead to that the API hands out, for blobs on local disk"),
        (name = "service", description = "The server itself"),
    ),
    security(("password" = []), ("bearer" = [])),
)]
struct Api;

/// The complete document.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let mut document = serde_json::to_value(assemble()).unwrap_or_default();
    shape::complete(&mut document);
    headers::complete(&mut document);
    example::complete(&mut document);
    shape::empty_forms(&mut document);
    document
});

/// The document as JSON.
pub fn json() -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(&*DOCUMENT)
}

/// The methods of a path item.
const METHODS: [&str; 6] = ["get", "head", "post", "put", "patch", "delete"];

/// All operations of the document, with their paths.
fn operations_of(document: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let paths = document.get("paths").and_then(Value::as_object).into_iter().flatten();
    paths.flat_map(|(path, item)| METHODS.into_iter().filter_map(move |method| Some((path, item.get(method)?))))
}

/// The document of all endpoints, with the security schemes.
fn assemble() -> Document {
    let mut document = Api::openapi();
    for endpoint in endpoints() {
        document.merge(operation::document(endpoint));
    }
    let components = document.components.get_or_insert_default();
    let flow = Password::with_refresh_url(paths::LOGIN, Scopes::new(), paths::TOKEN_REFRESH);
    components.add_security_scheme("password", SecurityScheme::OAuth2(OAuth2::new([Flow::Password(flow)])));
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
    document
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use actix_web::http::Method;

    use super::*;
    use crate::endpoint::Endpoint;

    #[test]
    fn every_schema_body_and_answer_has_an_example_without_holes() {
        fn check(place: &str, example: &Value) {
            assert!(!matches!(example, Value::Null) && *example != serde_json::json!({}), "{place}: {example}");
        }
        for (name, schema) in DOCUMENT["components"]["schemas"].as_object().unwrap() {
            check(name, &schema["examples"][0]);
        }
        for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let bodies = operation["responses"].as_object().unwrap().iter();
                for (status, body) in bodies.chain([(&"body".to_owned(), &operation["requestBody"])]) {
                    if let Some(content) = body["content"].get("application/json") {
                        check(&format!("{method} {path} {status}"), &content["example"]);
                    }
                }
            }
        }
    }

    #[test]
    fn authenticated_posts_accept_an_idempotency_key() {
        for endpoint in endpoints() {
            let (path, method) = (endpoint.path, (endpoint.method)());
            // A deleted account has no idempotency records, and its access token is invalid.
            if endpoint.access.has_caller() && method == Method::POST && path != paths::USER_DELETE {
                assert!(endpoint.idempotency.is_keyed(), "{path}");
            }
            let parameters = DOCUMENT["paths"][path][method.as_str().to_lowercase()]["parameters"].as_array();
            let mut names = parameters.unwrap().iter().map(|parameter| &parameter["name"]);
            assert_eq!(names.any(|name| name == "Idempotency-Key"), endpoint.idempotency.is_keyed(), "{path}");
        }
    }

    #[test]
    fn every_operation_is_routed_as_it_is_documented() {
        for endpoint in endpoints() {
            let (path, method) = (endpoint.path, (endpoint.method)());
            let documented = (endpoint.document)().paths.paths;
            assert_eq!(documented.keys().collect::<Vec<_>>(), [path]);
            for (_, mut item) in documented {
                assert!(item.options.is_none() && item.trace.is_none(), "{path}");
                // HEAD is routed with GET.
                let methods: Vec<_> = operation::operations(&mut item).map(|(name, _)| name.to_uppercase()).collect();
                let expected = if item.head.is_some() { vec!["GET", "HEAD"] } else { vec![method.as_str()] };
                assert_eq!(methods, expected, "{path}");
                assert_eq!(methods.first().map(String::as_str), Some(method.as_str()), "{path}");
            }
        }
    }

    #[test]
    fn no_two_endpoints_have_the_same_path_and_method() {
        let mut known = BTreeSet::new();
        for Endpoint { path, method, .. } in endpoints() {
            assert!(known.insert((path, method().to_string())), "{} {path}", method());
        }
    }

    #[test]
    fn every_operation_has_an_id_of_its_own_and_its_errors() {
        let mut ids = Vec::new();
        for endpoint in endpoints() {
            for item in operation::document(endpoint).paths.paths.values_mut() {
                for (_, operation) in operation::operations(item) {
                    let id = operation.operation_id.clone().unwrap();
                    let open = ["root", "health", "ready"].contains(&id.as_str());
                    assert!(open || endpoint.codes().len() > 3, "{id} has no errors of its own");
                    assert!(operation.responses.responses.contains_key("503"), "{id}");
                    assert!(operation.summary.is_some() && operation.tags.is_some(), "{id}");
                    ids.push(id);
                }
            }
        }
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }
}
