use serde_json::json;

use super::{Item, Row, hold, row};
use crate::support::Server;

/// Managing the shares of a folder.
#[rustfmt::skip]
pub const OF_A_FOLDER: &[Row] = &[
    //                                owner inherited direct inherited direct stranger anon. revoked/reader
    //                                      editor    editor viewer    viewer                  guest   owner
    row("create_share",               [201,  403,      403,   403,      403,   404,     401,  404, 403], |me, it| {
        Box::pin(async move {
            me.post("/share", json!({
                "share_object_type": "folder", "folder_id": it.folder, "username": "Stranger", "permission": "view"
            })).await
        })
    }),
    row("create_share, unknown guest",[404,  403,      403,   403,      403,   404,     401,  404, 403], |me, it| {
        Box::pin(async move {
            me.post("/share", json!({
                "share_object_type": "folder", "folder_id": it.folder, "username": "unregistered", "permission": "view"
            })).await
        })
    }),
    row("list_shares_of_folder",      [200,  403,      403,   403,      403,   404,     401,  404, 200], |me, it| {
        Box::pin(async move { me.get(&format!("{}/share", it.at_folder())).await })
    }),
    row("list_access_to_folder",      [200,  403,      403,   403,      403,   404,     401,  404, 200], |me, it| {
        Box::pin(async move { me.get(&format!("{}/access", it.at_folder())).await })
    }),
    // Guests cannot see that others have shares.
    row("patch_share, a fellow's",    [200,  404,      404,   404,      404,   404,     401,  404, 403], |me, it| {
        Box::pin(async move { me.patch(&format!("/share/{}", it.fellows_share), json!({"permission": "edit"})).await })
    }),
    row("delete_share, a fellow's",   [204,  404,      404,   404,      404,   404,     401,  404, 403], |me, it| {
        Box::pin(async move { me.delete(&format!("/share/{}", it.fellows_share)).await })
    }),
];

/// Managing the shares of a file.
#[rustfmt::skip]
pub const OF_A_FILE: &[Row] = &[
    //                                owner inherited direct inherited direct stranger anon. revoked/reader
    //                                      editor    editor viewer    viewer                  guest   owner
    row("create_share",               [201,  403,      403,   403,      403,   404,     401,  404, 403], |me, it| {
        Box::pin(async move {
            me.post("/share", json!({
                "share_object_type": "file", "file_id": it.file, "username": "Stranger", "permission": "edit"
            })).await
        })
    }),
    row("list_shares_of_file",        [200,  403,      403,   403,      403,   404,     401,  404, 200], |me, it| {
        Box::pin(async move { me.get(&format!("{}/share", it.at_file())).await })
    }),
    row("list_access_to_file",        [200,  403,      403,   403,      403,   404,     401,  404, 200], |me, it| {
        Box::pin(async move { me.get(&format!("{}/access", it.at_file())).await })
    }),
    row("create_share, as a folder",  [404,  404,      404,   404,      404,   404,     401,  404, 404], |me, it| {
        Box::pin(async move {
            me.post("/share", json!({
                "share_object_type": "folder", "folder_id": it.file, "username": "Stranger", "permission": "edit"
            })).await
        })
    }),
    row("patch_share, a fellow's",    [200,  404,      404,   404,      404,   404,     401,  404, 403], |me, it| {
        Box::pin(async move { me.patch(&format!("/share/{}", it.fellows_share), json!({"permission": "edit"})).await })
    }),
    row("delete_share, a fellow's",   [204,  404,      404,   404,      404,   404,     401,  404, 403], |me, it| {
        Box::pin(async move { me.delete(&format!("/share/{}", it.fellows_share)).await })
    }),
];

#[tokio::test]
async fn every_share_of_a_folder_is_its_owners_affair() {
    hold(Item::Folder, OF_A_FOLDER).await;
}

#[tokio::test]
async fn every_share_of_a_file_is_its_owners_affair() {
    hold(Item::File, OF_A_FILE).await;
}

#[tokio::test]
async fn the_lists_and_the_root_are_for_those_who_are_logged_in() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    for path in ["/drive", "/shared-with-me", "/shared-by-me", "/link", "/user", "/verify-token"] {
        ann.get(path).await.ok();
        let answer = server.anonymous().get(path).await;
        assert_eq!(answer.header("www-authenticate"), "Bearer");
        answer.refused(401, "unauthenticated");
    }
    // Authentication is checked before the rest of the request.
    server.anonymous().get("/drive?limit=0").await.refused(401, "unauthenticated");
    server.anonymous().post("/drive", json!({"nonsense": 1})).await.refused(401, "unauthenticated");
    server.anonymous().post("/share", json!([])).await.refused(401, "unauthenticated");
}
