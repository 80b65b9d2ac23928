//! Cross-origin access from a real browser.

use serde_json::{Value, json};

use crate::link::{link_file, path};
use crate::support::stack::{Stack, stack};
use crate::support::{ApiClient, Browser, Server, Site, png, text};

/// A server that allows the site's origin, with the documented CORS rule on its bucket.
async fn server_for(site: &Site) -> Server {
    let server = Server::with(&[("CORS_ORIGINS", site.origin())]).await;
    if stack() == Stack::Production {
        server.storage().bucket().let_in(site.origin());
    }
    server
}

/// Fetches `given[0]` with the headers `given[1]`; returns the status, the text and the headers visible to the page.
const FETCH: &str = "
    const [url, headers] = given;
    const answer = await fetch(url, {headers});
    return {status: answer.status, text: await answer.text(), headers: Object.fromEntries(answer.headers)};
";

async fn fetch(browser: &Browser, url: &str, headers: Value) -> Value {
    let answer = browser.run(FETCH, vec![json!(url), headers]).await;
    answer.unwrap_or_else(|error| panic!("{url}: {error}"))
}

fn bearer(caller: &ApiClient) -> Value {
    json!({"Authorization": format!("Bearer {}", caller.token())})
}

#[tokio::test]
async fn a_page_of_another_origin_downloads_by_every_url() {
    let site = Site::start().await;
    let server = server_for(&site).await;
    let ann = server.user("ann").await;
    let file = ann.upload("note.txt", b"0123456789", None).await;
    let id = text(&file["id"]);
    let open = link_file(&ann, &id, json!({})).await;
    let closed = link_file(&ann, &id, json!({"password": "a long secret"})).await;
    let download = text(&ann.get(&format!("/file/{id}")).await.ok()["download"]["url"]);
    let version = format!("/file/{id}/version/{}", text(&file["version_id"]));
    let version = text(&ann.get(&version).await.ok()["download"]["url"]);
    let at = |path: &str| format!("{}{path}", server.url());
    let browser = Browser::start().await;
    browser.open(site.origin()).await;
    for (url, headers) in [
        (at(&format!("/file/{id}/content")), bearer(&ann)),
        (at(&format!("{}/content", path(&open))), json!({})),
        (at(&format!("{}/content", path(&closed))), json!({"X-Link-Password": "a long secret"})),
        (download, json!({})),
        (version, json!({})),
    ] {
        let whole = fetch(&browser, &url, headers.clone()).await;
        assert_eq!((&whole["status"], &whole["text"]), (&json!(200), &json!("0123456789")), "{url}");
        let tag = text(&whole["headers"]["etag"]);
        assert_eq!(file["content_etag"], tag, "{url}");
        assert!(whole["headers"]["content-disposition"].is_string(), "{url}: {whole}");
        // A range with a condition needs a preflight.
        let mut partly = headers;
        partly["Range"] = json!("bytes=2-4");
        partly["If-Match"] = json!(tag);
        let part = fetch(&browser, &url, partly).await;
        assert_eq!((&part["status"], &part["text"]), (&json!(206), &json!("234")), "{url}");
        assert_eq!(part["headers"]["content-range"], "bytes 2-4/10", "{url}");
    }
}

#[tokio::test]
async fn a_page_of_another_origin_uploads_and_sees_its_photo() {
    let site = Site::start().await;
    let server = server_for(&site).await;
    let ann = server.user("ann").await;
    let browser = Browser::start().await;
    browser.open(site.origin()).await;
    let upload = "
        const [api, headers] = given;
        const json = async answer => { if (!answer.ok) throw await answer.text(); return answer.json(); };
        const send = (path, body) => fetch(api + path, {
            method: 'POST', headers: {...headers, 'Content-Type': 'application/json'}, body: JSON.stringify(body)});
        const begun = await json(await send('/file', {file_name: 'note.txt', file_size_in_bytes: 5}));
        const [part] = begun.parts;
        const put = await fetch(part.url, {method: 'PUT', headers: part.headers, body: 'hello'});
        if (!put.ok) throw await put.text();
        return json(await send(`/upload/${begun.upload_id}/complete`, {}));
    ";
    let file = browser.run(upload, vec![json!(server.url()), bearer(&ann)]).await.unwrap();
    assert_eq!(ann.download(&text(&file["id"])).await, b"hello");
    let photo = reqwest::multipart::Part::bytes(png(9, 9)).file_name("photo.png");
    let form = reqwest::multipart::Form::new().part("photo", photo);
    let url = text(&ann.send(ann.request(reqwest::Method::POST, "/profile_photo").multipart(form)).await.ok()["url"]);
    let photo = fetch(&browser, &url, json!({})).await;
    assert_eq!((&photo["status"], &photo["headers"]["content-type"]), (&json!(200), &json!("image/jpeg")));
}

#[tokio::test]
async fn a_page_of_an_origin_that_was_not_named_gets_nothing() {
    let (site, other) = (Site::start().await, Site::start().await);
    let server = server_for(&site).await;
    let ann = server.user("ann").await;
    let id = text(&ann.upload("note.txt", b"hello", None).await["id"]);
    let content = format!("{}{}/content", server.url(), path(&link_file(&ann, &id, json!({})).await));
    let download = text(&ann.get(&format!("/file/{id}")).await.ok()["download"]["url"]);
    let browser = Browser::start().await;
    browser.open(other.origin()).await;
    for url in [content, download] {
        let refused = browser.run(FETCH, vec![json!(url), json!({})]).await.unwrap_err();
        assert!(refused.contains("Failed to fetch"), "{refused}");
    }
}
