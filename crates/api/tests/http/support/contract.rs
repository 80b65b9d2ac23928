use serde_json::Value;

use super::ApiResponse;

/// The server's OpenAPI document, against which tests check every response.
pub struct Contract(Value);

impl Contract {
    pub async fn fetch(client: &reqwest::Client, url: &str) -> Self {
        Self(client.get(format!("{url}/openapi.json")).send().await.unwrap().json().await.unwrap())
    }

    /// Fails if the document does not declare this response. Returns the identifier of the operation, if it is one.
    #[track_caller]
    pub fn check(&self, method: &str, path: &str, answer: &ApiResponse) -> Option<&str> {
        let path = path.split('?').next().unwrap().replace("profile-photo", "profile_photo");
        let Some(operation) = self.operation(&method.to_lowercase(), &path) else {
            // A CORS preflight is not an operation.
            let aside = method == "OPTIONS" || path.starts_with("/docs");
            let unknown = [301, 302, 307, 404, 405].contains(&answer.status) || aside;
            assert!(unknown || path == "/openapi.json", "{method} {path} is not in the document");
            return None;
        };
        // Errors of routing itself belong to no operation.
        if answer.status == 404 && method != "HEAD" && answer.json()["detail"] == "there is no such path" {
            return None;
        }
        let response = &operation["responses"][answer.status.to_string()];
        assert!(response.is_object(), "{method} {path}: {} is not in the document: {}", answer.status, answer.text());
        if answer.status >= 400 && !answer.body.is_empty() {
            let code = answer.json()["code"].as_str().unwrap_or_default().to_owned();
            let examples = &response["content"]["application/problem+json"]["examples"];
            assert!(examples[&code].is_object(), "{method} {path}: {code} is not in the document");
        }
        operation["operationId"].as_str()
    }

    fn operation(&self, method: &str, path: &str) -> Option<&Value> {
        let segments: Vec<&str> = path.split('/').collect();
        let fits = |template: &str| {
            let pattern: Vec<&str> = template.split('/').collect();
            let same = |(pattern, segment): (&&str, &&str)| pattern.starts_with('{') || pattern == segment;
            pattern.len() == segments.len() && pattern.iter().zip(&segments).all(same)
        };
        let paths = self.0["paths"].as_object().unwrap();
        // A literal path takes precedence over a template.
        let exact = paths.get(path).into_iter();
        let templates = paths.iter().filter(|(template, _)| fits(template)).map(|(_, item)| item);
        exact.chain(templates).map(|item| &item[method]).find(|operation| operation.is_object())
    }
}
