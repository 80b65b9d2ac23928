//! Blobs that are missing from the store or differ from the database are reported as damage.

use reqwest::Method;
use serde_json::{Value, json};

use crate::link::{downloads, link_file, link_folder, path};
use crate::process::{about, start_in};
use crate::support::stack::{Stack, stack};
use crate::support::{Server, Storage, png, text};
use crate::telemetry::metrics;

/// Damage to a blob.
#[derive(Clone, Copy, Debug)]
enum Damage {
    Missing,
    Shorter,
    Longer,
}

impl Damage {
    /// Damages the blob, which has these bytes.
    fn happen(self, server: &Server, key: &str, bytes: &[u8]) {
        match self {
            Self::Missing => server.remove_blob(key),
            Self::Shorter => server.put_blob(key, &bytes[..4]),
            Self::Longer => server.put_blob(key, &[bytes, b"abc"].concat()),
        }
    }
}

const DAMAGES: [Damage; 3] = [Damage::Missing, Damage::Shorter, Damage::Longer];

/// A header that makes the server serve the bytes itself, also from a bucket.
const HERE: (&str, &str) = ("Origin", "https://app.example.com");

#[tokio::test]
async fn damaged_bytes_are_counted_as_errors_and_not_as_downloads() {
    let (server, figures) = metrics::start(&[]).await;
    let ann = server.user("ann").await;
    let damaged = async || metrics::figures(&figures).await["clouddrive_damaged_reads_total"];
    let refused = async |way: &str, headers: &[(&str, &str)], what: &str| {
        let counted = damaged().await;
        let answer = ann.fetch(way, headers).await;
        assert_eq!(answer.status, 500, "{what} {way} {headers:?}: {}", answer.text());
        answer.refused(500, "internal_error");
        assert!(damaged().await - counted > 0.5, "{what} {way} {headers:?} is not counted");
    };
    for damage in DAMAGES {
        let what = format!("{damage:?}");
        let before = server.blobs();
        let folder = ann.folder(&what, None).await;
        let former = ann.upload("digits.txt", b"0123456789", Some(&folder)).await;
        let id = text(&former["id"]);
        let current = ann.put_content(&id, b"9876543210", &[]).await.ok();
        let links =
            [link_file(&ann, &id, json!({})).await, link_folder(&ann, &folder, json!({"max_downloads": 1})).await];
        let (of_file, of_folder) = (path(&links[0]), path(&links[1]));
        let mut ways =
            vec![format!("/file/{id}/content"), format!("{of_file}/content"), format!("{of_folder}/file/{id}/content")];
        // Signed URLs of a bucket lead past the server.
        if stack() == Stack::Embedded {
            let mut signed = vec![format!("/file/{id}"), format!("/file/{id}?use=stream")];
            for content in [&former, &current] {
                signed.push(format!("/file/{id}/version/{}", text(&content["version_id"])));
            }
            for path in signed {
                ways.push(text(&ann.get(&path).await.ok()["download"]["url"]));
            }
        }
        let archives = [
            format!("/drive/{folder}/archive"),
            format!("{of_folder}/archive"),
            format!("{of_folder}/drive/{folder}/archive"),
            text(&ann.post("/archive", json!({"item_ids": [folder]})).await.ok()["url"]),
        ];
        for key in server.blobs().difference(&before) {
            damage.happen(&server, key, b"0123456789");
        }
        for way in &ways {
            for headers in [vec![HERE], vec![HERE, ("Range", "bytes=0-3")], vec![HERE, ("Range", "bytes=2-")]] {
                refused(way, &headers, &what).await;
            }
        }
        for archive in &archives {
            refused(archive, &[], &what).await;
        }
        assert_eq!(downloads(&ann).await, 0, "{what}");
        // Requests that need no bytes still succeed.
        for (path, length) in [(&ways[0], Some("10")), (&archives[0], None), (&archives[1], None)] {
            let head = ann.send(ann.request(Method::HEAD, path)).await;
            assert_eq!(head.status, 200, "{what} {path}");
            assert!(length.is_none_or(|length| head.header("content-length") == length), "{what} {path}");
        }
        for link in links {
            ann.delete(&format!("/link/{}", text(&link["id"]))).await.ok_empty();
        }
    }
    if stack() == Stack::Embedded {
        // No row has the length of a photo.
        let before = server.blobs();
        let photo = ann.request(Method::POST, "/profile_photo").header("Content-Type", "image/png").body(png(9, 9));
        let url = text(&ann.send(photo).await.ok()["url"]);
        let blobs = server.blobs();
        Damage::Missing.happen(&server, blobs.difference(&before).next().unwrap(), b"");
        refused(&url, &[], "photo").await;
    }
}

#[tokio::test]
async fn damage_is_logged_as_an_error_of_the_request_that_met_it() {
    let (server, _) = start_in(Storage::new(), &[("RUST_LOG", "error")]).await;
    let ann = server.user("ann").await;
    for damage in DAMAGES {
        let top = ann.folder(&format!("{damage:?}"), None).await;
        ann.upload("a.bin", &[7; 200_000], Some(&top)).await;
        let folder = ann.folder("b", Some(&top)).await;
        let before = server.blobs();
        let file = text(&ann.upload("z.txt", b"0123456789", Some(&folder)).await["id"]);
        let link = path(&link_folder(&ann, &folder, json!({})).await);
        let blobs = server.blobs();
        let key = blobs.difference(&before).next().unwrap();
        damage.happen(&server, key, b"0123456789");
        for way in [
            format!("/file/{file}/content"),
            format!("{link}/file/{file}/content"),
            format!("{link}/archive"),
            format!("/drive/{folder}/archive"),
        ] {
            let problem = ann.fetch(&way, &[HERE]).await.refused(500, "internal_error");
            let lines = about(&server, &text(&problem["request_id"]));
            let [line] = lines.as_slice() else { panic!("{damage:?} {way}: {lines:?}") };
            assert_eq!((&line["level"], &line["code"]), (&json!("ERROR"), &json!("internal_error")), "{line}");
            assert!(text(&line["cause"]).contains(key), "{line}");
        }
        // The response has begun before the damage is found, so the client only sees that it is incomplete.
        let id = format!("breaks-off-{damage:?}");
        let whole = ann.request(Method::GET, &format!("/drive/{top}/archive")).header("X-Request-Id", &id);
        let answer = whole.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{damage:?}");
        assert!(answer.bytes().await.is_err(), "{damage:?}: an archive of what is not there");
        let lines = about(&server, &id);
        let met = |line: &&Value| line["error"].as_str().is_some_and(|error| error.contains(key));
        let [line] = lines.iter().filter(met).collect::<Vec<_>>()[..] else { panic!("{damage:?}: {lines:?}") };
        assert_eq!(line["level"], "ERROR", "{line}");
    }
}

#[tokio::test]
async fn a_damaged_archive_costs_no_download_of_its_link() {
    let server = Server::start().await;
    let (ann, visitor) = (server.user("ann").await, server.anonymous());
    for damage in DAMAGES {
        // Small files are read ahead, large ones are streamed.
        for (size, name) in [(10, "small"), (100_000, "large")] {
            let bytes = vec![7; size];
            let before = server.blobs();
            let linked = ann.folder(&format!("{damage:?} {name}"), None).await;
            ann.upload("a", &bytes, Some(&linked)).await;
            let link = link_folder(&ann, &linked, json!({"max_downloads": 1})).await;
            let blobs = server.blobs();
            let key = blobs.difference(&before).next().unwrap();
            damage.happen(&server, key, &bytes);
            let at = path(&link);
            let archives = [format!("{at}/archive"), format!("{at}/drive/{linked}/archive")];
            for archive in &archives {
                for headers in [vec![], vec![("Range", "bytes=0-")], vec![("Range", "bytes=90-")]] {
                    visitor.fetch(archive, &headers).await.refused(500, "internal_error");
                }
            }
            assert_eq!(downloads(&ann).await, 0, "{damage:?} {name}");
            // Once it is repaired, the link's only download is still there.
            server.put_blob(key, &bytes);
            assert_eq!(visitor.get(&archives[0]).await.status, 200, "{damage:?} {name}");
            assert_eq!(downloads(&ann).await, 1, "{damage:?} {name}");
            ann.delete(&format!("/link/{}", text(&link["id"]))).await.ok_empty();
        }
    }
}
