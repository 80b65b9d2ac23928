//! Concurrent copies, and changes during a copy.

use std::collections::BTreeSet;

use futures_util::future::{join, join_all};
use serde_json::json;

use super::count;
use crate::copy::{copy_file, copy_folder};
use crate::support::{Server, text};

#[tokio::test]
async fn concurrent_keep_both_copies_get_distinct_names_within_the_quota() {
    let server = Server::with(&[("DEFAULT_QUOTA_BYTES", "45")]).await;
    let ann = server.user("ann").await;
    let top = ann.folder("Top", None).await;
    ann.upload("ten", b"0123456789", Some(&top)).await;
    let body = json!({"folder_conflict": "Keep"});
    let answers = join_all((0..10).map(|_| copy_folder(&ann, &top, body.clone()))).await;
    assert_eq!((count(&answers, 201, None), count(&answers, 403, Some("quota_exceeded"))), (3, 7));
    assert_eq!(ann.names(None).await, ["Top", "Top (1)", "Top (2)", "Top (3)"]);
    assert_eq!(ann.quota().await["used_bytes"], 40);
}

#[tokio::test]
async fn two_who_copy_from_each_other_both_succeed() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let (of_ann, of_ben) = (ann.folder("of ann", None).await, ben.folder("of ben", None).await);
    for (user, folder, guest) in [(&ann, &of_ann, "ben"), (&ben, &of_ben, "ann")] {
        for number in 0..5 {
            let inner = user.folder(&format!("{number}"), Some(folder)).await;
            user.send_form(&[("parent_folder_id", &inner)], "note.txt", b"note").await.ok();
        }
        user.share_folder(folder, guest, "view").await;
    }
    let body = json!({"folder_conflict": "Keep"});
    for round in 1..=6 {
        let both = join(copy_folder(&ann, &of_ben, body.clone()), copy_folder(&ben, &of_ann, body.clone()));
        // Meanwhile, each tree is also changed on its own.
        let name = |whose: &str| json!({"folder_name": format!("{whose} {round}")});
        let path = |folder: &str| format!("/drive/{folder}");
        let (ann_path, ben_path) = (path(&of_ann), path(&of_ben));
        let moves = join(ann.patch(&ann_path, name("ann")), ben.patch(&ben_path, name("ben")));
        let ((one, other), (first, second)) = join(both, moves).await;
        for answer in [one, other, first, second] {
            answer.ok();
        }
    }
    for user in [&ann, &ben] {
        assert_eq!((user.names(None).await.len(), &user.quota().await["used_bytes"]), (7, &json!(7 * 20)));
    }
}

#[tokio::test]
async fn a_copy_of_a_file_being_replaced_has_one_of_both_contents() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let file = text(&ann.send_form(&[], "turning", &[b'0'; 1_000]).await.ok()["id"]);
    let mut made = BTreeSet::new();
    for round in b'1'..=b'8' {
        let body = json!({"file_name": format!("copy {round}")});
        let replacing = [round; 1_000];
        let replacing = ann.send_form(&[("file_conflict", "Replace")], "turning", &replacing);
        let (copy, replaced) = join(copy_file(&ann, &file, body), replacing).await;
        replaced.ok();
        made.insert((round, text(&copy.ok()["id"])));
    }
    for (round, id) in made {
        let bytes = ann.download(&id).await;
        assert!(bytes == [round; 1_000] || bytes == [round - 1; 1_000], "{round}");
    }
}
