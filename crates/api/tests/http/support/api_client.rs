use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use super::contract::Contract;

/// A client of the server. Checks every response against the OpenAPI document.
#[derive(Clone)]
pub struct ApiClient {
    client: Client,
    url: String,
    contract: Arc<Contract>,
    token: Option<String>,
    /// The `traceparent` of its requests.
    trace: Option<String>,
    /// The operations that it has called, if they are recorded.
    called: Option<Arc<Mutex<BTreeSet<String>>>>,
}

/// A response.
#[derive(Debug)]
pub struct ApiResponse {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl ApiClient {
    pub fn new(client: Client, url: String, contract: Arc<Contract>, token: Option<String>) -> Self {
        Self { client, url, contract, token, trace: None, called: None }
    }

    /// The same caller, with a sampled trace of this identifier around all requests.
    pub fn within(&self, trace: &str) -> Self {
        Self { trace: Some(format!("00-{trace}-00f067aa0ba902b7-01")), ..self.clone() }
    }

    /// Performs `act` as the same caller, and fails unless that calls the operation with the identifier.
    pub async fn calling(&self, operation: &str, act: impl AsyncFnOnce(&Self) -> ApiResponse) -> ApiResponse {
        let called = Arc::<Mutex<BTreeSet<String>>>::default();
        let answer = act(&Self { called: Some(called.clone()), ..self.clone() }).await;
        let called = called.lock().unwrap();
        assert!(called.contains(operation), "{operation} was not called, but {called:?}");
        answer
    }

    /// The underlying client, for tests that handle responses themselves.
    pub fn client(&self) -> &Client {
        &self.client
    }

    pub fn token(&self) -> &str {
        self.token.as_deref().unwrap()
    }

    /// The caller's token, if any.
    pub fn optional_token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Starts a request, to be sent by [`send`](Self::send). `path` may be an absolute URL, also of the blob store,
    /// which does not receive the token.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = if path.starts_with("http://") { path.to_owned() } else { format!("{}{path}", self.url) };
        let own = self.is_of_server(&url);
        let request = self.client.request(method, url);
        let request = match &self.trace {
            Some(trace) if own => request.header("traceparent", trace),
            _ => request,
        };
        match &self.token {
            Some(token) if own => request.bearer_auth(token),
            _ => request,
        }
    }

    fn is_of_server(&self, url: &str) -> bool {
        url.strip_prefix(&self.url).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
    }

    pub async fn send(&self, request: RequestBuilder) -> ApiResponse {
        let request = request.build().unwrap();
        let (method, path) = (request.method().to_string(), request.url().path().to_owned());
        let own = self.is_of_server(request.url().as_str());
        let response = self.client.execute(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let answer = ApiResponse { status, headers, body: response.bytes().await.unwrap().into() };
        if !own {
            return answer;
        }
        assert!(answer.headers.contains_key("x-request-id"), "{method} {path} has no X-Request-Id");
        if status >= 400 && method != "HEAD" {
            assert_eq!(answer.header("content-type"), "application/problem+json", "{method} {path}");
            assert_eq!(answer.json()["status"], status, "{method} {path}");
        }
        let operation = self.contract.check(&method, &path, &answer);
        if let (Some(called), Some(operation)) = (&self.called, operation) {
            called.lock().unwrap().insert(operation.to_owned());
        }
        answer
    }

    pub async fn get(&self, path: &str) -> ApiResponse {
        self.send(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> ApiResponse {
        self.send(self.request(Method::POST, path).json(&body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> ApiResponse {
        self.send(self.request(Method::PATCH, path).json(&body)).await
    }

    /// A PATCH with `If-Match`.
    pub async fn patch_if(&self, etag: &str, path: &str, body: Value) -> ApiResponse {
        self.send(self.request(Method::PATCH, path).header("If-Match", etag).json(&body)).await
    }

    /// A request with this text as its JSON body, valid or not.
    pub async fn send_text(&self, method: Method, path: &str, text: &str) -> ApiResponse {
        let request = self.request(method, path).header("Content-Type", "application/json");
        self.send(request.body(text.to_owned())).await
    }

    pub async fn delete(&self, path: &str) -> ApiResponse {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// A DELETE with `If-Match`.
    pub async fn delete_if(&self, etag: &str, path: &str) -> ApiResponse {
        self.send(self.request(Method::DELETE, path).header("If-Match", etag)).await
    }

    /// A POST without a body.
    pub async fn post_empty(&self, path: &str) -> ApiResponse {
        self.send(self.request(Method::POST, path)).await
    }

    /// Replaces the file's content by a PUT with these headers.
    pub async fn put_content(&self, file: &str, bytes: &[u8], headers: &[(&str, &str)]) -> ApiResponse {
        let request = self.request(Method::PUT, &format!("/file/{file}/content")).body(bytes.to_vec());
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        self.send(request).await
    }

    /// Creates a folder in `parent`, or in the root, and returns its identifier.
    pub async fn folder(&self, name: &str, parent: Option<&str>) -> String {
        let body = json!({"folder_name": name, "parent_folder_id": parent});
        text(&self.post("/drive", body).await.ok()["id"])
    }

    /// Starts an upload of `size` bytes.
    pub async fn begin(&self, name: &str, size: usize, parent: Option<&str>) -> ApiResponse {
        let body = json!({"file_name": name, "file_size_in_bytes": size, "parent_folder_id": parent});
        self.post("/file", body).await
    }

    /// PUTs `bytes` as the only part of the upload that `POST /file` or `…/parts` returned.
    pub async fn put(&self, upload: &Value, bytes: impl Into<Vec<u8>>) -> ApiResponse {
        self.send(self.put_request(upload).body(bytes.into())).await
    }

    /// The PUT request of an upload's only part, without a body.
    pub fn put_request(&self, upload: &Value) -> RequestBuilder {
        self.part_request(&upload["parts"][0])
    }

    /// PUTs `bytes` to this part's URL.
    pub async fn put_part(&self, part: &Value, bytes: impl Into<Vec<u8>>) -> ApiResponse {
        self.send(self.part_request(part).body(bytes.into())).await
    }

    /// The same for a closed upload: the store may close the connection while the body is still being sent.
    pub async fn put_unwanted_part(&self, part: &Value, bytes: impl Into<Vec<u8>>) -> Option<ApiResponse> {
        let response = self.part_request(part).body(bytes.into()).send().await.ok()?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Some(ApiResponse { status, headers, body: response.bytes().await.ok()?.into() })
    }

    fn part_request(&self, part: &Value) -> RequestBuilder {
        let request = self.anonymous().request(Method::PUT, part["url"].as_str().unwrap());
        let headers = part["headers"].as_object().unwrap().iter();
        headers.fold(request, |request, (name, value)| request.header(name, value.as_str().unwrap()))
    }

    fn anonymous(&self) -> Self {
        Self { token: None, ..self.clone() }
    }

    /// Uploads a file by a presigned URL into `parent`, or the root, and returns the file.
    pub async fn upload(&self, name: &str, bytes: &[u8], parent: Option<&str>) -> Value {
        let upload = self.begin(name, bytes.len(), parent).await.ok();
        self.put(&upload, bytes).await.ok_empty();
        self.complete(&upload).await.ok()
    }

    pub async fn complete(&self, upload: &Value) -> ApiResponse {
        let path = format!("/upload/{}/complete", text(&upload["upload_id"]));
        self.send(self.request(Method::POST, &path)).await
    }

    /// Uploads a file by a form, with these fields before it.
    pub async fn send_form(&self, fields: &[(&str, &str)], name: &str, bytes: &[u8]) -> ApiResponse {
        let mut form = reqwest::multipart::Form::new();
        for (field, value) in fields {
            form = form.text((*field).to_owned(), (*value).to_owned());
        }
        let part = reqwest::multipart::Part::bytes(bytes.to_vec()).file_name(name.to_owned());
        self.send(self.request(Method::POST, "/file").multipart(form.part("file", part))).await
    }

    /// Shares the folder `folder` with `guest`, and returns the share's identifier.
    pub async fn share_folder(&self, folder: &str, guest: &str, permission: &str) -> String {
        let body = json!({
            "share_object_type": "folder", "folder_id": folder, "username": guest, "permission": permission
        });
        text(&self.post("/share", body).await.ok()["id"])
    }

    /// Shares the file `file` with `guest`, and returns the share's identifier.
    pub async fn share_file(&self, file: &str, guest: &str, permission: &str) -> String {
        let body = json!({"share_object_type": "file", "file_id": file, "username": guest, "permission": permission});
        text(&self.post("/share", body).await.ok()["id"])
    }

    /// The names listed in `folder`, or in the root.
    pub async fn names(&self, folder: Option<&str>) -> Vec<String> {
        let path = folder.map_or_else(|| "/drive".to_owned(), |id| format!("/drive/{id}"));
        self.get(&path).await.ok()["items"].as_array().unwrap().iter().map(|item| text(&item["name"])).collect()
    }

    /// A file's bytes, by its presigned URL.
    pub async fn download(&self, file: &str) -> Vec<u8> {
        let url = text(&self.get(&format!("/file/{file}")).await.ok()["download"]["url"]);
        let answer = self.anonymous().get(&url).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.body
    }

    /// GETs `path` with these headers, following a redirect to the store.
    pub async fn fetch(&self, path: &str, headers: &[(&str, &str)]) -> ApiResponse {
        let request = |caller: &Self, url: &str| {
            let request = caller.request(Method::GET, url);
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
        };
        let answer = self.send(request(self, path)).await;
        match answer.status {
            307 => self.send(request(&self.anonymous(), answer.header("location"))).await,
            _ => answer,
        }
    }

    /// The caller's quota.
    pub async fn quota(&self) -> Value {
        self.get("/user").await.ok()["quota"].clone()
    }
}

impl ApiResponse {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body of a successful response.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{}: {}", self.status, self.text());
        self.json()
    }

    /// Asserts success with an empty body.
    #[track_caller]
    pub fn ok_empty(self) {
        assert!((200..300).contains(&self.status), "{}: {}", self.status, self.text());
        assert!(self.body.is_empty(), "{}", self.text());
    }

    /// Asserts this status and code; returns the problem.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Value {
        let problem = self.json();
        assert_eq!((self.status, problem["code"].as_str()), (status, Some(code)), "{}", self.text());
        problem
    }

    /// Asserts a 422 for this field only.
    #[track_caller]
    pub fn refused_field(self, field: &str) {
        let problem = self.refused(422, "validation_failed");
        let errors = problem["errors"].as_array().unwrap();
        let fields: Vec<&str> = errors.iter().map(|error| error["field"].as_str().unwrap()).collect();
        assert_eq!(fields, [field], "{problem}");
        assert_ne!(errors[0]["message"], "", "{problem}");
    }
}

/// A JSON string's value.
#[track_caller]
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a string: {value}")).to_owned()
}
