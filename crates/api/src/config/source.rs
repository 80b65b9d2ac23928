use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::ConfigError;
use super::variables::Variable;

/// Variables that login shells and containers set for other purposes; `.env` takes precedence for them.
const INHERITED: [&str; 2] = ["USER", "HOST"];

/// The sources of values, in order of precedence: a secret if one was read, the environment, `.env`; for [`INHERITED`]
/// variables `.env` precedes the environment.
#[derive(Default)]
pub(crate) struct Source {
    secret: BTreeMap<OsString, OsString>,
    malformed: Vec<String>,
    environment: BTreeMap<OsString, OsString>,
    file: BTreeMap<OsString, OsString>,
}

impl Source {
    /// Reads the process environment and, if present, `.env` in the working directory.
    #[expect(clippy::disallowed_methods, reason = "this is where configuration is read")]
    pub(crate) fn from_process() -> Result<Self, ConfigError> {
        let file = match dotenvy::from_path_iter(Path::new(".env")) {
            Ok(pairs) => pairs
                .map(|pair| pair.map(owned))
                .collect::<Result<_, _>>()
                .map_err(|_| ConfigError::new(".env", "must be lines of NAME=value; a line cannot be read"))?,
            Err(error) if error.not_found() => BTreeMap::new(),
            Err(_) => return Err(ConfigError::new(".env", "cannot be read")),
        };
        Ok(Self { environment: std::env::vars_os().collect(), file, ..Self::default() })
    }

    /// Adds the values of a secret, which take precedence over all others.
    pub(crate) fn with_secret(self, values: BTreeMap<String, String>, malformed: Vec<String>) -> Self {
        Self { secret: values.into_iter().map(owned).collect(), malformed, ..self }
    }

    /// The names in the secret with unusable values.
    pub(super) fn malformed(&self) -> &[String] {
        &self.malformed
    }

    #[cfg(test)]
    pub(crate) fn from_values(values: &[(&str, &str)]) -> Self {
        let pair = |(name, value): &(&str, &str)| (name.into(), value.into());
        Self { environment: values.iter().map(pair).collect(), ..Self::default() }
    }

    /// The value of the variable under the first of its names that has one. Empty values count as absent.
    pub(crate) fn text(&self, variable: &Variable) -> Result<Option<&str>, ConfigError> {
        let Some((name, value)) = variable.names().find_map(|name| self.one(name).map(|value| (name, value))) else {
            return Ok(None);
        };
        value.to_str().map(Some).ok_or_else(|| ConfigError::new(name, "must be UTF-8"))
    }

    fn one(&self, name: &str) -> Option<&OsStr> {
        let (first, second) =
            if INHERITED.contains(&name) { (&self.file, &self.environment) } else { (&self.environment, &self.file) };
        let values = [&self.secret, first, second].into_iter().filter_map(|values| values.get(OsStr::new(name)));
        values.map(OsString::as_os_str).find(|value| !value.is_empty())
    }
}

fn owned((name, value): (String, String)) -> (OsString, OsString) {
    (name.into(), value.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::variables::{DATA_DIR, S3_BUCKET_NAME};

    #[test]
    fn the_environment_precedes_dotenv_except_for_inherited_variables() {
        let mut source = Source::from_values(&[("DATA_DIR", "a"), ("USER", "root"), ("SECRET_KEY", "")]);
        for (name, value) in [("DATA_DIR", "b"), ("USER", "drive"), ("SECRET_KEY", "c"), ("BUCKET_NAME", "d")] {
            source.file.insert(name.into(), value.into());
        }
        for (name, value) in [("DATA_DIR", "a"), ("USER", "drive"), ("SECRET_KEY", "c"), ("BUCKET_NAME", "d")] {
            assert_eq!(source.one(name), Some(OsStr::new(value)), "{name}");
        }
        let secret = [("USER", "secret"), ("DATA_DIR", "s")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let source = source.with_secret(secret.into(), Vec::new());
        for (name, value) in [("DATA_DIR", "s"), ("USER", "secret"), ("SECRET_KEY", "c")] {
            assert_eq!(source.one(name), Some(OsStr::new(value)), "{name}");
        }
        assert_eq!(source.text(&S3_BUCKET_NAME), Ok(Some("d")), "by its other name");
    }

    #[cfg(unix)]
    #[test]
    fn non_utf8_values_are_refused_when_read() {
        let mut source = Source::from_values(&[("DATA_DIR", "a")]);
        let latin = <OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"caf\xe9");
        source.environment.insert("PWD".into(), latin.into());
        assert_eq!(source.text(&DATA_DIR), Ok(Some("a")));
        source.environment.insert("DATA_DIR".into(), latin.into());
        assert_eq!(source.text(&DATA_DIR), Err(ConfigError::new("DATA_DIR", "must be UTF-8")));
    }
}
