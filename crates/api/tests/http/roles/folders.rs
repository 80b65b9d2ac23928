use reqwest::Method;
use serde_json::json;

use super::{Item, Row, hold, made, row};
use crate::support::{ABSENT, unique_name};

/// Operations on a folder and its children.
#[rustfmt::skip]
pub const TABLE: &[Row] = &[
    //                                owner inherited direct inherited direct stranger anonymous revoked
    //                                      editor    editor viewer    viewer                      guest
    row("list_folder",                [200,  200,      200,   200,      200,   404,     401,      404], |me, it| {
        Box::pin(async move { me.get(&it.at_folder()).await })
    }),
    row("create_folder, in it",       [201,  201,      201,   403,      403,   404,     401,      404], |me, it| {
        Box::pin(async move { me.post("/drive", json!({"folder_name": "new", "parent_folder_id": it.folder})).await })
    }),
    row("patch_folder, to rename",    [200,  200,      403,   403,      403,   404,     401,      404], |me, it| {
        Box::pin(async move { me.patch(&it.at_folder(), json!({"folder_name": "new"})).await })
    }),
    row("patch_folder, to the same name",[200,  200,      403,   403,      403,   404,     401,      404], |me, it| {
        Box::pin(async move { me.patch(&it.at_folder(), json!({"folder_name": "folder"})).await })
    }),
    row("patch_folder, to where it is",[200,  200,      403,   403,      403,   404,     401,      404], |me, it| {
        Box::pin(async move { me.patch(&it.at_folder(), json!({"parent_folder_id": it.top})).await })
    }),
    row("patch_folder, into another", [200,  200,      403,   403,      403,   404,     401,      404], |me, it| {
        Box::pin(async move {
            let beside = it.beside().await;
            me.patch(&it.at_folder(), json!({"parent_folder_id": beside})).await
        })
    }),
    row("patch_folder, both at once", [200,  200,      403,   403,      403,   404,     401,      404], |me, it| {
        Box::pin(async move {
            let beside = it.beside().await;
            me.patch(&it.at_folder(), json!({"parent_folder_id": beside, "new_name": "new"})).await
        })
    }),
    row("patch_folder, in place of another",[200,  200,      403,   403,      403,   404,     401,      404], |me, it| {
        Box::pin(async move {
            it.beside().await;
            me.patch(&it.at_folder(), json!({"folder_name": "beside", "folder_conflict": "Replace"})).await
        })
    }),
    row("patch_folder, in place of itself",[200,  200,      403,   403,      403,   404,     401,      404], |me, it| {
        Box::pin(async move {
            me.patch(&it.at_folder(), json!({"folder_name": "folder", "folder_conflict": "Replace"})).await
        })
    }),
    row("patch_folder, to the root",  [200,  403,      403,   403,      403,   404,     401,      404], |me, it| {
        Box::pin(async move {
            let name = format!("out of {}", it.top);
            me.patch(&it.at_folder(), json!({"parent_folder_id": null, "folder_name": name})).await
        })
    }),
    row("patch_folder, another into it",[200,  200,      200,   403,      403,   404,     401,      404], |me, it| {
        Box::pin(async move {
            let mine = it.within_a_shared_desk("folder").await;
            me.patch(&format!("/drive/{mine}"), json!({"parent_folder_id": it.folder})).await
        })
    }),
    row("patch_file, one into it",    [200,  200,      200,   403,      403,   404,     401,      404], |me, it| {
        Box::pin(async move {
            let mine = it.within_a_shared_desk("file").await;
            me.patch(&format!("/file/{mine}"), json!({"parent_folder_id": it.folder})).await
        })
    }),
    row("patch_file, one in it",      [200,  200,      200,   403,      403,   404,     401,      404], |me, it| {
        Box::pin(async move { me.patch(&it.at_file(), json!({"file_name": "new.txt"})).await })
    }),
    // A guest whose share is on the folder cannot see its parent.
    row("patch_file, that out of it", [200,  200,      404,   403,      403,   404,     401,      404], |me, it| {
        Box::pin(async move { me.patch(&it.at_file(), json!({"parent_folder_id": it.top})).await })
    }),
    row("search, below it",           [200,  200,      200,   200,      200,   404,     401,      404], |me, it| {
        Box::pin(async move { me.get(&format!("/search?q=plan&in={}", it.folder)).await })
    }),
    row("copy_folder",                [201,  201,      201,   201,      201,   404,     401,      404], |me, it| {
        Box::pin(async move {
            me.post(&format!("{}/copy", it.at_folder()), json!({"folder_name": format!("copy of {}", it.top)})).await
        })
    }),
    row("copy_folder, beside itself", [201,  201,      404,   403,      404,   404,     401,      404], |me, it| {
        Box::pin(async move {
            let body = json!({"parent_folder_id": it.top, "folder_conflict": "Keep"});
            me.post(&format!("{}/copy", it.at_folder()), body).await
        })
    }),
    row("copy_folder, into it",       [201,  201,      201,   403,      403,   404,     401,      404], |me, it| {
        Box::pin(async move {
            let own = it.within_a_shared_desk("folder to copy").await;
            me.post(&format!("/drive/{own}/copy"), json!({"parent_folder_id": it.folder})).await
        })
    }),
    row("copy_file, into it",         [201,  201,      201,   403,      403,   404,     401,      404], |me, it| {
        Box::pin(async move {
            let own = it.within_a_shared_desk("file to copy").await;
            me.post(&format!("/file/{own}/copy"), json!({"parent_folder_id": it.folder})).await
        })
    }),
    row("head_archive_folder",        [200,  200,      200,   200,      200,   404,     401,      404], |me, it| {
        Box::pin(async move { me.send(me.request(Method::HEAD, &format!("{}/archive", it.at_folder()))).await })
    }),
    row("create_archive",             [200,  200,      200,   200,      200,   404,     401,      404], |me, it| {
        Box::pin(async move { me.post("/archive", json!({"item_ids": [it.folder]})).await })
    }),
    row("archive_folder",             [200,  200,      200,   200,      200,   404,     401,      404], |me, it| {
        Box::pin(async move { me.get(&format!("{}/archive", it.at_folder())).await })
    }),
    row("delete_folder",              [204,  204,      403,   403,      403,   404,     401,      404], |me, it| {
        Box::pin(async move { me.delete(&it.at_folder()).await })
    }),
    row("delete_file, one in it",     [204,  204,      204,   403,      403,   404,     401,      404], |me, it| {
        Box::pin(async move { me.delete(&it.at_file()).await })
    }),
    row("restore_item, the folder",   [200,  404,      404,   404,      404,   404,     401,      404], |me, it| {
        Box::pin(async move { me.post_empty(&format!("{}/restore", it.in_trash(&it.at_folder()).await)).await })
    }),
    row("purge_item, the folder",     [204,  404,      404,   404,      404,   404,     401,      404], |me, it| {
        Box::pin(async move { me.delete(&it.in_trash(&it.at_folder()).await).await })
    }),
    row("restore_item, one below what is trashed",[200,  404,      404,   404,      404,   404,     401,      404], |me, it| {
        Box::pin(async move {
            it.in_trash(&it.at_folder()).await;
            me.post_empty(&format!("/trash/{}/restore", it.file)).await
        })
    }),
    row("restore_item, which they trashed themselves",[200,  200,      404,   404,      404,   404,     401,      404], |me, it| {
        Box::pin(async move {
            me.delete(&it.at_folder()).await;
            me.post_empty(&format!("/trash/{}/restore", it.folder)).await
        })
    }),
    row("list_trashed_folder",        [200,  404,      404,   404,      404,   404,     401,      404], |me, it| {
        Box::pin(async move { me.get(&format!("{}/item", it.in_trash(&it.at_folder()).await)).await })
    }),
    row("get_file, one below what is trashed",[404,  404,      404,   404,      404,   404,     401,      404], |me, it| {
        Box::pin(async move {
            it.in_trash(&it.at_folder()).await;
            me.get(&it.at_file()).await
        })
    }),
    row("get_file, one in it",        [200,  200,      200,   200,      200,   404,     401,      404], |me, it| {
        Box::pin(async move { me.get(&it.at_file()).await })
    }),
    row("get_content, of that",       [200,  200,      200,   200,      200,   404,     401,      404], |me, it| {
        Box::pin(async move { me.fetch(&format!("{}/content", it.at_file()), &[]).await })
    }),
];

#[tokio::test]
async fn every_act_on_a_folder_is_for_those_whose_role_allows_it() {
    hold(Item::Folder, TABLE).await;
}

impl super::Fixture {
    /// Another folder in `top`; absent if `top` may be gone.
    async fn beside(&self) -> String {
        if self.top == ABSENT || self.kept.is_some() {
            ABSENT.to_owned()
        } else {
            self.ann.folder("beside", Some(&self.top)).await
        }
    }

    /// An item in a folder of ann's that is shared with the caller for editing, unless the caller is anonymous.
    async fn within_a_shared_desk(&self, what: &str) -> String {
        let desk = self.ann.folder(&unique_name(&format!("desk of {} for {what} ", self.name)), None).await;
        if !["ann", "Anonymous"].contains(&self.name.as_str()) {
            self.ann.share_folder(&desk, &self.name, "edit").await;
        }
        if what.starts_with("folder") {
            self.ann.folder("x", Some(&desk)).await
        } else {
            made(&self.ann, "x", &desk).await
        }
    }
}
