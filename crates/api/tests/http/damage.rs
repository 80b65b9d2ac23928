//! Blobs that are missing from the store or differ from the database are reported as damage.

use serde_json::json;

use crate::link::{downloads, link_file, link_folder, path};
use crate::support::stack::{Stack, stack};
use crate::support::{Server, text};
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
async fn what_is_damaged_is_a_fault_that_is_counted_and_no_download() {
    let (server, figures) = metrics::start(&[]).await;
    let ann = server.user("ann").await;
    let damaged = async || metrics::figures(&figures).await["clouddrive_damaged_reads_total"];
    for damage in DAMAGES {
        let before = server.blobs();
        let folder = ann.folder(&format!("{damage:?}"), None).await;
        let file = ann.upload("digits.txt", b"0123456789", Some(&folder)).await;
        let id = text(&file["id"]);
        let link = link_file(&ann, &id, json!({})).await;
        let mut ways = vec![format!("/file/{id}/content"), format!("{}/content", path(&link))];
        if stack() == Stack::Embedded {
            for query in ["", "?use=stream"] {
                ways.push(text(&ann.get(&format!("/file/{id}{query}")).await.ok()["download"]["url"]));
            }
        }
        let blobs = server.blobs();
        damage.happen(&server, blobs.difference(&before).next().unwrap(), b"0123456789");
        for way in ways {
            for headers in [vec![HERE], vec![HERE, ("Range", "bytes=0-3")], vec![HERE, ("Range", "bytes=2-")]] {
                let counted = damaged().await;
                ann.fetch(&way, &headers).await.refused(500, "internal_error");
                assert!(damaged().await - counted > 0.5, "{damage:?} {way} {headers:?} is not counted");
            }
        }
        assert_eq!(downloads(&ann).await, 0, "{damage:?}");
        // Requests that need no bytes still succeed.
        let head = ann.send(ann.request(reqwest::Method::HEAD, &format!("/file/{id}/content"))).await;
        assert_eq!((head.status, head.header("content-length")), (200, "10"));
        let counted = damaged().await;
        let archive = ann.request(reqwest::Method::GET, &format!("/drive/{folder}/archive")).send().await;
        let whole = match archive {
            Ok(answer) if answer.status() == 200 => answer.bytes().await.is_ok(),
            Ok(answer) => {
                assert_eq!(answer.status(), 500);
                false
            }
            Err(_) => false,
        };
        assert!(!whole, "{damage:?}: an archive of what is not there");
        assert!(damaged().await - counted > 0.5, "{damage:?}: a broken archive is not counted");
        ann.delete(&format!("/link/{}", text(&link["id"]))).await.ok_empty();
    }
}

#[tokio::test]
async fn a_damaged_archive_costs_no_download_of_its_link() {
    let server = Server::start().await;
    let (ann, anybody) = (server.user("ann").await, server.anonymous());
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
                    anybody.fetch(archive, &headers).await.refused(500, "internal_error");
                }
            }
            assert_eq!(downloads(&ann).await, 0, "{damage:?} {name}");
            // Once it is repaired, the link's only download is still there.
            server.put_blob(key, &bytes);
            assert_eq!(anybody.get(&archives[0]).await.status, 200, "{damage:?} {name}");
            assert_eq!(downloads(&ann).await, 1, "{damage:?} {name}");
            ann.delete(&format!("/link/{}", text(&link["id"]))).await.ok_empty();
        }
    }
}
