//! Headers common to all requests and responses, or tied to a status or code rather than one operation.

use serde_json::{Map, Value, json};

use super::METHODS;

/// A header's name, type and description.
type Header = (&'static str, &'static str, &'static str);

const REQUEST_ID: Header = (
    "X-Request-Id",
    "string",
    "The identifier of the request, by which the server's log has it: that of the request's own header, if it had one.",
);
const REPLAYED: Header =
    ("Idempotent-Replayed", "string", "`true` when this is the answer of an earlier request with the same key");
const AUTHENTICATE: Header = (
    "WWW-Authenticate",
    "string",
    "`Bearer`, with `error=\"invalid_token\"` for a token that is no good any more; \
     `X-Link-Password` for a public link.",
);
const RETRY_AFTER: Header = ("Retry-After", "integer", "After how many seconds to try again");
const CONTENT_RANGE: Header = ("Content-Range", "string", "`bytes */` and how many bytes there are");
const RATE: [Header; 3] = [
    ("RateLimit-Limit", "integer", "How many attempts may come at once (draft-ietf-httpapi-ratelimit-headers-06)"),
    ("RateLimit-Remaining", "integer", "How many are left: 0"),
    ("RateLimit-Reset", "integer", "After how many seconds there is one more"),
];

/// Every header of this module, as components of the document.
const COMPONENTS: [Header; 8] =
    [REQUEST_ID, REPLAYED, AUTHENTICATE, RETRY_AFTER, CONTENT_RANGE, RATE[0], RATE[1], RATE[2]];

/// Adds the headers of all requests and responses.
pub(super) fn complete(document: &mut Value) {
    let headers = COMPONENTS
        .map(|(name, kind, meaning)| (name.to_owned(), json!({"description": meaning, "schema": {"type": kind}})));
    if let Some(components) = document.get_mut("components").and_then(Value::as_object_mut) {
        components.insert("headers".to_owned(), Value::Object(headers.into_iter().collect()));
    }
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for item in paths.into_iter().flat_map(Map::values_mut) {
        for method in METHODS {
            let Some(operation) = item.get_mut(method) else { continue };
            if let Some(operation) = operation.as_object_mut() {
                let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
                if let Some(parameters) = parameters.as_array_mut() {
                    parameters.push(request_id());
                }
            }
            let mut parameters = operation["parameters"].as_array().into_iter().flatten();
            let idempotent = parameters.any(|parameter| parameter["name"] == "Idempotency-Key");
            let responses = operation.get_mut("responses").and_then(Value::as_object_mut);
            for (status, response) in responses.into_iter().flatten() {
                add(status, idempotent, response);
            }
        }
    }
}

/// The `X-Request-Id` parameter, accepted by every operation.
fn request_id() -> Value {
    json!({
        "name": "X-Request-Id",
        "in": "header",
        "required": false,
        "description": "An identifier of the client's choice, by which the server's log and the answer have the \
            request: 1 to 128 printable ASCII characters without spaces. Any other is passed over.",
        "schema": {"type": "string", "maxLength": 128},
    })
}

fn add(status: &str, idempotent: bool, response: &mut Value) {
    let says = response["description"].as_str().unwrap_or("");
    let mut headers = vec![REQUEST_ID];
    match status {
        "401" => headers.push(AUTHENTICATE),
        "409" if says.contains("`request_in_progress`") => headers.push(RETRY_AFTER),
        "416" => headers.push(CONTENT_RANGE),
        "429" => {
            headers.push(RETRY_AFTER);
            headers.extend(RATE);
        }
        "503" => headers.push(RETRY_AFTER),
        _ if status.starts_with('2') && idempotent => headers.push(REPLAYED),
        _ => {}
    }
    let Some(response) = response.as_object_mut() else { return };
    let own = response.entry("headers").or_insert_with(|| json!({}));
    for (name, _, _) in headers {
        own[name] = json!({"$ref": format!("#/components/headers/{name}")});
    }
}
