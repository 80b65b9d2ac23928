//! `GET /file/{id}/access`, `GET /drive/{id}/access`.

use serde_json::{Value, json};

use crate::support::{Server, text};

#[tokio::test]
async fn an_owner_sees_who_has_which_access_and_why() {
    let server = Server::start().await;
    let (ann, _ben, _cara) = (server.user("ann").await, server.user("ben").await, server.user("cara").await);
    let top = ann.folder("Top", None).await;
    let inner = ann.folder("Inner", Some(&top)).await;
    let file = text(&ann.send_form(&[("parent_folder_id", &inner)], "deep.txt", b"deep").await.ok()["id"]);
    let beside = ann.folder("Beside", None).await;
    ann.share_folder(&beside, "cara", "edit").await;
    let ben_on_top = ann.share_folder(&top, "ben", "view").await;
    let ben_on_file = ann.share_file(&file, "ben", "edit").await;
    let cara_on_inner = ann.share_folder(&inner, "cara", "view").await;
    let body = json!({"share_object_type": "folder", "folder_id": top});
    let link = text(&ann.post("/link", body).await.ok()["id"]);

    let path = format!("/file/{file}/access");
    let item = |kind: &str, id: &str, name: &str| json!({"kind": kind, "id": id, "name": name});
    let whole = ann.get(&path).await.ok();
    assert_eq!(whole["next_cursor"], Value::Null);
    let items = whole["items"].as_array().unwrap();
    let reported =
        |entry: &Value| (entry["user"]["username"].clone(), entry["permission"].clone(), entry["via"].clone());
    let owner = text(&ann.get("/user").await.ok()["id"]);
    let via = |kind: &str, id: &str, item: Value| json!({"kind": kind, "id": id, "item": item});
    let expected = [
        (json!("ann"), json!("owner"), via("owner", &owner, item("file", &file, "deep.txt"))),
        (json!("ben"), json!("view"), via("share", &ben_on_top, item("folder", &top, "Top"))),
        (json!("ben"), json!("edit"), via("share", &ben_on_file, item("file", &file, "deep.txt"))),
        (json!("cara"), json!("view"), via("share", &cara_on_inner, item("folder", &inner, "Inner"))),
        (Value::Null, json!("view"), via("link", &link, item("folder", &top, "Top"))),
    ];
    assert_eq!(items.iter().map(reported).collect::<Vec<_>>(), expected);
    assert_eq!(items[4]["user"], Value::Null);

    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = ann.get(&format!("{path}?limit=2{cursor}")).await.ok();
        paged.extend(page["items"].as_array().unwrap().clone());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(&paged, items);
    let kinds = async |folder: &str| {
        let page = ann.get(&format!("/drive/{folder}/access")).await.ok();
        page["items"].as_array().unwrap().iter().map(|entry| text(&entry["via"]["kind"])).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&top).await, ["owner", "share", "link"]);
    assert_eq!(kinds(&beside).await, ["owner", "share"]);
}

#[tokio::test]
async fn links_that_have_expired_are_left_out_and_those_that_are_used_up_still_show_names() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = text(&ann.send_form(&[], "a.txt", b"words").await.ok()["id"]);
    let link = async |mut body: Value| {
        body["share_object_type"] = json!("file");
        body["file_id"] = json!(file);
        ann.post("/link", body).await.ok()
    };
    let (limited, expiring) = (link(json!({"max_downloads": 1})).await, link(json!({})).await);
    let links = async || {
        let page = ann.get(&format!("/file/{file}/access")).await.ok();
        page["items"].as_array().unwrap().iter().skip(1).map(|entry| text(&entry["via"]["id"])).collect::<Vec<_>>()
    };
    assert_eq!(links().await, [text(&limited["id"]), text(&expiring["id"])]);
    let path = text(&limited["url"]).rsplit_once("/s/").map(|(_, token)| format!("/s/{token}/content")).unwrap();
    assert_eq!(server.anonymous().fetch(&path, &[]).await.text(), "words");
    assert_eq!(links().await, [text(&limited["id"]), text(&expiring["id"])]);
    server.execute("UPDATE links SET expires_at = 1");
    assert_eq!(links().await, Vec::<String>::new());
}
