use reqwest::Method;
use serde_json::json;

use super::{Fixture, Item, Row, hold, made, row};
use crate::support::ABSENT;

/// Operations on a file.
#[rustfmt::skip]
pub const TABLE: &[Row] = &[
    //                                owner inherited direct inherited direct stranger anonymous revoked
    //                                      editor    editor viewer    viewer                      guest
    row("get_file",                   [200,  200,      200,   200,      200,   404,     401,      404], |me, it| {
        Box::pin(async move { me.get(&it.at_file()).await })
    }),
    row("get_content",                [200,  200,      200,   200,      200,   404,     401,      404], |me, it| {
        Box::pin(async move { me.fetch(&format!("{}/content", it.at_file()), &[]).await })
    }),
    row("head_content",               [200,  200,      200,   200,      200,   404,     401,      404], |me, it| {
        Box::pin(async move { me.send(me.request(Method::HEAD, &format!("{}/content", it.at_file()))).await })
    }),
    row("patch_file, to rename",      [200,  200,      403,   403,      403,   404,     401,      404], |me, it| {
        Box::pin(async move { me.patch(&it.at_file(), json!({"file_name": "new.txt"})).await })
    }),
    row("patch_file, to a taken name",[409,  409,      403,   403,      403,   404,     401,      404], |me, it| {
        Box::pin(async move { me.patch(&it.at_file(), json!({"file_name": "folder"})).await })
    }),
    row("patch_file, by a stale ETag",[412,  412,      403,   403,      403,   404,     401,      404], |me, it| {
        Box::pin(async move { me.patch_if("\"99\"", &it.at_file(), json!({"file_name": "new.txt"})).await })
    }),
    row("patch_file, into a folder",  [200,  200,      403,   403,      403,   404,     401,      404], |me, it| {
        Box::pin(async move { me.patch(&it.at_file(), json!({"parent_folder_id": it.folder})).await })
    }),
    row("patch_file, both at once",   [200,  200,      403,   403,      403,   404,     401,      404], |me, it| {
        Box::pin(async move { me.patch(&it.at_file(), json!({"parent_folder_id": it.folder, "file_name": "x"})).await })
    }),
    row("patch_file, in place of another",[200,  200,      403,   403,      403,   404,     401,      404], |me, it| {
        Box::pin(async move {
            it.rival().await;
            me.patch(&it.at_file(), json!({"file_name": "rival.txt", "file_conflict": "Replace"})).await
        })
    }),
    row("patch_file, in place of a folder",[409,  409,      403,   403,      403,   404,     401,      404], |me, it| {
        Box::pin(async move {
            me.patch(&it.at_file(), json!({"file_name": "folder", "file_conflict": "Replace"})).await
        })
    }),
    row("patch_file, beside another",[200,  200,      403,   403,      403,   404,     401,      404], |me, it| {
        Box::pin(async move {
            me.patch(&it.at_file(), json!({"file_name": "folder", "file_conflict": "Keep"})).await
        })
    }),
    row("patch_file, to the root",    [200,  403,      403,   403,      403,   404,     401,      404], |me, it| {
        Box::pin(async move {
            let name = format!("out of {}", it.top);
            me.patch(&it.at_file(), json!({"parent_folder_id": null, "file_name": name})).await
        })
    }),
    row("copy_file",                  [201,  201,      201,   201,      201,   404,     401,      404], |me, it| {
        Box::pin(async move {
            me.post(&format!("{}/copy", it.at_file()), json!({"file_name": format!("copy of {}", it.top)})).await
        })
    }),
    row("copy_file, in place of it",  [201,  201,      404,   403,      404,   404,     401,      404], |me, it| {
        Box::pin(async move {
            let body = json!({"parent_folder_id": it.top, "file_conflict": "Replace"});
            me.post(&format!("{}/copy", it.at_file()), body).await
        })
    }),
    row("create_archive",             [200,  200,      200,   200,      200,   404,     401,      404], |me, it| {
        Box::pin(async move { me.post("/archive", json!({"item_ids": [it.file]})).await })
    }),
    row("archive_folder, as if it were one",[404,  404,      404,   404,      404,   404,     401,      404], |me, it| {
        Box::pin(async move { me.get(&format!("/drive/{}/archive", it.file)).await })
    }),
    row("delete_file",                [204,  204,      403,   403,      403,   404,     401,      404], |me, it| {
        Box::pin(async move { me.delete(&it.at_file()).await })
    }),
    row("delete_file, by a stale ETag",[412,  412,      403,   403,      403,   404,     401,      404], |me, it| {
        Box::pin(async move { me.delete_if("\"99\"", &it.at_file()).await })
    }),
    row("restore_item, from the trash",[200,  404,      404,   404,      404,   404,     401,      404], |me, it| {
        Box::pin(async move { me.post_empty(&format!("{}/restore", it.in_trash(&it.at_file()).await)).await })
    }),
    row("restore_item, that is not there",[404,  404,      404,   404,      404,   404,     401,      404], |me, it| {
        Box::pin(async move { me.post_empty(&format!("/trash/{}/restore", it.file)).await })
    }),
    row("purge_item, from the trash", [204,  404,      404,   404,      404,   404,     401,      404], |me, it| {
        Box::pin(async move { me.delete(&it.in_trash(&it.at_file()).await).await })
    }),
    row("purge_item, that is not there",[404,  404,      404,   404,      404,   404,     401,      404], |me, it| {
        Box::pin(async move { me.delete(&format!("/trash/{}", it.file)).await })
    }),
    row("get_file, in the trash",     [404,  404,      404,   404,      404,   404,     401,      404], |me, it| {
        Box::pin(async move {
            it.in_trash(&it.at_file()).await;
            me.get(&it.at_file()).await
        })
    }),
    row("put_content",                [200,  200,      200,   403,      403,   404,     401,      404], |me, it| {
        Box::pin(async move { me.put_content(&it.file, b"other words", &[]).await })
    }),
    row("put_content, by a stale ETag",[412,  412,      412,   403,      403,   404,     401,      404], |me, it| {
        Box::pin(async move { me.put_content(&it.file, b"other words", &[("If-Match", "\"99\"")]).await })
    }),
    row("list_versions",              [200,  200,      200,   200,      200,   404,     401,      404], |me, it| {
        Box::pin(async move { me.get(&format!("{}/version", it.at_file())).await })
    }),
    row("get_version, a former one",  [200,  200,      200,   200,      200,   404,     401,      404], |me, it| {
        Box::pin(async move { me.get(&it.former_version().await).await })
    }),
    row("restore_version",            [200,  200,      200,   403,      403,   404,     401,      404], |me, it| {
        Box::pin(async move { me.post_empty(&format!("{}/restore", it.former_version().await)).await })
    }),
    row("delete_version",             [204,  403,      403,   403,      403,   404,     401,      404], |me, it| {
        Box::pin(async move { me.delete(&it.former_version().await).await })
    }),
    row("delete_version, the current one",[409,  403,      403,   403,      403,   404,     401,      404], |me, it| {
        Box::pin(async move { me.delete(&it.current_version().await).await })
    }),
    row("list_folder, as if it were one",[404,  404,      404,   404,      404,   404,     401,      404], |me, it| {
        Box::pin(async move { me.get(&format!("/drive/{}", it.file)).await })
    }),
    row("search, below it",           [404,  404,      404,   404,      404,   404,     401,      404], |me, it| {
        Box::pin(async move { me.get(&format!("/search?q=note&in={}", it.file)).await })
    }),
    row("create_folder, in it",       [404,  404,      404,   404,      404,   404,     401,      404], |me, it| {
        Box::pin(async move { me.post("/drive", json!({"folder_name": "x", "parent_folder_id": it.file})).await })
    }),
    row("create_file, in it",         [404,  404,      404,   404,      404,   404,     401,      404], |me, it| {
        Box::pin(async move { me.begin("x", 1, Some(&it.file)).await })
    }),
];

impl Fixture {
    /// Creates the file `rival.txt` beside the item as its owner, unless the item is absent or gone.
    async fn rival(&self) {
        if self.top != ABSENT && self.kept.is_none() {
            made(&self.ann, "rival.txt", &self.top).await;
        }
    }
}

#[tokio::test]
async fn every_act_on_a_file_is_for_those_whose_role_allows_it() {
    hold(Item::File, TABLE).await;
}
