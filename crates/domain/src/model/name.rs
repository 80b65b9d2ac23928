//! Names of files and folders.

use std::borrow::Cow;

use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizerBorrowed;

/// The maximum length of a name in bytes of UTF-8, after normalisation.
pub const MAX_NAME_BYTES: usize = 255;

/// The name of a file or folder: valid and in Unicode normalisation form C (NFC).
///
/// Names are compared byte by byte, so they are case-sensitive.
///
/// ```
/// use clouddrive_domain::model::Name;
///
/// assert_eq!(Name::parse("cafe\u{301}.txt")?.as_str(), "café.txt");
/// assert!(Name::parse("../passwd").is_err());
/// # Ok::<(), clouddrive_domain::model::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

/// Why a text is not a valid name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// It is empty.
    #[error("must not be empty")]
    Empty,
    /// It has more than [`MAX_NAME_BYTES`] bytes once normalised.
    #[error("must have at most 255 bytes of UTF-8")]
    TooLong,
    /// It is `.` or `..`.
    #[error("must not be '.' or '..'")]
    Dots,
    /// It contains a slash or a backslash.
    #[error("must not contain '/' or '\\'")]
    Separator,
    /// It contains a control character, including NUL.
    #[error("must not contain control characters")]
    Control,
    /// It contains a character that reorders the text around it (U+202A–U+202E, U+2066–U+2069).
    #[error("must not contain bidirectional overrides")]
    Bidirectional,
    /// It begins or ends with white space.
    #[error("must not begin or end with white space")]
    Blank,
}

impl Name {
    /// Normalises `text` and checks it.
    ///
    /// # Errors
    /// [`NameError`]: the first rule that the normalised text breaks.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        Self::normalised(text).map(|name| Self(name.into_owned()))
    }

    /// Like [`parse`](Self::parse), but keeps `text` itself if it is normalised, as the names in a database are.
    ///
    /// # Errors
    /// Those of [`parse`](Self::parse).
    pub fn from_string(text: String) -> Result<Self, NameError> {
        let other = match Self::normalised(&text)? {
            Cow::Borrowed(_) => None,
            Cow::Owned(name) => Some(name),
        };
        Ok(Self(other.unwrap_or(text)))
    }

    /// The normalised `text`, which is a valid name.
    fn normalised(text: &str) -> Result<Cow<'_, str>, NameError> {
        // NFC never shrinks a text to less than a third, so reject what is far too long before normalising it.
        if text.len() > MAX_NAME_BYTES * 4 {
            return Err(NameError::TooLong);
        }
        // Normalisation leaves ASCII as it is, but takes its time.
        let is_ascii = text.is_ascii();
        let name = match is_ascii {
            true => Cow::Borrowed(text),
            false => ComposingNormalizerBorrowed::new_nfc().normalize(text),
        };
        let error = if name.is_empty() {
            Some(NameError::Empty)
        } else if name.len() > MAX_NAME_BYTES {
            Some(NameError::TooLong)
        } else if matches!(&*name, "." | "..") {
            Some(NameError::Dots)
        } else if name.contains(['/', '\\']) {
            Some(NameError::Separator)
        } else if name.contains(char::is_control) {
            Some(NameError::Control)
        } else if !is_ascii && name.contains(|c| matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')) {
            Some(NameError::Bidirectional)
        } else if name.starts_with(char::is_whitespace) || name.ends_with(char::is_whitespace) {
            Some(NameError::Blank)
        } else {
            None
        };
        error.map_or(Ok(name), Err)
    }

    /// The name of every drive's root. It is never shown, and the root has no siblings.
    #[must_use]
    pub fn root() -> Self {
        Self("drive".to_owned())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as text.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }

    /// The name in full Unicode case folding. The previous server version sorts and searches by it.
    #[must_use]
    pub fn sort_key(&self) -> String {
        CaseMapper::new().fold_string(&self.0).into_owned()
    }

    /// Splits the name into stem and extension (with its dot), for *keep both*.
    ///
    /// The extension starts at the last dot, unless that is the first character.
    pub(super) fn split(&self) -> (&str, &str) {
        match self.0.rfind('.') {
            Some(dot) if dot > 0 => self.0.split_at(dot),
            _ => (&self.0, ""),
        }
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_rule_has_its_own_answer() {
        let cases = [
            ("", NameError::Empty),
            (".", NameError::Dots),
            ("..", NameError::Dots),
            ("a/b", NameError::Separator),
            ("a\\b", NameError::Separator),
            ("a\0b", NameError::Control),
            ("a\u{7f}", NameError::Control),
            ("a\u{85}b", NameError::Control),
            ("\u{202E}gpj.exe", NameError::Bidirectional),
            ("a\u{2069}", NameError::Bidirectional),
            (" a", NameError::Blank),
            ("a\u{a0}", NameError::Blank),
        ];
        for (text, error) in cases {
            assert_eq!(Name::parse(text), Err(error), "{text:?}");
            assert_eq!(Name::from_string(text.to_owned()), Err(error), "{text:?}");
        }
        assert_eq!(Name::parse(&"é".repeat(128)), Err(NameError::TooLong));
        // Rejected before normalisation, whatever else is wrong with it.
        assert_eq!(Name::parse(&"/".repeat(MAX_NAME_BYTES * 4 + 1)), Err(NameError::TooLong));
    }

    #[test]
    fn the_limit_counts_bytes_after_normalisation() {
        let decomposed = "e\u{301}".repeat(127);
        assert!(decomposed.len() > MAX_NAME_BYTES);
        assert_eq!(Name::parse(&decomposed).unwrap().as_str().len(), 254);
    }

    #[test]
    fn names_without_extension_and_names_of_dots_are_fine() {
        for text in ["Makefile", ".hidden", "...", "a.", "日本語.txt", "CON", "a:b", "%2e%2e"] {
            assert_eq!(Name::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn sorting_folds_case_beyond_ascii() {
        let key = |text: &str| Name::parse(text).unwrap().sort_key();
        assert_eq!(key("STRASSE"), key("straße"));
        assert_eq!(key("ΣΊΣΥΦΟΣ"), key("Σίσυφος"));
    }

    proptest! {
        #[test]
        fn a_name_is_the_normalised_text(text in "[ -~]{0,20}|[ -~é\u{301}e\u{a0}\u{202e}]{0,20}") {
            let normalised = ComposingNormalizerBorrowed::new_nfc().normalize(&text).into_owned();
            let name = Name::parse(&text);
            prop_assert!(name.as_ref().is_ok_and(|name| name.as_str() == normalised) || name.is_err());
            prop_assert_eq!(Name::parse(&normalised), name.clone());
            prop_assert_eq!(Name::from_string(text), name.clone());
            prop_assert_eq!(Name::from_string(normalised), name);
        }

        #[test]
        fn parsed_names_are_valid_and_unchanged(text in "\\PC{0,80}|.{0,300}") {
            if let Ok(name) = Name::parse(&text) {
                prop_assert!((1..=MAX_NAME_BYTES).contains(&name.as_str().len()));
                prop_assert!(!name.as_str().contains(['/', '\\', '\0']));
                prop_assert_eq!(Name::parse(name.as_str()), Ok(name.clone()));
                let (stem, extension) = name.split();
                prop_assert!(!stem.is_empty());
                prop_assert_eq!(format!("{stem}{extension}"), name.as_str());
            }
        }
    }
}
