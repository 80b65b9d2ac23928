//! Simulated users: each sends its next request as soon as the last has been answered.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream;
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::haproxy::SERVED_BY;
use super::tally::{Failure, Kind, Record, Tally};
use crate::production::id;
use crate::support::{ApiClient, ApiResponse, eventually, sha256, text};

/// The pause between one user's requests, for a steady load that does not saturate the machine.
const PAUSE: Duration = Duration::from_millis(20);

/// How often a failed change is retried, and the delay before each retry.
const TRIES: usize = 20;
const TRY_PAUSE: Duration = Duration::from_millis(200);

/// The number and size of a form's pieces, and the pause before each.
const PIECES: u64 = 20;
const PIECE: usize = 24 << 10;
const PIECE_PAUSE: Duration = Duration::from_millis(250);

/// The size of the large file, and the bytes read between pauses.
const FILM: usize = 6 << 20;
const SIP: usize = 512 << 10;

/// Acknowledged changes.
#[derive(Default)]
pub struct Acknowledged {
    /// Files and the digests of their bytes.
    pub files: Vec<(String, String)>,
    /// Folders: parent and name.
    pub folders: Vec<(String, String)>,
    /// Files and their latest names.
    pub names: Vec<(String, String)>,
}

pub struct Load {
    ann: ApiClient,
    anonymous: ApiClient,
    /// Files to read.
    library: Vec<(String, String)>,
    shelf: String,
    film: (String, String),
    pub tally: Tally,
    acknowledged: Mutex<Acknowledged>,
    numbers: AtomicU64,
    over: AtomicBool,
}

impl Load {
    pub async fn begin(ann: ApiClient, anonymous: ApiClient) -> (Arc<Self>, Vec<JoinHandle<()>>) {
        let shelf = ann.folder("Shelf", None).await;
        let mut library = Vec::new();
        for number in 0..30 {
            let bytes = bytes(number, 100_000);
            library.push((id(&ann.upload(&format!("{number}.bin"), &bytes, Some(&shelf)).await), sha256(&bytes)));
        }
        let film = bytes(0, FILM);
        let film = (id(&ann.upload("film", &film, None).await), sha256(&film));
        let load = Arc::new(Self {
            ann,
            anonymous,
            library,
            shelf,
            film,
            tally: Tally::default(),
            acknowledged: Mutex::default(),
            numbers: AtomicU64::new(1000),
            over: AtomicBool::new(false),
        });
        let mut people = Vec::new();
        for _ in 0..2 {
            people.push(tokio::spawn(load.clone().read()));
            people.push(tokio::spawn(load.clone().make_folders()));
            people.push(tokio::spawn(load.clone().rename()));
            people.push(tokio::spawn(load.clone().upload()));
            people.push(tokio::spawn(load.clone().download()));
        }
        for _ in 0..6 {
            people.push(tokio::spawn(load.clone().send_forms()));
        }
        (load, people)
    }

    /// Waits for this many more requests to be answered.
    pub async fn more(&self, requests: usize) {
        let enough = self.tally.len() + requests;
        eventually("requests are answered", async || self.tally.len() >= enough).await;
    }

    /// Stops the load after each user's current request.
    pub async fn end(self: Arc<Self>, people: Vec<JoinHandle<()>>) -> (Vec<Record>, Acknowledged) {
        self.over.store(true, Ordering::Relaxed);
        for user in people {
            user.await.unwrap();
        }
        let Ok(load) = Arc::try_unwrap(self) else { panic!("a user is still at work") };
        (load.tally.into_records(), load.acknowledged.into_inner().unwrap())
    }

    async fn goes_on(&self) -> bool {
        tokio::time::sleep(PAUSE).await;
        !self.over.load(Ordering::Relaxed)
    }

    fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// The answer to a request, if its status is expected.
    async fn attempt(&self, kind: Kind, request: RequestBuilder, expected: &[u16]) -> Option<ApiResponse> {
        let request = request.build().unwrap();
        let what = format!("{} {}", request.method(), request.url().path());
        let begun = self.tally.begin(kind);
        match self.exchange(request).await {
            Ok(answer) => {
                let instance = answer.headers.get(SERVED_BY).map(|value| value.to_str().unwrap().to_owned());
                let good = expected.contains(&answer.status);
                let failure = (!good).then(|| Failure {
                    word: answer.status.to_string(),
                    what: format!("{what}: {}", answer.text().replace('\n', " ")),
                });
                self.tally.end(begun, instance, failure);
                good.then_some(answer)
            }
            Err(error) => {
                self.tally.end(begun, None, Some(Failure::silence(format!("{what}: {error:?}"))));
                None
            }
        }
    }

    async fn exchange(&self, request: reqwest::Request) -> reqwest::Result<ApiResponse> {
        let response = self.ann.client().execute(request).await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(ApiResponse { status, headers, body: response.bytes().await?.into() })
    }

    /// Retries a change until it is answered. On a retry, `already` lists the statuses that say it was done before.
    async fn change(&self, request: impl Fn() -> RequestBuilder, already: &[u16]) -> ApiResponse {
        for turn in 0..TRIES {
            let mut expected = vec![200, 201, 204];
            if turn > 0 {
                expected.extend(already);
            }
            if let Some(answer) = self.attempt(Kind::Change, request(), &expected).await {
                return answer;
            }
            tokio::time::sleep(TRY_PAUSE).await;
        }
        panic!("a change failed {TRIES} times in a row");
    }

    async fn read(self: Arc<Self>) {
        let mut turn = 0;
        while self.goes_on().await {
            let (file, digest) = &self.library[turn % self.library.len()];
            turn += 1;
            let get = |path: String| self.ann.request(Method::GET, &path);
            if let Some(list) = self.attempt(Kind::Read, get(format!("/drive/{}", self.shelf)), &[200]).await {
                assert_eq!(list.json()["items"].as_array().unwrap().len(), self.library.len());
            }
            self.attempt(Kind::Read, self.ann.request(Method::HEAD, &format!("/file/{file}/content")), &[200]).await;
            self.attempt(Kind::Read, get("/verify-token".to_owned()), &[200]).await;
            let Some(answer) = self.attempt(Kind::Read, get(format!("/file/{file}")), &[200]).await else { continue };
            let url = text(&answer.json()["download"]["url"]);
            if let Some(answer) = self.attempt(Kind::Bucket, self.anonymous.request(Method::GET, &url), &[200]).await {
                assert_eq!(sha256(&answer.body), *digest);
            }
        }
    }

    async fn make_folders(self: Arc<Self>) {
        let parent = self.folder("made").await;
        while self.goes_on().await {
            let name = format!("folder {}", self.number());
            let body = json!({"folder_name": name, "parent_folder_id": parent});
            self.change(|| self.ann.request(Method::POST, "/drive").json(&body), &[409]).await;
            self.acknowledged.lock().unwrap().folders.push((parent.clone(), name));
        }
    }

    async fn folder(&self, name: &str) -> String {
        let body = json!({"folder_name": format!("{name} {}", self.number())});
        id(&self.change(|| self.ann.request(Method::POST, "/drive").json(&body), &[]).await.json())
    }

    async fn rename(self: Arc<Self>) {
        let folder = self.folder("renamed").await;
        let (file, digest) = self.send_by_url(&folder).await;
        let (path, mut name) = (format!("/file/{file}"), None);
        while self.goes_on().await {
            let new = format!("name {}", self.number());
            let body = json!({"file_name": new});
            self.change(|| self.ann.request(Method::PATCH, &path).json(&body), &[]).await;
            name = Some(new);
        }
        let mut acknowledged = self.acknowledged.lock().unwrap();
        acknowledged.files.push((file.clone(), digest));
        acknowledged.names.extend(name.map(|name| (file, name)));
    }

    async fn upload(self: Arc<Self>) {
        let folder = self.folder("uploaded").await;
        while self.goes_on().await {
            let file = self.send_by_url(&folder).await;
            self.acknowledged.lock().unwrap().files.push(file);
        }
    }

    /// Uploads a file; returns it and the digest of its bytes.
    async fn send_by_url(&self, folder: &str) -> (String, String) {
        let number = self.number();
        let bytes = bytes(number, 1 + number as usize * 7919 % 100_000);
        let body = json!({
            "file_name": format!("{number}.bin"), "file_size_in_bytes": bytes.len(), "sha256": sha256(&bytes),
            "parent_folder_id": folder
        });
        let upload = self.change(|| self.ann.request(Method::POST, "/file").json(&body), &[]).await.json();
        let put = self.ann.put_request(&upload).body(bytes.clone());
        self.attempt(Kind::Bucket, put, &[200]).await.expect("the bucket is always there");
        let path = format!("/upload/{}/complete", text(&upload["upload_id"]));
        let file = self.change(|| self.ann.request(Method::POST, &path), &[]).await.json();
        (id(&file), sha256(&bytes))
    }

    /// Uploads files by slow forms, each of which takes longer than the drain period of an instance.
    async fn send_forms(self: Arc<Self>) {
        let folder = self.folder("sent").await;
        while self.goes_on().await {
            let number = self.number();
            let piece = bytes(number, PIECE);
            let whole = piece.repeat(PIECES as usize);
            let pieces = stream::unfold(0, move |sent| {
                let piece = piece.clone();
                async move {
                    if sent == PIECES {
                        return None;
                    }
                    tokio::time::sleep(PIECE_PAUSE).await;
                    Some((Ok::<_, std::io::Error>(piece), sent + 1))
                }
            });
            // Every other one declares its length.
            let body = Body::wrap_stream(pieces);
            let part = match number % 2 {
                0 => Part::stream(body),
                _ => Part::stream_with_length(body, whole.len() as u64),
            };
            let form = Form::new().text("parent_folder_id", folder.clone());
            let form = form.part("file", part.file_name(format!("{number}.bin")));
            let request = self.ann.request(Method::POST, "/file").multipart(form);
            // A failed form was never acknowledged; the next uses another name.
            if let Some(answer) = self.attempt(Kind::Form, request, &[201]).await {
                let file = (id(&answer.json()), sha256(&whole));
                self.acknowledged.lock().unwrap().files.push(file);
            }
        }
    }

    /// Downloads a large file slowly; the instance that redirected to it may stop before the last byte has arrived.
    async fn download(self: Arc<Self>) {
        let (file, digest) = &self.film;
        while self.goes_on().await {
            let begun = self.tally.begin(Kind::Download);
            let failure = match self.watch(file).await {
                Ok(bytes) if sha256(&bytes) == *digest => None,
                Ok(bytes) => Some(Failure { word: "other bytes".to_owned(), what: bytes.len().to_string() }),
                Err(error) => Some(Failure::silence(format!("{error:?}"))),
            };
            self.tally.end(begun, None, failure);
        }
    }

    async fn watch(&self, file: &str) -> reqwest::Result<Vec<u8>> {
        let answer =
            self.ann.request(Method::GET, &format!("/file/{file}/content")).send().await?.error_for_status()?;
        let url = answer.headers()["location"].to_str().unwrap();
        let mut answer = self.anonymous.request(Method::GET, url).send().await?.error_for_status()?;
        let mut bytes = Vec::new();
        while let Some(some) = answer.chunk().await? {
            let pauses = (bytes.len() + some.len()) / SIP - bytes.len() / SIP;
            tokio::time::sleep(PIECE_PAUSE * pauses as u32).await;
            bytes.extend_from_slice(&some);
        }
        Ok(bytes)
    }
}

/// Bytes unique to `number`.
fn bytes(number: u64, length: usize) -> Vec<u8> {
    (0..length as u64).map(|at| (at * 31 + number * 17 + at / 251) as u8).collect()
}

impl Acknowledged {
    /// Asserts that no acknowledged change is lost.
    pub async fn check(&self, caller: &ApiClient) {
        for (file, digest) in &self.files {
            assert_eq!(sha256(&caller.download(file).await), *digest, "an acknowledged file is lost");
        }
        for (file, name) in &self.names {
            assert_eq!(caller.get(&format!("/file/{file}")).await.ok()["name"], **name);
        }
        let mut parents: Vec<&String> = self.folders.iter().map(|(parent, _)| parent).collect();
        parents.sort_unstable();
        parents.dedup();
        for parent in parents {
            let listed = all_names(caller, parent).await;
            let made = self.folders.iter().filter(|(place, _)| place == parent);
            let lost: Vec<_> = made.filter(|(_, name)| !listed.contains(name)).collect();
            assert!(lost.is_empty(), "acknowledged folders are lost: {lost:?}");
        }
    }
}

/// All names in a folder, page by page.
async fn all_names(caller: &ApiClient, folder: &str) -> std::collections::HashSet<String> {
    let mut names = std::collections::HashSet::new();
    let mut path = format!("/drive/{folder}?limit=1000");
    loop {
        let page = caller.get(&path).await.ok();
        names.extend(page["items"].as_array().unwrap().iter().map(|item| text(&item["name"])));
        match &page["next_cursor"] {
            Value::String(cursor) => path = format!("/drive/{folder}?limit=1000&cursor={cursor}"),
            _ => return names,
        }
    }
}
