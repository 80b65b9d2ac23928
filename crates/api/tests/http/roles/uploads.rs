use serde_json::{Value, json};

use super::{Fixture, Item, Row, hold, row};
use crate::support::{ABSENT, ApiClient, ApiResponse, Server, text};

/// Uploads into a folder, and access to another's upload.
#[rustfmt::skip]
pub const TABLE: &[Row] = &[
    //                                owner inherited direct inherited direct stranger anon. revoked/reader
    //                                      editor    editor viewer    viewer                  guest   owner
    row("create_file",                [201,  201,      201,   403,      403,   404,     401,  404, 403], |me, it| {
        Box::pin(async move { me.begin("new.txt", 3, Some(&it.folder)).await })
    }),
    row("create_file, to the end",    [200,  200,      200,   403,      403,   404,     401,  404, 403], |me, it| {
        Box::pin(upload(me, it, "new.txt", "fail"))
    }),
    row("create_file, of a taken name",[409,  409,      409,   403,      403,   404,     401,  404, 403], |me, it| {
        Box::pin(upload(me, it, "plan.txt", "fail"))
    }),
    row("create_file, to keep both",  [200,  200,      200,   403,      403,   404,     401,  404, 403], |me, it| {
        Box::pin(upload(me, it, "plan.txt", "Keep"))
    }),
    row("create_file, to replace",    [200,  200,      200,   403,      403,   404,     401,  404, 403], |me, it| {
        Box::pin(upload(me, it, "plan.txt", "Replace"))
    }),
    row("create_file, a form",        [201,  201,      201,   403,      403,   404,     401,  404, 403], |me, it| {
        Box::pin(form(me, it, "new.txt", "fail"))
    }),
    row("create_file, a form, keep both",[201,  201,      201,   403,      403,   404,     401,  404, 403], |me, it| {
        Box::pin(form(me, it, "plan.txt", "Keep"))
    }),
    row("create_file, a form, replace",[201,  201,      201,   403,      403,   404,     401,  404, 403], |me, it| {
        Box::pin(form(me, it, "plan.txt", "Replace"))
    }),
    // An upload is visible to its uploader only; the owner of the drive may abort it.
    row("get_upload, another's",      [404,  404,      404,   404,      404,   404,     401,  404, 404], |me, it| {
        Box::pin(async move { me.get(&format!("/upload/{}", fellows(it).await)).await })
    }),
    row("sign_parts, another's",      [404,  404,      404,   404,      404,   404,     401,  404, 404], |me, it| {
        Box::pin(async move {
            me.post(&format!("/upload/{}/parts", fellows(it).await), json!({"part_numbers": [1]})).await
        })
    }),
    row("complete_upload, another's", [404,  404,      404,   404,      404,   404,     401,  404, 404], |me, it| {
        Box::pin(async move { me.post(&format!("/upload/{}/complete", fellows(it).await), json!({})).await })
    }),
    row("abort_upload, another's",    [204,  404,      404,   404,      404,   404,     401,  404, 403], |me, it| {
        Box::pin(async move { me.delete(&format!("/upload/{}", fellows(it).await)).await })
    }),
];

#[tokio::test]
async fn every_upload_is_for_those_who_may_edit_the_folder() {
    hold(Item::Folder, TABLE).await;
}

/// An open upload by the fellow guest, whose bytes have arrived.
pub async fn fellows(it: &Fixture) -> String {
    if let Some(kept) = &it.kept {
        return kept.upload.clone();
    }
    if it.folder == ABSENT {
        return ABSENT.to_owned();
    }
    let upload = it.fellow.begin("fellow's.txt", 3, Some(&it.folder)).await.ok();
    it.fellow.put(&upload, "abc").await.ok_empty();
    text(&upload["upload_id"])
}

/// Uploads by a presigned URL: the answer to the last step, or to the refused one.
async fn upload(me: &ApiClient, it: &Fixture, name: &str, conflict: &str) -> ApiResponse {
    let body = json!({
        "file_name": name, "file_size_in_bytes": 3, "parent_folder_id": it.folder, "file_conflict": conflict
    });
    let begun = me.post("/file", body).await;
    if begun.status != 201 {
        return begun;
    }
    let upload: Value = begun.ok();
    me.put(&upload, "abc").await.ok_empty();
    let completed = me.complete(&upload).await;
    if conflict == "Replace" {
        assert_eq!(completed.json()["id"], json!(it.file));
        assert_eq!(it.ann.download(&it.file).await, b"abc");
    }
    completed
}

/// Uploads by a form; checks that the existing file is unchanged unless it was replaced.
async fn form(me: &ApiClient, it: &Fixture, name: &str, conflict: &str) -> ApiResponse {
    let answer = me.send_form(&[("parent_folder_id", &it.folder), ("file_conflict", conflict)], name, b"abc").await;
    if it.file != ABSENT && it.kept.is_none() {
        let replaced = answer.status == 201 && conflict == "Replace";
        let expected: &[u8] = if replaced { b"abc" } else { b"some words" };
        assert_eq!(it.ann.download(&it.file).await, expected);
    }
    answer
}

#[tokio::test]
async fn other_guests_cannot_disturb_an_upload() {
    let server = Server::start().await;
    let (ann, ben, cat) = (server.user("ann").await, server.user("ben").await, server.user("cat").await);
    let top = ann.folder("Top", None).await;
    ann.share_folder(&top, "ben", "edit").await;
    ann.share_folder(&top, "cat", "edit").await;
    let upload = ben.begin("note.txt", 4, Some(&top)).await.ok();
    let path = format!("/upload/{}", text(&upload["upload_id"]));
    cat.delete(&path).await.refused(404, "not_found");
    ben.put(&upload, "note").await.ok_empty();
    ann.complete(&upload).await.refused(404, "not_found");
    assert_eq!(ben.get(&path).await.ok()["state"], "open");
    ben.complete(&upload).await.ok();
    assert_eq!(ann.names(Some(&top)).await, ["note.txt"]);
    // To the owner of the drive, ben's completed upload is not found.
    ann.complete(&upload).await.refused(404, "not_found");
}

#[tokio::test]
async fn the_owner_of_the_drive_finds_anothers_upload_until_it_is_aborted() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let top = ann.folder("Top", None).await;
    ann.share_folder(&top, "ben", "edit").await;
    let path = format!("/upload/{}", text(&ben.begin("note.txt", 4, Some(&top)).await.ok()["upload_id"]));
    ann.delete(&path).await.ok_empty();
    ann.delete(&path).await.refused(404, "not_found");
    ben.delete(&path).await.ok_empty();
}
