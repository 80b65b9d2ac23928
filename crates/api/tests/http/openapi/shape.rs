//! Constructs that break client generators, which the document must not contain.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{document, operations, walk};
use crate::support::{Server, text};

const STRUCTURED: [&str; 5] = [
    "application/json",
    "application/problem+json",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "text/event-stream",
];

/// Names that generated clients' languages or libraries already use.
const TAKEN: [&str; 22] = [
    "Array", "Blob", "Body", "Client", "Config", "Date", "Error", "Event", "File", "FormData", "Headers", "Map",
    "Number", "Object", "Options", "Promise", "Request", "Response", "Set", "String", "Unset", "Url",
];

/// Every request and response body: location, media type and schema.
fn contents(document: &Value) -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    for (method, path, operation) in operations(document) {
        let responses = operation["responses"].as_object().unwrap().iter();
        let responses = responses.map(|(status, response)| (status.clone(), response));
        for (part, body) in responses.chain([("body".to_owned(), &operation["requestBody"])]) {
            for (kind, content) in body["content"].as_object().into_iter().flatten() {
                found.push((format!("{method} {path} {part}"), kind.clone(), content["schema"].clone()));
            }
        }
    }
    found
}

#[tokio::test]
async fn bytes_are_binary_strings_and_never_arrays_of_numbers() {
    let server = Server::start().await;
    let document = document(&server).await;
    let mut raw = BTreeSet::new();
    for (at, kind, schema) in contents(&document) {
        if !STRUCTURED.contains(&kind.as_str()) {
            let expected = json!({"type": "string", "format": "binary", "contentMediaType": kind});
            assert_eq!(schema, expected, "{at} {kind}");
            raw.insert(at);
        }
    }
    for at in [
        "PUT /file/{file_id}/content body",
        "PUT /blob/{key} body",
        "POST /profile_photo body",
        "GET /file/{file_id}/content 200",
        "GET /file/{file_id}/content 206",
        "GET /s/{token}/content 200",
        "GET /s/{token}/file/{file_id}/content 200",
        "GET /blob/{key} 200",
        "GET /drive/{folder_id}/archive 200",
    ] {
        assert!(raw.contains(at), "{at}");
    }
    for form in ["FileForm/properties/file", "PhotoForm/properties/photo"] {
        let file = document.pointer(&format!("/components/schemas/{form}")).unwrap();
        assert_eq!((&file["type"], &file["format"]), (&json!("string"), &json!("binary")), "{form}");
    }
    // The schema of a `Vec<u8>`.
    walk(&document, "", &mut |object, place| {
        let bytes = object.get("type") == Some(&json!("array"))
            && object.get("items").is_some_and(|items| {
                items["type"] == "integer"
                    && items["minimum"] == 0
                    && items["format"] == "int32"
                    && items["maximum"].is_null()
            });
        assert!(!bytes || place.contains("part_numbers"), "{place}");
    });
}

#[tokio::test]
async fn a_body_that_may_be_left_out_is_not_required_and_none_is_null() {
    let server = Server::start().await;
    let document = document(&server).await;
    let mut optional = Vec::new();
    for (method, path, operation) in operations(&document) {
        let body = &operation["requestBody"];
        if body.is_null() {
            continue;
        }
        if !body["required"].as_bool().unwrap() {
            optional.push(format!("{method} {path}"));
        }
        for (kind, content) in body["content"].as_object().unwrap() {
            let schema = &content["schema"];
            let reference = schema["$ref"].is_string();
            assert!(reference || !STRUCTURED.contains(&kind.as_str()), "{method} {path} {kind}: {schema}");
        }
    }
    for known in ["POST /drive/{folder_id}/copy", "POST /upload/{upload_id}/complete", "POST /trash/{item_id}/restore"]
    {
        assert!(optional.iter().any(|one| one == known), "{known}: {optional:?}");
    }
    // The server accepts an omitted body, and rejects null.
    let ann = server.user("ann").await;
    let folder = ann.folder("a", None).await;
    let path = format!("/drive/{folder}/copy");
    ann.post(&path, json!(null)).await.refused(422, "validation_failed");
    let copied = ann.post(&path, json!({"folder_conflict": "Keep"})).await.ok();
    assert_eq!(copied["name"], "a (1)");
}

#[tokio::test]
async fn parameters_and_fields_of_forms_are_there_or_not_but_never_null() {
    let server = Server::start().await;
    let document = document(&server).await;
    for (method, path, operation) in operations(&document) {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = text(&parameter["name"]);
            assert!(!parameter["schema"].to_string().contains("\"null\""), "{method} {path}: {name}");
            // These are described elsewhere, and OpenAPI ignores such parameters.
            let elsewhere = ["accept", "authorization", "content-type"].contains(&name.to_lowercase().as_str());
            assert!(!elsewhere, "{method} {path}: {name}");
            // Generators cannot serialize dates or objects into headers.
            assert!(parameter["in"] != "header" || parameter["schema"]["type"] == "string", "{method} {path}: {name}");
            assert_ne!(parameter["schema"]["format"], "date-time", "{method} {path}: {name}");
            assert!(
                parameter["in"] != "header" || !text(&parameter["description"]).is_empty(),
                "{method} {path}: {name}"
            );
        }
    }
    for (at, kind, schema) in contents(&document) {
        if ["multipart/form-data", "application/x-www-form-urlencoded"].contains(&kind.as_str()) {
            let name = text(&schema["$ref"]);
            let form = document.pointer(&name[1..]).unwrap();
            assert!(!form["properties"].to_string().contains("\"null\""), "{at}: {form}");
        }
    }
}

#[tokio::test]
async fn unions_have_a_discriminating_field() {
    let server = Server::start().await;
    let document = document(&server).await;
    let mut unions = 0;
    walk(&document, "", &mut |object, place| {
        for word in ["oneOf", "anyOf"] {
            let Some(Value::Array(choices)) = object.get(word) else { continue };
            let choices: Vec<&Value> = choices.iter().filter(|choice| choice["type"] != "null").collect();
            if choices.len() < 2 {
                continue;
            }
            unions += 1;
            let discriminator = object.get("discriminator").unwrap_or_else(|| panic!("{place} has no discriminator"));
            let mapped = discriminator["mapping"].as_object().unwrap();
            let targets: BTreeSet<String> = mapped.values().map(text).collect();
            let references: BTreeSet<String> = choices.iter().map(|choice| text(&choice["$ref"])).collect();
            assert_eq!(targets, references, "{place}");
            let name = text(&discriminator["propertyName"]);
            for (value, target) in mapped {
                let schema = document.pointer(&text(target)[1..]).unwrap();
                let parts = schema["allOf"].as_array().into_iter().flatten().chain([schema]);
                let property = parts.map(|part| &part["properties"][&name]).find(|property| property.is_object());
                let property = property.unwrap_or_else(|| panic!("{place}: {target} has no {name}"));
                let kind = document.pointer(&text(&property["$ref"])[1..]).unwrap();
                assert_eq!(kind["enum"], json!([value]), "{place}: {target}");
            }
        }
    });
    assert!(unions >= 2, "{unions}");
}

#[tokio::test]
async fn no_schema_has_a_name_that_is_taken_in_some_language() {
    let server = Server::start().await;
    let document = document(&server).await;
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let taken: Vec<&String> = schemas.keys().filter(|name| TAKEN.contains(&name.as_str())).collect();
    assert_eq!(taken, Vec::<&String>::new());
}

#[tokio::test]
async fn every_answer_tells_its_headers() {
    let server = Server::start().await;
    let document = document(&server).await;
    for (method, path, operation) in operations(&document) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            let at = format!("{method} {path} {status}");
            let mut expected = vec!["X-Request-Id"];
            match status.as_str() {
                "401" => expected.push("WWW-Authenticate"),
                "409" if text(&response["description"]).contains("request_in_progress") => expected.push("Retry-After"),
                "416" => expected.push("Content-Range"),
                "429" => expected.extend(["Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"]),
                "503" => expected.push("Retry-After"),
                "201" if path != "/user" => expected.push("Location"),
                "307" => expected.push("Location"),
                _ => {}
            }
            for name in expected {
                assert!(response["headers"][name].is_object(), "{at}: {name}");
            }
        }
    }
}

#[tokio::test]
async fn the_guide_says_what_a_reader_of_the_document_needs() {
    let server = Server::start().await;
    let document = document(&server).await;
    let guide = text(&document["info"]["description"]);
    for part in [
        "`Content-Range` is 400",
        "`X-Request-Id`, except",
        "`application/problem+json`, except",
        "## Roles",
        "`view`",
        "`edit`",
        "`owner`",
        "restore from the trash",
        "undo a deletion",
        "## Uploads, step by step",
        "complete",
        "## Lifetimes of URLs",
        "300 s",
        "## Lists and cursors",
        "next_cursor",
        "## Repeating requests",
        "Idempotency-Key",
        "## Errors",
        "WWW-Authenticate",
        "Retry-After",
        "RateLimit-Reset",
        "| 401 |",
        "| 409 |",
        "| 429 |",
        "connections to the database, copies, purges, archives",
        "| 503 |",
    ] {
        assert!(guide.contains(part), "{part}");
    }
    // Every path and code that it names exists.
    let codes = &document["components"]["schemas"]["Code"]["enum"];
    for (start, _) in guide.match_indices("/{") {
        let path: String = guide[..start].chars().rev().take_while(|c| *c != ' ' && *c != '`').collect();
        let path: String = path.chars().rev().collect();
        assert!(document["paths"].as_object().unwrap().keys().any(|one| one.starts_with(&path)), "{path}");
    }
    for code in
        ["token_expired", "invalid_token", "name_taken", "upload_incomplete", "invalid_cursor", "quota_exceeded"]
    {
        assert!(guide.contains(code) && codes.as_array().unwrap().contains(&json!(code)), "{code}");
    }
}
