//! `GET`, `HEAD /drive/{folder_id}/archive`, and `/archive`.

mod expiry;
mod names;
mod ranges;
mod readers;
mod running;
mod selection;

use std::io::{Cursor, Read};

use reqwest::{Method, Response};
use serde_json::json;
use zip::{ExtraField, ZipArchive};

use crate::copy::{copy_folder, multiplied};
use crate::support::{ABSENT, ApiClient, ApiResponse, RawConnection, Server, eventually, sql_id, text};
use crate::telemetry::metrics::{figures, start};

async fn archive(user: &ApiClient, folder: &str) -> ZipArchive<Cursor<Vec<u8>>> {
    unpacked(user.get(&format!("/drive/{folder}/archive")).await)
}

/// The archive in a complete response.
pub fn unpacked(answer: ApiResponse) -> ZipArchive<Cursor<Vec<u8>>> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-length"), answer.body.len().to_string());
    ZipArchive::new(Cursor::new(answer.body)).unwrap()
}

/// The paths in it, in order.
pub fn paths(archive: &mut ZipArchive<Cursor<Vec<u8>>>) -> Vec<String> {
    entries(archive).into_iter().map(|(path, _)| path).collect()
}

/// Its entries: paths, with the bytes of files. Reading them verifies their checksums.
pub fn entries(archive: &mut ZipArchive<Cursor<Vec<u8>>>) -> Vec<(String, Option<Vec<u8>>)> {
    let entries = 0..archive.len();
    let entry = |at| {
        let mut entry = archive.by_index(at).unwrap();
        let name = String::from_utf8(entry.name_raw().to_vec()).unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        assert_eq!(
            (entry.is_dir(), entry.size(), entry.compressed_size()),
            (name.ends_with('/'), bytes.len() as u64, bytes.len() as u64)
        );
        (name, entry.is_file().then_some(bytes))
    };
    entries.map(entry).collect()
}

#[tokio::test]
async fn a_folder_comes_as_one_zip_with_all_that_lies_below_it() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = ann.folder("Fotos 📷", None).await;
    ann.folder("Empty", Some(&top)).await;
    let inner = ann.folder("10:30 CON.", Some(&top)).await;
    let large: Vec<u8> = (0..3_000_000_u32).map(|at| (at % 251) as u8).collect();
    ann.upload("large.bin", &large, Some(&top)).await;
    ann.upload("zero", b"", Some(&inner)).await;
    ann.upload("Été.txt", "à la plage".as_bytes(), Some(&inner)).await;
    // Names that differ only in case are distinct.
    ann.upload("été.txt", b"small", Some(&inner)).await;

    let answer = ann.get(&format!("/drive/{top}/archive")).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/zip"));
    let disposition = "attachment; filename=\"Fotos _.zip\"; filename*=UTF-8''Fotos%20%F0%9F%93%B7.zip";
    assert_eq!(answer.header("content-disposition"), disposition);
    assert_eq!(
        (answer.header("cache-control"), answer.header("x-content-type-options")),
        ("private, no-cache", "nosniff")
    );
    let mut zip = ZipArchive::new(Cursor::new(answer.body)).unwrap();
    let file = |bytes: &[u8]| Some(bytes.to_vec());
    let expected = [
        ("Fotos 📷/", None),
        ("Fotos 📷/10:30 CON./", None),
        ("Fotos 📷/Empty/", None),
        ("Fotos 📷/large.bin", Some(large)),
        ("Fotos 📷/10:30 CON./zero", file(b"")),
        ("Fotos 📷/10:30 CON./Été.txt", file("à la plage".as_bytes())),
        ("Fotos 📷/10:30 CON./été.txt", file(b"small")),
    ]
    .map(|(path, bytes)| (path.to_owned(), bytes));
    let mut found = entries(&mut zip);
    assert_eq!(found[0].0, "Fotos 📷/");
    let mut expected = expected.to_vec();
    for list in [&mut found, &mut expected] {
        list.sort();
    }
    assert!(found == expected, "{:?}", found.iter().map(|(path, _)| path).collect::<Vec<_>>());
}

#[tokio::test]
async fn files_have_the_client_modification_time() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = ann.folder("Top", None).await;
    let fields = [("parent_folder_id", top.as_str()), ("client_modified_at", "2020-02-29T03:04:06.789Z")];
    ann.send_form(&fields, "old.txt", b"old").await.ok();
    let mut zip = archive(&ann, &top).await;
    let entry = zip.by_name("Top/old.txt").unwrap();
    let at = entry.last_modified().unwrap();
    let reported = (at.year(), at.month(), at.day(), at.hour(), at.minute(), at.second());
    assert_eq!(reported, (2020, 2, 29, 3, 4, 6));
    // Also in UTC, in the extended timestamp.
    let utc = entry.extra_data_fields().find_map(|field| match field {
        ExtraField::ExtendedTimestamp(times) => times.mod_time(),
        _ => None,
    });
    assert_eq!(utc, Some(1_582_945_446));
}

#[tokio::test]
async fn an_empty_folder_is_a_zip_too() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = ann.folder("Top", None).await;
    assert_eq!(entries(&mut archive(&ann, &top).await), [("Top/".to_owned(), None)]);
}

#[tokio::test]
async fn an_archive_has_only_what_is_shared_and_not_trashed() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let top = ann.folder("Top", None).await;
    let (shared, gone) = (ann.folder("Shared", Some(&top)).await, ann.folder("Gone", Some(&top)).await);
    ann.upload("secret", b"secret", Some(&top)).await;
    ann.upload("note", b"note", Some(&shared)).await;
    ann.upload("lost", b"lost", Some(&gone)).await;
    let torn = text(&ann.upload("torn", b"torn", Some(&shared)).await["id"]);
    for id in [&gone, &torn] {
        server.execute(&format!("UPDATE nodes SET trashed_at = 1 WHERE id = {}", sql_id(id)));
    }
    let share = ann.share_folder(&shared, "ben", "view").await;
    let note = |path: &str| (path.to_owned(), Some(b"note".to_vec()));
    assert_eq!(entries(&mut archive(&ben, &shared).await), [("Shared/".to_owned(), None), note("Shared/note")]);
    let paths: Vec<String> = entries(&mut archive(&ann, &top).await).into_iter().map(|entry| entry.0).collect();
    assert_eq!(paths, ["Top/", "Top/Shared/", "Top/Shared/note", "Top/secret"]);

    let refused = async |user: &ApiClient, folder: &str| {
        user.get(&format!("/drive/{folder}/archive")).await.refused(404, "not_found");
    };
    refused(&ben, &top).await;
    refused(&ann, &gone).await;
    refused(&ann, ABSENT).await;
    refused(&ann, &text(&ann.upload("file", b"file", None).await["id"])).await;
    ann.delete(&format!("/share/{share}")).await.ok_empty();
    refused(&ben, &shared).await;
    server.anonymous().get(&format!("/drive/{top}/archive")).await.refused(401, "unauthenticated");
}

/// Reads a response to its end: the bytes, and whether it broke off.
pub async fn taken(mut answer: Response) -> (Vec<u8>, bool) {
    let mut arrived = Vec::new();
    loop {
        match answer.chunk().await {
            Ok(Some(piece)) => arrived.extend_from_slice(&piece),
            Ok(None) => return (arrived, false),
            Err(_) => return (arrived, true),
        }
    }
}

#[tokio::test]
async fn when_bytes_cannot_be_had_the_zip_breaks_off() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    // Large files are streamed; small ones are read ahead.
    for (name, size) in [("Large", 300_000), ("Small", 300)] {
        let top = ann.folder(name, None).await;
        ann.upload("a", &vec![1; size], Some(&top)).await;
        let lost = ann.upload("b", &vec![2; size], Some(&top)).await;
        ann.upload("c", &vec![3; size], Some(&top)).await;
        // The database records one byte more than the blob has.
        let id = sql_id(&text(&lost["version_id"]));
        server.execute(&format!("UPDATE versions SET size_bytes = size_bytes + 1 WHERE id = {id}"));
        let answer = ann.request(Method::GET, &format!("/drive/{top}/archive")).send().await;
        let answer = answer.unwrap();
        if name == "Small" {
            // Detected before anything has been sent.
            assert_eq!(answer.status(), 500);
            continue;
        }
        assert_eq!(answer.status(), 200);
        let (arrived, broken) = taken(answer).await;
        assert!(broken && ZipArchive::new(Cursor::new(arrived)).is_err(), "{name}");
    }
    // Other requests are not affected.
    ann.get("/drive").await.ok();
}

#[tokio::test]
async fn small_and_large_files_are_archived_in_order() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = ann.folder("Top", None).await;
    let sizes = [0, 1, 65_536, 65_537, 200_000];
    let bytes = |number: usize| vec![number as u8; sizes[number % sizes.len()]];
    for number in 0..50 {
        ann.send_form(&[("parent_folder_id", &top)], &format!("{number:02}"), &bytes(number)).await.ok();
    }
    let found = entries(&mut archive(&ann, &top).await);
    let expected = (0..50).map(|number| (format!("Top/{number:02}"), Some(bytes(number))));
    assert_eq!(found, [("Top/".to_owned(), None)].into_iter().chain(expected).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_zip_is_generated_at_the_speed_of_its_reader_and_ends_with_it() {
    let (server, url) = start(&[("DATABASE_CONNECTIONS", "1")]).await;
    let ann = server.user("ann").await;
    let one = ann.folder("one", None).await;
    ann.upload("four megabytes", &vec![7; 4 << 20], Some(&one)).await;
    let many = multiplied(&ann, &one, "many", 15).await;
    let total = f64::from(15 * (4 << 20));
    let sent = async || figures(&url).await["clouddrive_http_sent_bytes_total"];
    let mut wires = Vec::new();
    for _ in 0..2 {
        let mut wire = RawConnection::to(&server).await;
        wire.head(&ann, "GET", &format!("/drive/{many}/archive"), &[]).await;
        wires.push(wire);
    }
    let settled = async || {
        let mut before = 0.0;
        eventually("nothing more is sent", async || {
            let now = sent().await;
            std::mem::replace(&mut before, now) == now && now > 1e6
        })
        .await;
    };
    settled().await;
    // Stalled archives do not hold the only database connection.
    assert_eq!(ann.names(Some(&one)).await, ["four megabytes"]);
    drop(wires);
    settled().await;
    assert!(sent().await < total, "of two archives, not even one was sent");
    assert_eq!(archive(&ann, &many).await.len(), 31);
}

#[tokio::test]
async fn oversized_archives_are_refused_before_they_begin() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let one = ann.folder("one", None).await;
    let ten = multiplied(&ann, &one, "ten", 9).await;
    let hundred = multiplied(&ann, &ten, "hundred", 10).await;
    let thousand = multiplied(&ann, &hundred, "thousand", 10).await;
    // 1,011 nodes below a path of 20 kB: two copies have more than 32 MiB of paths.
    let name = "n".repeat(255);
    let top = ann.folder(&name, None).await;
    let mut deep = top.clone();
    for _ in 1..80 {
        deep = ann.folder(&name, Some(&deep)).await;
    }
    copy_folder(&ann, &thousand, json!({"parent_folder_id": deep, "folder_name": "first"})).await.ok();
    archive(&ann, &deep).await;
    assert_eq!(archive(&ann, &top).await.len(), 80 + 1_011);
    copy_folder(&ann, &thousand, json!({"parent_folder_id": deep, "folder_name": "second"})).await.ok();
    let path = format!("/drive/{top}/archive");
    let problem = ann.get(&path).await.refused(422, "too_many_entries");
    assert!(text(&problem["detail"]).contains("33554432"), "{problem}");
}
