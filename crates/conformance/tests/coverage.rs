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

/// The methods of every trait in `text`, each with its trait.
fn methods(text: &str) -> Vec<(&str, &str)> {
    let mut methods = Vec::new();
    let mut port = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("pub trait ") {
            port = rest.split([':', ' ', '<']).next();
        } else if line == "}" {
            port = None;
        }
        let signature = line.trim_start().trim_start_matches("async ");
        if let (Some(port), Some(rest)) = (port, signature.strip_prefix("fn ")) {
            methods.push((port, rest.split(['(', '<']).next().unwrap()));
        }
    }
    methods
}

/// The field of `Persistence` that has each persistence port.
fn fields(persistence: &str) -> BTreeMap<&str, &str> {
    let fields = persistence.lines().filter_map(|line| {
        let (field, port) = line.trim().strip_prefix("pub ")?.split_once(": Arc<dyn ")?;
        Some((port.strip_suffix(">,")?, field))
    });
    fields.collect()
}

/// The modules with the suites of a port of another kind, in the file `port`.
fn modules(port: &str) -> Vec<&str> {
    match port {
        "blobs" => vec!["blobs", "direct_uploads", "samples"],
        "clock" | "probe" | "random" => vec!["effects"],
        other => vec![other],
    }
}

/// The text of these modules without white space, since calls may span lines.
fn joined(cases: &BTreeMap<PathBuf, String>, is_wanted: impl Fn(&Path) -> bool) -> String {
    let texts = cases.iter().filter(|(path, _)| is_wanted(path)).map(|(_, text)| text.as_str());
    texts.flat_map(str::chars).filter(|character| !character.is_whitespace()).collect()
}

#[test]
fn every_method_of_every_port_is_called_by_a_case() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cases = sources(&root.join("src"));
    let all = joined(&cases, |_| true);
    let fields = fields(&cases[&root.join("src/persistence.rs")]);
    let mut ports = sources(&root.join("../domain/src/port"));
    let random = root.join("../domain/src/model/random.rs");
    ports.insert(random.clone(), fs::read_to_string(random).unwrap());
    let mut seen = 0;
    let mut missing = Vec::new();
    for (path, text) in &ports {
        let file = path.file_stem().unwrap().to_str().unwrap();
        for (port, method) in methods(text) {
            seen += 1;
            let is_called = match fields.get(port) {
                Some(field) => all.contains(&format!("store.{field}.{method}(")),
                // The audit trail is write-only: there is nothing to assert.
                None if port == "AuditTrail" => true,
                None => {
                    let is_own = |path: &Path| {
                        path.with_extension("").iter().any(|part| modules(file).iter().any(|module| part == *module))
                    };
                    joined(&cases, is_own).contains(&format!(".{method}("))
                }
            };
            if !is_called {
                missing.push(format!("{port}::{method}"));
            }
        }
    }
    assert!(fields.len() > 10, "only {} persistence ports were found", fields.len());
    assert!(seen > 100, "only {seen} methods were found: the ports are written otherwise than this test reads them");
    assert_eq!(missing, Vec::<String>::new(), "no case calls these");
}
