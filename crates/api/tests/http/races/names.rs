//! Concurrent requests for one name.

use std::collections::HashSet;

use futures_util::future::{join, join_all};
use serde_json::{Value, json};

use super::count;
use crate::support::{ApiClient, ApiResponse, PASSWORD, Server, text};

#[tokio::test]
async fn one_folder_gets_the_name_in_a_folder_and_in_the_root() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = ann.folder("Top", None).await;
    for parent in [None, Some(top.as_str())] {
        for name in ["a", "b", "c"] {
            let body = json!({"folder_name": name, "parent_folder_id": parent});
            let answers = join_all((0..16).map(|_| ann.post("/drive", body.clone()))).await;
            assert_eq!((count(&answers, 201, None), count(&answers, 409, Some("name_taken"))), (1, 15));
            let winner = answers.iter().find(|answer| answer.status == 201).unwrap().json();
            for loser in answers.iter().filter(|answer| answer.status == 409) {
                assert_eq!(loser.json()["conflict"]["item"]["id"], winner["id"], "all learn who has it");
            }
        }
        let names = ann.names(parent).await;
        assert_eq!(names.iter().filter(|name| *name != "Top").collect::<Vec<_>>(), ["a", "b", "c"]);
    }
}

/// Starts uploads of the same name into `parent`, whose bytes have arrived.
async fn ready(user: &ApiClient, name: &str, parent: Option<&str>, how_many: usize) -> Vec<Value> {
    let one = async |number: usize| {
        let bytes = format!("{number:02}");
        let upload = user.begin(name, bytes.len(), parent).await.ok();
        user.put(&upload, bytes).await.ok_empty();
        upload
    };
    join_all((0..how_many).map(one)).await
}

async fn complete(user: &ApiClient, upload: &Value, conflict: &str) -> ApiResponse {
    let path = format!("/upload/{}/complete", text(&upload["upload_id"]));
    user.post(&path, json!({"file_conflict": conflict})).await
}

#[tokio::test]
async fn one_of_concurrent_files_gets_the_name_and_others_may_keep_both() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = ann.folder("Top", None).await;
    for parent in [None, Some(top.as_str())] {
        let uploads = ready(&ann, "photo.jpg", parent, 12).await;
        let answers = join_all(uploads.iter().map(|upload| ann.complete(upload))).await;
        assert_eq!((count(&answers, 200, None), count(&answers, 409, Some("name_taken"))), (1, 11));
        let losers: Vec<&Value> =
            uploads.iter().zip(&answers).filter(|(_, answer)| answer.status == 409).map(|(upload, _)| upload).collect();
        let kept = join_all(losers.into_iter().map(|upload| complete(&ann, upload, "Keep"))).await;
        let names: HashSet<String> = kept.into_iter().map(|answer| text(&answer.ok()["name"])).collect();
        let expected = (1..=11).map(|number| format!("photo ({number}).jpg")).collect();
        assert_eq!(names, expected, "distinct, and none left out");
    }
    assert_eq!(ann.quota().await["used_bytes"], 48);
}

#[tokio::test]
async fn concurrent_keep_both_uploads_get_consecutive_names_and_their_own_bytes() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = ann.folder("Top", None).await;
    let fields = [("parent_folder_id", top.as_str()), ("file_conflict", "keep")];
    let contents: Vec<String> = (0..14).map(|number| format!("the words of {number}")).collect();
    let files = join_all(contents.iter().map(async |content| {
        let file = ann.send_form(&fields, "a.tar.gz", content.as_bytes()).await.ok();
        (text(&file["name"]), ann.download(&text(&file["id"])).await == content.as_bytes())
    }))
    .await;
    assert!(files.iter().all(|(_, own)| *own));
    let names: HashSet<String> = files.into_iter().map(|(name, _)| name).collect();
    let mut expected: HashSet<String> = (1..14).map(|number| format!("a.tar ({number}).gz")).collect();
    expected.insert("a.tar.gz".to_owned());
    assert_eq!(names, expected);
}

#[tokio::test]
async fn concurrent_replaces_leave_one_file_with_the_bytes_of_one() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let id = text(&ann.upload("note", b"first", None).await["id"]);
    let fields = [("file_conflict", "Replace")];
    let contents: Vec<String> = (0..10).map(|number| format!("the words of {number}")).collect();
    let answers = join_all(contents.iter().map(|content| ann.send_form(&fields, "note", content.as_bytes()))).await;
    for answer in answers {
        assert_eq!(answer.ok()["id"], json!(id));
    }
    let last = String::from_utf8(ann.download(&id).await).unwrap();
    assert!(contents.contains(&last), "{last}");
    assert_eq!(ann.names(None).await, ["note"]);
    // Each replaced content is kept as a version.
    let all = "first".len() + contents.iter().map(String::len).sum::<usize>();
    assert_eq!(ann.quota().await["used_bytes"], json!(all));
}

#[tokio::test]
async fn a_file_and_a_folder_do_not_get_the_same_name() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    for number in 0..12 {
        let name = format!("name {number}");
        let (folder, file) =
            join(ann.post("/drive", json!({"folder_name": name})), ann.send_form(&[], &name, b"words")).await;
        let mut outcome = [folder.status, file.status];
        outcome.sort_unstable();
        assert_eq!(outcome, [201, 409]);
    }
    assert_eq!(ann.names(None).await.len(), 12);
}

#[tokio::test]
async fn renames_and_moves_do_not_put_a_name_twice_into_a_folder() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let top = ann.folder("Top", None).await;
    let (mut within, mut without) = (Vec::new(), Vec::new());
    for number in 0..6 {
        within.push(ann.folder(&number.to_string(), Some(&top)).await);
        without.push(ann.folder(&format!("outside {number}"), None).await);
    }
    let body = json!({"folder_name": "wanted", "parent_folder_id": top});
    let everybody = within.iter().chain(&without).map(|id| (format!("/drive/{id}"), body.clone()));
    let answers = join_all(everybody.map(async |(path, body)| ann.patch(&path, body).await)).await;
    assert_eq!((count(&answers, 200, None), count(&answers, 409, Some("name_taken"))), (1, 11));
    let names = ann.names(Some(&top)).await;
    assert_eq!(names.iter().filter(|name| *name == "wanted").count(), 1, "{names:?}");
}

#[tokio::test]
async fn concurrent_registrations_of_a_name_create_one_user() {
    let server = Server::start().await;
    let names = ["ann", "Ann", "aNn", "anN", "ANn", "AnN", "aNN", "ANN"];
    let anonymous = server.anonymous();
    let answers = join_all(names.iter().enumerate().map(|(number, name)| {
        let email = format!("ann{number}@example.com");
        anonymous.post("/user", json!({"username": name, "email": email, "password": PASSWORD}))
    }))
    .await;
    assert_eq!((count(&answers, 201, None), count(&answers, 409, Some("username_taken"))), (1, 7));
    // The same for e-mail addresses.
    let answers = join_all(names.iter().enumerate().map(|(number, name)| {
        let email = format!("{name}@Example.org");
        anonymous.post("/user", json!({"username": format!("ben{number}"), "email": email, "password": PASSWORD}))
    }))
    .await;
    assert_eq!((count(&answers, 201, None), count(&answers, 409, Some("email_taken"))), (1, 7));
    let ann = server.login("ann").await;
    assert_eq!(ann.names(None).await, Vec::<String>::new());
}

#[tokio::test]
async fn one_upload_completed_ten_times_at_once_is_one_file() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    for conflict in ["fail", "Keep", "Replace"] {
        let upload = ready(&ann, conflict, None, 1).await.remove(0);
        let answers = join_all((0..10).map(|_| complete(&ann, &upload, conflict))).await;
        let first = answers[0].json();
        for answer in answers {
            assert_eq!(answer.ok(), first, "everybody is told of the same file");
        }
    }
    assert_eq!(ann.names(None).await, ["fail", "Keep", "Replace"]);
    assert_eq!(ann.quota().await["used_bytes"], 6);
    assert_eq!(server.blobs().len(), 3);
}

#[tokio::test]
async fn an_upload_that_is_completed_and_given_up_at_once_is_either_a_file_or_nothing() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let mut files = Vec::new();
    for number in 0..10 {
        let name = format!("{number}");
        let upload = ready(&ann, &name, None, 1).await.remove(0);
        let path = format!("/upload/{}", text(&upload["upload_id"]));
        let (completed, aborted) = join(ann.complete(&upload), ann.delete(&path)).await;
        match (completed.status, aborted.status) {
            (200, 409) => files.push(name),
            (409, 204) => drop(completed.refused(409, "upload_closed")),
            other => panic!("completed and given up: {other:?}"),
        }
    }
    assert_eq!(ann.names(None).await, files);
    let quota = ann.quota().await;
    assert_eq!((&quota["used_bytes"], &quota["reserved_bytes"]), (&json!(2 * files.len()), &json!(0)));
    for item in ann.get("/drive").await.ok()["items"].as_array().unwrap() {
        ann.download(&text(&item["id"])).await;
    }
}
