//! The operations of an endpoint, completed by its definition: access, errors and idempotency.

use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{OpenApi, PathItem};

use super::{errors, operation_texts};
use crate::endpoint::Endpoint;

/// The document of the endpoint's operations.
pub(super) fn document(endpoint: &Endpoint) -> OpenApi {
    let mut document = (endpoint.document)();
    let codes = endpoint.codes();
    for item in document.paths.paths.values_mut() {
        if let Some(head) = &mut item.head {
            let of_head = |id: String| format!("head_{}", id.strip_prefix("get_").unwrap_or(&id));
            head.operation_id = head.operation_id.take().map(of_head);
        }
        for (method, operation) in operations(item) {
            operation_texts::describe(operation, method, endpoint);
            // An empty list of schemes: generators treat a nameless scheme as an alternative.
            if !endpoint.access.has_caller() {
                operation.security = Some(Vec::new());
            }
            errors::add(operation, &codes);
            if endpoint.idempotency.is_keyed() {
                add_key(operation);
            }
        }
    }
    document
}

/// The operations of a path, with their methods.
pub(super) fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let operations = [
        ("get", &mut item.get),
        ("head", &mut item.head),
        ("post", &mut item.post),
        ("put", &mut item.put),
        ("patch", &mut item.patch),
        ("delete", &mut item.delete),
    ];
    operations.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// Adds the `Idempotency-Key` parameter.
fn add_key(operation: &mut Operation) {
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
