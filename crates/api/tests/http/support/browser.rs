//! A real browser, and pages on separate origins.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::background;

/// Headless Chromium, driven by WebDriver (W3C); closed when dropped.
pub struct Browser {
    driver: Child,
    /// The URL of the WebDriver session.
    session: String,
    client: Client,
    /// The browser's profile directory.
    _profile: TempDir,
}

/// Wraps an asynchronous script: its last argument is WebDriver's completion callback.
const AWAIT: &str = "
    const given = [...arguments], done = given.pop();
    (async (...given) => { SCRIPT })(...given).then(
        value => done({value: value === undefined ? null : value}), error => done({error: String(error)}));
";

impl Browser {
    /// Starts a browser with an empty profile.
    pub async fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        let driver = Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut driver = driver.expect("chromedriver is missing (Debian: chromium-driver): ./scripts/test installs it");
        let port = BufReader::new(driver.stdout.take().unwrap()).lines().find_map(|line| {
            let line = line.unwrap();
            let (_, port) = line.split_once("started successfully on port ")?;
            Some(port.trim_end_matches('.').to_owned())
        });
        let address = format!("http://127.0.0.1:{}", port.expect("chromedriver listens"));
        let mut arguments = vec![
            "--headless=new".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            "--no-first-run".to_owned(),
            // Chromium does not run as root or in containers otherwise; it opens only this test's pages.
            "--no-sandbox".to_owned(),
        ];
        arguments.push(format!("--user-data-dir={}", profile.path().display()));
        let capabilities = json!({"alwaysMatch": {"goog:chromeOptions": {"args": arguments}}});
        let client = Client::new();
        let begun = ask(&client, &format!("{address}/session"), json!({"capabilities": capabilities})).await;
        match begun {
            Ok(begun) => {
                let session = format!("{address}/session/{}", begun["sessionId"].as_str().unwrap());
                Self { driver, session, client, _profile: profile }
            }
            Err(error) => {
                let _ = driver.kill();
                panic!("the browser does not start: {error}");
            }
        }
    }

    /// Opens a page and waits until it has loaded.
    pub async fn open(&self, url: &str) {
        self.command("url", json!({"url": url})).await.unwrap();
    }

    /// Sends any other WebDriver POST command.
    pub async fn command(&self, name: &str, body: Value) -> Result<Value, String> {
        ask(&self.client, &format!("{}/{name}", self.session), body).await
    }

    /// Runs an async function body in the page, with `arguments` as `given`; returns its value or what it throws.
    pub async fn run(&self, script: &str, arguments: Vec<Value>) -> Result<Value, String> {
        let body = json!({"script": AWAIT.replace("SCRIPT", script), "args": arguments});
        let outcome = self.command("execute/async", body).await?;
        match outcome["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(outcome["value"].clone()),
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ending the session lets the driver clean up. The test's own runtime may no longer be able to do this.
        let session = self.session.clone();
        background::wait(async move { drop(Client::new().delete(session).send().await) });
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

async fn ask(client: &Client, url: &str, body: Value) -> Result<Value, String> {
    let answer = client.post(url).json(&body).send().await.map_err(|error| error.to_string())?;
    let answer: Value = answer.json().await.map_err(|error| error.to_string())?;
    match answer["value"]["error"].as_str() {
        Some(error) => Err(format!("{error}: {}", answer["value"]["message"])),
        None => Ok(answer["value"].clone()),
    }
}

/// A server of one empty page, on its own origin; stopped when dropped.
pub struct Site {
    origin: String,
    serving: JoinHandle<()>,
}

const PAGE: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 34\r\nConnection: close\r\n\r\n\
                    <!doctype html><title>page</title>";

impl Site {
    /// Starts the server.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        // By name, so that the host differs too, and not only the port.
        let origin = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let serving = tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let _ = connection.read(&mut [0; 4096]).await;
                    let _ = connection.write_all(PAGE.as_bytes()).await;
                });
            }
        });
        Self { origin, serving }
    }

    /// The origin.
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
