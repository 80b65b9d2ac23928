#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::Credentials;
use aws_sdk_secretsmanager::error::{DisplayErrorContext, ProvideErrorMetadata};
use serde_json::Value;

/// Connection settings. AWS's standard chain supplies what is not set.
#[derive(Clone, Debug, Default)]
pub struct ConnectionSettings {
    /// The region.
    pub region: Option<String>,
    /// The endpoint, if not AWS's own.
    pub endpoint: Option<String>,
    /// The access key of an IAM user.
    pub credentials: Option<AccessKey>,
}

/// The access key of an IAM user. `Debug` does not print it.
#[derive(Clone)]
pub struct AccessKey {
    /// The access key ID.
    pub id: String,
    /// The secret access key.
    pub secret: String,
    /// The session token of a temporary key.
    pub session_token: Option<String>,
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey").finish_non_exhaustive()
    }
}

/// Why the secret could not be read. Contains no values of the secret.
#[derive(Debug)]
pub enum SecretError {
    /// The secret could not be fetched; the text says why.
    Unavailable(String),
    /// The secret is not a JSON object.
    Malformed,
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(why) => write!(f, "cannot be read from AWS Secrets Manager: {why}"),
            Self::Malformed => f.write_str("must name a secret that is one JSON object of names and values"),
        }
    }
}

impl std::error::Error for SecretError {}

/// The members of a secret.
#[derive(Debug, Default)]
pub struct Members {
    /// The members' values as strings.
    pub values: BTreeMap<String, String>,
    /// The names of members that are not strings, numbers or booleans.
    pub malformed: Vec<String>,
}

/// Reads the current value of the secret `name` (or ARN), which must be a JSON object.
///
/// # Errors
/// See [`SecretError`].
pub async fn read(name: &str, settings: ConnectionSettings) -> Result<Members, SecretError> {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(Duration::from_secs(10))
        .operation_timeout(Duration::from_secs(30))
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts);
    if let Some(region) = settings.region {
        loader = loader.region(Region::new(region));
    }
    if let Some(endpoint) = settings.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    if let Some(AccessKey { id, secret, session_token }) = settings.credentials {
        loader = loader.credentials_provider(Credentials::new(id, secret, session_token, None, "configuration"));
    }
    let config = loader.load().await;
    if config.region().is_none() {
        return Err(SecretError::Unavailable("the region is not known: set AWS_REGION".to_owned()));
    }
    let answer = Client::new(&config).get_secret_value().secret_id(name).send().await;
    let answer = answer.map_err(|error| SecretError::Unavailable(explain(&error)))?;
    parse(answer.secret_string().unwrap_or_default())
}

/// The error in one line: the service's own message if there is one.
fn explain<E>(error: &aws_sdk_secretsmanager::error::SdkError<E>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        _ => DisplayErrorContext(error).to_string().lines().collect::<Vec<_>>().join(" "),
    }
}

fn parse(text: &str) -> Result<Members, SecretError> {
    let Ok(Value::Object(object)) = serde_json::from_str(text) else {
        return Err(SecretError::Malformed);
    };
    let mut members = Members::default();
    for (name, value) in object {
        match value {
            Value::String(text) => drop(members.values.insert(name, text)),
            Value::Number(number) => drop(members.values.insert(name, number.to_string())),
            Value::Bool(flag) => drop(members.values.insert(name, flag.to_string())),
            Value::Null | Value::Array(_) | Value::Object(_) => members.malformed.push(name),
        }
    }
    Ok(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn members_are_converted_to_environment_text() {
        let values =
            parse(r#"{"DATABASE": "drive", "PORT": 5432, "QUOTA": 1e3, "FLAG": true, "EMPTY": ""}"#).unwrap().values;
        let expected = [("DATABASE", "drive"), ("EMPTY", ""), ("FLAG", "true"), ("PORT", "5432"), ("QUOTA", "1000.0")];
        assert_eq!(values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>(), expected);
        assert!(parse("{}").unwrap().values.is_empty());
    }

    #[test]
    fn a_secret_that_is_no_object_is_refused_without_showing_it() {
        for text in ["", "hush", "\"hush\"", "[\"hush\"]", "{\"SECRET_KEY\": \"hush\"", "null"] {
            let message = refused(text);
            assert!(message.contains("JSON object") && !message.contains("hush"), "{message}");
        }
    }

    #[test]
    fn members_of_other_kinds_are_all_named() {
        let text = r#"{"HOST": null, "PORT": ["hush"], "USER": {"name": "hush"}, "DATABASE": "drive"}"#;
        let members = parse(text).unwrap();
        assert_eq!(members.malformed, ["HOST", "PORT", "USER"]);
        assert_eq!(members.values.keys().collect::<Vec<_>>(), ["DATABASE"]);
    }

    #[test]
    fn a_key_does_not_print() {
        let key =
            AccessKey { id: "AKIA".to_owned(), secret: "hush".to_owned(), session_token: Some("hush".to_owned()) };
        assert_eq!(format!("{key:?}"), "AccessKey { .. }");
    }
}
