use serde_json::json;

use super::trash;
use crate::support::{Server, text};

#[tokio::test]
async fn the_trash_lists_items_with_former_path_and_purge_time() {
    let server = Server::with(&[("TRASH_RETENTION_SECONDS", "86400")]).await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let top = ann.folder("Top", None).await;
    let inner = ann.folder("Inner", Some(&top)).await;
    let file = ann.upload("note.txt", b"note", Some(&inner)).await;
    ann.upload("below.txt", b"below", Some(&inner)).await;
    ann.share_folder(&top, "ben", "edit").await;
    ben.delete(&format!("/file/{}", text(&file["id"]))).await.ok_empty();
    let rows = trash(&ann).await;
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    let mut item = file.clone();
    item["etag"] = row["item"]["etag"].clone();
    assert_ne!(item["etag"], file["etag"]);
    assert_eq!(row["item"], item);
    assert_eq!(row["path"], json!(["Top", "Inner"]));
    let day = |time: &serde_json::Value| text(time)[..10].to_owned();
    assert_ne!(day(&row["trashed_at"]), day(&row["purge_at"]));
    assert_eq!(text(&row["trashed_at"])[10..], text(&row["purge_at"])[10..], "a day later to the millisecond");

    // An item trashed before its parent stays a separate entry; it would now be restored to the root.
    ann.delete(&format!("/drive/{inner}")).await.ok_empty();
    ann.delete(&format!("/drive/{top}")).await.ok_empty();
    let rows = trash(&ann).await;
    let names: Vec<String> = rows.iter().map(|row| text(&row["item"]["name"])).collect();
    assert_eq!(names, ["Top", "Inner", "note.txt"]);
    assert_eq!(rows[1]["path"], json!(["Top"]));
    assert_eq!(rows[2]["item"]["parent_folder_id"], json!(null));
    assert_eq!(trash(&ben).await, Vec::<serde_json::Value>::new());
}

#[tokio::test]
async fn the_trash_comes_in_pages_that_belong_to_it() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    for number in 0..7 {
        let folder = ann.folder(&format!("{number}"), None).await;
        ann.delete(&format!("/drive/{folder}")).await.ok_empty();
    }
    let (mut names, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = ann.get(&format!("/trash?limit=3{cursor}")).await.ok();
        let rows = page["items"].as_array().unwrap();
        assert!(rows.len() <= 3);
        names.extend(rows.iter().map(|row| text(&row["item"]["name"])));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    names.sort();
    assert_eq!(names, ["0", "1", "2", "3", "4", "5", "6"]);
    let cursor = text(&ann.get("/trash?limit=1").await.ok()["next_cursor"]);
    ben.get(&format!("/trash?cursor={cursor}")).await.refused(400, "invalid_cursor");
    ann.get(&format!("/drive?cursor={cursor}")).await.refused(400, "invalid_cursor");
    ann.get("/trash?limit=0").await.refused_field("limit");
    ann.get("/trash?sort_by=name").await.refused_field("sort_by");
}
