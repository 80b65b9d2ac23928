//! *Keep both*: the name of a new node when the wanted name is taken.

use std::collections::HashSet;

use super::NodeKind;
use super::name::{MAX_NAME_BYTES, Name};

/// An iterator over alternatives to `wanted`: `name (1).ext`, `name (2).ext`, … without an upper bound.
///
/// Candidates come in batches with the same number of digits. For each batch, a store queries the taken names that
/// begin with [`CandidateBatch::prefix`] and calls [`CandidateBatch::first_free`], in the transaction that then inserts
/// the name.
#[derive(Clone, Debug)]
pub struct KeepBoth {
    stem: String,
    extension: String,
    digits: u32,
}

/// The candidates whose numbers have the same count of digits: 1–9, 10–99 and so on.
#[derive(Clone, Debug)]
pub struct CandidateBatch {
    stem: String,
    extension: String,
    digits: u32,
}

impl KeepBoth {
    /// Creates the candidates for `wanted`. Folders have no extension: `a.b` becomes `a.b (1)`.
    #[must_use]
    pub fn new(wanted: &Name, kind: NodeKind) -> Self {
        let (stem, extension) = match kind {
            NodeKind::File => wanted.split(),
            NodeKind::Root | NodeKind::Folder => (wanted.as_str(), ""),
        };
        Self { stem: stem.to_owned(), extension: extension.to_owned(), digits: 0 }
    }
}

impl Iterator for KeepBoth {
    type Item = CandidateBatch;

    /// The next batch: one digit, then two, and so on up to nineteen, which is more names than any store holds.
    fn next(&mut self) -> Option<CandidateBatch> {
        self.digits += 1;
        if self.digits > 19 {
            return None;
        }
        let suffix = self.digits as usize + " ()".len();
        // If nothing of the stem would remain, the "extension" is most of the name: treat it as part of the stem.
        let (stem, extension) = match MAX_NAME_BYTES.checked_sub(suffix + self.extension.len()) {
            Some(room) if truncated(&self.stem, room).is_some() => (self.stem.clone(), self.extension.clone()),
            _ => (format!("{}{}", self.stem, self.extension), String::new()),
        };
        let room = MAX_NAME_BYTES - suffix - extension.len();
        let stem = truncated(&stem, room)?.to_owned();
        Some(CandidateBatch { stem, extension, digits: self.digits })
    }
}

impl CandidateBatch {
    /// The common prefix of the names of this batch: `name (`.
    #[must_use]
    pub fn prefix(&self) -> String {
        format!("{} (", self.stem)
    }

    /// The length in characters of each name of this batch. Other names with the same prefix can be ignored.
    #[must_use]
    pub fn length(&self) -> usize {
        self.stem.chars().count() + " ()".len() + self.digits as usize + self.extension.chars().count()
    }

    /// The pattern of the names of this batch, with zeros for the number.
    #[must_use]
    pub fn pattern(&self) -> String {
        let digits = "0".repeat(self.digits as usize);
        format!("{} ({digits}){}", self.stem, self.extension)
    }

    /// The first candidate of this batch whose number is greater than `number`, with its own number.
    #[must_use]
    pub fn after(&self, number: u64) -> Option<(u64, String)> {
        let first = 10_u64.checked_pow(self.digits - 1)?;
        let last = first.checked_mul(10).map_or(u64::MAX, |end| end - 1);
        let next = number.checked_add(1)?.max(first);
        (next <= last).then(|| (next, format!("{} ({next}){}", self.stem, self.extension)))
    }

    /// The first candidate of this batch that is not in `taken`, if any.
    #[must_use]
    pub fn first_free(&self, taken: &HashSet<String>) -> Option<Name> {
        let first = 10_u64.checked_pow(self.digits - 1)?;
        let last = first.checked_mul(10).map_or(u64::MAX, |end| end - 1);
        (first..=last)
            .map(|number| format!("{} ({number}){}", self.stem, self.extension))
            .find(|candidate| !taken.contains(candidate))
            .and_then(|candidate| Name::parse(&candidate).ok())
    }
}

/// The longest non-empty prefix of `text` of at most `room` bytes that ends at a character boundary.
fn truncated(text: &str, room: usize) -> Option<&str> {
    let end = (0..=room.min(text.len())).rev().find(|at| text.is_char_boundary(*at))?;
    text.get(..end).filter(|start| !start.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn beside(wanted: &str, kind: NodeKind, taken: &[&str]) -> String {
        let taken: HashSet<String> = taken.iter().map(ToString::to_string).collect();
        let chosen = KeepBoth::new(&name(wanted), kind).find_map(|batch| batch.first_free(&taken)).unwrap();
        chosen.as_str().to_owned()
    }

    #[test]
    fn the_number_goes_before_the_extension() {
        for (wanted, expected) in [
            ("report.pdf", "report (1).pdf"),
            ("a.tar.gz", "a.tar (1).gz"),
            (".hidden", ".hidden (1)"),
            ("Makefile", "Makefile (1)"),
            ("a.", "a (1)."),
            ("a (1).txt", "a (1) (1).txt"),
        ] {
            assert_eq!(beside(wanted, NodeKind::File, &[]), expected);
        }
        assert_eq!(beside("v1.2", NodeKind::Folder, &[]), "v1.2 (1)");
    }

    #[test]
    fn the_first_gap_is_taken_and_there_is_no_last_number() {
        assert_eq!(beside("a.txt", NodeKind::File, &["a (1).txt", "a (3).txt"]), "a (2).txt");
        let many: Vec<String> = (1..=120).map(|n| format!("a ({n}).txt")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(beside("a.txt", NodeKind::File, &many), "a (121).txt");
    }

    #[test]
    fn a_long_stem_gives_way_and_a_long_extension_counts_as_stem() {
        let long = format!("{}.txt", "é".repeat(125));
        let kept = beside(&long, NodeKind::File, &[]);
        assert!(kept.len() <= MAX_NAME_BYTES && kept.ends_with("é (1).txt"), "{kept}");
        let odd = format!("a.{}", "b".repeat(253));
        assert_eq!(beside(&odd, NodeKind::File, &[]), format!("a.{} (1)", "b".repeat(249)));
    }

    proptest! {
        #[test]
        fn the_choice_is_valid_free_and_the_first(
            stem in "[a-zé日. ()0-9]{1,90}", taken in proptest::collection::hash_set(1_u32..40, 0..40)
        ) {
            prop_assume!(Name::parse(&stem).is_ok());
            let wanted = name(&stem);
            let rounds: Vec<CandidateBatch> = KeepBoth::new(&wanted, NodeKind::File).take(2).collect();
            let spell = |n: u32| {
                let batch = if n < 10 { &rounds[0] } else { &rounds[1] };
                format!("{} ({n}){}", batch.stem, batch.extension)
            };
            let names: HashSet<String> = taken.iter().map(|n| spell(*n)).collect();
            let chosen = rounds.iter().find_map(|batch| batch.first_free(&names)).unwrap();
            let expected = (1..).find(|n| !taken.contains(n)).unwrap();
            prop_assert_eq!(chosen.as_str(), spell(expected));
            prop_assert!(!names.contains(chosen.as_str()) && chosen != wanted);
            let batch = rounds.iter().find(|batch| batch.length() == chosen.as_str().chars().count()).unwrap();
            prop_assert!(chosen.as_str().starts_with(&batch.prefix()));
        }
    }
}
