//! Search texts.

use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizerBorrowed;

use super::MAX_NAME_BYTES;
use super::name_keys::fold;

/// A text to search for in names, ignoring case, accents, width and compatibility forms: folded like
/// [`Name::search_key`](super::Name::search_key). It has no wildcards.
///
/// ```
/// use clouddrive_domain::model::SearchText;
///
/// let text = SearchText::parse("STRASSE")?;
/// assert!(text.is_in("hauptstrasse 1.pdf"));
/// # Ok::<(), clouddrive_domain::model::SearchTextError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SearchText {
    folded: String,
    cased: String,
}

/// Why a search text is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SearchTextError {
    /// It is empty.
    #[error("must not be empty")]
    Empty,
    /// It contains only accents and invisible characters.
    #[error("must hold more than accents and invisible characters")]
    Nothing,
    /// It has more than [`MAX_NAME_BYTES`] bytes once normalised.
    #[error("must have at most 255 bytes of UTF-8")]
    TooLong,
    /// It contains a control character, which names cannot contain.
    #[error("must not contain control characters")]
    Control,
}

impl SearchText {
    /// Normalises `text`, checks it, and folds it.
    ///
    /// # Errors
    /// [`SearchTextError`]: the first rule that the normalised text breaks.
    pub fn parse(text: &str) -> Result<Self, SearchTextError> {
        // NFC never shrinks a text to less than a third, so reject what is far too long before normalising it.
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
        let folded = fold(&text);
        if folded.is_empty() {
            return Err(SearchTextError::Nothing);
        }
        Ok(Self { folded, cased: CaseMapper::new().fold_string(&text).into_owned() })
    }

    /// The folded text.
    #[must_use]
    pub fn folded(&self) -> &str {
        &self.folded
    }

    /// The text in full Unicode case folding only, as older server versions search in
    /// [`Name::sort_key`](super::Name::sort_key).
    #[must_use]
    pub fn cased(&self) -> &str {
        &self.cased
    }

    /// Whether a name with this [search key](super::Name::search_key) matches.
    #[must_use]
    pub fn is_in(&self, search_key: &str) -> bool {
        search_key.contains(&self.folded)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Name;

    fn found(text: &str, name: &str) -> bool {
        SearchText::parse(text).unwrap().is_in(&Name::parse(name).unwrap().search_key())
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
            ("\u{301}", SearchTextError::Nothing),
            ("\u{200d}", SearchTextError::Nothing),
        ];
        for (text, error) in cases {
            assert_eq!(SearchText::parse(text), Err(error), "{text:?}");
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
    fn accents_width_and_compatibility_forms_do_not_matter() {
        for (text, name, expected) in [
            ("b", "abc", true),
            ("bc", "abc", true),
            ("日本", "新日本語", true),
            ("本", "新日本語", true),
            ("é", "École", true),
            ("ecole", "École", true),
            ("École", "ecole", true),
            ("file", "ＭＹ ﬁｌｅ", true),
            ("カ", "ｶﾀｶﾅ", true),
            ("か", "がっこう", false),
            ("한", "한국어", true),
            ("하", "한국어", false),
            ("ss", "Straße", true),
            ("bd", "abc", false),
        ] {
            assert_eq!(found(text, name), expected, "{text} in {name}");
        }
    }

    #[test]
    fn there_are_no_wildcards() {
        for text in ["a%c", "a_c", "a*c", "a?c", "a.c", "a\\c", "\"a\"", "[abc]"] {
            assert!(!found(text, "abc"), "{text}");
        }
        assert!(found("50%_", "now 50%_off"));
    }

    proptest! {
        #[test]
        fn every_part_of_a_name_finds_it(name in "[a-zA-Zäöüéßøł日本語 ._-]{3,60}", from in 0_usize..60, count in 1_usize..20) {
            if let Ok(name) = Name::parse(&name) {
                let part: String = name.as_str().chars().skip(from).take(count).collect();
                if let Ok(text) = SearchText::parse(&part) {
                    prop_assert!(text.is_in(&name.search_key()));
                }
            }
        }
    }
}
