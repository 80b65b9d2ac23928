//! Stores that lack something: what the commands report, and what still works.

use std::collections::BTreeSet;
use std::sync::Mutex;

use super::doctor::{bad, doctor};
use super::{id, refusal_to_serve};
use crate::process::{lines, printed, start_in};
use crate::support::stack::is_default_store;
use crate::support::{Proxy, SHORT_GRACE, Server, Storage, eventually, production, text};
use crate::upload::parts::{SIZE, SMALL, bytes, send};

/// A response with this body.
fn response(status: u16, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} ApiResponse\r\nContent-Type: application/xml\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )
}

/// An error in S3's format.
fn error(status: u16, code: &str) -> String {
    response(status, &format!("<Error><Code>{code}</Code><Message>It cannot.</Message></Error>"))
}

/// The value of a parameter of the target's query.
fn parameter<'a>(target: &'a str, name: &str) -> Option<&'a str> {
    target.split(['?', '&']).skip(1).find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

/// A store that cannot list the parts of an upload.
fn without_lists_of_parts() -> Proxy {
    Proxy::to_s3_except(|method, target| {
        (method == "GET" && parameter(target, "uploadId").is_some()).then(|| error(501, "NotImplemented"))
    })
}

/// A store that cannot list the uploads in progress.
fn without_lists_of_uploads() -> Proxy {
    Proxy::to_s3_except(|method, target| {
        (method == "GET" && target.contains("?uploads")).then(|| error(501, "NotImplemented"))
    })
}

/// A store where a part sent after the completion changes the object, and which takes 1,000 parts, like Swift.
fn with_open_parts() -> Proxy {
    let (completed, changed) = (Mutex::new(BTreeSet::new()), Mutex::new(BTreeSet::new()));
    Proxy::to_s3_except(move |method, target| {
        let object = target.split('?').next().unwrap().to_owned();
        let upload = parameter(target, "uploadId").map(str::to_owned);
        match (method, upload) {
            ("PUT", Some(_)) if parameter(target, "partNumber") == Some("10000") => Some(error(400, "InvalidArgument")),
            ("POST", Some(upload)) => {
                completed.lock().unwrap().insert(upload);
                None
            }
            ("PUT", Some(upload)) if completed.lock().unwrap().contains(&upload) => {
                changed.lock().unwrap().insert(object);
                Some(response(200, ""))
            }
            ("GET", None) if changed.lock().unwrap().contains(&object) => Some(response(200, "other")),
            _ => None,
        }
    })
}

/// Creates a bucket in moto, whose lists of parts cannot be read.
async fn make_bucket_in_moto(name: &str) {
    let stores = production();
    let authorization = format!("AWS4-HMAC-SHA256 Credential=x/20260101/{}/s3/aws4_request", stores.region);
    let request = reqwest::Client::new().put(format!("{}/{name}", stores.secrets_endpoint.trim_end_matches('/')));
    let made = request.header("Authorization", authorization).send().await.unwrap();
    assert!(made.status().is_success(), "{}", made.text().await.unwrap());
}

#[tokio::test]
async fn a_store_that_cannot_complete_uploads_is_refused_with_the_reason() {
    let (place, lacking) = (Storage::new(), without_lists_of_parts());
    make_bucket_in_moto(place.bucket().name()).await;
    for endpoint in [production().secrets_endpoint.as_str(), &lacking.url()] {
        let variables = [("AWS_ENDPOINT_URL_S3", endpoint)];
        let (code, text) = doctor(&place, &variables);
        assert_eq!(code, 1, "{endpoint}: {text}");
        let [line] = bad(&text)[..] else { panic!("{endpoint}: {text}") };
        let refusal = refusal_to_serve(&place, &variables);
        for (reported, start) in [(line, "BAD      S3 bucket "), (refusal.as_str(), "clouddrive: the S3 bucket ")] {
            assert!(reported.starts_with(&format!("{start}{}: ListParts ", place.bucket().name())), "{reported}");
            assert!(reported.contains("multipart uploads cannot be completed on this store"), "{reported}");
            assert!(reported.contains("docs/stores.md"), "{reported}");
        }
    }
}

#[tokio::test]
async fn shortcomings_of_a_store_are_warned_of_and_made_up_for() {
    let lacking = with_open_parts();
    let url = lacking.url();
    let variables = [("AWS_ENDPOINT_URL_S3", url.as_str()), ("RUST_LOG", "warn"), SMALL];
    let (server, _) = start_in(Storage::new(), &variables).await;
    let warnings: Vec<_> = lines(&server).into_iter().filter(|line| line["level"] == "WARN").collect();
    let (code, report) = doctor(server.storage(), &variables);
    assert_eq!((code, bad(&report)), (0, Vec::new()), "{report}");
    let advice = report.lines().find(|line| line.starts_with("advice   S3 bucket ")).expect(&report);
    assert!(advice.contains("it works, at a cost: "), "{advice}");
    for shortcoming in ["completion does not close the parts of an upload", "an upload has at most 1000 parts"] {
        assert!(advice.contains(shortcoming), "{advice}");
        let warned = warnings.iter().find(|line| text(&line["message"]).contains(shortcoming));
        let warned = warned.unwrap_or_else(|| panic!("no warning of {shortcoming:?}: {warnings:?}"));
        assert_eq!(warned["bucket"], server.storage().bucket().name());
    }
    // Nothing that is sent to the URLs of an upload after its completion changes the file.
    let ann = server.user("ann").await;
    let upload = ann.begin("note.txt", 5, None).await.ok();
    ann.put(&upload, "hello").await.ok_empty();
    let file = id(&ann.complete(&upload).await.ok());
    ann.put(&upload, "other").await.ok_empty();
    assert_eq!(ann.download(&file).await, b"hello");
    let upload = ann.begin("film.mkv", SIZE, None).await.ok();
    send(&ann, &upload, &bytes(), &[1, 2, 3]).await;
    let file = id(&ann.complete(&upload).await.ok());
    send(&ann, &upload, &bytes(), &[1]).await;
    assert!(ann.download(&file).await == bytes());
}

#[tokio::test]
async fn a_store_without_shortcomings_causes_no_warning() {
    if !is_default_store() {
        return;
    }
    let (server, _) = start_in(Storage::new(), &[("RUST_LOG", "warn")]).await;
    assert!(lines(&server).iter().all(|line| line["level"] != "WARN"), "{:?}", lines(&server));
}

#[tokio::test]
async fn a_store_that_cannot_list_unfinished_uploads_is_verified_and_otherwise_cleaned() {
    let lacking = without_lists_of_uploads();
    let url = lacking.url();
    let lacking = ("AWS_ENDPOINT_URL_S3", url.as_str());
    let server = Server::with(&[SMALL, ("MAX_VERSIONS", "1"), lacking]).await;
    let (code, report) = doctor(server.storage(), &[lacking]);
    assert_eq!((code, bad(&report)), (0, Vec::new()), "{report}");
    assert!(report.contains("\nunknown  S3 s3:ListBucketMultipartUploads: "), "{report}");

    // An upload in progress to which no row refers, as after a restore.
    let ann = server.user("ann").await;
    let open = ann.begin("open.mkv", SIZE, None).await.ok();
    send(&ann, &open, &bytes(), &[2]).await;
    let key = server.value("SELECT blob_key FROM uploads");
    server.execute("DELETE FROM uploads; UPDATE drives SET reserved_bytes = 0");
    server.execute(&format!("DELETE FROM blobs WHERE key = '{key}'"));
    ann.send_form(&[], "note.txt", b"hello").await.ok();
    let verify = |variables: &[(&str, &str)]| {
        printed(server.storage().command(variables).args(["verify", "--grace", "0"]).output().unwrap())
    };
    let (code, out, err) = verify(&[lacking]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.ends_with("\nnothing is wrong\n"), "{out}");
    let (code, out, _) = verify(&[]);
    assert!(code == 1 && out.contains("transfer_abandoned") && out.contains(&key), "{out}");

    // The collector removes replaced bytes; the upload remains until it can be listed.
    ann.send_form(&[("file_conflict", "Replace")], "note.txt", b"other").await.ok();
    eventually("the replaced bytes are gone", async || {
        server.run("collect", &[SHORT_GRACE, &[lacking]].concat());
        server.blobs().len() == 1
    })
    .await;
    assert_eq!(server.unfinished(), BTreeSet::from([key]));
    eventually("the upload is gone", async || {
        server.run("collect", SHORT_GRACE);
        server.unfinished().is_empty()
    })
    .await;
}
