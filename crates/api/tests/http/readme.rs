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
fn the_table_of_variables_and_the_example_are_what_the_config_command_prints() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |name: &str| std::fs::read_to_string(root.join(name)).unwrap();
    let print = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_clouddrive")).args(arguments).env_clear().output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(read(".env.example"), print(&["config"]), "run: clouddrive config >.env.example");
    let table = print(&["config", "--markdown"]);
    assert!(table.lines().count() > 60, "{table}");
    assert!(read("README.md").contains(&table), "the README's table is to be:\n{table}");
}
