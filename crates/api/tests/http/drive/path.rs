//! `path` and `parent_folder_id`: which ancestors a caller sees.

use serde_json::{Value, json};

use crate::support::{ApiClient, Server, text};

/// The names in the path, and the parent's identifier, as shown to `user`.
async fn way_to(user: &ApiClient, folder: &str) -> (Vec<String>, Value) {
    let listing = user.get(&format!("/drive/{folder}")).await.ok();
    let path = listing["path"].as_array().unwrap();
    let last = path.last().unwrap();
    assert_eq!((&last["id"], &last["name"]), (&listing["folder"]["id"], &listing["folder"]["name"]));
    let names = path.iter().map(|step| text(&step["name"])).collect();
    (names, listing["folder"]["parent_folder_id"].clone())
}

fn names<const N: usize>(names: [&str; N]) -> Vec<String> {
    names.map(str::to_owned).into()
}

#[tokio::test]
async fn an_owner_sees_the_whole_way_without_the_root() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let a = ann.folder("a", None).await;
    let b = ann.folder("b", Some(&a)).await;
    let c = ann.folder("c", Some(&b)).await;
    assert_eq!(way_to(&ann, &a).await, (names(["a"]), Value::Null));
    assert_eq!(way_to(&ann, &b).await, (names(["a", "b"]), json!(a)));
    assert_eq!(way_to(&ann, &c).await, (names(["a", "b", "c"]), json!(b)));
    let step = ann.get(&format!("/drive/{c}")).await.ok()["path"][1].clone();
    assert_eq!(step, json!({"id": b, "name": "b"}));

    ann.patch(&format!("/drive/{b}"), json!({"folder_name": "B", "parent_folder_id": null})).await.ok();
    assert_eq!(way_to(&ann, &c).await, (names(["B", "c"]), json!(b)), "the way follows the folders above");
}

#[tokio::test]
async fn a_guest_sees_the_way_from_the_topmost_shared_folder_only() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let a = ann.folder("a", None).await;
    let b = ann.folder("b", Some(&a)).await;
    let c = ann.folder("c", Some(&b)).await;
    let d = ann.folder("d", Some(&c)).await;
    ann.share_folder(&b, "ben", "view").await;
    ben.get(&format!("/drive/{a}")).await.refused(404, "not_found");
    assert_eq!(way_to(&ben, &b).await, (names(["b"]), Value::Null));
    assert_eq!(way_to(&ben, &c).await, (names(["b", "c"]), json!(b)));
    assert_eq!(way_to(&ben, &d).await, (names(["b", "c", "d"]), json!(c)));

    // A share further down changes nothing; one further up shows more.
    ann.share_folder(&d, "ben", "edit").await;
    assert_eq!(way_to(&ben, &d).await, (names(["b", "c", "d"]), json!(c)));
    ann.share_folder(&a, "ben", "view").await;
    assert_eq!(way_to(&ben, &d).await, (names(["a", "b", "c", "d"]), json!(c)));
    assert_eq!(way_to(&ben, &b).await, (names(["a", "b"]), json!(a)));
}

#[tokio::test]
async fn a_file_shows_its_parent_only_to_those_who_may_see_it() {
    let server = Server::start().await;
    let (ann, ben, cara) = (server.user("ann").await, server.user("ben").await, server.user("cara").await);
    let top = ann.folder("Top", None).await;
    let file = text(&ann.upload("note.txt", b"note", Some(&top)).await["id"]);
    ann.share_file(&file, "ben", "view").await;
    ann.share_folder(&top, "cara", "view").await;
    let parent = async |user: &ApiClient| user.get(&format!("/file/{file}")).await.ok()["parent_folder_id"].clone();
    assert_eq!(parent(&ann).await, json!(top));
    assert_eq!(parent(&cara).await, json!(top));
    assert_eq!(parent(&ben).await, Value::Null);
    ann.patch(&format!("/file/{file}"), json!({"parent_folder_id": null})).await.ok();
    assert_eq!(parent(&ann).await, Value::Null);
}

#[tokio::test]
async fn responses_to_a_guest_name_nothing_above_the_shared_folder() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let secret = ann.folder("divorce papers", None).await;
    let shared = ann.folder("holiday", Some(&secret)).await;
    ann.folder("beach", Some(&shared)).await;
    ann.share_folder(&shared, "ben", "edit").await;
    for path in [format!("/drive/{shared}"), "/shared-with-me".to_owned(), "/drive".to_owned()] {
        let text = ben.get(&path).await.text();
        assert!(!text.contains("divorce") && !text.contains(&secret), "{path}: {text}");
    }
    let body = json!({"folder_name": "beach", "parent_folder_id": shared});
    let text = ben.post("/drive", body).await.text();
    assert!(!text.contains("divorce") && !text.contains(&secret), "{text}");
}
