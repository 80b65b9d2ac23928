//! `PATCH` and `DELETE /share/{share_id}`.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{ABSENT, ApiClient, Server, text};

/// Ann's folder, shared with ben and cara.
struct Shared {
    server: Server,
    ann: ApiClient,
    ben: ApiClient,
    cara: ApiClient,
    folder: String,
    /// Ben's share.
    share: String,
}

async fn shared(permission: &str) -> Shared {
    let server = Server::start().await;
    let (ann, ben, cara) = (server.user("ann").await, server.user("ben").await, server.user("cara").await);
    let folder = ann.folder("Top", None).await;
    let share = format!("/share/{}", ann.share_folder(&folder, "ben", permission).await);
    ann.share_folder(&folder, "cara", "edit").await;
    Shared { server, ann, ben, cara, folder, share }
}

impl Shared {
    /// The status when ben creates a folder in the shared one.
    async fn ben_makes(&self, name: &str) -> u16 {
        self.ben.post("/drive", json!({"folder_name": name, "parent_folder_id": self.folder})).await.status
    }
}

fn to(permission: &str) -> Value {
    json!({"permission": permission})
}

#[tokio::test]
async fn the_owner_gives_a_share_another_permission_at_once() {
    let it = shared("view").await;
    assert_eq!(it.ben_makes("a").await, 403);
    let before = it.ben.get("/shared-with-me").await.ok()["items"][0]["share"].clone();
    let after = it.ann.patch(&it.share, to("edit")).await.ok();
    let mut expected = before;
    expected["permission"] = json!("edit");
    assert_eq!(after, expected);
    assert_eq!(it.ben_makes("a").await, 201);
    assert_eq!(it.ann.patch(&it.share, to("edit")).await.ok(), after, "once more changes nothing");
    it.ann.patch(&it.share, to("view")).await.ok();
    assert_eq!(it.ben_makes("b").await, 403);
}

#[tokio::test]
async fn only_the_owner_changes_a_share() {
    let it = shared("view").await;
    let dora = it.server.user("dora").await;
    it.ben.patch(&it.share, to("edit")).await.refused(403, "permission_denied");
    // To another guest, even an editor, ben's share is not found.
    it.cara.patch(&it.share, to("edit")).await.refused(404, "not_found");
    dora.patch(&it.share, to("edit")).await.refused(404, "not_found");
    it.server.anonymous().patch(&it.share, to("edit")).await.refused(401, "unauthenticated");
    assert_eq!(it.ben_makes("a").await, 403);
}

#[tokio::test]
async fn a_change_says_which_permission_and_nothing_else() {
    let it = shared("view").await;
    for (body, field) in [
        (json!({}), "permission"),
        (json!({"permission": "owner"}), "permission"),
        (json!({"permission": null}), "permission"),
        (json!({"permission": "edit", "username": "dora"}), "username"),
        (json!({"role": "edit"}), "role"),
    ] {
        it.ann.patch(&it.share, body).await.refused_field(field);
    }
    let twice = r#"{"permission":"view","permission":"edit"}"#;
    it.ann.send_text(Method::PATCH, &it.share, twice).await.refused(400, "malformed_request");
    assert_eq!(it.ben_makes("a").await, 403);
}

#[tokio::test]
async fn the_owner_revokes_and_the_folder_is_gone_for_the_guest_at_once() {
    let it = shared("edit").await;
    let inner = it.ben.folder("Inner", Some(&it.folder)).await;
    let file = text(&it.ben.upload("note.txt", b"note", Some(&inner)).await["id"]);
    it.ann.delete(&it.share).await.ok_empty();
    for path in [
        format!("/drive/{}", it.folder),
        format!("/drive/{inner}"),
        format!("/file/{file}"),
        format!("/file/{file}/content"),
    ] {
        it.ben.get(&path).await.refused(404, "not_found");
        assert_eq!(it.cara.fetch(&path, &[]).await.status, 200, "{path}");
    }
    assert_eq!(it.ben_makes("a").await, 404);
    assert_eq!(it.ben.get("/shared-with-me").await.ok()["items"], json!([]));
    // What ben has made stays, as ann's.
    assert_eq!(it.ann.names(Some(&inner)).await, ["note.txt"]);
    it.ann.delete(&it.share).await.refused(404, "not_found");
    it.ann.patch(&it.share, to("edit")).await.refused(404, "not_found");
    // It may be shared again.
    it.ann.share_folder(&it.folder, "ben", "view").await;
    it.ben.get(&format!("/file/{file}")).await.ok();
}

#[tokio::test]
async fn a_guest_leaves() {
    let it = shared("edit").await;
    it.ben.delete(&it.share).await.ok_empty();
    assert_eq!(it.ben_makes("a").await, 404);
    assert_eq!(it.ben.get("/shared-with-me").await.ok()["items"], json!([]));
    it.ben.delete(&it.share).await.refused(404, "not_found");
    it.cara.get(&format!("/drive/{}", it.folder)).await.ok();
}

#[tokio::test]
async fn only_the_owner_and_the_guest_end_a_share() {
    let it = shared("view").await;
    let dora = it.server.user("dora").await;
    it.cara.delete(&it.share).await.refused(404, "not_found");
    dora.delete(&it.share).await.refused(404, "not_found");
    it.server.anonymous().delete(&it.share).await.refused(401, "unauthenticated");
    for id in [ABSENT, "7", &it.folder] {
        it.ann.delete(&format!("/share/{id}")).await.refused(404, "not_found");
        it.ann.patch(&format!("/share/{id}"), to("edit")).await.refused(404, "not_found");
    }
    it.ben.get(&format!("/drive/{}", it.folder)).await.ok();
}
