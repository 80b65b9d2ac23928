//! Rights revoked while in use.

use futures_util::future::{join, join_all, join3};
use serde_json::{Value, json};

use super::count;
use crate::support::{ApiClient, Server, text};

async fn ready(user: &ApiClient, parent: &str, how_many: usize) -> Vec<Value> {
    join_all((0..how_many).map(async |number| {
        let upload = user.begin(&format!("{number:02} by URL"), 4, Some(parent)).await.ok();
        user.put(&upload, "note").await.ok_empty();
        upload
    }))
    .await
}

#[tokio::test]
async fn once_a_revoke_has_been_answered_nothing_more_lands() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    for round in 0..4 {
        let top = ann.folder(&format!("Top {round}"), None).await;
        let share = ann.share_folder(&top, "ben", "edit").await;
        let uploads = ready(&ben, &top, 16).await;
        let names: Vec<String> = (0..16).map(|number| format!("{number:02} by form")).collect();
        let completing = join_all(uploads.iter().map(|upload| ben.complete(upload)));
        let fields = [("parent_folder_id", top.as_str())];
        let sending = join_all(names.iter().map(|name| ben.send_form(&fields, name, b"note")));
        let revoking = async {
            // Revoked midway: some uploads have landed, others have not.
            while ann.names(Some(&top)).await.len() < round * 4 {}
            ann.delete(&format!("/share/{share}")).await.ok_empty();
            ann.names(Some(&top)).await
        };
        let (completed, sent, landed) = join3(completing, sending, revoking).await;
        assert_eq!(ann.names(Some(&top)).await, landed);
        let stored = count(&completed, 200, None) + count(&sent, 201, None);
        let refused = count(&completed, 404, Some("not_found")) + count(&sent, 404, Some("not_found"));
        assert_eq!((stored, stored + refused), (landed.len(), 32), "{refused} refused, {landed:?}");
        ben.begin("afterwards", 4, Some(&top)).await.refused(404, "not_found");
    }
}

#[tokio::test]
async fn concurrent_shares_create_one() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let top = ann.folder("Top", None).await;
    let mut edit = json!({"share_object_type": "folder", "folder_id": top, "username": "ben", "permission": "view"});
    let view = edit.clone();
    edit["permission"] = json!("edit");
    let answers = join_all((0..12).map(|turn| ann.post("/share", [&view, &edit][turn % 2].clone()))).await;
    assert_eq!((count(&answers, 201, None), count(&answers, 409, Some("already_shared"))), (1, 11));
    let share = answers.iter().find(|answer| answer.status == 201).unwrap().json();
    let received = ben.get("/shared-with-me").await.ok()["items"].clone();
    assert_eq!((received.as_array().unwrap().len(), &received[0]["share"]), (1, &share));

    // It also ends once, whether revoked or left.
    let path = format!("/share/{}", text(&share["id"]));
    let (revoking, leaving) = ((0..6).map(|_| ann.delete(&path)), (0..6).map(|_| ben.delete(&path)));
    let (revoked, left) = join(join_all(revoking), join_all(leaving)).await;
    let answers: Vec<_> = revoked.into_iter().chain(left).collect();
    assert_eq!((count(&answers, 204, None), count(&answers, 404, Some("not_found"))), (1, 11));
    ben.get(&format!("/drive/{top}")).await.refused(404, "not_found");
}
