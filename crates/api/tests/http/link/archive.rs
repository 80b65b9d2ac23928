//! `GET`, `HEAD /s/{token}/archive`, `/s/{token}/drive/{folder_id}/archive`.

use reqwest::Method;
use serde_json::json;

use super::{link_file, link_folder, path};
use crate::archive::{paths, unpacked};
use crate::support::{Server, text};

#[tokio::test]
async fn a_linked_folder_comes_as_one_zip_and_so_does_one_below_it() {
    let server = Server::start().await;
    let (ann, anybody) = (server.user("ann").await, server.anonymous());
    let top = ann.folder("Top", None).await;
    let (linked, beside) = (ann.folder("Linked", Some(&top)).await, ann.folder("Beside", Some(&top)).await);
    let below = ann.folder("Below", Some(&linked)).await;
    let file = text(&ann.upload("x", b"words", Some(&below)).await["id"]);
    let link = path(&link_folder(&ann, &linked, json!({})).await);
    let answer = anybody.get(&format!("{link}/archive")).await;
    assert!(answer.header("content-disposition").contains("\"Linked.zip\""));
    let etag = answer.header("etag").to_owned();
    assert_eq!(paths(&mut unpacked(answer)), ["Linked/", "Linked/Below/", "Linked/Below/x"]);
    let part = anybody.fetch(&format!("{link}/archive"), &[("Range", "bytes=0-1"), ("If-Range", &etag)]).await;
    assert_eq!((part.status, part.text().as_str()), (206, "PK"));
    for folder in [&below, &linked] {
        let answer = anybody.get(&format!("{link}/drive/{folder}/archive")).await;
        assert_eq!(answer.status, 200);
    }
    for other in [&beside, &top, &file] {
        anybody.get(&format!("{link}/drive/{other}/archive")).await.refused(404, "not_found");
    }
    let of_file = path(&link_file(&ann, &file, json!({})).await);
    anybody.get(&format!("{of_file}/archive")).await.refused(404, "not_found");
}

#[tokio::test]
async fn an_archive_is_one_download() {
    let server = Server::start().await;
    let (ann, anybody) = (server.user("ann").await, server.anonymous());
    let linked = ann.folder("Linked", None).await;
    ann.upload("x", b"words", Some(&linked)).await;
    let link = link_folder(&ann, &linked, json!({"max_downloads": 1})).await;
    let (archive, id) = (format!("{}/archive", path(&link)), text(&link["id"]));
    let downloads = async || {
        let links = ann.get("/link").await.ok();
        links["items"].as_array().unwrap().iter().find(|link| link["id"] == *id).unwrap()["downloads"].clone()
    };
    let head = anybody.send(anybody.request(Method::HEAD, &archive)).await;
    assert_eq!((head.status, downloads().await), (200, json!(0)));
    let size: usize = head.header("content-length").parse().unwrap();
    let etag = head.header("etag").to_owned();
    let beyond = format!("bytes={size}-");
    anybody.fetch(&archive, &[("Range", &beyond)]).await.refused(416, "range_not_satisfiable");
    assert_eq!(anybody.fetch(&archive, &[("If-None-Match", &etag)]).await.status, 304);
    assert_eq!(downloads().await, json!(0));
    let whole = anybody.get(&archive).await;
    assert_eq!((whole.status, downloads().await), (200, json!(1)));
    // Resuming it is not another download.
    let rest = anybody.fetch(&archive, &[("Range", "bytes=9-"), ("If-Range", &etag)]).await;
    assert_eq!((rest.status, downloads().await), (206, json!(1)));
}

#[tokio::test]
async fn who_does_not_know_the_password_gets_no_archive() {
    let server = Server::start().await;
    let (ann, anybody) = (server.user("ann").await, server.anonymous());
    let linked = ann.folder("Linked", None).await;
    let archive = format!("{}/archive", path(&link_folder(&ann, &linked, json!({"password": "a quiet secret"})).await));
    anybody.get(&archive).await.refused(401, "link_password_required");
    let wrong = anybody.request(Method::GET, &archive).header("X-Link-Password", "a wrong secret");
    anybody.send(wrong).await.refused(401, "link_password_required");
    let right = anybody.request(Method::GET, &archive).header("X-Link-Password", "a quiet secret");
    assert_eq!(anybody.send(right).await.status, 200);
    server.execute("UPDATE links SET expires_at = 1");
    let late = anybody.request(Method::GET, &archive).header("X-Link-Password", "a quiet secret");
    anybody.send(late).await.refused(410, "link_expired");
}
