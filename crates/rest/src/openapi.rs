//! The OpenAPI document: generated from handlers and contract types, completed here with what all operations share.

mod errors;
mod example;
mod headers;
mod operation_texts;
mod page;
mod shape;

use std::sync::LazyLock;

use clouddrive_contract::{Code, Problem as ProblemDto};
use serde_json::Value;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{Flow, HttpAuthScheme, HttpBuilder, OAuth2, Password, Scopes, SecurityScheme};
use utoipa::openapi::{Content, OpenApi as Document, PathItem, Ref, ResponseBuilder, example::ExampleBuilder};
use utoipa::{Modify, OpenApi};

use super::{
    account, archive, blob, drive, file, link, profile_photo, public_link, search, service, share, trash, upload,
    version,
};

use errors::errors;
pub(crate) use page::{document, swagger_config, swagger_csp};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "CloudDrive",
        description = include_str!("openapi/guide.md"),
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    paths(
        service::root, service::health, service::ready,
        account::register, account::login_form, account::refresh_form, account::logout, account::verify_token,
        account::get_user, account::update_user, account::change_password, account::delete_user,
        account::list_sessions, account::delete_session,
        drive::create, drive::list_root, drive::list, drive::update, drive::copy, drive::archive, drive::delete,
        file::create, file::get, file::content, file::update, file::copy, file::delete, file::put_content,
        version::list, version::get, version::restore, version::delete,
        trash::list, trash::list_folder, trash::empty, trash::restore, trash::purge,
        upload::list, upload::get, upload::sign_parts, upload::complete, upload::abort,
        share::create, share::list_received, share::update, share::delete,
        share::list_given, share::list_of_folder, share::list_of_file,
        share::list_access_to_folder, share::list_access_to_file,
        link::create, link::list, link::update, link::delete,
        archive::create, archive::get, public_link::archive, public_link::archive_folder,
        public_link::access, public_link::get, public_link::list, public_link::content, public_link::content_of_file,
        search::search,
        profile_photo::get, profile_photo::set, profile_photo::delete,
        blob::get, blob::put,
    ),
    servers((url = "/", description = "The server that this document comes from")),
    components(schemas(ProblemDto)),
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
    modifiers(&Completion),
)]
struct Api;

/// The complete document.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let mut document = serde_json::to_value(Api::openapi()).unwrap_or_default();
    shape::complete(&mut document);
    operation_texts::complete(&mut document);
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

/// The operations that accept an `Idempotency-Key`, as in the routes.
const IDEMPOTENT: &[&str] = &[
    "create_folder",
    "copy_folder",
    "create_archive",
    "create_file",
    "copy_file",
    "restore_version",
    "sign_parts",
    "complete_upload",
    "restore_item",
    "create_share",
    "create_link",
    "put_content",
    "set_profile_photo",
];

/// Adds what operations share: errors with examples, security schemes, and unique operation IDs.
struct Completion;

impl Modify for Completion {
    fn modify(&self, document: &mut Document) {
        for item in document.paths.paths.values_mut() {
            if let Some(head) = &mut item.head {
                let of_head = |id: String| format!("head_{}", id.strip_prefix("get_").unwrap_or(&id));
                head.operation_id = head.operation_id.take().map(of_head);
            }
            for operation in operations(item) {
                add_errors(operation);
                add_key(operation);
            }
        }
        let components = document.components.get_or_insert_default();
        let flow = Flow::Password(Password::with_refresh_url("/login", Scopes::new(), "/token/refresh"));
        components.add_security_scheme("password", SecurityScheme::OAuth2(OAuth2::new([flow])));
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.head, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete]
        .into_iter()
        .filter_map(Option::as_mut)
}

fn add_errors(operation: &mut Operation) {
    let codes = errors(operation.operation_id.as_deref().unwrap_or(""));
    let mut statuses: Vec<u16> = codes.iter().map(|code| code.status()).collect();
    statuses.sort_unstable();
    statuses.dedup();
    for status in statuses {
        let of_status: Vec<Code> = codes.iter().copied().filter(|code| code.status() == status).collect();
        let words: Vec<String> = of_status.iter().map(|code| format!("`{}`", code.as_str())).collect();
        let examples = of_status.iter().map(|code| {
            let value = serde_json::to_value(example(*code)).unwrap_or_default();
            (code.as_str().to_owned(), ExampleBuilder::new().summary(code.title()).value(Some(value)).build())
        });
        let mut content = Content::new(Some(Ref::from_schema_name("Problem")));
        content.examples = examples.map(|(name, example)| (name, example.into())).collect();
        let response =
            ResponseBuilder::new().description(words.join(", ")).content("application/problem+json", content).build();
        operation.responses.responses.insert(status.to_string(), response.into());
    }
}

/// Adds the `Idempotency-Key` parameter.
fn add_key(operation: &mut Operation) {
    if !operation.operation_id.as_deref().is_some_and(|id| IDEMPOTENT.contains(&id)) {
        return;
    }
    let key = ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .description(Some(
            "1 to 255 printable ASCII characters. The same request with the same key within 24 hours is done once: a \
             repeat gets the first answer, with `Idempotent-Replayed: true` and fresh URLs. A form is the same by its \
             fields and the SHA-256 of its file, other bytes by theirs.",
        ))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(255))));
    operation.parameters.get_or_insert_default().push(key.build().into());
}

fn example(code: Code) -> ProblemDto {
    ProblemDto {
        kind: "about:blank".to_owned(),
        title: code.title().to_owned(),
        status: code.status(),
        detail: code.title().to_owned(),
        code,
        request_id: "019ab0c2-7a00-7000-8000-000000000000".to_owned(),
        errors: Vec::new(),
        conflict: None,
        quota: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        // A deleted account has no idempotency records, and its access token is invalid.
        let apart = ["delete_user"];
        let mut idempotent = 0;
        for item in DOCUMENT["paths"].as_object().unwrap().values() {
            let post = &item["post"];
            let open = post["security"] == serde_json::json!([]);
            let id = post["operationId"].as_str().unwrap_or("");
            if id.is_empty() || open || apart.contains(&id) {
                continue;
            }
            assert!(IDEMPOTENT.contains(&id), "{id}");
            let parameters = post["parameters"].as_array().unwrap();
            assert!(parameters.iter().any(|parameter| parameter["name"] == "Idempotency-Key"), "{id}");
            idempotent += 1;
        }
        // A content is put.
        assert_eq!(idempotent + 1, IDEMPOTENT.len());
    }

    #[test]
    fn every_operation_has_an_id_of_its_own_and_its_errors() {
        let mut document = Api::openapi();
        let mut ids = Vec::new();
        for item in document.paths.paths.values_mut() {
            for operation in operations(item) {
                let id = operation.operation_id.clone().unwrap();
                let open = ["root", "health", "ready"].contains(&id.as_str());
                assert!(open || errors(&id).len() > 2, "{id} has no errors of its own");
                assert!(operation.responses.responses.contains_key("503"), "{id}");
                assert!(operation.summary.is_some() && operation.tags.is_some(), "{id}");
                ids.push(id);
            }
        }
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }
}
