//! The OpenAPI document.

mod docs;
mod examples;
mod shape;
mod upload_form;

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Server, text};

pub async fn document(server: &Server) -> Value {
    server.anonymous().get("/openapi.json").await.ok()
}

/// Every operation: method, path, and its description in the document.
pub fn operations(document: &Value) -> Vec<(String, &String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let of_path = |(path, item)| {
        let item: &Value = item;
        let methods = item.as_object().unwrap().iter();
        methods.map(move |(method, operation)| (method.to_uppercase(), path, operation))
    };
    paths.flat_map(of_path).collect()
}

/// Calls `public_link` with every object of the document and its path.
pub fn walk(value: &Value, place: &str, public_link: &mut impl FnMut(&serde_json::Map<String, Value>, &str)) {
    match value {
        Value::Object(members) => {
            public_link(members, place);
            members.iter().for_each(|(name, member)| walk(member, &format!("{place}/{name}"), public_link));
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, &format!("{place}/-"), public_link)),
        _ => {}
    }
}

#[tokio::test]
async fn the_document_is_openapi_3_1_of_this_version() {
    let server = Server::start().await;
    let answer = server.anonymous().get("/openapi.json").await;
    assert_eq!(answer.header("content-type"), "application/json");
    let document = answer.ok();
    assert!(text(&document["openapi"]).starts_with("3.1."));
    assert_eq!(
        (&document["info"]["title"], &document["info"]["version"]),
        (&json!("CloudDrive"), &json!(env!("CARGO_PKG_VERSION")))
    );
    assert_eq!(document["servers"][0]["url"], "/");
    let printed: Value = serde_json::from_str(&server.run("openapi", &[])).unwrap();
    assert_eq!(printed, document, "`clouddrive openapi` prints what the server serves");
}

#[tokio::test]
async fn every_operation_says_what_it_is_and_who_may_call_it() {
    let server = Server::start().await;
    let document = document(&server).await;
    let tags = document["tags"].as_array().unwrap();
    let tags: BTreeSet<String> = tags.iter().map(|tag| text(&tag["name"])).collect();
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let at = format!("{method} {path}");
        // The summary is one line; details belong in the description.
        let (summary, description) = (text(&operation["summary"]), text(&operation["description"]));
        assert!(
            (8..=160).contains(&summary.len()) && !summary.ends_with('.') && !summary.contains('\n'),
            "{at}: {summary}"
        );
        assert!(description.contains("**Access:**") && description.contains("**Repeating:**"), "{at}: {description}");
        assert!(!description.starts_with(&summary), "{at}");
        let id = text(&operation["operationId"]);
        assert!(ids.insert(id.clone()), "{at}: {id} is another's");
        let tagged = operation["tags"].as_array().unwrap();
        assert!(tagged.len() == 1 && tags.contains(&text(&tagged[0])), "{at}: {tagged:?}");
        let ticket = path == "/archive" && method != "POST";
        let proving = ["/login", "/token/refresh"].contains(&path.as_str()) || path.starts_with("/s/") || ticket;
        let open = ["/", "/health", "/health/ready", "/logout", "/blob/{key}"].contains(&path.as_str())
            || proving
            || at == "POST /user";
        let security = operation.get("security").unwrap_or(&document["security"]);
        let expected = if open { json!([]) } else { json!([{"password": []}, {"bearer": []}]) };
        assert_eq!(*security, expected, "{at}");
        assert_eq!(operation["responses"]["401"].is_object(), !open || proving, "{at}");
    }
    assert!(ids.len() >= 29, "{ids:?}");
    let schemes = &document["components"]["securitySchemes"];
    assert_eq!(schemes["bearer"], json!({"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}));
    assert_eq!(schemes["password"]["flows"]["password"]["tokenUrl"], "/login");
}

#[tokio::test]
async fn every_parameter_of_a_path_is_described() {
    let server = Server::start().await;
    let document = document(&server).await;
    for (method, path, operation) in operations(&document) {
        let in_path: BTreeSet<&str> =
            path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}')).collect();
        let none = Vec::new();
        let parameters = operation["parameters"].as_array().unwrap_or(&none);
        let described = parameters.iter().filter(|parameter| parameter["in"] == "path");
        let described: BTreeSet<&str> = described.map(|parameter| parameter["name"].as_str().unwrap()).collect();
        assert_eq!(described, in_path, "{method} {path}");
        for parameter in parameters {
            let name = &parameter["name"];
            assert!(parameter["schema"].is_object(), "{method} {path}: {name}");
            assert_eq!(
                parameter["required"] == true,
                parameter["in"] == "path" || ["signature", "q", "ticket"].contains(&name.as_str().unwrap()),
                "{method} {path}: {name}"
            );
        }
    }
}

#[tokio::test]
async fn every_reference_leads_somewhere_and_every_schema_is_referred_to() {
    let server = Server::start().await;
    let document = document(&server).await;
    let mut used = BTreeSet::new();
    walk(&document, "", &mut |object, place| {
        let Some(Value::String(target)) = object.get("$ref") else { return };
        let pointer = target.strip_prefix('#').unwrap_or_else(|| panic!("{place}: {target} is elsewhere"));
        assert!(document.pointer(pointer).is_some(), "{place}: {target} does not exist");
        used.insert(target.rsplit('/').next().unwrap().to_owned());
    });
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let idle: Vec<&String> = schemas.keys().filter(|name| !used.contains(*name)).collect();
    assert_eq!(idle, Vec::<&String>::new());
}

#[tokio::test]
async fn every_property_has_a_type_and_a_description() {
    let server = Server::start().await;
    let document = document(&server).await;
    let mut count = 0;
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(!text(&schema["description"]).is_empty(), "{name}");
        walk(schema, name, &mut |object, place| {
            let Some(Value::Object(properties)) = object.get("properties") else { return };
            for (property, schema) in properties {
                let typed = ["type", "$ref", "oneOf", "allOf", "anyOf"].iter().any(|word| schema.get(word).is_some());
                assert!(typed, "{place}/{property}: {schema}");
                let described = schema.to_string().contains("\"description\"");
                assert!(described, "{place}/{property}: {schema}");
                count += 1;
            }
            let none = Vec::new();
            for required in object.get("required").and_then(Value::as_array).unwrap_or(&none) {
                assert!(properties.contains_key(required.as_str().unwrap()), "{place}: {required}");
            }
        });
    }
    assert!(count > 100, "{count}");
}

#[tokio::test]
async fn every_refusal_is_a_problem_with_an_example_for_each_of_its_codes() {
    let server = Server::start().await;
    let document = document(&server).await;
    let known = document["components"]["schemas"]["Code"]["enum"].as_array().unwrap();
    let mut seen = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            let at = format!("{method} {path} {status}");
            assert!(!text(&response["description"]).is_empty(), "{at}");
            if status.as_str() < "400" {
                continue;
            }
            if method == "HEAD" {
                assert!(response["content"].is_null(), "{at}");
                continue;
            }
            let content = &response["content"]["application/problem+json"];
            assert_eq!(content["schema"]["$ref"], "#/components/schemas/Problem", "{at}");
            let examples = content["examples"].as_object().unwrap();
            assert!(!examples.is_empty(), "{at}");
            for (code, example) in examples {
                let value = &example["value"];
                assert_eq!((&value["code"], &value["status"].to_string()), (&json!(code), status), "{at}");
                assert!(known.contains(&json!(code)), "{at}: the schema does not know {code}");
                assert!(text(&response["description"]).contains(code.as_str()), "{at}: {code}");
                seen.insert(code.clone());
            }
        }
    }
    // No operation returns these codes itself: any path does for a wrong method, and readers of the change log have no
    // operation yet.
    let unseen: Vec<&Value> = known.iter().filter(|code| !seen.contains(code.as_str().unwrap())).collect();
    assert_eq!(unseen, [&json!("method_not_allowed"), &json!("cursor_reset")]);
}

#[tokio::test]
async fn a_real_problem_is_of_the_form_that_the_document_promises() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let document = document(&server).await;
    let schemas = &document["components"]["schemas"];
    let folder = json!({"folder_name": "a"});
    ann.post("/drive", folder.clone()).await.ok();
    for answer in [
        ann.get("/nothing").await,
        ann.get("/drive?limit=0").await,
        ann.delete("/drive").await,
        ann.post("/drive", folder).await,
        server.anonymous().get("/user").await,
        ann.begin("huge.bin", 1 << 40, None).await,
    ] {
        let problem = answer.json();
        let members = problem.as_object().unwrap();
        let properties = schemas["Problem"]["properties"].as_object().unwrap();
        assert!(members.keys().all(|member| properties.contains_key(member)), "{problem}");
        let required = schemas["Problem"]["required"].as_array().unwrap();
        assert!(required.iter().all(|name| members.contains_key(name.as_str().unwrap())), "{problem}");
        assert!(schemas["Code"]["enum"].as_array().unwrap().contains(&problem["code"]), "{problem}");
    }
}

#[tokio::test]
async fn every_operation_of_the_document_is_there() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let document = document(&server).await;
    // Signed URLs lead to a store, which need not be this server.
    for (method, path, _) in operations(&document).into_iter().filter(|(_, path, _)| *path != "/blob/{key}") {
        let segments = path.split('/').map(|segment| if segment.starts_with('{') { "x" } else { segment });
        let path = segments.collect::<Vec<_>>().join("/");
        let answer = ann.send(ann.request(Method::from_bytes(method.as_bytes()).unwrap(), &path)).await;
        assert_ne!(answer.status, 405, "{method} {path}");
        let nowhere = answer.status == 404 && method != "HEAD" && answer.json()["detail"] == "there is no such path";
        assert!(!nowhere, "{method} {path}");
    }
}
