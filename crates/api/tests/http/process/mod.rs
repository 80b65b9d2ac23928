//! The binary as its operator sees it.

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

use crate::support::{Place, Server, binary, eventually};

/// Runs `clouddrive` in `dir` to its end.
pub fn run(dir: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    binary(dir, variables).args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// The exit code and what was written to standard output and to standard error.
pub fn said(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().expect("a signal ended it"), text(output.stdout), text(output.stderr))
}

/// Whether nothing stands in `dir`.
pub fn is_empty(dir: &Path) -> bool {
    std::fs::read_dir(dir).unwrap().next().is_none()
}

/// A server that writes its log to the file `log` of its place, and the three lines with which it begins.
pub async fn start_in(place: impl Into<Arc<Place>>, variables: &[(&str, &str)]) -> (Server, [String; 3]) {
    let place = place.into();
    let log = File::options().create(true).append(true).open(place.log()).unwrap();
    let process = place.command(variables).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
    attach(process, place).await
}

/// The server that `process` is or holds, once it listens.
pub async fn attach(mut process: Child, place: Arc<Place>) -> (Server, [String; 3]) {
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let lines = [(); 3].map(|()| lines.next().expect("the server ended before it listened").unwrap());
    let url = lines[0].rsplit(' ').next().unwrap().to_owned();
    (Server::attach(process, url, place).await, lines)
}

/// What the server has logged so far.
pub fn log_of(server: &Server) -> String {
    std::fs::read_to_string(server.place().log()).unwrap()
}

/// The log, line by line, each of which must be an object of JSON.
pub fn lines(server: &Server) -> Vec<Value> {
    let log = log_of(server);
    let line = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"));
    log.lines().map(line).collect()
}

/// Sends the signal `name` to the process `id`.
pub fn signal(id: u32, name: &str) {
    let sent = std::process::Command::new("sh").args(["-c", &format!("kill -{name} {id}")]).status().unwrap();
    assert!(sent.success());
}

/// Waits until the server has ended, and returns its exit code.
pub async fn exit_code(server: &mut Server) -> i32 {
    let mut status = None;
    eventually("the server ends", async || {
        status = server.process().try_wait().unwrap();
        status.is_some()
    })
    .await;
    status.unwrap().code().expect("a signal ended it")
}
