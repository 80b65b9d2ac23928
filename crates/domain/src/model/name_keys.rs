//! The keys of names: what lists are sorted by, and what searches look into.
//!
//! Both are stored beside the name. They depend on data that later versions of Unicode and of ICU4X change, so the order key
//! begins with their version: rows whose key has an older one, or none, are computed anew.

use std::sync::LazyLock;

use icu_casemap::CaseMapper;
use icu_collator::options::{CollatorOptions, Strength};
use icu_collator::preferences::CollationNumericOrdering;
use icu_collator::{CollatorBorrowed, CollatorPreferences};
use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, Script};
use icu_properties::{CodePointMapData, CodePointSetData};

use super::Name;

/// The version of the keys: it grows whenever the bytes of any key change. The migrations and `crates/sql` name it too.
pub const NAME_KEYS_VERSION: u8 = 1;

/// How many bytes of a collation key count. What sorts alike up to there goes by the names themselves. It keeps a row of an
/// index below the 2,704 bytes that PostgreSQL allows.
const MAX_COLLATION_BYTES: usize = 1_024;

/// What a list by name is sorted by, byte by byte: the version of the keys, the collation key of the name (the root collation
/// of CLDR, with numbers in numeric order), a zero, and the name.
///
/// It is empty for a name whose keys have not been computed yet: such names come first.
///
/// ```
/// use clouddrive_domain::model::{Name, OrderKey};
///
/// let key = |text: &str| Name::parse(text).map(|name| OrderKey::of(&name));
/// assert!(key("Chapter 2")? < key("chapter 10")?);
/// assert!(key("Ärger")? < key("Bach")?);
/// # Ok::<(), clouddrive_domain::model::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderKey(Vec<u8>);

impl OrderKey {
    /// The key of `name`.
    #[must_use]
    pub fn of(name: &Name) -> Self {
        let mut key = vec![NAME_KEYS_VERSION];
        // Writing to a vector does not fail.
        let _ = COLLATOR.write_sort_key_to(name.as_str(), &mut key);
        key.truncate(1 + MAX_COLLATION_BYTES);
        key.push(0);
        key.extend_from_slice(name.as_str().as_bytes());
        Self(key)
    }

    /// A key as it is stored.
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

/// `text` as searches compare it: without regard to case, accents, width and compatibility forms.
///
/// It is decomposed (NFKD), loses accents and what is never seen, is folded to one case, and composed again (NFC). What is
/// a mark to Unicode but part of a letter to its readers stays: the voicing marks of kana (`が` is not `か`), the vowel signs
/// and tone marks of Devanagari, Thai and their like; Hangul syllables stay whole. Letters with a stroke or a ligature of
/// letters, which Unicode does not decompose, count as what the collation sorts them beside: `ø` as `o`, `æ` as `ae`.
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

/// Whether searches pass over a character of a decomposed text: an accent, a vowel point of Hebrew or Arabic, a variation
/// selector, or what is never seen.
fn is_left_out(character: char) -> bool {
    if character.is_ascii() {
        return false;
    }
    // The voiced and the semi-voiced sound mark of kana.
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

/// What letters that Unicode does not decompose count as.
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
    /// What a search looks into: it finds each text whose folded form this holds.
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
        OrderKey::of(&Name::parse(text).unwrap())
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

    /// The keys stand in databases: other bytes need another version, and a migration.
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
        // What differs past the limit only still differs.
        let long = |last: &str| key(&format!("{}{last}", "\u{fdfa}".repeat(84)));
        assert!(long("a") < long("b"));
    }

    #[test]
    fn a_folded_text_keeps_what_makes_another_letter() {
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
                prop_assert_eq!(OrderKey::of(&a) == OrderKey::of(&b), a == b);
            }
        }
    }
}
