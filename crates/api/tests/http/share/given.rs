//! `GET /shared-by-me`, `GET /file/{id}/share`, `GET /drive/{id}/share`.

use serde_json::{Value, json};

use crate::support::{ApiClient, Server, sql_id, text};

/// All shares of a list, in pages of `limit`.
async fn shares(caller: &ApiClient, path: &str, limit: usize) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = caller.get(&format!("{path}?limit={limit}{cursor}")).await.ok();
        all.extend(page["items"].as_array().unwrap().clone());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

fn ids(shares: &[Value]) -> Vec<String> {
    shares.iter().map(|share| text(&share["id"])).collect()
}

#[tokio::test]
async fn an_owner_finds_again_what_they_have_given_newest_first() {
    let server = Server::start().await;
    let (ann, ben, cara) = (server.user("ann").await, server.user("ben").await, server.user("cara").await);
    assert_eq!(ann.get("/shared-by-me").await.ok(), json!({"items": [], "next_cursor": null}));
    let top = ann.folder("Top", None).await;
    let inner = ann.folder("Inner", Some(&top)).await;
    let file = text(&ann.send_form(&[("parent_folder_id", &inner)], "deep.txt", b"deep").await.ok()["id"]);
    let of_cara = cara.folder("Cara's", None).await;
    let mut given = vec![
        ann.share_file(&file, "ben", "edit").await,
        ann.share_folder(&top, "ben", "view").await,
        ann.share_folder(&top, "cara", "view").await,
        ann.share_folder(&inner, "cara", "edit").await,
    ];
    cara.share_folder(&of_cara, "ann", "edit").await;
    given.reverse();
    for limit in [1, 3, 100] {
        assert_eq!(ids(&shares(&ann, "/shared-by-me", limit).await), given, "in pages of {limit}");
    }
    let newest = shares(&ann, "/shared-by-me", 1).await[0].clone();
    assert_eq!((&newest["permission"], &newest["shared_with"]["username"]), (&json!("edit"), &json!("cara")));
    assert_eq!(newest["item"], json!({"kind": "folder", "id": inner, "name": "Inner"}));
    assert_eq!(shares(&ben, "/shared-by-me", 100).await, Vec::<Value>::new());

    assert_eq!(ids(&shares(&ann, &format!("/drive/{top}/share"), 1).await), [given[1].clone(), given[2].clone()]);
    assert_eq!(ids(&shares(&ann, &format!("/file/{file}/share"), 100).await), [given[3].clone()]);
    ann.get(&format!("/file/{top}/share")).await.refused(404, "not_found");
    ann.get(&format!("/drive/{file}/share")).await.refused(404, "not_found");
    ann.delete(&format!("/share/{}", given[1])).await.ok_empty();
    assert_eq!(ids(&shares(&ann, &format!("/drive/{top}/share"), 100).await), [given[2].clone()]);
    // A share that the guest has left is no longer listed.
    ben.delete(&format!("/share/{}", given[2])).await.ok_empty();
    assert_eq!(ids(&shares(&ann, "/shared-by-me", 100).await), [given[0].clone(), given[3].clone()]);
}

#[tokio::test]
async fn shares_of_trashed_items_are_not_found_until_restored() {
    let server = Server::start().await;
    let (ann, _ben) = (server.user("ann").await, server.user("ben").await);
    let top = ann.folder("Top", None).await;
    let inner = ann.folder("Inner", Some(&top)).await;
    let share = ann.share_folder(&inner, "ben", "edit").await;
    let trash = |at: &str| server.execute(&format!("UPDATE nodes SET trashed_at = {at} WHERE id = {}", sql_id(&top)));
    trash("1");
    assert_eq!(shares(&ann, "/shared-by-me", 100).await, Vec::<Value>::new());
    ann.get(&format!("/drive/{inner}/share")).await.refused(404, "not_found");
    ann.get(&format!("/drive/{inner}/access")).await.refused(404, "not_found");
    ann.patch(&format!("/share/{share}"), json!({"permission": "view"})).await.refused(404, "not_found");
    trash("NULL");
    assert_eq!(ids(&shares(&ann, "/shared-by-me", 100).await), [share]);
}

#[tokio::test]
async fn a_cursor_is_good_for_its_own_list_alone() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    server.user("cara").await;
    let (top, other) = (ann.folder("Top", None).await, ann.folder("Other", None).await);
    ann.share_folder(&top, "ben", "view").await;
    ann.share_folder(&top, "cara", "view").await;
    for path in ["/shared-by-me".to_owned(), format!("/drive/{top}/share"), format!("/drive/{top}/access")] {
        let cursor = text(&ann.get(&format!("{path}?limit=1")).await.ok()["next_cursor"]);
        ann.get(&format!("{path}?limit=1&cursor={cursor}")).await.ok();
        for elsewhere in ["/shared-with-me", "/shared-by-me", &format!("/drive/{other}/share"), "/link"] {
            if elsewhere != path {
                ann.get(&format!("{elsewhere}?cursor={cursor}")).await.refused(400, "invalid_cursor");
            }
        }
        ben.get(&format!("/shared-by-me?cursor={cursor}")).await.refused(400, "invalid_cursor");
        ann.get(&format!("{path}?limit=0")).await.refused_field("limit");
        ann.get(&format!("{path}?sort_by=name")).await.refused_field("sort_by");
    }
}
