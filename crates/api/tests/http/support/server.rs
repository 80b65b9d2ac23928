use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::api_client::ApiClient;
use super::contract::Contract;
use super::storage::Storage;

/// The password of every account created by [`Server::user`].
pub const PASSWORD: &str = "a quiet morning";

/// A real server on a free port, with its own storage; killed when the test ends.
pub struct Server {
    process: Child,
    url: String,
    storage: Arc<Storage>,
    contract: Arc<Contract>,
    client: reqwest::Client,
}

impl Server {
    /// Starts a server with nothing configured but its port and, on the production stack, its stores.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// Starts a server with these variables.
    pub async fn with(variables: &[(&str, &str)]) -> Self {
        Self::at(Arc::new(Storage::new()), variables).await
    }

    /// Starts a server at `storage`, with these variables.
    pub async fn at(storage: Arc<Storage>, variables: &[(&str, &str)]) -> Self {
        let (process, url) = spawn(&storage, variables);
        Self::attach(process, url, storage).await
    }

    /// Attaches to a listening server at `storage`.
    pub async fn attach(process: Child, url: String, storage: Arc<Storage>) -> Self {
        // Shorter than the server's timeout, so that no request is sent on a connection that the server is closing.
        let client = reqwest::Client::builder().pool_idle_timeout(Duration::from_secs(2));
        let client = client.redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let contract = Arc::new(Contract::fetch(&client, &url).await);
        Self { process, url, storage, contract, client }
    }

    /// Starts another instance on the same database and bucket.
    pub async fn second_instance(&self, variables: &[(&str, &str)]) -> Self {
        Self::at(self.storage.clone(), variables).await
    }

    /// Kills the server without a shutdown.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Kills the server and starts it again on the same data.
    pub async fn restart(mut self, variables: &[(&str, &str)]) -> Self {
        self.kill();
        Self::at(self.storage.clone(), variables).await
    }

    /// The base URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address, for raw HTTP.
    pub fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    /// The server's storage.
    pub fn storage(&self) -> &Arc<Storage> {
        &self.storage
    }

    /// The process, for signals.
    pub fn process(&mut self) -> &mut Child {
        &mut self.process
    }

    /// Runs `clouddrive <command>` on the same data beside the server, and returns its output.
    pub fn run(&self, command: &str, variables: &[(&str, &str)]) -> String {
        let output = self.storage.command(variables).arg(command).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// A client without a token.
    pub fn anonymous(&self) -> ApiClient {
        ApiClient::new(self.client.clone(), self.url.clone(), self.contract.clone(), None)
    }

    /// Registers `name`, with the address `name@example.com`, and logs in.
    pub async fn user(&self, name: &str) -> ApiClient {
        let email = format!("{name}@example.com");
        let body = json!({"username": name, "email": email, "password": PASSWORD});
        self.anonymous().post("/user", body).await.ok();
        self.login(name).await
    }

    /// Logs in as `name`.
    pub async fn login(&self, name: &str) -> ApiClient {
        let body = json!({"username": name, "password": PASSWORD});
        let token: Value = self.anonymous().post("/login", body).await.ok();
        self.with_token(token["access_token"].as_str().unwrap())
    }

    /// A client with this token.
    pub fn with_token(&self, token: &str) -> ApiClient {
        ApiClient::new(self.client.clone(), self.url.clone(), self.contract.clone(), Some(token.to_owned()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The binary in `dir`, with a minimal environment.
pub fn binary(dir: &Path, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clouddrive"));
    command
        .current_dir(dir)
        .env_clear()
        .env("BIND_ADDR", "127.0.0.1:0")
        .env("RUST_LOG", "warn,audit=off")
        .env("METRICS_ADDR", "off")
        // All tests share one address.
        .env("RATE_LIMITS", "off");
    if let Some(profile) = std::env::var_os("LLVM_PROFILE_FILE") {
        command.env("LLVM_PROFILE_FILE", profile);
    }
    command.envs(variables.iter().copied());
    command
}

fn spawn(storage: &Storage, variables: &[(&str, &str)]) -> (Child, String) {
    let mut process = storage.command(variables).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let first = lines.next().expect("the server ended before it listened").unwrap();
    let address = first.rsplit(' ').next().unwrap().to_owned();
    (process, address)
}

/// Waits up to 30 s for `done` to return `true`.
pub async fn eventually(what: &str, mut done: impl AsyncFnMut() -> bool) {
    for _ in 0..600 {
        if done().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("this never came true: {what}");
}
