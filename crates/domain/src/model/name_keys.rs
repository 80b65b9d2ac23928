//! Keys derived from names: the order key for sorting and the search key for searching.
//!
//! Both are stored beside the name. They depend on data that changes with versions of Unicode and ICU4X, so the order
//! key begins with their version: keys that are missing or of an older version are recomputed.

use std::sync::LazyLock;

use icu_casemap::CaseMapper;
use icu_collator::options::{CollatorOptions, Strength};
use icu_collator::preferences::CollationNumericOrdering;
use icu_collator::{CollatorBorrowed, CollatorPreferences};
use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, Script};
use icu_properties::{CodePointMapData, CodePointSetData};

use super::Name;

/// The version of the keys, incremented whenever the bytes of any key change. The migrations and `crates/adapters/sql` contain
/// it too.
pub const NAME_KEYS_VERSION: u8 = 1;

/// The length to which collation keys are truncated; names that tie up to there sort by their bytes. It keeps index
/// rows below PostgreSQL's limit of 2,704 bytes.
const MAX_COLLATION_BYTES: usize = 1_024;

/// The sort key of a name, compared byte by byte: the version of the keys, the collation key of the name (CLDR root
/// collation with numeric ordering), a zero byte, and the name.
///
/// It is empty for names whose keys have not been computed yet; they sort first.
///
/// ```
/// use clouddrive_domain::model::{Name, OrderKey};
///
/// let key = |text: &str| Name::parse(text).map(|name| OrderKey::new(&name));
/// assert!(key("Chapter 2")? < key("chapter 10")?);
/// assert!(key("Ärger")? < key("Bach")?);
/// # Ok::<(), clouddrive_domain::model::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderKey(Vec<u8>);

impl OrderKey {
    /// Computes the key of `name`.
    #[must_use]
    pub fn new(name: &Name) -> Self {
        let mut key = vec![NAME_KEYS_VERSION];
        // Writing to a vector cannot fail.
        let _ = COLLATOR.write_sort_key_to(name.as_str(), &mut key);
        key.truncate(1 + MAX_COLLATION_BYTES);
        key.push(0);
        key.extend_from_slice(name.as_str().as_bytes());
        Self(key)
    }

    /// Wraps a stored key.
    #[must_use]
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

static COLLATOR: LazyLock<CollatorBorrowed<'static>> = LazyLock::new(|| {
    let mut preferences = CollatorPreferences::default();
    preferences.numeric_ordering = Some(CollationNumericOrdering::True);
    let mut options = CollatorOptions::default();
    options.strength = Some(Strength::Tertiary);
    #[expect(clippy::expect_used, reason = "the root collation is compiled in; a test makes it")]
    CollatorBorrowed::try_new(preferences, options).expect("the root collation")
});

/// Folds `text` for searching: ignores case, accents, width and compatibility forms.
///
/// The text is decomposed (NFKD), stripped of accents and invisible characters, case-folded and recomposed (NFC).
/// Unicode marks that readers see as part of a letter are kept: the voicing marks of kana (`が` is not `か`), the vowel
/// signs and tone marks of Devanagari, Thai and similar scripts; Hangul syllables stay whole. Letters with a stroke and
/// ligatures, which Unicode does not decompose, are replaced by the letters they collate with: `ø` by `o`, `æ` by `ae`.
#[must_use]
pub(super) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let decomposed = DecomposingNormalizerBorrowed::new_nfkd().normalize(text);
    let mut plain = String::with_capacity(decomposed.len());
    for character in decomposed.chars().filter(|character| !is_left_out(*character)) {
        match undecomposed(character) {
            Some(letters) => plain.push_str(letters),
            None => plain.push(character),
        }
    }
    let folded = CaseMapper::new().fold_string(&plain);
    ComposingNormalizerBorrowed::new_nfc().normalize(&folded).into_owned()
}

/// Whether searches ignore a character of a decomposed text: an accent, a vowel point of Hebrew or Arabic, a variation
/// selector or another invisible character.
fn is_left_out(character: char) -> bool {
    if character.is_ascii() {
        return false;
    }
    // The voiced and semi-voiced sound marks of kana.
    if matches!(character, '\u{3099}' | '\u{309A}') {
        return false;
    }
    if CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character) {
        return true;
    }
    let is_mark = matches!(
        CodePointMapData::<GeneralCategory>::new().get(character),
        GeneralCategory::NonspacingMark | GeneralCategory::EnclosingMark
    );
    is_mark
        && matches!(
            CodePointMapData::<Script>::new().get(character),
            Script::Inherited
                | Script::Common
                | Script::Latin
                | Script::Greek
                | Script::Cyrillic
                | Script::Hebrew
                | Script::Arabic
                | Script::Syriac
        )
}

/// The replacement of a letter that Unicode does not decompose.
const fn undecomposed(character: char) -> Option<&'static str> {
    match character {
        'Ø' | 'ø' => Some("o"),
        'Ł' | 'ł' => Some("l"),
        'Đ' | 'đ' => Some("d"),
        'Ħ' | 'ħ' => Some("h"),
        'Ŧ' | 'ŧ' => Some("t"),
        'ı' => Some("i"),
        'Æ' | 'æ' => Some("ae"),
        'Œ' | 'œ' => Some("oe"),
        _ => None,
    }
}

impl Name {
    /// The search key: a search finds the name if this contains the folded search text.
    #[must_use]
    pub fn search_key(&self) -> String {
        fold(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(text: &str) -> OrderKey {
        OrderKey::new(&Name::parse(text).unwrap())
    }

    #[test]
    fn names_sort_as_people_expect() {
        let sorted = [
            "_draft",
            "(1)",
            "😀",
            "1",
            "02",
            "2",
            "10",
            "10 000",
            "a",
            "A",
            "á",
            "ä",
            "Ärger",
            "aza",
            "Bach",
            "Chapter 2",
            "chapter 9",
            "Chapter 10",
            "chapter 10a",
            "Chapter 10b",
            "strasse",
            "straße",
            "Straßen",
            "z",
            "Σίσυφος",
            "Жук",
            "日本",
        ];
        for pair in sorted.windows(2) {
            assert!(key(pair[0]) < key(pair[1]), "{} before {}", pair[0], pair[1]);
        }
    }

    /// The keys are stored in databases: changing their bytes needs a new version and a migration.
    #[test]
    fn the_keys_are_the_same_in_every_build() {
        let hex = |text: &str| key(text).as_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(
            [hex("a"), hex("Chapter 10"), hex("Ärger.pdf"), hex("日本")].join("\n"),
            "012b010501050061\n\
             012f392b4951334d04100c010d01dc0c0043686170746572203130\n\
             012b4d37334d084931350145960c01dc0d00c384726765722e706466\n\
             01fa322cfa34be0106010600e697a5e69cac"
        );
    }

    #[test]
    fn a_key_is_bounded_and_ends_with_the_name() {
        for text in ["\u{fdfa}".repeat(85), "é".repeat(127), "9".repeat(255), "aA".repeat(127), "漢".repeat(85)] {
            let key = key(&text);
            assert!(key.as_bytes().len() <= MAX_COLLATION_BYTES + 2 + 255, "{}", key.as_bytes().len());
            assert!(key.as_bytes().ends_with(text.as_bytes()));
        }
        // Names that differ only past the limit still have different keys.
        let long = |last: &str| key(&format!("{}{last}", "\u{fdfa}".repeat(84)));
        assert!(long("a") < long("b"));
    }

    #[test]
    fn folding_keeps_marks_that_make_another_letter() {
        for (text, folded) in [
            ("Café", "cafe"),
            ("CAFE\u{301}", "cafe"),
            ("Ｆｕｌｌ　Ｗｉｄｔｈ", "full width"),
            ("ﬁle №①", "file no1"),
            ("ŁÓDŹ", "lodz"),
            ("Smørrebrød", "smorrebrod"),
            ("Æther œuvre", "aether oeuvre"),
            ("İstanbul ısı", "istanbul isi"),
            ("Straße", "strasse"),
            ("ΣΊΣΥΦΟΣ", "σισυφοσ"),
            ("Ёлка", "елка"),
            ("שָׁלוֹם", "שלום"),
            ("مُحَمَّد", "محمد"),
            ("ｶﾞﾗｽ", "ガラス"),
            ("がっこう", "がっこう"),
            ("한국어", "한국어"),
            ("ㅎ", "ᄒ"),
            ("हिन्दी", "हिन्दी"),
            ("ภาษาไทย", "ภาษาไทย"),
            ("❤\u{fe0f}", "❤"),
            ("co\u{ad}op", "coop"),
        ] {
            assert_eq!(fold(text), folded, "{text}");
        }
        assert_ne!(fold("が"), fold("か"));
        assert_ne!(fold("ば"), fold("ぱ"));
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing_more(text in "\\PC{0,40}") {
            let folded = fold(&text);
            prop_assert_eq!(fold(&folded), folded);
        }

        #[test]
        fn two_names_have_two_keys(a in "\\PC{1,30}", b in "\\PC{1,30}") {
            if let (Ok(a), Ok(b)) = (Name::parse(&a), Name::parse(&b)) {
                prop_assert_eq!(OrderKey::new(&a) == OrderKey::new(&b), a == b);
            }
        }
    }
}
