//! Every port method is called by at least one case.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Every Rust file below `folder`, with its text.
fn sources(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.insert(path.clone(), fs::read_to_string(&path).unwrap());
        }
    }
    found
}

/// The names of the methods of every trait in `text`.
fn methods(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut within = false;
    for line in text.lines() {
        within = (within || line.starts_with("pub trait ")) && line != "}";
        let signature = line.trim_start().trim_start_matches("async ");
        if let (true, Some(rest)) = (within, signature.strip_prefix("fn ")) {
            names.push(rest.split(['(', '<']).next().unwrap());
        }
    }
    names
}

#[test]
fn every_method_of_every_port_is_called_by_a_case() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cases: String = sources(&root.join("src")).into_values().collect();
    let mut seen = 0;
    let mut missing = Vec::new();
    for (port, text) in sources(&root.join("../domain/src/port")) {
        for method in methods(&text) {
            seen += 1;
            // The audit trail is write-only: there is nothing to assert.
            if (port.ends_with("audit.rs"), method) == (true, "record") {
                continue;
            }
            if !cases.contains(&format!(".{method}(")) {
                missing.push(format!("{}: {method}", port.file_name().unwrap().to_string_lossy()));
            }
        }
    }
    assert!(seen > 40, "only {seen} methods were found: the ports are written otherwise than this test reads them");
    assert_eq!(missing, Vec::<String>::new(), "no case calls these");
}
