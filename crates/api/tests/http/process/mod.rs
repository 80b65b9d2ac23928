//! The binary, from the command line.

mod commands;
pub mod configuration;
mod logs;
pub mod stop;
mod user;
mod verify;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Output, Stdio};
use std::sync::Arc;

use serde_json::Value;

use crate::support::{Server, Storage, binary, eventually};

/// Runs `clouddrive` in `dir` until it exits.
pub fn run(dir: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    binary(dir, variables).args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// The exit code, standard output and standard error.
pub fn printed(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().expect("a signal ended it"), text(output.stdout), text(output.stderr))
}

/// Whether `dir` is empty.
pub fn is_empty(dir: &Path) -> bool {
    std::fs::read_dir(dir).unwrap().next().is_none()
}

/// Starts a server that logs to its place's log file; also returns the three lines of its start-up output.
pub async fn start_in(place: impl Into<Arc<Storage>>, variables: &[(&str, &str)]) -> (Server, [String; 3]) {
    let place = place.into();
    let log = File::options().create(true).append(true).open(place.log()).unwrap();
    let process = place.command(variables).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
    attach(process, place).await
}

/// Waits until `process` (the server, or a wrapper of it) listens.
pub async fn attach(mut process: Child, place: Arc<Storage>) -> (Server, [String; 3]) {
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let lines = [(); 3].map(|()| lines.next().expect("the server ended before it listened").unwrap());
    let url = lines[0].rsplit(' ').next().unwrap().to_owned();
    (Server::attach(process, url, place).await, lines)
}

/// The log so far.
pub fn log_of(server: &Server) -> String {
    std::fs::read_to_string(server.storage().log()).unwrap()
}

/// The log's lines, each of which must be a JSON object.
pub fn lines(server: &Server) -> Vec<Value> {
    let log = log_of(server);
    let line = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"));
    log.lines().map(line).collect()
}

/// The log lines of the request `id`.
pub fn about(server: &Server, id: &str) -> Vec<Value> {
    lines(server).into_iter().filter(|line| line["span"]["id"] == id).collect()
}

/// Sends the signal `name` to the process `id`.
pub fn signal(id: u32, name: &str) {
    let sent = std::process::Command::new("sh").args(["-c", &format!("kill -{name} {id}")]).status().unwrap();
    assert!(sent.success());
}

/// Waits for the server to exit, and returns its exit code.
pub async fn exit_code(server: &mut Server) -> i32 {
    let mut status = None;
    eventually("the server ends", async || {
        status = server.process().try_wait().unwrap();
        status.is_some()
    })
    .await;
    status.unwrap().code().expect("a signal ended it")
}
