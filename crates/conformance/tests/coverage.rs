//! Every port method is called by at least one case, and every case tests a sentence of the docs.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clouddrive_conformance::{
    Case, accounts, blob_records, blobs, changes, direct_uploads, drive, idempotency_records, jobs, link_downloads,
    links, name_keys, part_store, passwords, search, sessions, shares, signed_urls, task_leases, throttle, tokens,
    trash, trees, uploads, url_verifiers, users, versions,
};

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

/// The field of `Repositories` that has each persistence port.
fn fields(registry: &str) -> BTreeMap<&str, &str> {
    let fields = registry.lines().skip_while(|line| *line != "repositories! {").filter_map(|line| {
        let (field, port) = line.trim().split_once(": ")?;
        Some((port.strip_suffix(',')?, field))
    });
    fields.collect()
}

/// The modules with the suites of a port of another kind, in the file `port`.
fn modules(port: &str) -> Vec<&str> {
    match port {
        "blobs" => vec!["blobs", "direct_uploads", "samples"],
        "signed_urls" => vec!["signed_urls", "url_verifiers"],
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
    let mut ports = sources(&root.join("../domain/src/port"));
    let registry = ports.remove(&root.join("../domain/src/port/repositories.rs")).unwrap();
    let fields = fields(&registry);
    let random = root.join("../domain/src/model/random.rs");
    ports.insert(random.clone(), fs::read_to_string(random).unwrap());
    let mut seen = 0;
    let mut missing = Vec::new();
    for (path, text) in &ports {
        let file = path.file_stem().unwrap().to_str().unwrap();
        for (port, method) in methods(text) {
            seen += 1;
            let is_called = match fields.get(port) {
                Some(field) => all.contains(&format!("store.{field}().{method}(")),
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

const SUITES: &[&[Case]] = &[
    users::CASES,
    accounts::CASES,
    sessions::CASES,
    throttle::CASES,
    drive::CASES,
    trees::CASES,
    uploads::CASES,
    trash::CASES,
    versions::CASES,
    shares::CASES,
    links::CASES,
    link_downloads::CASES,
    search::CASES,
    name_keys::CASES,
    blob_records::CASES,
    changes::CASES,
    task_leases::CASES,
    jobs::CASES,
    idempotency_records::CASES,
    blobs::CASES,
    signed_urls::CASES,
    url_verifiers::CASES,
    direct_uploads::CASES,
    part_store::CASES,
    passwords::CASES,
    tokens::CASES,
    #[cfg(feature = "photos")]
    clouddrive_conformance::photos::CASES,
];

/// The docs of the domain without line breaks.
fn docs() -> String {
    let files = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../domain/src"));
    let lines = files.values().flat_map(|text| text.lines()).filter_map(|line| {
        let line = line.trim_start();
        line.strip_prefix("/// ").or_else(|| line.strip_prefix("//! "))
    });
    lines.collect::<Vec<_>>().join(" ")
}

#[test]
fn every_case_tests_a_sentence_of_the_docs() {
    let docs = docs();
    let is_there = |case: &&Case| case.contract.split_once("`: ").is_some_and(|(_, words)| docs.contains(words));
    let strays: Vec<_> = SUITES.concat().into_iter().filter(|case| !is_there(&case)).collect();
    assert_eq!(strays, [], "the docs of the domain do not say what these cases test");
}
