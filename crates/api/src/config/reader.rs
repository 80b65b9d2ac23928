use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use super::{ConfigError, Source};

/// Reads variables one by one and collects their errors, to report them all at once.
pub(super) struct Reader<'a> {
    source: &'a Source,
    complaints: Vec<(String, String)>,
}

impl<'a> Reader<'a> {
    pub(super) fn of(source: &'a Source) -> Self {
        let complain = |name: &String| (name.clone(), "must be a text, a number or a boolean in the secret".to_owned());
        Self { source, complaints: source.malformed().iter().map(complain).collect() }
    }

    /// Returns `value` if no variable had an error.
    pub(super) fn finish<T>(self, value: T) -> Result<T, ConfigError> {
        if self.complaints.is_empty() { Ok(value) } else { Err(ConfigError(self.complaints)) }
    }

    pub(super) fn complain(&mut self, variable: &str, message: impl Into<String>) {
        if self.complaints.iter().all(|(known, _)| known != variable) {
            self.complaints.push((variable.to_owned(), message.into()));
        }
    }

    /// The first of `names` that has a value, with that value.
    pub(super) fn named(&mut self, names: &[&'static str]) -> Option<(&'static str, &'a str)> {
        match self.source.text(names) {
            Ok(found) => found,
            Err(error) => {
                self.complaints.extend(error.0);
                None
            }
        }
    }

    pub(super) fn text(&mut self, name: &'static str) -> Option<&'a str> {
        self.named(&[name]).map(|(_, text)| text)
    }

    /// Parses the value with `parse`; records the error "must be `what`" if it returns `None`.
    pub(super) fn parsed<T>(
        &mut self,
        name: &'static str,
        what: &str,
        parse: impl FnOnce(&'a str) -> Option<T>,
    ) -> Option<T> {
        let parsed = parse(self.text(name)?);
        if parsed.is_none() {
            self.complain(name, format!("must be {what}"));
        }
        parsed
    }

    pub(super) fn number<T>(&mut self, name: &'static str, default: T, allowed: RangeInclusive<T>) -> T
    where
        T: FromStr + PartialOrd + std::fmt::Display,
    {
        let what = format!("a number from {} to {}", allowed.start(), allowed.end());
        let parse = |text: &str| text.parse().ok().filter(|number| allowed.contains(number));
        self.parsed(name, &what, parse).unwrap_or(default)
    }

    pub(super) fn seconds(&mut self, name: &'static str, default: u64, allowed: RangeInclusive<u64>) -> Duration {
        Duration::from_secs(self.number(name, default, allowed))
    }

    pub(super) fn switch(&mut self, name: &'static str, default: bool) -> bool {
        let parse = |text: &str| match text {
            "on" => Some(true),
            "off" => Some(false),
            _ => None,
        };
        self.parsed(name, "on or off", parse).unwrap_or(default)
    }

    /// An `http://` or `https://` URL with a host, without trailing slashes.
    pub(super) fn url(&mut self, name: &'static str) -> Option<String> {
        let parse = |url: &str| {
            let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or("");
            let sane = !host.is_empty() && url.bytes().all(|b| b.is_ascii_graphic()) && !url.contains(['?', '#']);
            sane.then(|| url.trim_end_matches('/').to_owned())
        };
        self.parsed(name, "a URL that begins with http:// or https:// and names a host", parse)
    }
}
