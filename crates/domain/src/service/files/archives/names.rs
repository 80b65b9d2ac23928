//! File names in archives: unchanged, or portable to every system.

use std::collections::{HashMap, HashSet};

use icu_casemap::CaseMapper;

use crate::model::{KeepBoth, MAX_NAME_BYTES, Name, NodeKind};
use crate::port::TreeEntry;

/// How the entries of an archive are named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ArchiveNames {
    /// As in the drive.
    #[default]
    Unchanged,
    /// As in the drive, except that names which are invalid on Windows, or differ only in case, are changed.
    Portable,
}

/// Names reserved by Windows, with any extension.
const RESERVED: [&str; 4] = ["con", "prn", "aux", "nul"];

/// Distinct names for sibling entries: later duplicates get a number.
pub(super) fn distinct(entries: &[TreeEntry], names: ArchiveNames) -> Vec<String> {
    let kind = |entry: &TreeEntry| if entry.content.is_some() { NodeKind::File } else { NodeKind::Folder };
    let mut taken = Taken { names, all: HashSet::new(), numbers: HashMap::new() };
    let wanted: Vec<Name> = entries
        .iter()
        .map(|entry| match names {
            ArchiveNames::Unchanged => entry.name.clone(),
            ArchiveNames::Portable => portable(&entry.name),
        })
        .collect();
    let own: Vec<bool> = wanted.iter().map(|name| taken.add(name.as_str())).collect();
    let mut distinct = Vec::with_capacity(entries.len());
    for ((name, own), entry) in wanted.into_iter().zip(own).zip(entries) {
        distinct.push(if own { name.as_str().to_owned() } else { taken.beside(&name, kind(entry)) });
    }
    distinct
}

/// The names taken in one folder.
struct Taken {
    names: ArchiveNames,
    all: HashSet<String>,
    /// The last number given, by the name's pattern.
    numbers: HashMap<String, u64>,
}

impl Taken {
    /// The key for comparing names.
    fn key(&self, name: &str) -> String {
        match self.names {
            ArchiveNames::Unchanged => name.to_owned(),
            ArchiveNames::Portable => CaseMapper::new().fold_string(name).into_owned(),
        }
    }

    /// Takes a name; `false` if it is taken already.
    fn add(&mut self, name: &str) -> bool {
        let key = self.key(name);
        self.all.insert(key)
    }

    /// Takes a free name similar to `wanted`, which is taken. Numbers already used are not tried again, so that many
    /// entries of the same name cost no more than distinct ones.
    fn beside(&mut self, wanted: &Name, kind: NodeKind) -> String {
        for batch in KeepBoth::new(wanted, kind) {
            let pattern = self.key(&batch.pattern());
            let mut number = self.numbers.get(&pattern).copied().unwrap_or(0);
            while let Some(candidate) = batch.after(number) {
                number = candidate.0;
                if self.add(&candidate.1) {
                    self.numbers.insert(pattern, number);
                    return candidate.1;
                }
            }
            self.numbers.insert(pattern, u64::MAX);
        }
        // There are more numbers than an archive has entries.
        wanted.as_str().to_owned()
    }
}

/// `name` made valid on Windows, within the length limit for names.
fn portable(name: &Name) -> Name {
    let plain = |c: char| if "<>:\"|?*".contains(c) { '_' } else { c };
    let mut text: String = name.as_str().chars().map(plain).collect();
    // Windows strips trailing dots.
    if text.ends_with('.') {
        text.pop();
        text.push('_');
    }
    let stem = text.find('.').unwrap_or(text.len());
    if text.get(..stem).is_some_and(is_reserved) {
        if text.len() == MAX_NAME_BYTES {
            text.pop();
        }
        text.insert(stem, '_');
    }
    // Shortening may expose white space at the end, which no name may have.
    Name::parse(&text).unwrap_or_else(|_| name.clone())
}

/// Whether Windows reserves this name for a device.
fn is_reserved(stem: &str) -> bool {
    let stem = stem.trim_end().to_lowercase();
    let numbered = |stem: &str| {
        let port = stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt"));
        let mut rest = port.unwrap_or("").chars();
        matches!((rest.next(), rest.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
    };
    RESERVED.contains(&stem.as_str()) || matches!(stem.as_str(), "conin$" | "conout$") || numbered(&stem)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::model::{NodeId, Timestamp};
    use crate::port::TreeContent;
    use crate::testing::blob;

    fn entry(text: &str) -> TreeEntry {
        let content = TreeContent { blob: blob(), size: 1, crc32: None, client_modified_at: None };
        let name = text.trim_end_matches('/');
        TreeEntry {
            id: NodeId::from_uuid(Uuid::from_u128(1)),
            parent: None,
            name: Name::parse(name).unwrap(),
            modified_at: Timestamp::from_millis(0),
            content: (name == text).then_some(content),
        }
    }

    fn written(texts: &[&str], names: ArchiveNames) -> Vec<String> {
        distinct(&texts.iter().map(|text| entry(text)).collect::<Vec<_>>(), names)
    }

    #[test]
    fn unchanged_names_differ_only_for_duplicates() {
        let names = ["a:b", "CON", "é.txt", "É.txt", "dot."];
        assert_eq!(written(&names, ArchiveNames::Unchanged), names);
        let twice = ["a.txt", "a.txt", "a (1).txt", "a.txt", "v1.2/", "v1.2/"];
        let expected = ["a.txt", "a (2).txt", "a (1).txt", "a (3).txt", "v1.2", "v1.2 (1)"];
        assert_eq!(written(&twice, ArchiveNames::Unchanged), expected);
    }

    #[test]
    fn portable_names_are_valid_on_windows() {
        for (name, expected) in [
            ("10:30 <a>|\"b\"?*.txt", "10_30 _a___b___.txt"),
            ("dot.", "dot_"),
            ("dots...", "dots.._"),
            ("CON", "CON_"),
            ("aux.tar.gz", "aux_.tar.gz"),
            ("Com1", "Com1_"),
            ("lpt².x", "lpt²_.x"),
            ("nul .txt", "nul _.txt"),
            ("CONIN$", "CONIN$_"),
            ("console", "console"),
            ("com10", "com10"),
            (".hidden", ".hidden"),
            ("Übung 📷.jpg", "Übung 📷.jpg"),
        ] {
            assert_eq!(written(&[name], ArchiveNames::Portable), [expected]);
        }
        let long = format!("con.{}", "x".repeat(251));
        assert_eq!(written(&[&long], ArchiveNames::Portable), [format!("con_.{}", "x".repeat(250))]);
    }

    #[test]
    fn portable_names_differ_by_more_than_their_case() {
        let names = ["Été.txt", "été.txt", "ÉTÉ.TXT", "a:b", "a?b", "A_B (1)"];
        let expected = ["Été.txt", "été (1).txt", "ÉTÉ (2).TXT", "a_b", "a_b (2)", "A_B (1)"];
        assert_eq!(written(&names, ArchiveNames::Portable), expected);
    }

    #[test]
    fn many_duplicates_are_cheap() {
        let names = vec!["a"; 20_000];
        let written: HashSet<String> = written(&names, ArchiveNames::Portable).into_iter().collect();
        assert!(written.len() == 20_000 && written.contains("a (19999)"));
    }
}
