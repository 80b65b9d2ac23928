use reqwest::Method;
use serde_json::{Value, json};

use super::{Item, Row, hold, row};
use crate::link::{link_folder, path};
use crate::support::{ABSENT, ApiClient, Server, sql_id, text};

/// Managing public links.
#[rustfmt::skip]
pub const TABLE: &[Row] = &[
    //                                owner inherited direct inherited direct stranger anon. revoked/reader
    //                                      editor    editor viewer    viewer                  guest   owner
    row("create_link",                [201,  403,      403,   403,      403,   404,     401,  404, 403], |me, it| {
        Box::pin(async move {
            me.post("/link", json!({"share_object_type": "file", "file_id": it.file})).await
        })
    }),
    row("create_link, as a folder",   [404,  404,      404,   404,      404,   404,     401,  404, 404], |me, it| {
        Box::pin(async move {
            me.post("/link", json!({"share_object_type": "folder", "folder_id": it.file})).await
        })
    }),
    // Guests cannot see that links exist.
    row("patch_link",                 [200,  404,      404,   404,      404,   404,     401,  404, 403], |me, it| {
        Box::pin(async move { me.patch(&format!("/link/{}", it.link), json!({"max_downloads": 5})).await })
    }),
    row("delete_link",                [204,  404,      404,   404,      404,   404,     401,  404, 403], |me, it| {
        Box::pin(async move { me.delete(&format!("/link/{}", it.link)).await })
    }),
];

#[tokio::test]
async fn every_link_is_its_owners_affair() {
    hold(Item::File, TABLE).await;
}

/// Ann's `top` with the linked `folder`, in it `below` with a file; another file is beside the folder.
struct LinkedItems {
    ann: ApiClient,
    link: Value,
    top: String,
    folder: String,
    below: String,
    file: String,
    beside: String,
}

async fn place(ann: &ApiClient, name: &str, password: Option<&str>) -> LinkedItems {
    let top = ann.folder(name, None).await;
    let folder = ann.folder("folder", Some(&top)).await;
    let below = ann.folder("below", Some(&folder)).await;
    let file = text(&ann.send_form(&[("parent_folder_id", &below)], "a.txt", b"words").await.ok()["id"]);
    let beside = text(&ann.send_form(&[("parent_folder_id", &top)], "b.txt", b"words").await.ok()["id"]);
    let link = link_folder(ann, &folder, json!({"password": password})).await;
    LinkedItems { ann: ann.clone(), link, top, folder, below, file, beside }
}

/// A change to the place, and the statuses of [`ask`] afterwards.
type LinkState = (&'static str, fn(&Server, &LinkedItems), [u16; 7]);

fn trash(server: &Server, node: &str) {
    server.execute(&format!("UPDATE nodes SET trashed_at = 1 WHERE id = {}", sql_id(node)));
}

const LINK_STATES: [LinkState; 5] = [
    ("live", |_, _| {}, [200, 200, 200, 404, 404, 200, 200]),
    ("trashed", |server, it| trash(server, &it.folder), [404; 7]),
    ("below something trashed", |server, it| trash(server, &it.top), [404; 7]),
    ("with something trashed below", |server, it| trash(server, &it.below), [200, 404, 404, 404, 404, 200, 404]),
    ("expired", |server, _| server.execute("UPDATE links SET expires_at = 1"), [410; 7]),
];

#[tokio::test]
async fn a_link_shows_every_caller_only_what_is_linked() {
    let server = Server::start().await;
    let (ann, ben, visitor) = (server.user("ann").await, server.user("ben").await, server.anonymous());
    for (password, given) in
        [(None, None), (None, Some("a needless secret")), (Some("a quiet secret"), Some("a quiet secret"))]
    {
        for (fate, befall, expected) in LINK_STATES {
            let it = place(&ann, &format!("{fate} {password:?} {given:?}"), password).await;
            befall(&server, &it);
            for caller in [&visitor, &ben, &it.ann] {
                assert_eq!(ask(caller, &it, given).await, expected, "{fate}, {password:?}, {given:?}");
            }
            server.execute("UPDATE links SET expires_at = NULL");
        }
    }
}

#[tokio::test]
async fn every_route_of_a_link_needs_its_password() {
    let server = Server::start().await;
    let (ann, visitor) = (server.user("ann").await, server.anonymous());
    for given in [None, Some("a wrong secret")] {
        for (fate, befall, expected) in LINK_STATES {
            let it = place(&ann, &format!("{fate} {given:?}"), Some("a quiet secret")).await;
            befall(&server, &it);
            // A missing or expired link is reported before the password is checked; nothing else is revealed.
            let expected = if expected[0] == 200 { [401; 7] } else { expected };
            assert_eq!(ask(&visitor, &it, given).await, expected, "{fate}, {given:?}");
            server.execute("UPDATE links SET expires_at = NULL");
        }
    }
}

#[tokio::test]
async fn a_token_of_one_link_opens_nothing_of_another() {
    let server = Server::start().await;
    let (ann, visitor) = (server.user("ann").await, server.anonymous());
    let (one, other) = (place(&ann, "one", None).await, place(&ann, "other", None).await);
    let crossed = LinkedItems { link: other.link, ..one };
    assert_eq!(ask(&visitor, &crossed, None).await, [200, 404, 404, 404, 404, 200, 404]);
    let absent = LinkedItems { below: ABSENT.to_owned(), file: ABSENT.to_owned(), ..crossed };
    assert_eq!(ask(&visitor, &absent, None).await, [200, 404, 404, 404, 404, 200, 404]);
}

/// The GET status of each route: the link, the folder below, the file below, the file beside, the linked folder as a
/// file, and the archives of the link and of the folder below.
async fn ask(caller: &ApiClient, it: &LinkedItems, password: Option<&str>) -> [u16; 7] {
    let at = path(&it.link);
    let get = async |route: String| {
        let request = caller.request(Method::GET, &format!("{at}{route}"));
        let answer =
            caller.send(password.into_iter().fold(request, |it, text| it.header("X-Link-Password", text))).await;
        // A redirect to the store counts as success.
        if answer.status == 307 { 200 } else { answer.status }
    };
    [
        get(String::new()).await,
        get(format!("/drive/{}", it.below)).await,
        get(format!("/file/{}/content", it.file)).await,
        get(format!("/file/{}/content", it.beside)).await,
        get(format!("/file/{}/content", it.folder)).await,
        get("/archive".to_owned()).await,
        get(format!("/drive/{}/archive", it.below)).await,
    ]
}
