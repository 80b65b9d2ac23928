mod change_password;
mod delete_user;
mod get_user;
mod login;
mod refresh;
mod register;
mod session;
mod throttle;
mod update_user;
mod verify_token;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{ApiClient, ApiResponse, PASSWORD, Server, text};

/// Logs in as `name`: the caller, and the refresh token.
async fn logged_in(server: &Server, name: &str) -> (ApiClient, String) {
    with_tokens(server, &server.anonymous().post("/login", json!({"username": name, "password": PASSWORD})).await.ok())
}

fn with_tokens(server: &Server, tokens: &Value) -> (ApiClient, String) {
    (server.with_token(&text(&tokens["access_token"])), text(&tokens["refresh_token"]))
}

async fn refresh(server: &Server, token: &str) -> ApiResponse {
    server.anonymous().post("/token/refresh", json!({"refresh_token": token})).await
}

async fn change_password(caller: &ApiClient, current: &str, new: &str) -> ApiResponse {
    let body = json!({"current_password": current, "new_password": new});
    caller.send(caller.request(Method::PUT, "/user/password").json(&body)).await
}

async fn delete_user(caller: &ApiClient, password: &str) -> ApiResponse {
    caller.post("/user/delete", json!({"password": password})).await
}
