//! Sends every example request of the document to the server.

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Map, Value, json};

use super::{document, operations};
use crate::support::{ApiClient, ApiResponse, Server, png, text};

/// The password in the examples.
const PASSWORD: &str = "correct horse battery";

/// A separate user for each example, and the items that its identifiers stand for.
struct Actor {
    caller: ApiClient,
    login: Value,
    folder: String,
    file: String,
}

#[tokio::test]
async fn the_server_accepts_every_example_of_the_document() {
    let server = Server::start().await;
    let document = document(&server).await;
    for name in ["ben", "carl"] {
        register(&server, name).await;
    }
    let (mut bodies, mut forms) = (0, 0);
    for (count, (method, path, operation)) in in_order(&document).into_iter().enumerate() {
        let id = text(&operation["operationId"]);
        for (kind, content) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
            for (number, example) in examples(&document, content).into_iter().enumerate() {
                let name = format!("u{count}-{number}-{}", kind.len());
                let actor = Actor::new(&server, &name).await;
                let answer = actor.send(&id, &method, path, kind, example.clone()).await;
                assert!(answer.status < 300, "{method} {path}: {example} is answered by {}", answer.text());
                bodies += 1;
                forms += usize::from(kind != "application/json");
            }
        }
    }
    assert!(bodies >= 22 && forms >= 3, "{bodies} {forms}");
}

#[tokio::test]
async fn the_server_accepts_the_examples_and_defaults_of_query_parameters() {
    let server = Server::start().await;
    let document = document(&server).await;
    register(&server, "ben").await;
    let actor = Actor::new(&server, "ann").await;
    let mut asked = 0;
    for (method, path, operation) in operations(&document) {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let mut query = Vec::new();
        for parameter in parameters.filter(|parameter| parameter["in"] == "query") {
            let schema = &parameter["schema"];
            let values = [&parameter["example"], &schema["example"], &schema["examples"][0], &schema["default"]];
            if let Some(value) = values.into_iter().find(|value| !value.is_null()) {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                query.push(format!("{}={value}", text(&parameter["name"])));
            }
        }
        if method == "GET" && !query.is_empty() && path != "/blob/{key}" {
            let path = actor.fill(&text(&operation["operationId"]), path).await;
            let answer = actor.caller.get(&format!("{path}?{}", query.join("&"))).await;
            assert!(answer.status < 300, "{path}?{query:?}: {}", answer.text());
            asked += 1;
        }
    }
    assert!(asked >= 10, "{asked}");
}

/// The operations, with registration first, since it creates the user that others name.
fn in_order(document: &Value) -> Vec<(String, &String, &Value)> {
    let mut all = operations(document);
    all.sort_by_key(|(_, _, operation)| operation["operationId"] != "register");
    all
}

/// A body's own examples, otherwise those of its schema.
fn examples(document: &Value, content: &Value) -> Vec<Value> {
    let named = content["examples"].as_object().into_iter().flatten().map(|(_, example)| example["value"].clone());
    let own: Vec<Value> = named.chain(content.get("example").cloned()).collect();
    if !own.is_empty() {
        return own;
    }
    let Some(reference) = content["schema"]["$ref"].as_str() else { return Vec::new() };
    document.pointer(&reference[1..]).unwrap()["examples"].as_array().cloned().unwrap_or_default()
}

async fn register(server: &Server, name: &str) {
    let body = json!({"username": name, "email": format!("{name}@example.net"), "password": PASSWORD});
    server.anonymous().post("/user", body).await.ok();
}

impl Actor {
    async fn new(server: &Server, name: &str) -> Self {
        register(server, name).await;
        let login = server.anonymous().post("/login", json!({"username": name, "password": PASSWORD})).await.ok();
        let caller = server.with_token(&text(&login["access_token"]));
        let folder = caller.folder("Example", None).await;
        let file = text(&caller.upload("example.txt", b"hello", None).await["id"]);
        Self { caller, login, folder, file }
    }

    async fn send(&self, id: &str, method: &str, path: &str, kind: &str, mut example: Value) -> ApiResponse {
        let path = self.fill(id, path).await;
        self.fill_body(&mut example);
        let request = self.caller.request(Method::from_bytes(method.as_bytes()).unwrap(), &path);
        let fields = || example.as_object().unwrap().iter().map(|(name, value)| (name.clone(), plain(value)));
        self.caller
            .send(match kind {
                "multipart/form-data" => {
                    request.multipart(fields().fold(Form::new(), |form, (name, value)| match name.as_str() {
                        "file" => form.part(name, Part::bytes(value.into_bytes()).file_name("example.bin")),
                        "photo" => form.part(name, Part::bytes(png(4, 4)).file_name("example.png")),
                        _ => form.text(name, value),
                    }))
                }
                "application/x-www-form-urlencoded" => request.form(&fields().collect::<Vec<_>>()),
                _ => request.json(&example),
            })
            .await
    }

    /// The path with its parameters filled in.
    async fn fill(&self, id: &str, path: &str) -> String {
        let mut filled = Vec::new();
        for segment in path.split('/') {
            filled.push(match segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                Some(name) => self.find(id, name, path).await,
                None => segment.to_owned(),
            });
        }
        filled.join("/")
    }

    async fn find(&self, id: &str, parameter: &str, path: &str) -> String {
        let me = &self.caller;
        let shared = json!({"share_object_type": "folder", "folder_id": self.folder});
        let with = |more: Value| {
            let mut body: Map<String, Value> = shared.as_object().unwrap().clone();
            body.extend(more.as_object().unwrap().clone());
            Value::Object(body)
        };
        match parameter {
            "folder_id" => self.folder.clone(),
            "file_id" => self.file.clone(),
            "item_id" if path.ends_with("/item") => {
                let folder = me.folder("Trashed", None).await;
                me.delete(&format!("/drive/{folder}")).await.ok_empty();
                folder
            }
            "item_id" => {
                let file = text(&me.upload("trashed.txt", b"hello", None).await["id"]);
                me.delete(&format!("/file/{file}")).await.ok_empty();
                file
            }
            "upload_id" => {
                let upload = me.begin("upload.txt", 5, None).await.ok();
                if id == "complete_upload" {
                    me.put(&upload, b"hello").await.ok_empty();
                }
                text(&upload["upload_id"])
            }
            "share_id" => {
                let body = with(json!({"username": "ben", "permission": "edit"}));
                text(&me.post("/share", body).await.ok()["id"])
            }
            "link_id" => text(&me.post("/link", shared).await.ok()["id"]),
            "token" => {
                // This route is only for links with a password.
                let proof = if path.ends_with("/access") { json!({"password": PASSWORD}) } else { json!({}) };
                let link = me.post("/link", with(proof)).await.ok();
                text(&link["url"]).rsplit('/').next().unwrap().to_owned()
            }
            other => panic!("say what {{{other}}} of {path} stands for"),
        }
    }

    /// Replaces the identifiers and tokens in an example; everything else stays as documented.
    fn fill_body(&self, example: &mut Value) {
        for (name, value) in example.as_object_mut().into_iter().flatten() {
            match name.as_str() {
                "folder_id" | "parent_folder_id" if value.is_string() => *value = json!(self.folder),
                "file_id" if value.is_string() => *value = json!(self.file),
                "item_ids" => *value = json!([self.file]),
                "refresh_token" => *value = self.login["refresh_token"].clone(),
                _ => {}
            }
        }
    }
}

/// A value as a form field.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
