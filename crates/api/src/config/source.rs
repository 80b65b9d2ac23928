use std::collections::BTreeMap;
use std::path::Path;

use super::ConfigError;

/// Variables that a login shell or a container sets for its own ends: the file knows better.
const INHERITED: [&str; 2] = ["USER", "HOST"];

/// Where values come from: the environment first, then `.env`; for what shells set by themselves, the other way round.
pub(crate) struct Source {
    environment: BTreeMap<String, String>,
    file: BTreeMap<String, String>,
}

impl Source {
    /// The environment of the process and, if there is one, the file `.env` of the working directory.
    #[expect(clippy::disallowed_methods, reason = "this is where configuration is read")]
    pub(crate) fn of_process() -> Result<Self, ConfigError> {
        let file = match dotenvy::from_path_iter(Path::new(".env")) {
            Ok(pairs) => pairs.collect::<Result<_, _>>().map_err(|_| {
                ConfigError::new(".env", "must be lines of NAME=value; a line cannot be read")
            })?,
            Err(fault) if fault.not_found() => BTreeMap::new(),
            Err(_) => return Err(ConfigError::new(".env", "cannot be read")),
        };
        Ok(Self { environment: std::env::vars().collect(), file })
    }

    #[cfg(test)]
    pub(crate) fn of(values: &[(&str, &str)]) -> Self {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self { environment: values.iter().map(pair).collect(), file: BTreeMap::new() }
    }

    /// The value of the first of `names` that has one, with that name. An empty value is none.
    pub(crate) fn text(&self, names: &[&'static str]) -> Option<(&'static str, &str)> {
        names.iter().find_map(|name| self.one(name).map(|value| (*name, value)))
    }

    fn one(&self, name: &str) -> Option<&str> {
        let (first, second) =
            if INHERITED.contains(&name) { (&self.file, &self.environment) } else { (&self.environment, &self.file) };
        [first, second].into_iter().filter_map(|values| values.get(name)).find(|value| !value.is_empty()).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_wins_but_for_what_shells_set() {
        let mut source = Source::of(&[("DATA_DIR", "a"), ("USER", "root"), ("SECRET_KEY", "")]);
        for (name, value) in [("DATA_DIR", "b"), ("USER", "drive"), ("SECRET_KEY", "c"), ("LOG", "d")] {
            source.file.insert(name.to_owned(), value.to_owned());
        }
        for (name, value) in [("DATA_DIR", "a"), ("USER", "drive"), ("SECRET_KEY", "c"), ("LOG", "d")] {
            assert_eq!(source.one(name), Some(value), "{name}");
        }
        assert_eq!(source.text(&["NONE", "LOG"]), Some(("LOG", "d")));
    }
}
