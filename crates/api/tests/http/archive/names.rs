//! `?names=portable`.

use serde_json::json;

use super::{archive, paths, unpacked};
use crate::link::{link_folder, path};
use crate::support::{Server, text};

#[tokio::test]
async fn names_are_those_of_the_drive_or_such_as_windows_can_have() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = ann.folder("10:30", None).await;
    let folder = ann.folder("CON", Some(&top)).await;
    for (name, parent) in [("Été.txt", &top), ("été.txt", &top), ("dot.", &top), ("what?", &folder), ("aux.c", &folder)]
    {
        ann.upload(name, name.as_bytes(), Some(parent)).await;
    }
    let unchanged =
        ["10:30/", "10:30/CON/", "10:30/CON/aux.c", "10:30/CON/what?", "10:30/dot.", "10:30/Été.txt", "10:30/été.txt"];
    assert_eq!(paths(&mut archive(&ann, &top).await), unchanged);
    let portable = [
        "10_30/",
        "10_30/CON_/",
        "10_30/CON_/aux_.c",
        "10_30/CON_/what_",
        "10_30/dot_",
        "10_30/Été.txt",
        "10_30/été (1).txt",
    ];
    let link = link_folder(&ann, &top, json!({})).await;
    let url = ann.post("/archive", json!({"item_ids": [top], "names": "portable"})).await.ok();
    for path in [
        format!("/drive/{top}/archive?names=portable"),
        format!("{}/archive?names=portable", path(&link)),
        text(&url["url"]),
    ] {
        assert_eq!(paths(&mut unpacked(ann.get(&path).await)), portable, "{path}");
    }
    let etag = async |query: &str| ann.get(&format!("/drive/{top}/archive{query}")).await.header("etag").to_owned();
    assert_ne!(etag("").await, etag("?names=portable").await);
    for query in ["names=short", "names=", "name=portable"] {
        let refused = ann.get(&format!("/drive/{top}/archive?{query}")).await;
        refused.refused_field(query.split('=').next().unwrap());
    }
    let twice = ann.get(&format!("/drive/{top}/archive?names=portable&names=portable")).await;
    twice.refused(400, "malformed_request");
}
