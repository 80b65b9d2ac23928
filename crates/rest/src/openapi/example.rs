//! Examples for every schema, body and response, composed from the examples of their fields.

use serde_json::{Map, Value, json};

use super::METHODS;

/// Adds examples to all schemas, and to all JSON bodies and responses, that lack one.
pub(super) fn complete(document: &mut Value) {
    let schemas = document.pointer("/components/schemas").and_then(Value::as_object).cloned().unwrap_or_default();
    if let Some(own) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        for schema in own.values_mut() {
            let example = example_of(schema, &schemas);
            if let Some(schema) = schema.as_object_mut().filter(|schema| !schema.contains_key("examples")) {
                schema.insert("examples".to_owned(), json!([example]));
            }
        }
    }
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for item in paths.into_iter().flat_map(Map::values_mut) {
        for operation in METHODS {
            let Some(operation) = item.get_mut(operation) else { continue };
            if let Some(body) = operation.get_mut("requestBody") {
                fill(body, &schemas);
            }
            let responses = operation.get_mut("responses").and_then(Value::as_object_mut);
            for response in responses.into_iter().flat_map(Map::values_mut) {
                fill(response, &schemas);
            }
        }
    }
}

/// Adds an example to each text media type.
fn fill(body: &mut Value, schemas: &Map<String, Value>) {
    for kind in ["application/json", "application/x-www-form-urlencoded"] {
        let Some(content) = body.get_mut("content").and_then(|content| content.get_mut(kind)) else { continue };
        let example = content.get("schema").map(|schema| example_of(schema, schemas));
        if let (Some(content), Some(example)) = (content.as_object_mut(), example) {
            content.entry("example").or_insert(example);
        }
    }
}

/// An example of `schema`.
fn example_of(schema: &Value, schemas: &Map<String, Value>) -> Value {
    if let Some(example) = schema.get("example").or_else(|| schema.pointer("/examples/0")) {
        return example.clone();
    }
    if let Some(name) = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next()) {
        return schemas.get(name).map_or(Value::Null, |schema| example_of(schema, schemas));
    }
    if let Some(first) = schema.pointer("/enum/0") {
        return first.clone();
    }
    let parts = |key| schema.get(key).and_then(Value::as_array);
    if let Some(choices) = parts("oneOf").or_else(|| parts("anyOf")) {
        let choice = choices.iter().find(|choice| choice.get("type") != Some(&json!("null")));
        return choice.map_or(Value::Null, |choice| example_of(choice, schemas));
    }
    let mut fields: Map<String, Value> = Map::new();
    for part in parts("allOf").into_iter().flatten() {
        if let Value::Object(more) = example_of(part, schemas) {
            fields.extend(more);
        }
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    let required: Vec<&str> = parts("required").into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, property) in properties.into_iter().flatten() {
        // Omit optional fields, unless they have an explicit example, which fits the others.
        if required.contains(&name.as_str()) || has_example(property) {
            fields.insert(name.clone(), example_of(property, schemas));
        }
    }
    if !fields.is_empty() {
        return Value::Object(fields);
    }
    of_type(schema, schemas)
}

fn has_example(schema: &Value) -> bool {
    schema.get("example").or_else(|| schema.pointer("/examples/0")).is_some()
}

/// An example of a simple type.
fn of_type(schema: &Value, schemas: &Map<String, Value>) -> Value {
    let kind = schema.get("type");
    let kind = kind.and_then(|kind| kind.as_str().or_else(|| kind.pointer("/0").and_then(Value::as_str)));
    match (kind, schema.get("format").and_then(Value::as_str)) {
        (Some("string"), Some("uuid")) => json!("019ab0c2-7a00-7000-8000-000000000000"),
        (Some("string"), _) => json!("…"),
        (Some("integer" | "number"), _) => json!(1),
        (Some("boolean"), _) => json!(true),
        (Some("array"), _) => {
            schema.get("items").map_or_else(|| json!([]), |items| json!([example_of(items, schemas)]))
        }
        (Some("object"), _) => json!({}),
        _ => Value::Null,
    }
}
