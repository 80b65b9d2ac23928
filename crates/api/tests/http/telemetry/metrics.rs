use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::Arc;

use reqwest::Method;
use serde_json::json;

use crate::support::{ApiClient, Server, Storage, eventually};

/// Starts a server with metrics that logs to its place's log file, and returns the URL of the metrics.
pub async fn start(variables: &[(&str, &str)]) -> (Server, String) {
    let place = Arc::new(Storage::new());
    let variables = [&[("METRICS_ADDR", "127.0.0.1:0")], variables].concat();
    let log = File::options().create(true).append(true).open(place.log()).unwrap();
    let mut process = place.command(&variables).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let lines = [(); 4].map(|()| lines.next().unwrap().unwrap());
    let last = |line: &str| line.rsplit(' ').next().unwrap().to_owned();
    (Server::attach(process, last(&lines[0]), place).await, last(&lines[3]))
}

/// The current values, by name and labels.
pub async fn figures(url: &str) -> BTreeMap<String, f64> {
    let page = page(url).await;
    let lines = page.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
        .collect()
}

/// Waits until exactly so many requests are under way.
pub async fn requests_under_way(url: &str, number: u32) {
    eventually("so many requests are under way", async || {
        figures(url).await["clouddrive_http_requests_in_flight"] == f64::from(number)
    })
    .await;
}

async fn page(url: &str) -> String {
    let answer = reqwest::get(url).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/plain; charset=utf-8");
    answer.text().await.unwrap()
}

/// Makes one request of each kind.
async fn live(server: &Server) -> ApiClient {
    let ann = server.user("ann").await;
    let folder = ann.folder("Plans", None).await;
    ann.upload("a.txt", b"hello", Some(&folder)).await;
    ann.send_form(&[], "b.txt", &[7; 100_000]).await.ok();
    ann.get(&format!("/drive/{folder}")).await.ok();
    ann
}

/// The documented metrics: name, type, labels with their values.
fn documented() -> BTreeMap<String, (String, BTreeMap<String, BTreeSet<String>>)> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let mut labels = BTreeMap::<String, BTreeSet<String>>::new();
        let mut label = String::new();
        let mut within = false;
        // Odd pieces are code: label names, or in parentheses the values of the preceding label.
        for (index, piece) in cells[3].split('`').enumerate() {
            match (index % 2, within) {
                (0, _) => within = (within || piece.contains('(')) && !piece.contains(')'),
                (_, false) => {
                    label = piece.to_owned();
                    labels.entry(label.clone()).or_default();
                }
                (_, true) => {
                    labels.get_mut(&label).unwrap().insert(piece.to_owned());
                }
            }
        }
        (cells[0].trim_matches('`').to_owned(), (cells[1].to_owned(), labels))
    })
    .collect()
}

/// A sample's labels, except `le`.
fn labels(figure: &str) -> Vec<(String, String)> {
    let Some((_, labels)) = figure.trim_end_matches('}').split_once('{') else { return Vec::new() };
    let labels = labels.trim_end_matches('"').split("\",").map(|label| label.split_once("=\"").unwrap());
    labels.filter(|(name, _)| *name != "le").map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[tokio::test]
async fn metrics_and_their_documentation_agree() {
    let (server, url) = start(&[]).await;
    live(&server).await;
    // The last task of a collection: all others have run before it.
    eventually("the collector has run", async || {
        let last = "clouddrive_collector_last_success_timestamp_seconds{chore=\"remove_partial_writes\"}";
        figures(&url).await.contains_key(last)
    })
    .await;
    let documented = documented();
    assert!(documented.len() > 25);
    let page = page(&url).await;
    let there: BTreeMap<&str, &str> =
        page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    let types = documented.iter().map(|(name, (kind, _))| (name.as_str(), kind.as_str()));
    assert_eq!(there, types.collect::<BTreeMap<_, _>>());
    for figure in figures(&url).await.keys() {
        let name = figure.split('{').next().unwrap();
        let plain = ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part));
        let (_, known) = documented.get(name).or_else(|| documented.get(plain.unwrap_or(name))).unwrap();
        let labels = labels(figure);
        assert_eq!(labels.iter().map(|(name, _)| name).collect::<BTreeSet<_>>(), known.keys().collect(), "{figure}");
        for (name, value) in &labels {
            assert!(known[name].is_empty() || known[name].contains(value), "{figure}: {name} is {value}");
        }
    }
}

#[tokio::test]
async fn requests_are_counted_by_known_routes_only() {
    let (server, url) = start(&[]).await;
    let ann = server.user("ann").await;
    for name in ["a", "b", "c"] {
        let folder = ann.folder(name, None).await;
        ann.get(&format!("/drive/{folder}")).await.ok();
    }
    ann.get("/drive/nothing").await.refused(404, "not_found");
    for path in ["/made/up", "/made/up/too"] {
        server.anonymous().get(path).await.refused(404, "not_found");
    }
    for method in ["BREW", "WHEN"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        server.anonymous().send(server.anonymous().request(method, "/health")).await.refused(405, "method_not_allowed");
    }
    let figures = figures(&url).await;
    let counted = |method: &str, route: &str, status: u16| {
        figures.get(&format!(
            "clouddrive_http_requests_total{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}}"
        ))
    };
    assert_eq!(counted("GET", "/drive/{id}", 200), Some(&3.0));
    assert_eq!(counted("GET", "/drive/{id}", 404), Some(&1.0));
    assert_eq!(counted("POST", "/drive", 201), Some(&3.0));
    assert_eq!(counted("GET", "(none)", 404), Some(&2.0));
    assert_eq!(counted("other", "/health", 405), Some(&2.0));
    let timed = "clouddrive_http_request_duration_seconds_count{method=\"GET\",route=\"/drive/{id}\"}";
    assert_eq!(figures.get(timed), Some(&4.0));
    let words: String = figures.keys().cloned().collect();
    for word in ["made", "BREW", "ann", "nothing"] {
        assert!(!words.contains(word), "{word}");
    }
}

#[tokio::test]
async fn bytes_are_counted_as_they_come_and_go() {
    let (server, url) = start(&[]).await;
    let ann = server.user("ann").await;
    let before = figures(&url).await;
    ann.send_form(&[], "big.bin", &[7; 300_000]).await.ok();
    let page = ann.get("/openapi.json").await;
    ann.send(ann.request(Method::HEAD, "/openapi.json")).await;
    let after = figures(&url).await;
    let more = |name: &str| after[name] - before[name];
    let received = more("clouddrive_http_received_bytes_total");
    assert!((300_000.0..301_000.0).contains(&received), "{received}");
    let sent = more("clouddrive_http_sent_bytes_total") - page.body.len() as f64;
    // Besides the document, only the answer to the form has a body; HEAD has none.
    assert!((1.0..2_000.0).contains(&sent), "{sent}");
}

#[tokio::test]
async fn calls_of_the_store_and_hashes_of_passwords_are_timed_and_connections_counted() {
    let (server, url) = start(&[]).await;
    let ann = live(&server).await;
    let puts = "clouddrive_blob_requests_total{operation=\"put\",outcome=\"ok\"}";
    let before = figures(&url).await[puts];
    ann.send_form(&[], "c.txt", b"hello").await.ok();
    let figures = figures(&url).await;
    assert_eq!(figures[puts] - before, 1.0);
    assert_eq!(figures["clouddrive_password_hash_duration_seconds_count"], 2.0);
    assert_eq!(figures["clouddrive_password_hashes_waiting"], 0.0);
    assert!(figures["clouddrive_database_wait_seconds_count"] > 5.0);
    let used = figures["clouddrive_database_connections{state=\"used\"}"];
    let idle = figures["clouddrive_database_connections{state=\"idle\"}"];
    assert!(idle > 0.0 && used + idle <= figures["clouddrive_database_connections_max"]);
}

#[tokio::test]
async fn a_part_that_does_not_answer_is_seen() {
    let (server, url) = start(&[]).await;
    let ready = async |part: &str| figures(&url).await[&format!("clouddrive_part_ready{{part=\"{part}\"}}")];
    assert_eq!((ready("database").await, ready("storage").await), (1.0, 1.0));
    server.execute("ALTER TABLE users RENAME TO lost");
    assert_eq!((ready("database").await, ready("storage").await), (0.0, 1.0));
}

#[tokio::test]
async fn a_request_that_is_under_way_is_seen_until_it_ends() {
    let (server, url) = start(&[]).await;
    let ann = server.user("ann").await;
    let (feed, body) = tokio::sync::mpsc::channel::<Result<Vec<u8>, std::io::Error>>(1);
    let body = futures_util::stream::unfold(body, |mut body| async move { Some((body.recv().await?, body)) });
    let request = ann
        .request(Method::POST, "/drive")
        .header("Content-Type", "application/json")
        .body(reqwest::Body::wrap_stream(body));
    let sending = tokio::spawn(async move { ann.send(request).await });
    requests_under_way(&url, 1).await;
    feed.send(Ok(json!({"folder_name": "Slow"}).to_string().into_bytes())).await.unwrap();
    drop(feed);
    sending.await.unwrap().ok();
    assert_eq!(figures(&url).await["clouddrive_http_requests_in_flight"], 0.0);
}

#[tokio::test]
async fn the_usual_address_may_be_taken_and_one_that_was_asked_for_may_not() {
    // Occupies the default port, unless another process already does.
    let taken = TcpListener::bind("127.0.0.1:9464");
    let usual = |place: &Arc<Storage>| -> Command {
        let mut command = place.command(&[]);
        command.env_remove("METRICS_ADDR");
        command
    };
    let place = Arc::new(Storage::new());
    let mut process = usual(&place).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    let server = Server::attach(process, first.rsplit(' ').next().unwrap().to_owned(), place).await;
    assert_eq!(server.anonymous().get("/health").await.status, 200);
    drop(server);
    let place = Storage::new();
    let refused = place.command(&[("METRICS_ADDR", "127.0.0.1:9464")]).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let printed = String::from_utf8(refused.stderr).unwrap();
    assert!(printed.contains("METRICS_ADDR: cannot listen on 127.0.0.1:9464"), "{printed}");
    drop(taken);
}

#[tokio::test]
async fn throttled_attempts_are_counted_by_kind() {
    let (server, url) = start(&[("RATE_LIMITS", "on")]).await;
    let body = json!({"username": "stranger", "password": "wrong guess"});
    for _ in 0..10 {
        server.anonymous().post("/login", body.clone()).await.refused(401, "invalid_credentials");
    }
    for _ in 0..3 {
        server.anonymous().post("/login", body.clone()).await.refused(429, "rate_limited");
    }
    let figures = figures(&url).await;
    let count = |bucket: &str| figures[&format!("clouddrive_throttled_total{{bucket=\"{bucket}\"}}")];
    assert_eq!((count("login_from_address"), count("registration")), (3.0, 0.0));
    assert_eq!(figures["clouddrive_password_hash_duration_seconds_count"], 10.0, "no hash for who is refused");
}
