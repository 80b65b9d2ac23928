//! Every port method is called by at least one case, and every case tests a sentence of the docs. These say what users
//! of the domain look for: each port has an example, and each use case names the port methods that it calls.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clouddrive_conformance::{
    Case, accounts, blob_records, blobs, changes, clock, direct_uploads, drive, idempotency_records, jobs, link_access,
    link_downloads, link_tokens, links, name_keys, part_store, passwords, probe, random, search, sessions, shares,
    signed_urls, staged_uploads, task_leases, throttle, tokens, trash, trees, uploads, url_verifiers, users, versions,
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

/// An item of the domain: a type, a method, a field or a variant.
struct Item {
    /// The type or trait that it belongs to; a type or trait belongs to itself.
    owner: String,
    name: String,
    /// The line that declares it.
    line: String,
    docs: String,
}

impl Item {
    fn is_port(&self) -> bool {
        self.line.starts_with("pub trait ")
    }

    fn is_method(&self) -> bool {
        self.line.trim_start_matches("async ").starts_with("fn ")
    }
}

fn word(text: &str) -> String {
    text.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect()
}

/// The items in `text`, up to its tests.
fn items(text: &str) -> Vec<Item> {
    let (mut items, mut owner, mut docs) = (Vec::new(), String::new(), String::new());
    for line in text.lines().take_while(|line| *line != "#[cfg(test)]") {
        let code = line.trim_start();
        if let Some(doc) = code.strip_prefix("///") {
            docs.push_str(doc);
        }
        if code.starts_with("//") || code.starts_with("#[") {
            continue;
        }
        if let Some(of) = line.strip_prefix("impl ") {
            owner = word(of.split_once(" for ").map_or(of, |(_, of)| of));
        }
        let signature = code.trim_start_matches("pub ").trim_start_matches("const ").trim_start_matches("async ");
        let declared = ["trait ", "struct ", "enum "].iter().find_map(|keyword| signature.strip_prefix(keyword));
        let name = word(declared.unwrap_or_else(|| signature.trim_start_matches("fn ")));
        if declared.is_some() {
            owner.clone_from(&name);
        }
        items.push(Item { owner: owner.clone(), name, line: code.to_owned(), docs: std::mem::take(&mut docs) });
        if line == "}" {
            owner.clear();
        }
    }
    items
}

/// The files of the ports. `Random` stands with the model.
fn port_files() -> BTreeMap<PathBuf, String> {
    let domain = Path::new(env!("CARGO_MANIFEST_DIR")).join("../domain/src");
    let mut files = sources(&domain.join("port"));
    let random = domain.join("model/random.rs");
    files.insert(random.clone(), fs::read_to_string(random).unwrap());
    files
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
    let ports = port_files();
    let registry = ports.iter().find(|(path, _)| path.ends_with("repositories.rs")).unwrap().1;
    let fields = fields(registry);
    let mut seen = 0;
    let mut missing = Vec::new();
    for (path, text) in &ports {
        let file = path.file_stem().unwrap().to_str().unwrap();
        let items = items(text);
        let is_of_port =
            |item: &&Item| item.is_method() && items.iter().any(|other| other.is_port() && other.owner == item.owner);
        for Item { owner: port, name: method, .. } in items.iter().filter(is_of_port) {
            seen += 1;
            let is_called = match fields.get(port.as_str()) {
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
    staged_uploads::CASES,
    passwords::CASES,
    tokens::CASES,
    link_tokens::CASES,
    link_access::CASES,
    clock::CASES,
    random::CASES,
    probe::CASES,
    #[cfg(feature = "photos")]
    clouddrive_conformance::photos::CASES,
];

#[test]
fn every_case_tests_a_sentence_of_the_docs() {
    let domain = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../domain/src"));
    let items: Vec<_> = domain.values().flat_map(|text| items(text)).collect();
    let of_all_ports = domain.iter().find(|(path, _)| path.ends_with("src/port.rs")).unwrap().1;
    let of_all_ports: String = of_all_ports.lines().filter_map(|line| line.strip_prefix("//!")).collect();
    let is_there = |case: &&Case| {
        let Some((item, words)) = case.contract.strip_prefix('`').and_then(|text| text.split_once("`: ")) else {
            return false;
        };
        let is_meant = |of: &&Item| match item.split_once("::") {
            Some((owner, name)) => of.owner == owner && of.name == name,
            None => of.owner == item || of.name == item,
        };
        items.iter().filter(is_meant).any(|of| of.docs.contains(words))
            || item == "port" && of_all_ports.contains(words)
    };
    let strays: Vec<_> = SUITES.concat().into_iter().filter(|case| !is_there(&case)).collect();
    assert_eq!(strays, [], "the docs of these items do not say what the cases test");
}

#[test]
fn every_port_has_an_example() {
    let ports: Vec<_> = port_files().values().flat_map(|text| items(text)).filter(Item::is_port).collect();
    assert!(ports.len() > 30, "only {} ports were found", ports.len());
    let bare: Vec<_> = ports.iter().filter(|port| !port.docs.contains("```")).map(|port| &port.name).collect();
    assert_eq!(bare, Vec::<&String>::new());
}

#[test]
fn every_use_case_names_the_port_methods_that_it_calls() {
    let ports: Vec<_> = port_files().values().flat_map(|text| items(text)).collect();
    let services = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../domain/src/service"));
    let items: Vec<_> = services.values().flat_map(|text| items(text)).collect();
    let use_cases: Vec<_> = items.iter().filter(|item| item.line.starts_with("pub async fn ")).collect();
    assert!(use_cases.len() > 80, "only {} use cases were found", use_cases.len());
    for Item { owner, name, docs, .. } in use_cases {
        let calls = docs.split_once(" Calls ").map_or("", |(_, calls)| calls);
        // Up to the end of the sentence, in which names stand between backticks.
        let sentence = calls.split_once(". ").map_or(calls, |(sentence, _)| sentence);
        let named: Vec<_> = sentence.split('`').filter_map(|word| word.split_once("::")).collect();
        let is_method = |(port, method): &(&str, &str)| {
            ports.iter().any(|item| item.is_method() && item.owner == *port && item.name == *method)
        };
        let unknown: Vec<_> = named.iter().filter(|named| !named.0.starts_with(']') && !is_method(named)).collect();
        assert!(!named.is_empty() && unknown.is_empty(), "{owner}::{name} should name port methods: {unknown:?}");
    }
}
