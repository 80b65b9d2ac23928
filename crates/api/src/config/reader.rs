use std::time::Duration;

use super::variables::{Fallback, Variable};
use super::{ConfigError, Source};

/// Reads variables one by one and collects their errors, to report them all at once.
pub(super) struct Reader<'a> {
    source: &'a Source,
    errors: Vec<(String, String)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a Source) -> Self {
        let report = |name: &String| (name.clone(), "must be a text, a number or a boolean in the secret".to_owned());
        Self { source, errors: source.malformed().iter().map(report).collect() }
    }

    /// Returns `value` if no variable had an error.
    pub(super) fn finish<T>(self, value: T) -> Result<T, ConfigError> {
        if self.errors.is_empty() { Ok(value) } else { Err(ConfigError(self.errors)) }
    }

    pub(super) fn report(&mut self, variable: &Variable, message: impl Into<String>) {
        if self.errors.iter().all(|(known, _)| known != variable.name) {
            self.errors.push((variable.name.to_owned(), message.into()));
        }
    }

    pub(super) fn text(&mut self, variable: &Variable) -> Option<&'a str> {
        match self.source.text(variable) {
            Ok(found) => found,
            Err(error) => {
                self.errors.extend(error.0);
                None
            }
        }
    }

    /// The text, or the variable's constant default.
    pub(super) fn text_or_default(&mut self, variable: &Variable) -> &'a str {
        match (self.text(variable), variable.default) {
            (Some(text), _) | (None, Fallback::Text(text)) => text,
            (None, Fallback::Number(_) | Fallback::Described(_)) => {
                self.report(variable, "has no default");
                ""
            }
        }
    }

    /// Parses the value with `parse`; records what it must be if it returns `None`.
    pub(super) fn parsed<T>(&mut self, variable: &Variable, parse: impl FnOnce(&'a str) -> Option<T>) -> Option<T> {
        let parsed = parse(self.text(variable)?);
        if parsed.is_none() {
            self.report(variable, format!("must be {}", variable.required()));
        }
        parsed
    }

    /// The number, or the variable's constant default.
    pub(super) fn number<T: TryFrom<u64> + Default>(&mut self, variable: &Variable) -> T {
        let default = match variable.default {
            Fallback::Number(default) => T::try_from(default).ok(),
            Fallback::Text(_) | Fallback::Described(_) => None,
        };
        if default.is_none() {
            self.report(variable, "has no default");
        }
        self.number_or(variable, default.unwrap_or_default())
    }

    pub(super) fn number_or<T: TryFrom<u64>>(&mut self, variable: &Variable, default: T) -> T {
        let (least, max) = variable.range();
        let parse = |text: &str| {
            let number = text.parse().ok().filter(|number| (least..=max).contains(number))?;
            T::try_from(number).ok()
        };
        self.parsed(variable, parse).unwrap_or(default)
    }

    pub(super) fn seconds(&mut self, variable: &Variable) -> Duration {
        Duration::from_secs(self.number(variable))
    }

    pub(super) fn seconds_or(&mut self, variable: &Variable, default: u64) -> Duration {
        Duration::from_secs(self.number_or(variable, default))
    }

    pub(super) fn flag(&mut self, variable: &Variable) -> bool {
        let default = self.text_or_default(variable) == "on";
        self.flag_or(variable, default)
    }

    pub(super) fn flag_or(&mut self, variable: &Variable, default: bool) -> bool {
        let parse = |text: &str| match text {
            "on" => Some(true),
            "off" => Some(false),
            _ => None,
        };
        self.parsed(variable, parse).unwrap_or(default)
    }

    /// An `http://` or `https://` URL with a host, without trailing slashes.
    pub(super) fn url(&mut self, variable: &Variable) -> Option<String> {
        let parse = |url: &str| {
            let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or("");
            let sane = !host.is_empty() && url.bytes().all(|b| b.is_ascii_graphic()) && !url.contains(['?', '#']);
            sane.then(|| url.trim_end_matches('/').to_owned())
        };
        self.parsed(variable, parse)
    }
}
