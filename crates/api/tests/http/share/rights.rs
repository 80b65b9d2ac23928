//! Which rights shares grant, and how long.

use futures_util::future::BoxFuture;
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::support::{ApiClient, PASSWORD, Server, text};

async fn permission(user: &ApiClient, path: &str) -> Value {
    let answer = user.get(path).await;
    if answer.status == 404 {
        return Value::Null;
    }
    let body = answer.ok();
    let item = if body["folder"].is_object() { &body["folder"] } else { &body };
    item["permission"].clone()
}

/// What a problem tells, without the request id, which may have any digits.
fn shown(mut problem: Value) -> String {
    problem.as_object_mut().unwrap().remove("request_id");
    problem.to_string()
}

#[tokio::test]
async fn a_share_holds_for_everything_below_also_for_what_arrives_later() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let top = ann.folder("Top", None).await;
    let share = ann.share_folder(&top, "ben", "view").await;
    let mut parent = top.clone();
    let mut below = vec![format!("/drive/{top}")];
    for level in ["a", "b", "c", "d"] {
        parent = ann.folder(level, Some(&parent)).await;
        below.push(format!("/drive/{parent}"));
        below.push(format!("/file/{}", text(&ann.upload("note.txt", b"note", Some(&parent)).await["id"])));
    }
    for path in &below {
        assert_eq!(permission(&ben, path).await, "view", "{path}");
    }
    ann.patch(&format!("/share/{share}"), json!({"permission": "edit"})).await.ok();
    for path in &below {
        assert_eq!(permission(&ben, path).await, "edit", "{path}");
    }
    ann.delete(&format!("/share/{share}")).await.ok_empty();
    for path in &below {
        assert_eq!(permission(&ben, path).await, Value::Null, "{path}");
    }
}

#[tokio::test]
async fn moving_into_or_out_of_a_shared_folder_changes_access() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let (top, own) = (ann.folder("Top", None).await, ann.folder("Own", None).await);
    ann.share_folder(&top, "ben", "view").await;
    let album = ann.folder("Album", Some(&own)).await;
    let photo = format!("/file/{}", text(&ann.upload("photo", b"photo", Some(&album)).await["id"]));
    assert_eq!(permission(&ben, &photo).await, Value::Null);
    ann.patch(&format!("/drive/{album}"), json!({"parent_folder_id": top})).await.ok();
    assert_eq!(permission(&ben, &photo).await, "view");
    ann.patch(&format!("/drive/{album}"), json!({"parent_folder_id": own})).await.ok();
    assert_eq!(permission(&ben, &photo).await, Value::Null);
    // A share on the item itself moves with it.
    ann.share_folder(&album, "ben", "edit").await;
    ann.patch(&format!("/drive/{album}"), json!({"parent_folder_id": null})).await.ok();
    assert_eq!(permission(&ben, &photo).await, "edit");
}

#[tokio::test]
async fn the_highest_role_of_several_shares_counts() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let top = ann.folder("Top", None).await;
    let inner = ann.folder("Inner", Some(&top)).await;
    let file = text(&ann.upload("note.txt", b"note", Some(&inner)).await["id"]);
    let (at_top, at_inner, at_file) = (format!("/drive/{top}"), format!("/drive/{inner}"), format!("/file/{file}"));
    ann.share_folder(&top, "ben", "view").await;
    let on_file = ann.share_file(&file, "ben", "edit").await;
    let on_inner = ann.share_folder(&inner, "ben", "edit").await;
    assert_eq!(permission(&ben, &at_top).await, "view");
    assert_eq!(permission(&ben, &at_inner).await, "edit");
    assert_eq!(permission(&ben, &at_file).await, "edit");
    let listed = ben.get(&at_inner).await.ok()["items"][0]["permission"].clone();
    assert_eq!(listed, "edit");
    // A lower role further down does not reduce the inherited one.
    ann.patch(&format!("/share/{on_file}"), json!({"permission": "view"})).await.ok();
    assert_eq!(permission(&ben, &at_file).await, "edit");
    ann.delete(&format!("/share/{on_inner}")).await.ok_empty();
    assert_eq!(permission(&ben, &at_inner).await, "view", "the one on the top remains");
    assert_eq!(permission(&ben, &at_file).await, "view");
}

#[tokio::test]
async fn a_file_shared_to_edit_in_a_folder_shared_to_view_opens_nothing_beside_it() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let top = ann.folder("Top", None).await;
    let mine = text(&ann.upload("mine.txt", b"mine", Some(&top)).await["id"]);
    let other = text(&ann.upload("other.txt", b"other", Some(&top)).await["id"]);
    ann.share_folder(&top, "ben", "view").await;
    ann.share_file(&mine, "ben", "edit").await;
    let items = ben.get(&format!("/drive/{top}")).await.ok()["items"].clone();
    assert_eq!((&items[0]["permission"], &items[1]["permission"]), (&json!("edit"), &json!("view")));
    ben.patch(&format!("/file/{other}"), json!({"file_name": "x"})).await.refused(403, "permission_denied");
    // The name and place of the shared file itself are the owner's to change.
    ben.patch(&format!("/file/{mine}"), json!({"file_name": "x"})).await.refused(403, "permission_denied");
    ben.begin("new.txt", 1, Some(&top)).await.refused(403, "permission_denied");
}

#[tokio::test]
async fn an_editor_moves_things_between_folders_where_both_ends_may_be_edited() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let mut folders = Vec::new();
    for (name, role) in [("from", Some("edit")), ("to", Some("edit")), ("seen", Some("view")), ("hidden", None)] {
        let folder = ann.folder(name, None).await;
        if let Some(role) = role {
            ann.share_folder(&folder, "ben", role).await;
        }
        folders.push(folder);
    }
    let [from, to, seen, hidden] = folders.try_into().unwrap();
    let file = format!("/file/{}", text(&ann.upload("note.txt", b"note", Some(&from)).await["id"]));
    let into = |folder: &str| json!({"parent_folder_id": folder});
    assert_eq!(ben.patch(&file, into(&to)).await.ok()["parent_folder_id"], json!(to));
    ben.patch(&file, into(&seen)).await.refused(403, "permission_denied");
    ben.patch(&file, into(&hidden)).await.refused(404, "not_found");
    ann.patch(&file, into(&seen)).await.ok();
    // Moving out of a folder requires edit access to it.
    ben.patch(&file, into(&to)).await.refused(403, "permission_denied");
    assert_eq!(ann.names(Some(&seen)).await, ["note.txt"]);
}

#[tokio::test]
async fn a_form_that_names_the_folder_last_is_bounded_by_its_senders_own_quota_and_says_so() {
    let server = Server::with(&[("DEFAULT_QUOTA_BYTES", "1000")]).await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    server
        .execute("UPDATE drives SET quota_bytes = 5000 WHERE owner_id = (SELECT id FROM users WHERE username = 'ann')");
    let top = ann.folder("Top", None).await;
    ann.share_folder(&top, "ben", "edit").await;
    let last = async |size: usize| {
        let file = Part::bytes(vec![b'x'; size]).file_name("file");
        let form = Form::new().part("file", file).text("parent_folder_id", top.clone()).text("file_conflict", "Keep");
        ben.send(ben.request(Method::POST, "/file").multipart(form)).await
    };
    last(1000).await.ok();
    let problem = last(1001).await.refused(403, "quota_exceeded");
    let own = json!({"total_bytes": 1000, "used_bytes": 0, "reserved_bytes": 0, "needed_bytes": 1001});
    assert_eq!(problem["quota"], own);
    assert!(text(&problem["detail"]).contains("send parent_folder_id before the file"), "{problem}");
    // With the folder first, the drive's free space is the limit; its figures are shown to the owner only.
    ben.send_form(&[("parent_folder_id", &top)], "first", &[b'x'; 3900]).await.ok();
    for problem in [ben.send_form(&[("parent_folder_id", &top)], "second", &[b'x'; 900]).await, last(900).await] {
        let problem = shown(problem.refused(403, "quota_exceeded"));
        assert!(
            !problem.contains("5000") && !problem.contains("4900") && !problem.contains("before the file"),
            "{problem}"
        );
    }
}

#[tokio::test]
async fn uploads_of_a_guest_belong_to_the_owner_and_count_against_the_owners_quota() {
    let server = Server::with(&[("DEFAULT_QUOTA_BYTES", "1000")]).await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let top = ann.folder("Top", None).await;
    let share = ann.share_folder(&top, "ben", "edit").await;
    let folder = ben.post("/drive", json!({"folder_name": "Inner", "parent_folder_id": top})).await.ok();
    let inner = text(&folder["id"]);
    let signed = ben.upload("signed", &[b'x'; 400], Some(&inner)).await;
    let form = ben.send_form(&[("parent_folder_id", &inner)], "form", &[b'x'; 300]).await.ok();
    for item in [&folder, &signed, &form] {
        assert_eq!((&item["owner"]["username"], &item["created_by"]["username"]), (&json!("ann"), &json!("ben")));
        assert_eq!(item["permission"], "edit");
    }
    let quota = |used: u64, reserved: u64| {
        let available = 1000 - used - reserved;
        json!({"total_bytes": 1000, "used_bytes": used, "reserved_bytes": reserved, "available_bytes": available})
    };
    let in_bytes = |mut quota: Value| {
        quota.as_object_mut().unwrap().retain(|field, _| field.ends_with("_bytes"));
        quota
    };
    assert_eq!(in_bytes(ann.quota().await), quota(700, 0));
    assert_eq!(in_bytes(ben.quota().await), quota(0, 0));

    // Reserved bytes count against ann's quota, although ben's own drive is empty.
    ben.begin("third", 200, Some(&inner)).await.ok();
    assert_eq!(in_bytes(ann.quota().await), quota(700, 200));
    let problem = ben.begin("fourth", 101, Some(&inner)).await.refused(403, "quota_exceeded");
    // Only ann learns how full her drive is.
    assert_eq!(problem["quota"], json!({"needed_bytes": 101}));
    let sent = ben.send_form(&[("parent_folder_id", &inner)], "fifth", &[b'x'; 101]).await;
    let problem = sent.refused(403, "quota_exceeded");
    assert_eq!(problem["quota"], Value::Null, "of bytes that stream in the number would be that of those that fit");
    let problem = shown(problem);
    assert!(!problem.contains("100"), "{problem}");
    let problem = ann.begin("fourth", 101, Some(&inner)).await.refused(403, "quota_exceeded");
    let expected = json!({"total_bytes": 1000, "used_bytes": 700, "reserved_bytes": 200, "needed_bytes": 101});
    assert_eq!(problem["quota"], expected);
    // A copy needs the same space in ann's drive.
    let large = text(&ben.upload("large", &[b'x'; 101], None).await["id"]);
    let copied = ben.post(&format!("/file/{large}/copy"), json!({"parent_folder_id": inner})).await;
    assert_eq!(copied.refused(403, "quota_exceeded")["quota"], json!({"needed_bytes": 101}));
    ben.delete(&format!("/file/{large}")).await.ok_empty();
    ben.delete(&format!("/trash/{large}")).await.ok_empty();
    ben.upload("at home", &[b'x'; 1000], None).await;
    assert_eq!(in_bytes(ann.quota().await), quota(700, 200));

    // When ben leaves, his files stay.
    ben.delete(&format!("/share/{share}")).await.ok_empty();
    assert_eq!(ann.names(Some(&inner)).await, ["form", "signed"]);
    let file = ann.get(&format!("/file/{}", text(&signed["id"]))).await.ok();
    assert_eq!((&file["permission"], &file["created_by"]["username"]), (&json!("owner"), &json!("ben")));
}

#[tokio::test]
async fn an_upload_ends_with_the_right_to_put_anything_there() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let top = ann.folder("Top", None).await;
    let share = format!("/share/{}", ann.share_folder(&top, "ben", "edit").await);
    let upload = ben.begin("note.txt", 4, Some(&top)).await.ok();
    ben.put(&upload, "note").await.ok_empty();
    let more = format!("/upload/{}/parts", text(&upload["upload_id"]));
    ann.patch(&share, json!({"permission": "view"})).await.ok();
    ben.complete(&upload).await.refused(403, "permission_denied");
    ben.post(&more, json!({"part_numbers": [1]})).await.refused(403, "permission_denied");
    ann.delete(&share).await.ok_empty();
    ben.complete(&upload).await.refused(404, "not_found");
    ben.post(&more, json!({"part_numbers": [1]})).await.refused(404, "not_found");
    assert_eq!(ann.names(Some(&top)).await, Vec::<String>::new());

    assert_eq!(ben.get(&format!("/upload/{}", text(&upload["upload_id"]))).await.ok()["state"], "aborted");

    // The aborted upload stays aborted when ben may edit again; new ones can be completed.
    let share = format!("/share/{}", ann.share_folder(&top, "ben", "edit").await);
    ben.complete(&upload).await.refused(409, "upload_closed");
    let upload = ben.begin("note.txt", 4, Some(&top)).await.ok();
    let other = ben.begin("other.txt", 4, Some(&top)).await.ok();
    ben.put(&upload, "note").await.ok_empty();
    ben.complete(&upload).await.ok();
    ann.delete(&share).await.ok_empty();
    // A repeat reveals nothing about a file that ben can no longer see.
    ben.complete(&upload).await.refused(404, "not_found");
    ben.delete(&format!("/upload/{}", text(&other["upload_id"]))).await.ok_empty();
    let quota = ann.quota().await;
    assert_eq!((&quota["used_bytes"], &quota["reserved_bytes"]), (&json!(4), &json!(0)));
    assert_eq!(ann.names(Some(&top)).await, ["note.txt"]);
}

#[tokio::test]
async fn a_guest_does_not_learn_how_many_entries_the_owners_full_drive_has() {
    let server = Server::with(&[("DEFAULT_QUOTA_ENTRIES", "2")]).await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let top = ann.folder("Top", None).await;
    ann.share_folder(&top, "ben", "edit").await;
    let own = text(&ben.send_form(&[], "own.txt", b"own").await.ok()["id"]);
    let upload = ben.begin("late.txt", 4, Some(&top)).await.ok();
    ben.put(&upload, "late").await.ok_empty();
    let last = ann.folder("Last", Some(&top)).await;
    let folder = json!({"folder_name": "New", "parent_folder_id": top});
    for (way, answer) in [
        ("a folder", ben.post("/drive", folder.clone()).await),
        ("a form", ben.send_form(&[("parent_folder_id", &top)], "form.txt", b"form").await),
        ("an announced upload", ben.begin("signed.txt", 6, Some(&top)).await),
        ("a completed upload", ben.complete(&upload).await),
        ("a copy", ben.post(&format!("/file/{own}/copy"), json!({"parent_folder_id": top})).await),
    ] {
        let problem = answer.refused(403, "quota_exceeded");
        assert_eq!(problem["quota"], Value::Null, "{way}");
        let detail = text(&problem["detail"]);
        assert!(!detail.contains(|letter: char| letter.is_ascii_digit()), "{way}: {detail}");
    }
    let problem = ann.post("/drive", folder).await.refused(403, "quota_exceeded");
    let reported = ["total_entries", "used_entries", "needed_entries"].map(|field| problem["quota"][field].clone());
    assert_eq!(reported, [2, 2, 1]);
    // Once there is room, the upload completes.
    ann.delete(&format!("/drive/{last}")).await.ok_empty();
    ann.delete(&format!("/trash/{last}")).await.ok_empty();
    assert_eq!(ben.complete(&upload).await.ok()["name"], "late.txt");
}

/// Ways in which the guest's rights on `inner` end; the share is on its parent `top`.
type Ending = (&'static str, fn(ApiClient, String, String, String) -> BoxFuture<'static, ()>);

const ENDINGS: [Ending; 5] = [
    ("revoked", |ann, share, _, _| Box::pin(async move { ann.delete(&share).await.ok_empty() })),
    ("lowered", |ann, share, _, _| {
        Box::pin(async move { drop(ann.patch(&share, json!({"permission": "view"})).await.ok()) })
    }),
    ("trashed", |ann, _, _, inner| Box::pin(async move { ann.delete(&format!("/drive/{inner}")).await.ok_empty() })),
    ("trashed above", |ann, _, top, _| Box::pin(async move { ann.delete(&format!("/drive/{top}")).await.ok_empty() })),
    ("moved away", |ann, _, _, inner| {
        Box::pin(async move {
            drop(ann.patch(&format!("/drive/{inner}"), json!({"parent_folder_id": null})).await.ok());
        })
    }),
];

#[tokio::test]
async fn ending_a_share_releases_the_guests_reservations_before_the_response() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    for (ending, end) in ENDINGS {
        let top = ann.folder(ending, None).await;
        let inner = ann.folder("inner", Some(&top)).await;
        let share = format!("/share/{}", ann.share_folder(&top, "ben", "edit").await);
        let upload = ben.begin("note.txt", 1000, Some(&inner)).await.ok();
        ben.begin("home.txt", 100, None).await.ok();
        let own = ann.begin("own.txt", 10, Some(&top)).await.ok();
        assert_eq!(ann.quota().await["reserved_bytes"], 1010, "{ending}");
        end(ann.clone(), share, top, inner).await;
        assert_eq!(ann.quota().await["reserved_bytes"], 10, "{ending}");
        let at = format!("/upload/{}", text(&upload["upload_id"]));
        assert_eq!(ben.get(&at).await.ok()["state"], "aborted", "{ending}");
        ann.delete(&format!("/upload/{}", text(&own["upload_id"]))).await.ok_empty();
    }
    assert_eq!(ben.quota().await["reserved_bytes"], 500, "what goes home goes on");
}

#[tokio::test]
async fn leaving_a_share_frees_its_reservations() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let top = ann.folder("Top", None).await;
    let share = ann.share_folder(&top, "ben", "edit").await;
    ben.begin("note.txt", 1000, Some(&top)).await.ok();
    ben.delete(&format!("/share/{share}")).await.ok_empty();
    assert_eq!(ann.quota().await["reserved_bytes"], 0);
}

#[tokio::test]
async fn ending_a_share_deletes_the_guests_unfinished_bytes_before_the_response() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    for (number, (ending, end)) in ENDINGS.into_iter().enumerate() {
        let guest = format!("guest{number}");
        let ben = server.user(&guest).await;
        let top = ann.folder(ending, None).await;
        let inner = ann.folder("inner", Some(&top)).await;
        let share = format!("/share/{}", ann.share_folder(&top, &guest, "edit").await);
        let upload = ben.begin("note.txt", 4, Some(&inner)).await.ok();
        ben.put(&upload, "note").await.ok_empty();
        end(ann.clone(), share, top, inner).await;
        assert_eq!(server.blobs().len() + server.unfinished().len(), 0, "{ending}");
        assert_eq!(ann.quota().await["reserved_bytes"], 0, "{ending}");
    }
}

#[tokio::test]
async fn a_guests_unfinished_bytes_are_deleted_with_the_account() {
    let server = Server::start().await;
    let (ann, ben) = (server.user("ann").await, server.user("ben").await);
    let top = ann.folder("Top", None).await;
    ann.share_folder(&top, "ben", "edit").await;
    for folder in [None, Some(top.as_str())] {
        let upload = ben.begin("note.txt", 4, folder).await.ok();
        ben.put(&upload, "note").await.ok_empty();
    }
    ben.post("/user/delete", json!({"password": PASSWORD})).await.ok_empty();
    assert_eq!(server.blobs().len() + server.unfinished().len(), 0);
    assert_eq!(ann.quota().await["reserved_bytes"], 0);
}
