use clouddrive_secrets::{AccessKey, ConnectionSettings};
use secrecy::ExposeSecret;

use crate::config::{AwsConfig, ConfigError, SecretRequest, Source, variables};

/// Adds the values of the secret that `source` names, if any.
pub(crate) async fn with_secret(source: Source) -> Result<Source, ConfigError> {
    let Some(request) = SecretRequest::read(&source)? else {
        return Ok(source);
    };
    let AwsConfig { region, credentials } = request.aws;
    let credentials = credentials.map(|key| AccessKey {
        id: key.key_id,
        secret: key.secret.expose_secret().to_owned(),
        session_token: key.session_token.map(|token| token.expose_secret().to_owned()),
    });
    let settings = ConnectionSettings { region, endpoint: request.endpoint, credentials };
    match clouddrive_secrets::read(&request.name, settings).await {
        Ok(members) => Ok(source.with_secret(members.values, members.malformed)),
        Err(error) => Err(ConfigError::new(variables::AWS_SECRET_NAME.name, format!("({}) {error}", request.name))),
    }
}
