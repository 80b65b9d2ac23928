//! `GET`, `HEAD /s/{token}/archive`, `/s/{token}/drive/{folder_id}/archive`.

use reqwest::Method;
use serde_json::json;

use super::{address, behind_a_proxy, downloads, link_file, link_folder, path};
use crate::archive::{paths, unpacked};
use crate::support::{Server, text};

#[tokio::test]
async fn a_linked_folder_comes_as_one_zip_and_so_does_one_below_it() {
    let server = Server::start().await;
    let (ann, visitor) = (server.user("ann").await, server.anonymous());
    let top = ann.folder("Top", None).await;
    let (linked, beside) = (ann.folder("Linked", Some(&top)).await, ann.folder("Beside", Some(&top)).await);
    let below = ann.folder("Below", Some(&linked)).await;
    let file = text(&ann.upload("x", b"words", Some(&below)).await["id"]);
    let link = path(&link_folder(&ann, &linked, json!({})).await);
    let answer = visitor.get(&format!("{link}/archive")).await;
    assert!(answer.header("content-disposition").contains("\"Linked.zip\""));
    let etag = answer.header("etag").to_owned();
    assert_eq!(paths(&mut unpacked(answer)), ["Linked/", "Linked/Below/", "Linked/Below/x"]);
    let part = visitor.fetch(&format!("{link}/archive"), &[("Range", "bytes=0-1"), ("If-Range", &etag)]).await;
    assert_eq!((part.status, part.text().as_str()), (206, "PK"));
    for folder in [&below, &linked] {
        let answer = visitor.get(&format!("{link}/drive/{folder}/archive")).await;
        assert_eq!(answer.status, 200);
    }
    for other in [&beside, &top, &file] {
        visitor.get(&format!("{link}/drive/{other}/archive")).await.refused(404, "not_found");
    }
    let of_file = path(&link_file(&ann, &file, json!({})).await);
    visitor.get(&format!("{of_file}/archive")).await.refused(404, "not_found");
}

#[tokio::test]
async fn an_archive_is_one_download() {
    let server = Server::start().await;
    let (ann, visitor) = (server.user("ann").await, server.anonymous());
    let linked = ann.folder("Linked", None).await;
    ann.upload("x", b"words", Some(&linked)).await;
    let archive = format!("{}/archive", path(&link_folder(&ann, &linked, json!({"max_downloads": 1})).await));
    let head = visitor.send(visitor.request(Method::HEAD, &archive)).await;
    assert_eq!((head.status, downloads(&ann).await), (200, 0));
    let size: usize = head.header("content-length").parse().unwrap();
    let etag = head.header("etag").to_owned();
    let beyond = format!("bytes={size}-");
    visitor.fetch(&archive, &[("Range", &beyond)]).await.refused(416, "range_not_satisfiable");
    assert_eq!(visitor.fetch(&archive, &[("If-None-Match", &etag)]).await.status, 304);
    assert_eq!(downloads(&ann).await, 0);
    let whole = visitor.get(&archive).await;
    assert_eq!((whole.status, downloads(&ann).await), (200, 1));
    // Resuming it is not another download.
    let rest = visitor.fetch(&archive, &[("Range", "bytes=9-"), ("If-Range", &etag)]).await;
    assert_eq!((rest.status, downloads(&ann).await), (206, 1));
}

#[tokio::test]
async fn all_requests_of_one_address_for_one_archive_are_one_download() {
    let server = behind_a_proxy().await;
    let (ann, visitor) = (server.user("ann").await, server.anonymous());
    let linked = ann.folder("Linked", None).await;
    let below = ann.folder("Below", Some(&linked)).await;
    ann.upload("x", b"words", Some(&below)).await;
    let at = path(&link_folder(&ann, &linked, json!({"max_downloads": 100})).await);
    let archive = format!("{at}/archive");
    let same = [archive.clone(), format!("{at}/drive/{linked}/archive"), format!("{archive}?names=portable")];
    for (nth, headers) in [
        vec![],
        vec![("Range", "bytes=0-3")],
        // Wherever the first range begins.
        vec![("Range", "bytes=40-")],
        vec![("Range", "bytes=-1")],
        vec![("Range", "bytes=40-"), ("If-Range", "\"other\"")],
        vec![("If-None-Match", "\"other\"")],
    ]
    .into_iter()
    .enumerate()
    {
        let (here, before) = (address(nth), downloads(&ann).await);
        let headers = [headers, vec![("X-Forwarded-For", here.as_str())]].concat();
        for archive in same.iter().chain(&same) {
            let taken = visitor.fetch(archive, &headers).await;
            assert!([200, 206].contains(&taken.status), "{archive} {headers:?}: {}", taken.status);
            assert_eq!(downloads(&ann).await - before, 1, "{archive} {headers:?}");
        }
        // An archive of another folder is a download of its own.
        for _ in 0..2 {
            visitor.fetch(&format!("{at}/drive/{below}/archive"), &headers).await;
            assert_eq!(downloads(&ann).await - before, 2, "{headers:?}");
        }
    }
}

#[tokio::test]
async fn a_used_up_link_serves_an_archive_that_has_begun_for_another_hour() {
    let server = behind_a_proxy().await;
    let (ann, visitor) = (server.user("ann").await, server.anonymous());
    let linked = ann.folder("Linked", None).await;
    ann.upload("x", b"words", Some(&linked)).await;
    let link = link_folder(&ann, &linked, json!({"max_downloads": 2})).await;
    let archive = format!("{}/archive", path(&link));
    let (one, two, three) = (address(1), address(2), address(3));
    for (here, counted) in [(&one, 1), (&two, 2), (&one, 2)] {
        assert_eq!(visitor.fetch(&archive, &[("X-Forwarded-For", here)]).await.status, 200);
        assert_eq!(downloads(&ann).await, counted);
    }
    visitor.fetch(&archive, &[("X-Forwarded-For", &three)]).await.refused(410, "link_exhausted");
    // Without If-Range too.
    let rest = visitor.fetch(&archive, &[("X-Forwarded-For", &two), ("Range", "bytes=2-3")]).await;
    assert_eq!((rest.status, rest.body), (206, vec![3, 4]));
    server.execute("UPDATE link_downloads SET counted_at = counted_at - 3600000");
    for here in [&one, &two, &three] {
        visitor.fetch(&archive, &[("X-Forwarded-For", here)]).await.refused(410, "link_exhausted");
    }
    assert_eq!(downloads(&ann).await, 2);
    ann.patch(&format!("/link/{}", text(&link["id"])), json!({"max_downloads": 3})).await.ok();
    assert_eq!(visitor.fetch(&archive, &[("X-Forwarded-For", &three)]).await.status, 200);
    visitor.fetch(&archive, &[("X-Forwarded-For", &one)]).await.refused(410, "link_exhausted");
}

#[tokio::test]
async fn archives_of_a_link_need_its_password() {
    let server = Server::start().await;
    let (ann, visitor) = (server.user("ann").await, server.anonymous());
    let linked = ann.folder("Linked", None).await;
    let archive = format!("{}/archive", path(&link_folder(&ann, &linked, json!({"password": "a quiet secret"})).await));
    visitor.get(&archive).await.refused(401, "link_password_required");
    let wrong = visitor.request(Method::GET, &archive).header("X-Link-Password", "a wrong secret");
    visitor.send(wrong).await.refused(401, "link_password_required");
    let right = visitor.request(Method::GET, &archive).header("X-Link-Password", "a quiet secret");
    assert_eq!(visitor.send(right).await.status, 200);
    server.execute("UPDATE links SET expires_at = 1");
    let late = visitor.request(Method::GET, &archive).header("X-Link-Password", "a quiet secret");
    visitor.send(late).await.refused(410, "link_expired");
}
