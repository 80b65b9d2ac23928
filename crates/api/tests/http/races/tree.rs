//! Concurrent moves that cross, and many readers.

use futures_util::future::{join, join_all};
use serde_json::{Value, json};

use super::count;
use crate::support::{ApiClient, ApiResponse, Server, text};

async fn into(user: &ApiClient, folder: &str, parent: &str) -> ApiResponse {
    user.patch(&format!("/drive/{folder}"), json!({"parent_folder_id": parent})).await
}

#[tokio::test]
async fn one_of_two_moves_that_would_form_a_cycle_is_refused() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    for round in 0..12 {
        let (a, b) = (ann.folder(&format!("a{round}"), None).await, ann.folder(&format!("b{round}"), None).await);
        let (first, second) = join(into(&ann, &a, &b), into(&ann, &b, &a)).await;
        let answers = [first, second];
        assert_eq!((count(&answers, 200, None), count(&answers, 409, Some("folder_cycle"))), (1, 1));
    }
    assert_eq!(ann.names(None).await.len(), 12, "one of each two stands in the root, the other in it");
}

#[tokio::test]
async fn a_ring_of_moves_is_never_closed_and_nothing_gets_lost() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let names: Vec<String> = (0..8).map(|number| format!("{number}")).collect();
    let folders = join_all(names.iter().map(|name| ann.folder(name, None))).await;
    for _ in 0..4 {
        let next = folders.iter().cycle().skip(1);
        let moves = folders.iter().zip(next).map(|(folder, next)| into(&ann, folder, next));
        let answers = join_all(moves).await;
        let refused = count(&answers, 409, Some("folder_cycle"));
        assert!(refused >= 1 && refused + count(&answers, 200, None) == 8);
        // Every folder still has a path to the root.
        for folder in &folders {
            let path = ann.get(&format!("/drive/{folder}")).await.ok()["path"].as_array().unwrap().len();
            assert!((1..=8).contains(&path), "{path}");
        }
        join_all(
            folders.iter().map(async |folder| {
                ann.patch(&format!("/drive/{folder}"), json!({"parent_folder_id": null})).await.ok()
            }),
        )
        .await;
        assert_eq!(ann.names(None).await, names);
    }
}

#[tokio::test]
async fn two_hundred_listings_at_once_are_answered_by_two_connections() {
    let server = Server::with(&[("DATABASE_CONNECTIONS", "2")]).await;
    let ann = server.user("ann").await;
    let top = ann.folder("Top", None).await;
    let names: Vec<String> = (0..20).map(|number| format!("{number:02}")).collect();
    join_all(names.iter().map(|name| ann.folder(name, Some(&top)))).await;
    let listings = join_all((0..200).map(async |number| {
        let path = if number % 2 == 0 { format!("/drive/{top}") } else { "/drive".to_owned() };
        let answer = ann.get(&path).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.ok()["items"].as_array().unwrap().iter().map(|item| text(&item["name"])).collect::<Vec<String>>()
    }))
    .await;
    for (number, listed) in listings.into_iter().enumerate() {
        if number % 2 == 0 {
            assert_eq!(listed, names);
        } else {
            assert_eq!(listed, ["Top"]);
        }
    }
}

#[tokio::test]
async fn a_list_that_is_read_while_it_is_written_shows_nothing_half_done() {
    let server = Server::with(&[("DATABASE_CONNECTIONS", "2")]).await;
    let ann = server.user("ann").await;
    let (left, right) = (ann.folder("left", None).await, ann.folder("right", None).await);
    let file = text(&ann.upload("note.txt", b"note", Some(&left)).await["id"]);
    let moving = async {
        for turn in 0..20 {
            let to = if turn % 2 == 0 { &right } else { &left };
            ann.patch(&format!("/file/{file}"), json!({"parent_folder_id": to})).await.ok();
        }
    };
    let reading = join_all((0..40).map(async |_| {
        // A file that is being moved is always in one of the folders.
        let seen = ann.get(&format!("/file/{file}")).await.ok();
        assert!([json!(left), json!(right)].contains(&seen["parent_folder_id"]));
        for folder in [&left, &right] {
            for item in ann.get(&format!("/drive/{folder}")).await.ok()["items"].as_array().unwrap() {
                assert_eq!((&item["id"], &item["parent_folder_id"]), (&json!(file), &Value::from(folder.as_str())));
            }
        }
    }));
    join(moving, reading).await;
}
