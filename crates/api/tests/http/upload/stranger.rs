use serde_json::json;

use super::{path, progress};
use crate::support::Server;

#[tokio::test]
async fn an_upload_is_its_senders_and_the_owner_of_the_drive_may_end_it() {
    let server = Server::start().await;
    let (ann, bob) = (server.user("ann").await, server.user("bob").await);
    let folder = ann.folder("shared", None).await;
    ann.share_folder(&folder, "bob", "edit").await;
    let anns = ann.begin("secret.txt", 6, Some(&folder)).await.ok();
    ann.put(&anns, "secret").await.ok_empty();
    let bobs = bob.begin("other.txt", 5, Some(&folder)).await.ok();
    // Not even the owner of the drive may continue a guest's upload.
    for (caller, upload) in [(&bob, &anns), (&ann, &bobs)] {
        caller.get(&path(upload)).await.refused(404, "not_found");
        let parts = caller.post(&format!("{}/parts", path(upload)), json!({"part_numbers": [1]})).await;
        parts.refused(404, "not_found");
        caller.complete(upload).await.refused(404, "not_found");
    }
    bob.delete(&path(&anns)).await.refused(404, "not_found");
    assert_eq!(ann.quota().await["reserved_bytes"], 11);
    ann.delete(&path(&bobs)).await.ok_empty();
    assert_eq!(ann.quota().await["reserved_bytes"], 6);
    assert_eq!(progress(&bob, &bobs).await["state"], "aborted");
    bob.complete(&bobs).await.refused(409, "upload_closed");
    // A closed upload is visible to its uploader only.
    ann.delete(&path(&bobs)).await.refused(404, "not_found");
    bob.delete(&path(&bobs)).await.ok_empty();
    let home = bob.begin("home.txt", 5, None).await.ok();
    ann.delete(&path(&home)).await.refused(404, "not_found");
    let anonymous = server.anonymous();
    anonymous.get(&path(&anns)).await.refused(401, "unauthenticated");
    anonymous.complete(&anns).await.refused(401, "unauthenticated");
    anonymous.delete(&path(&anns)).await.refused(401, "unauthenticated");
    assert_eq!(progress(&ann, &anns).await["state"], "open");
    ann.complete(&anns).await.ok();
}

#[tokio::test]
async fn an_upload_that_never_was_is_not_found() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    for id in ["019ab0c2-7a00-7000-8000-000000000000", "1", "%00", "019ab0c2-7a00-7000-8000-000000000000x"] {
        ann.get(&format!("/upload/{id}")).await.refused(404, "not_found");
        ann.delete(&format!("/upload/{id}")).await.refused(404, "not_found");
        ann.post(&format!("/upload/{id}/complete"), json!({})).await.refused(404, "not_found");
        let parts = ann.post(&format!("/upload/{id}/parts"), json!({"part_numbers": [1]})).await;
        parts.refused(404, "not_found");
    }
}
