//! Secrets in a stand-in for AWS Secrets Manager.

use serde_json::json;

use crate::support::{production, unique_name};

/// Creates a secret with this text, and returns its name.
pub async fn secret(text: &str) -> String {
    let name = unique_name("clouddrive-test-");
    let authorization =
        format!("AWS4-HMAC-SHA256 Credential=x/20260101/{}/secretsmanager/aws4_request", production().region);
    let made = reqwest::Client::new()
        .post(&production().secrets_endpoint)
        .header("Content-Type", "application/x-amz-json-1.1")
        .header("X-Amz-Target", "secretsmanager.CreateSecret")
        .header("Authorization", authorization)
        .body(
            json!({"Name": name, "ClientRequestToken": unique_name("0000000000000000"), "SecretString": text})
                .to_string(),
        )
        .send()
        .await
        .unwrap();
    assert!(made.status().is_success(), "{}", made.text().await.unwrap());
    name
}
