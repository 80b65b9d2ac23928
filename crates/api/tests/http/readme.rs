//! Runs the README's commands as a new user would.

use std::path::Path;
use std::process::Command;

use crate::support::Server;

/// The code block that follows `mark` in the README.
fn block_after(mark: &str) -> String {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md")).unwrap();
    let (_, rest) = readme.split_once(mark).expect("the README has such a mark");
    let (_, rest) = rest.split_once("```sh\n").unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

#[tokio::test]
async fn the_walk_through_works_when_it_is_pasted_and_when_it_is_pasted_again() {
    let server = Server::start().await;
    let script = block_after("<!-- A test runs this block as it stands. -->");
    for round in ["pasted", "pasted again"] {
        let dir = tempfile::tempdir().unwrap();
        let shell = Command::new("sh").arg("-c").arg(&script).current_dir(dir.path()).env("API", server.url()).output();
        let shell = shell.unwrap();
        let (out, errors) = (String::from_utf8(shell.stdout).unwrap(), String::from_utf8(shell.stderr).unwrap());
        assert_eq!(errors, "", "{out}");
        assert_eq!(out.lines().last(), Some("Yours, Ann"), "{out}");
        if round == "pasted" {
            assert!(!out.contains("\"code\""), "{out}");
            assert_eq!(out.matches("\"name\":\"letter.txt\"").count(), 2, "the form's answer and the list: {out}");
        }
    }
    let ben = server.anonymous();
    let token = ben.post("/login", serde_json::json!({"username": "ben", "password": "a quiet morning"})).await.ok();
    let ben = server.with_token(token["access_token"].as_str().unwrap());
    let received = ben.get("/shared-with-me").await.ok();
    assert_eq!(received["items"][0]["item"]["name"], "Letters");
}

#[test]
fn every_variable_of_the_configuration_stands_in_the_table_and_in_the_example() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    let (readme, example) = (read(&root.join("../../README.md")), read(&root.join("../../.env.example")));
    let mut names = Vec::new();
    let files = std::fs::read_dir(root.join("src/config")).unwrap().map(|file| file.unwrap().path());
    for path in files.chain([root.join("src/config.rs")]) {
        if path.ends_with("tests.rs") {
            continue;
        }
        let code = read(&path);
        let code = code.split("#[cfg(test)]").next().unwrap();
        names.extend(code.split('"').map(str::to_owned).filter(|word| {
            let spelt = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
            word.len() > 3 && word.bytes().all(spelt) && !word.starts_with("HS")
        }));
    }
    assert!(names.len() > 40, "{names:?}");
    // Aliases are listed in the row of the main name.
    let aliases = ["BUCKET_NAME", "DATABASE_PASSWORD", "DB_USER", "REGION"];
    for name in names {
        assert!(readme.contains(&format!("`{name}")), "{name} is missing from the README");
        let line = format!("\n#{name}=");
        assert!(example.contains(&line) || aliases.contains(&name.as_str()), "{name} is missing from .env.example");
    }
}
