//! `GET /s/{token}`, `GET /s/{token}/drive/{folder_id}`.

use serde_json::{Value, json};

use super::{link_file, link_folder, path};
use crate::support::{ABSENT, Server, text};

fn names(listing: &Value) -> Vec<String> {
    listing["items"].as_array().unwrap().iter().map(|item| text(&item["name"])).collect()
}

#[tokio::test]
async fn a_linked_folder_shows_its_contents_and_nothing_above_it() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = ann.folder("Top", None).await;
    let linked = ann.folder("Linked", Some(&top)).await;
    let inner = ann.folder("Inner", Some(&linked)).await;
    let file = text(&ann.send_form(&[("parent_folder_id", &inner)], "deep.txt", b"deep").await.ok()["id"]);
    ann.send_form(&[("parent_folder_id", &linked)], "here.txt", b"here").await.ok();
    let beside = text(&ann.send_form(&[("parent_folder_id", &top)], "beside.txt", b"beside").await.ok()["id"]);
    let (link, visitor) = (link_folder(&ann, &linked, json!({})).await, server.anonymous());
    let at = path(&link);

    let seen = visitor.get(&at).await.ok();
    assert_eq!(names(&seen), ["here.txt", "Inner"].map(str::to_owned).into_iter().collect::<Vec<_>>());
    assert_eq!((&seen["item"]["id"], &seen["item"]["parent_folder_id"]), (&json!(linked), &Value::Null));
    for item in std::iter::once(&seen["item"]).chain(seen["items"].as_array().unwrap()) {
        assert_eq!((&item["permission"], &item["owner"]["username"]), (&json!("view"), &json!("ann")), "{item}");
    }
    assert_eq!(seen["items"][1]["parent_folder_id"], json!(linked));
    let deeper = visitor.get(&format!("{at}/drive/{inner}")).await.ok();
    assert_eq!((names(&deeper), &deeper["item"]["parent_folder_id"]), (vec!["deep.txt".to_owned()], &json!(linked)));
    let same = visitor.get(&format!("{at}/drive/{linked}")).await.ok();
    assert_eq!((&same["item"], &same["items"]), (&seen["item"], &seen["items"]));
    assert!(!format!("{seen}{deeper}").contains("Top"));

    for hidden in [&top, &beside, &file, &ABSENT.to_owned(), &"nonsense".to_owned()] {
        visitor.get(&format!("{at}/drive/{hidden}")).await.refused(404, "not_found");
    }
    for hidden in [&top, &linked, &beside, &ABSENT.to_owned()] {
        visitor.get(&format!("{at}/file/{hidden}/content")).await.refused(404, "not_found");
    }
    // A link gives no access to the rest of the API.
    for elsewhere in [format!("/drive/{linked}"), format!("/file/{file}"), format!("/file/{file}/content")] {
        visitor.get(&elsewhere).await.refused(401, "unauthenticated");
    }
    // Items moved in become visible; items moved out do not stay visible.
    ann.patch(&format!("/file/{beside}"), json!({"parent_folder_id": inner})).await.ok();
    ann.patch(&format!("/file/{file}"), json!({"parent_folder_id": top})).await.ok();
    assert_eq!(visitor.fetch(&format!("{at}/file/{beside}/content"), &[]).await.text(), "beside");
    visitor.get(&format!("{at}/file/{file}/content")).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_linked_file_is_shown_alone_after_any_move() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let folder = ann.folder("Folder", None).await;
    let file = text(&ann.send_form(&[("parent_folder_id", &folder)], "a.txt", b"words").await.ok()["id"]);
    let link = link_file(&ann, &file, json!({})).await;
    let (at, visitor) = (path(&link), server.anonymous());
    let seen = visitor.get(&at).await.ok();
    assert_eq!(seen.as_object().unwrap().keys().collect::<Vec<_>>(), ["item"]);
    assert_eq!((&seen["item"]["id"], &seen["item"]["parent_folder_id"]), (&json!(file), &Value::Null));
    assert_eq!((&seen["item"]["size_in_bytes"], &seen["item"]["permission"]), (&json!(5), &json!("view")));
    visitor.get(&format!("{at}/drive/{folder}")).await.refused(404, "not_found");
    assert_eq!(visitor.fetch(&format!("{at}/file/{file}/content"), &[]).await.text(), "words");
    // The link follows the file, not its name.
    ann.patch(&format!("/file/{file}"), json!({"file_name": "b.txt", "parent_folder_id": null})).await.ok();
    ann.send_form(&[("parent_folder_id", &folder)], "a.txt", b"another").await.ok();
    assert_eq!(visitor.get(&at).await.ok()["item"]["name"], "b.txt");
    assert_eq!(visitor.fetch(&format!("{at}/content"), &[]).await.text(), "words");
}

#[tokio::test]
async fn a_linked_folder_is_listed_in_pages_in_any_order() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let linked = ann.folder("Linked", None).await;
    for name in ["b", "a", "c"] {
        ann.folder(name, Some(&linked)).await;
    }
    let (link, other) = (link_folder(&ann, &linked, json!({})).await, link_folder(&ann, &linked, json!({})).await);
    let (at, visitor) = (path(&link), server.anonymous());
    let mut found = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = visitor.get(&format!("{at}?order=DESC&limit=1{cursor}")).await.ok();
        found.extend(names(&page));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
        let elsewhere = format!("{}?order=DESC&limit=1{cursor}", path(&other));
        visitor.get(&elsewhere).await.refused(400, "invalid_cursor");
        visitor.get(&format!("{at}?limit=1{cursor}")).await.refused(400, "invalid_cursor");
    }
    assert_eq!(found, ["c", "b", "a"]);
    visitor.get(&format!("{at}?limit=0")).await.refused_field("limit");
    visitor.get(&format!("{at}?path=/")).await.refused_field("path");
}

#[tokio::test]
async fn a_link_ignores_any_token_that_is_sent() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let linked = ann.folder("Linked", None).await;
    let beside = ann.folder("Beside", None).await;
    let at = path(&link_folder(&ann, &linked, json!({})).await);
    let seen = server.anonymous().get(&at).await.ok();
    for caller in [&ann, &ben, &server.with_token("nonsense")] {
        assert_eq!(caller.get(&at).await.ok(), seen);
        caller.get(&format!("{at}/drive/{beside}")).await.refused(404, "not_found");
    }
}

#[tokio::test]
async fn expired_and_unknown_links_are_distinguished() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let linked = ann.folder("Linked", None).await;
    let link = link_folder(&ann, &linked, json!({"expires_at": "2099-01-01T00:00:00Z"})).await;
    let (at, visitor) = (path(&link), server.anonymous());
    visitor.get(&at).await.ok();
    server.execute("UPDATE links SET expires_at = 1");
    for path in
        [at.clone(), format!("{at}/content"), format!("{at}/drive/{linked}"), format!("{at}/file/{ABSENT}/content")]
    {
        visitor.get(&path).await.refused(410, "link_expired");
    }
    // The owner still sees it, and may extend it.
    let id = text(&ann.get("/link").await.ok()["items"][0]["id"]);
    ann.patch(&format!("/link/{id}"), json!({"expires_at": null})).await.ok();
    visitor.get(&at).await.ok();
    for token in ["CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC", "x", &at[3..at.len() - 1], "%00", "..%2F..%2Fuser"] {
        for rest in ["", "/content", &format!("/drive/{linked}")] {
            assert_eq!(visitor.get(&format!("/s/{token}{rest}")).await.status, 404, "{token}{rest}");
        }
    }
}
