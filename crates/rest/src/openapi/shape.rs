//! Corrections that client generators need and handler annotations cannot express, applied to every operation.

use serde_json::{Map, Value, json};

use super::{METHODS, operations_of};

/// The generic type of raw bytes, known to all generators.
const BYTES: &str = "application/octet-stream";

/// Adapts the document for client generators.
pub(super) fn complete(document: &mut Value) {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for item in paths.into_iter().flat_map(Map::values_mut) {
        for method in METHODS {
            let Some(operation) = item.get_mut(method) else { continue };
            for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
                if let Some(schema) = parameter.get_mut("schema") {
                    forbid_null(schema);
                }
            }
            if let Some(body) = operation.get_mut("requestBody") {
                complete_body(body);
            }
            let responses = operation.get_mut("responses").and_then(Value::as_object_mut);
            for response in responses.into_iter().flat_map(Map::values_mut) {
                complete_response(method, response);
            }
        }
    }
    for name in form_schemas(document) {
        let fields = document.pointer_mut(&format!("/components/schemas/{name}/properties"));
        for field in fields.and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut) {
            forbid_null(field);
        }
    }
}

/// Marks a body as required unless its schema is nullable: an optional body is omitted, since `null` is no body.
fn complete_body(body: &mut Value) {
    let mut required = true;
    for (kind, content) in contents(body) {
        if is_structured(kind) {
            required &= !content.get_mut("schema").is_some_and(forbid_null);
        } else {
            content["schema"] = raw_bytes(kind);
        }
    }
    body["required"] = json!(required);
}

fn complete_response(method: &str, response: &mut Value) {
    // A response to HEAD has no body.
    if let Some(response) = response.as_object_mut().filter(|_| method == "head") {
        response.remove("content");
    }
    let mut raw = Vec::new();
    for (kind, content) in contents(response).filter(|(kind, _)| !is_structured(kind)) {
        content["schema"] = raw_bytes(kind);
        raw.push(kind.clone());
    }
    // Content may have any media type. A specific type is listed with a generic one, for generators that do not know
    // it.
    if let Some(kind) = raw.first() {
        let other = if kind == BYTES { "*/*" } else { BYTES };
        if let Some(content) = response.get_mut("content").and_then(Value::as_object_mut) {
            content.insert(other.to_owned(), json!({"schema": raw_bytes(other)}));
        }
    }
}

/// The media types of a body or response.
fn contents(body: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    body.get_mut("content").and_then(Value::as_object_mut).into_iter().flatten()
}

/// Whether bodies of this media type are structured text described by a schema.
fn is_structured(kind: &str) -> bool {
    let named = ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"];
    named.contains(&kind) || kind.ends_with("+json") || kind == "text/event-stream"
}

/// The schema of raw bytes: an array of numbers would be serialized as text.
fn raw_bytes(kind: &str) -> Value {
    json!({"type": "string", "format": "binary", "contentMediaType": kind})
}

/// The schemas of forms, whose fields are optional but never null, which a form cannot express.
fn form_schemas(document: &Value) -> Vec<String> {
    let bodies = operations_of(document).filter_map(|(_, operation)| operation.pointer("/requestBody/content"));
    let forms = ["multipart/form-data", "application/x-www-form-urlencoded"];
    let forms = bodies.flat_map(|content| forms.map(|kind| content.get(kind)));
    let names = forms.flatten().filter_map(|form| form.pointer("/schema/$ref")?.as_str()?.rsplit('/').next());
    names.map(str::to_owned).collect()
}

/// Gives optional form fields without an example an empty one: Swagger UI would otherwise prefill made-up values, which
/// users would have to remove. The server treats empty fields as absent.
pub(super) fn empty_forms(document: &mut Value) {
    for name in form_schemas(document) {
        let Some(schema) = document.pointer_mut(&format!("/components/schemas/{name}")) else { continue };
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        for (field, property) in schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten() {
            if let Some(property) = property.as_object_mut().filter(|_| !required.contains(&json!(field))) {
                let shown = ["example", "examples"].iter().any(|key| property.contains_key(*key));
                if !shown {
                    property.insert("examples".to_owned(), json!([""]));
                }
            }
        }
    }
}

/// Removes null from a schema; returns whether it was allowed.
fn forbid_null(schema: &mut Value) -> bool {
    let Some(schema) = schema.as_object_mut() else { return false };
    let given = |list: Option<&Value>, is_null: &dyn Fn(&Value) -> bool| -> Option<Value> {
        let list = list?.as_array()?;
        let given: Vec<&Value> = list.iter().filter(|one| !is_null(one)).collect();
        match given.as_slice() {
            [only] if list.len() == 2 => Some((*only).clone()),
            _ => None,
        }
    };
    if let Some(kind) = given(schema.get("type"), &|kind| kind == "null") {
        schema.insert("type".to_owned(), kind);
        return true;
    }
    if let Some(Value::Object(only)) = given(schema.get("oneOf"), &|choice| choice["type"] == "null") {
        schema.remove("oneOf");
        schema.extend(only);
        return true;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_removed_from_two_alternatives() {
        for (schema, expected) in [
            (json!({"type": ["string", "null"], "format": "uuid"}), Some(json!({"type": "string", "format": "uuid"}))),
            (json!({"oneOf": [{"type": "null"}, {"$ref": "#/x"}]}), Some(json!({"$ref": "#/x"}))),
            (json!({"oneOf": [{"$ref": "#/x"}, {"$ref": "#/y"}]}), None),
            (json!({"type": "string"}), None),
        ] {
            let mut shaped = schema.clone();
            assert_eq!(forbid_null(&mut shaped), expected.is_some(), "{schema}");
            assert_eq!(shaped, expected.unwrap_or_else(|| schema.clone()));
        }
    }
}
