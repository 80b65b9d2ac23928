//! What is searched for.

use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizerBorrowed;

use super::MAX_NAME_BYTES;

/// How many characters a text has at least that is found anywhere within a name; a shorter one is found at the beginning.
const FOUND_WITHIN: usize = 3;

/// A text that is searched for in names, without regard to case: in Unicode normalisation form C, folded as
/// [`Name::sort_key`](super::Name::sort_key) is. None of its characters stands for any other.
///
/// ```
/// use clouddrive_domain::model::SearchText;
///
/// let text = SearchText::parse("STRASSE")?;
/// assert!(text.is_in("hauptstrasse 1.pdf") && !text.is_prefix());
/// # Ok::<(), clouddrive_domain::model::SearchTextError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SearchText {
    folded: String,
    prefix: bool,
}

/// Why nothing can be searched for by a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SearchTextError {
    /// It is empty.
    #[error("must not be empty")]
    Empty,
    /// It has more than [`MAX_NAME_BYTES`] bytes once normalised.
    #[error("must have at most 255 bytes of UTF-8")]
    TooLong,
    /// It holds a control character, which no name does.
    #[error("must not contain control characters")]
    Control,
}

impl SearchText {
    /// Normalises `text`, checks it, and folds its case.
    ///
    /// # Errors
    /// [`SearchTextError`] names the first rule that the normalised text breaks.
    pub fn parse(text: &str) -> Result<Self, SearchTextError> {
        // Normalising never makes a text shorter than a third: what is far too long need not be normalised first.
        if text.len() > MAX_NAME_BYTES * 4 {
            return Err(SearchTextError::TooLong);
        }
        let text = ComposingNormalizerBorrowed::new_nfc().normalize(text);
        if text.is_empty() {
            return Err(SearchTextError::Empty);
        }
        if text.len() > MAX_NAME_BYTES {
            return Err(SearchTextError::TooLong);
        }
        if text.contains(char::is_control) {
            return Err(SearchTextError::Control);
        }
        let prefix = text.chars().count() < FOUND_WITHIN;
        Ok(Self { folded: CaseMapper::new().fold_string(&text).into_owned(), prefix })
    }

    /// The folded text.
    #[must_use]
    pub fn folded(&self) -> &str {
        &self.folded
    }

    /// Whether a name must begin with the text: it has one or two characters.
    #[must_use]
    pub const fn is_prefix(&self) -> bool {
        self.prefix
    }

    /// Whether a name with this [sort key](super::Name::sort_key) is found.
    #[must_use]
    pub fn is_in(&self, sort_key: &str) -> bool {
        if self.prefix { sort_key.starts_with(&self.folded) } else { sort_key.contains(&self.folded) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Name;

    fn found(text: &str, name: &str) -> bool {
        SearchText::parse(text).unwrap().is_in(&Name::parse(name).unwrap().sort_key())
    }

    #[test]
    fn each_rule_has_its_own_answer() {
        let far_too_long = "/".repeat(MAX_NAME_BYTES * 4 + 1);
        let too_long = "é".repeat(128);
        let cases = [
            ("", SearchTextError::Empty),
            (too_long.as_str(), SearchTextError::TooLong),
            (far_too_long.as_str(), SearchTextError::TooLong),
            ("a\0b", SearchTextError::Control),
        ];
        for (text, fault) in cases {
            assert_eq!(SearchText::parse(text), Err(fault), "{text:?}");
        }
        assert!(SearchText::parse(&"e\u{301}".repeat(127)).is_ok(), "the limit counts what is normalised");
    }

    #[test]
    fn case_does_not_matter_in_any_script() {
        for (text, name) in [
            ("STRASSE", "Hauptstraße"),
            ("straße", "HAUPTSTRASSE"),
            ("ẞ", "ssa"),
            ("σίσυφος", "ΣΊΣΥΦΟΣ.txt"),
            ("ΣΊΣΥΦΟΣ", "ο Σίσυφος"),
            ("İstanbul", "i\u{307}stanbul"),
            ("日本語", "新日本語.txt"),
            ("CAFE\u{301}", "café"),
            ("🦀🦀🦀", "a🦀🦀🦀b"),
        ] {
            assert!(found(text, name), "{text} in {name}");
        }
    }

    #[test]
    fn one_or_two_characters_are_found_at_the_beginning_and_more_anywhere() {
        for (text, name, expected) in [
            ("b", "bike", true),
            ("B", "abc", false),
            ("bc", "abc", false),
            ("abc", "xabcx", true),
            ("日本", "新日本語", false),
            ("é", "École", true),
            // As many as are given count, whatever becomes of them.
            ("ß", "glass", false),
        ] {
            assert_eq!(found(text, name), expected, "{text} in {name}");
        }
    }

    #[test]
    fn no_character_stands_for_others() {
        for text in ["a%c", "a_c", "a*c", "a?c", "a.c", "a\\c", "\"a\"", "[abc]"] {
            assert!(!found(text, "abc"), "{text}");
        }
        assert!(found("50%_", "now 50%_off"));
    }

    proptest! {
        #[test]
        fn every_part_of_a_name_finds_it(name in "\\PC{3,60}", from in 0_usize..60, count in 3_usize..20) {
            if let Ok(name) = Name::parse(&name) {
                let part: String = name.as_str().chars().skip(from).take(count).collect();
                // A part that normalises to something else is another text.
                if part.chars().count() >= 3 && SearchText::parse(&part).is_ok_and(|text| {
                    text.folded() == CaseMapper::new().fold_string(&part)
                }) {
                    prop_assert!(SearchText::parse(&part).unwrap().is_in(&name.sort_key()));
                }
            }
        }
    }
}
