use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::ConfigError;

/// Variables that a login shell or a container sets for its own ends: the file knows better.
const INHERITED: [&str; 2] = ["USER", "HOST"];

/// Where values come from: a secret first, if one was read, then the environment, then `.env`; for what shells set by
/// themselves, `.env` before the environment.
#[derive(Default)]
pub(crate) struct Source {
    secret: BTreeMap<OsString, OsString>,
    malformed: Vec<String>,
    environment: BTreeMap<OsString, OsString>,
    file: BTreeMap<OsString, OsString>,
}

impl Source {
    /// The environment of the process and, if there is one, the file `.env` of the working directory.
    #[expect(clippy::disallowed_methods, reason = "this is where configuration is read")]
    pub(crate) fn of_process() -> Result<Self, ConfigError> {
        let file = match dotenvy::from_path_iter(Path::new(".env")) {
            Ok(pairs) => pairs
                .map(|pair| pair.map(owned))
                .collect::<Result<_, _>>()
                .map_err(|_| ConfigError::new(".env", "must be lines of NAME=value; a line cannot be read"))?,
            Err(fault) if fault.not_found() => BTreeMap::new(),
            Err(_) => return Err(ConfigError::new(".env", "cannot be read")),
        };
        Ok(Self { environment: std::env::vars_os().collect(), file, ..Self::default() })
    }

    /// The same with the values of a secret, which come before all others.
    pub(crate) fn with_secret(self, values: BTreeMap<String, String>, malformed: Vec<String>) -> Self {
        Self { secret: values.into_iter().map(owned).collect(), malformed, ..self }
    }

    /// The names in the secret whose values are of no use.
    pub(super) fn malformed(&self) -> &[String] {
        &self.malformed
    }

    #[cfg(test)]
    pub(crate) fn of(values: &[(&str, &str)]) -> Self {
        let pair = |(name, value): &(&str, &str)| (name.into(), value.into());
        Self { environment: values.iter().map(pair).collect(), ..Self::default() }
    }

    /// The value of the first of `names` that has one, with that name. An empty value is none.
    pub(crate) fn text(&self, names: &[&'static str]) -> Result<Option<(&'static str, &str)>, ConfigError> {
        let given = names.iter().find_map(|name| self.one(name).map(|value| (*name, value)));
        let Some((name, value)) = given else {
            return Ok(None);
        };
        let text = value.to_str().ok_or_else(|| ConfigError::new(name, "must be UTF-8"))?;
        Ok(Some((name, text)))
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

    #[test]
    fn the_environment_wins_but_for_what_shells_set() {
        let mut source = Source::of(&[("DATA_DIR", "a"), ("USER", "root"), ("SECRET_KEY", "")]);
        for (name, value) in [("DATA_DIR", "b"), ("USER", "drive"), ("SECRET_KEY", "c"), ("LOG", "d")] {
            source.file.insert(name.into(), value.into());
        }
        for (name, value) in [("DATA_DIR", "a"), ("USER", "drive"), ("SECRET_KEY", "c"), ("LOG", "d")] {
            assert_eq!(source.one(name), Some(OsStr::new(value)), "{name}");
        }
        let secret = [("USER", "secret"), ("DATA_DIR", "s")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let source = source.with_secret(secret.into(), Vec::new());
        for (name, value) in [("DATA_DIR", "s"), ("USER", "secret"), ("SECRET_KEY", "c")] {
            assert_eq!(source.one(name), Some(OsStr::new(value)), "{name}");
        }
        assert_eq!(source.text(&["NONE", "LOG"]), Ok(Some(("LOG", "d"))));
    }

    #[cfg(unix)]
    #[test]
    fn what_is_not_utf8_is_refused_where_it_counts() {
        let mut source = Source::of(&[("DATA_DIR", "a")]);
        let latin = <OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"caf\xe9");
        source.environment.insert("PWD".into(), latin.into());
        assert_eq!(source.text(&["DATA_DIR"]), Ok(Some(("DATA_DIR", "a"))));
        source.environment.insert("DATA_DIR".into(), latin.into());
        assert_eq!(source.text(&["DATA_DIR"]), Err(ConfigError::new("DATA_DIR", "must be UTF-8")));
    }
}
